"""The forwarder: bytes against an expectation written by hand, and run by an independent machine."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devchain.encoding import hash160
from devchain.errors import Refused
from devchain.ledger import Coin as ChainCoin
from devchain.ledger import Ledger
from devchain.rules import check_form, check_spend
from devchain.transaction import Output as ChainOutput
from devchain.transaction import parse as chain_parse
from payments import addresses, covenants
from payments.covenants import Coin, Forwarder
from payments.errors import NotForwardable
from payments.states import Network
from payments.transactions import Outpoint, Transaction, TxInput, TxOutput

SEED = bytes(range(32))
P2PKH = bytes.fromhex("76a914" + "11" * 20 + "88ac")
P2SH20 = bytes.fromhex("a914" + "22" * 20 + "87")
P2SH32 = bytes.fromhex("aa20" + "33" * 32 + "87")
PAYEES = (P2PKH, P2SH20, P2SH32)


def forwarder(number: int = 0, payee: bytes = P2PKH) -> Forwarder:
    return covenants.forwarder(SEED, number, payee_script=payee, max_fee_sat=600)


def coin(value_sat: int, number: int = 0, payee: bytes = P2PKH) -> Coin:
    return Coin(Outpoint(f"{number:064x}", number), value_sat, forwarder(number, payee))


def node_takes(transaction: Transaction, coins: list[Coin]) -> int:
    """The fee, if a node of devchain (which shares no code with us) would relay this."""
    theirs = chain_parse(transaction.serialize())
    spent = {
        each.outpoint: ChainCoin(
            ChainOutput(mine.value_sat, mine.forwarder.script), height=1, is_coinbase=False
        )
        for each, mine in zip(theirs.inputs, coins, strict=True)
    }
    check_form(theirs)
    return check_spend(theirs, spent, Ledger())


def with_outputs(transaction: Transaction, *outputs: TxOutput) -> Transaction:
    return Transaction(
        version=transaction.version, inputs=transaction.inputs, outputs=outputs, locktime=0
    )


def test_the_bytes_are_those_of_the_design() -> None:
    nonce = hmac.new(SEED, b"\x00\x00\x00\x07", hashlib.sha256).digest()[:16]
    by_hand = (
        b"\x10" + nonce + b"\x75"  # nonce DROP
        b"\xc0\xcd\x19" + P2PKH + b"\x88"  # INPUTINDEX OUTPUTBYTECODE payee EQUALVERIFY
        b"\xc0\xcc\xc0\xc6\x02\x58\x02\x94\xa2"  # OUTPUTVALUE UTXOVALUE 600 SUB GREATERTHANOREQUAL
    )

    mine = forwarder(7)

    assert mine.redeem_script == by_hand
    assert len(mine.redeem_script) == 56
    assert mine.script == b"\xa9\x14" + hash160(by_hand) + b"\x87"
    assert mine.script_sig == b"\x38" + by_hand
    assert addresses.encode(mine.script, Network.MAINNET).startswith("bitcoincash:p")


@pytest.mark.parametrize(("payee", "size"), [(P2PKH, 56), (P2SH20, 54), (P2SH32, 66)])
def test_every_kind_of_payee_has_its_size(payee: bytes, size: int) -> None:
    assert len(forwarder(payee=payee).redeem_script) == size


@pytest.mark.parametrize(
    ("fee_sat", "pushed"),
    [(127, "017f"), (128, "028000"), (600, "025802"), (32_767, "02ff7f"), (32_768, "03008000")],
)
def test_the_fee_is_written_as_scripts_write_numbers(fee_sat: int, pushed: str) -> None:
    redeem = Forwarder(bytes(16), P2PKH, fee_sat).redeem_script

    assert redeem.endswith(b"\xc0\xc6" + bytes.fromhex(pushed) + b"\x94\xa2")


def test_forwarding_one_coin_takes_142_bytes_and_as_many_satoshis() -> None:
    transaction = covenants.forward([coin(2_000)])

    assert len(transaction.serialize()) == 142
    assert transaction.outputs == (TxOutput(1_858, P2PKH),)
    assert node_takes(transaction, [coin(2_000)]) == 142


@given(
    st.lists(
        st.tuples(st.integers(1_500, 10**9), st.sampled_from(PAYEES)), min_size=1, max_size=300
    )
)
def test_a_node_takes_every_forward_that_we_build(kinds: list[tuple[int, bytes]]) -> None:
    coins = [coin(value, number, payee) for number, (value, payee) in enumerate(kinds)]

    transaction = covenants.forward(coins)

    fee_sat = node_takes(transaction, coins)
    assert len(transaction.serialize()) <= fee_sat <= len(transaction.serialize()) + len(coins)
    for each, output in zip(coins, transaction.outputs, strict=True):
        assert output.script == each.forwarder.payee_script
        assert each.value_sat - 600 <= output.value_sat < each.value_sat


def test_a_node_refuses_to_pay_anybody_else() -> None:
    coins = [coin(10_000, 1), coin(20_000, 2, P2SH20)]
    right = covenants.forward(coins)
    first, second = right.outputs
    thief = bytes.fromhex("76a914" + "66" * 20 + "88ac")

    for wrong in (
        (TxOutput(first.value_sat, thief), second),
        (second, first),
        (TxOutput(first.value_sat, P2PKH), TxOutput(10_000, P2SH20)),
        (TxOutput(9_399, P2PKH), second),
        (first, TxOutput(546, thief), second),
        (TxOutput(28_000, P2PKH),),
    ):
        with pytest.raises(Refused):
            node_takes(with_outputs(right, *wrong), coins)
    assert node_takes(with_outputs(right, TxOutput(9_400, P2PKH), second), coins) > 600


def test_two_coins_cannot_share_one_output() -> None:
    coins = [coin(10_000, 1), coin(10_000, 2)]
    right = covenants.forward(coins)

    with pytest.raises(Refused):
        node_takes(with_outputs(right, right.outputs[0], TxOutput(9_000, P2SH20)), coins)


@pytest.mark.parametrize(("payee", "least_sat"), [(P2PKH, 688), (P2SH20, 678), (P2SH32, 738)])
def test_what_would_leave_dust_is_not_forwarded(payee: bytes, least_sat: int) -> None:
    assert node_takes(covenants.forward([coin(least_sat, 0, payee)]), [coin(least_sat, 0, payee)])

    with pytest.raises(NotForwardable, match="too little"):
        covenants.forward([coin(least_sat - 1, 0, payee)])


def test_a_fee_above_the_covenants_is_not_paid() -> None:
    assert covenants.forward([coin(9_000)], msat_per_byte=4_000).outputs[0].value_sat == 9_000 - 568

    with pytest.raises(NotForwardable, match="fee"):
        covenants.forward([coin(9_000)], msat_per_byte=5_000)


def test_nothing_cannot_be_forwarded() -> None:
    with pytest.raises(NotForwardable, match="nothing"):
        covenants.forward([])


def test_every_number_has_its_own_address_and_the_seed_finds_them_again() -> None:
    first = [forwarder(number).script for number in range(50)]
    found = covenants.forwarders(SEED, payee_script=P2PKH, max_fee_sat=600)

    assert [next(found) for _ in range(50)] == [(n, forwarder(n)) for n in range(50)]
    assert len(set(first)) == 50
    resumed = covenants.forwarders(SEED, payee_script=P2PKH, max_fee_sat=600, start=10_000)
    assert next(resumed) == (10_000, forwarder(10_000))


def test_the_recovery_scan_ends_at_the_last_number() -> None:
    last = covenants.forwarders(SEED, payee_script=P2PKH, max_fee_sat=600, start=2**32 - 1)

    assert [number for number, _ in last] == [2**32 - 1]


@given(st.binary(min_size=16, max_size=16), st.sampled_from(PAYEES), st.integers(100, 40_000))
def test_a_forward_is_known_by_its_shape(nonce: bytes, payee: bytes, fee_sat: int) -> None:
    mine = Forwarder(nonce, payee, fee_sat)

    assert covenants.from_script_sig(mine.script_sig) == mine


def test_any_input_from_a_forwarder_makes_the_whole_a_forward() -> None:
    plain = TxInput(Outpoint("cc" * 32, 0), b"\x41" * 100, 0)
    forward = covenants.forward([coin(5_000)])
    mixed = Transaction(
        version=2, inputs=(plain, *forward.inputs), outputs=forward.outputs, locktime=0
    )

    assert covenants.is_forward(forward)
    assert covenants.is_forward(mixed)
    assert not covenants.is_forward(
        Transaction(version=2, inputs=(plain,), outputs=forward.outputs, locktime=0)
    )


def test_scripts_of_another_shape_are_no_forward() -> None:
    whole = forwarder().script_sig
    bent = [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in range(len(whole))]
    read = [covenants.from_script_sig(each) for each in bent]

    # Any nonce, payee script and fee is a forwarder's; every other byte is fixed.
    free = {*range(2, 18), *range(22, 47), 53, 54}
    assert [at for at, each in enumerate(read) if each is not None] == sorted(free)
    for junk in (b"", b"\x00", b"\x4b" + bytes(75), b"\x34" + bytes(52), b"\x48" * 73):
        assert covenants.from_script_sig(junk) is None


@given(st.binary(max_size=80))
def test_no_script_breaks_the_recognition(script: bytes) -> None:
    assert covenants.from_script_sig(bytes([len(script)]) + script) is None
