"""Signatures and covenants: what a script accepts, and each way to be refused by it."""

import random
from contextlib import suppress
from dataclasses import replace

import pytest

from devchain import keys, sighash
from devchain.encoding import sha256
from devchain.errors import ScriptFailed
from devchain.machine import Machine, decode_number, encode_number
from devchain.script import p2sh20, p2sh32, push, run
from devchain.sighash import Spend
from devchain.transaction import Input, Output, Transaction, parse
from tests.unit.devchain.conftest import MAYA, NOOR, Hands

TO_MAYA, TO_NOOR, TO_EVE = (keys.p2pkh(secret) for secret in (MAYA, NOOR, b"\x33" * 32))
NONCE = bytes(range(16))
SECRET = b"s" * 32
FAILED = "mandatory-script-verify-flag-failed ({}) (code 16)"
NULLFAIL = FAILED.format("Signature must be zero for failed CHECK(MULTI)SIG operation")
UNEQUAL = FAILED.format("Script failed an OP_EQUALVERIFY operation")
NOT_TRUE = FAILED.format(
    "Script evaluated without error but finished with a false/empty top stack element"
)


def forwarder(creator: bytes, max_fee_sat: int) -> bytes:
    """payments.md section 6 A, written out by hand."""
    return (
        push(NONCE) + b"\x75\xc0\xcd" + push(creator) + b"\x88\xc0\xcc\xc0\xc6"
        + push(encode_number(max_fee_sat)) + b"\x94\xa2"
    )  # fmt: skip


def pay_to_reveal(creator: bytes, refund: bytes, timeout: int, max_fee_sat: int) -> bytes:
    """payments.md section 6 B."""
    return (
        b"\x63\x82\x01\x20\x88\xa8\x20" + sha256(SECRET) + b"\x88" + push(creator)
        + b"\x67" + push(encode_number(timeout)) + b"\xb1\x75" + push(refund) + b"\x68"
        + b"\xc0\xcd\x88\xc0\xcc\xc0\xc6" + push(encode_number(max_fee_sat)) + b"\x94\xa2"
    )  # fmt: skip


def split(first: bytes, second: bytes, basis_points: int, max_fee_sat: int) -> bytes:
    """Two payees by basis points of the input less the fee: outputs 0 and 1."""
    spendable = b"\x00\xc6" + push(encode_number(max_fee_sat)) + b"\x94"
    ten_thousand = push(encode_number(10_000))

    def payee(index: bytes, locking: bytes, points: int) -> bytes:
        share = spendable + push(encode_number(points)) + b"\x95" + ten_thousand + b"\x96"
        return index + b"\xcd" + push(locking) + b"\x88" + index + b"\xcc" + share + b"\xa2"

    return (
        payee(b"\x00", first, basis_points)
        + b"\x69"
        + payee(b"\x51", second, 10_000 - basis_points)
    )


# Signatures ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("schnorr", [False, True])
@pytest.mark.parametrize("hash_type", [0x41, 0x42, 0x43, 0x61, 0x62, 0x63, 0xC1, 0xC2, 0xC3])
def test_every_hash_type_is_accepted(hands: Hands, hash_type: int, schnorr: bool) -> None:
    outpoint, coin = hands.give(TO_MAYA)
    draft = hands.spend(outpoint, Output(99_000, TO_NOOR))

    hands.accepted(hands.sign(draft, [coin], MAYA, hash_type=hash_type, schnorr=schnorr))


@pytest.mark.parametrize("schnorr", [False, True])
def test_a_signature_covers_outputs_inputs_and_amounts(hands: Hands, schnorr: bool) -> None:
    outpoint, coin = hands.give(TO_MAYA)
    good = hands.sign(hands.spend(outpoint, Output(99_000, TO_NOOR)), [coin], MAYA, schnorr=schnorr)

    for wrong in (
        replace(good, outputs=(Output(98_999, TO_NOOR),)),
        replace(good, outputs=(Output(99_000, TO_EVE),)),
        replace(good, version=1),
        replace(good, inputs=(replace(good.inputs[0], sequence=0xFFFFFFFE),)),
        hands.sign(good, [replace(coin, value_sat=coin.value_sat + 1)], MAYA, schnorr=schnorr),
    ):
        assert hands.refused(wrong) == NULLFAIL
    hands.accepted(good)


def test_single_leaves_the_other_outputs_open(hands: Hands) -> None:
    outpoint, coin = hands.give(TO_MAYA)
    draft = hands.spend(outpoint, Output(50_000, TO_NOOR), Output(40_000, TO_MAYA))
    good = hands.sign(draft, [coin], MAYA, hash_type=0x43)

    changed_first = replace(good, outputs=(Output(50_000, TO_EVE), good.outputs[1]))
    changed_second = replace(good, outputs=(good.outputs[0], Output(40_000, TO_EVE)))

    assert hands.refused(changed_first) == NULLFAIL
    hands.accepted(changed_second)


def test_another_key_is_refused(hands: Hands) -> None:
    outpoint, coin = hands.give(TO_MAYA)
    draft = hands.spend(outpoint, Output(99_000, TO_NOOR))

    assert hands.refused(hands.sign(draft, [coin], NOOR)) == UNEQUAL


def test_malformed_signatures_are_refused_each_with_its_reason(hands: Hands) -> None:
    outpoint, coin = hands.give(TO_MAYA)
    draft = hands.spend(outpoint, Output(99_000, TO_NOOR))
    digest = Spend(draft, [coin]).digest(0, coin.locking, sighash.ALL_FORKID)
    good, key = keys.sign_ecdsa(MAYA, digest), keys.public_key(MAYA)

    def reason(signature: bytes, public_key: bytes = key) -> str:
        return hands.refused(hands.unlock(draft, signature, public_key))

    assert reason(b"") == NOT_TRUE
    assert reason(good + b"\x01") == FAILED.format("Signature must use SIGHASH_FORKID")
    for unknown in (0x40, 0x44, 0xE1, 0x51):
        assert reason(good + bytes([unknown])) == FAILED.format(
            "Signature hash type missing or not understood"
        )
    for broken in (
        good[:-1],
        good + b"\x00",
        b"\x31" + good[1:],
        good[:4] + b"\x80" + good[5:],
        b"\x30" * 9,
    ):
        assert reason(broken + b"\x41") == FAILED.format("Non-canonical DER signature")
    assert reason(high_s(good) + b"\x41") == FAILED.format(
        "Non-canonical signature: S value is unnecessarily high"
    )
    assert reason(bytes(64) + b"\x41") == NULLFAIL
    assert reason(b"\xff" * 64 + b"\x41") == NULLFAIL


def high_s(signature: bytes) -> bytes:
    r_end = 4 + signature[3]
    s = keys.ORDER - int.from_bytes(signature[r_end + 2 :], "big")
    body = signature[2:r_end] + b"\x02\x21\x00" + s.to_bytes(32, "big")
    return b"\x30" + bytes([len(body)]) + body


def test_an_unlocking_script_leaves_nothing_behind(hands: Hands) -> None:
    outpoint, coin = hands.give(TO_MAYA)
    good = hands.sign(hands.spend(outpoint, Output(99_000, TO_NOOR)), [coin], MAYA)
    extra = replace(good.inputs[0], unlocking=b"\x51" + good.inputs[0].unlocking)

    assert hands.refused(replace(good, inputs=(extra,))) == (
        "non-mandatory-script-verify-flag (Extra items left on stack after execution) (code 64)"
    )


def test_pushes_must_be_minimal(hands: Hands) -> None:
    outpoint, coin = hands.give(TO_MAYA)
    good = hands.sign(hands.spend(outpoint, Output(99_000, TO_NOOR)), [coin], MAYA)
    long_push = replace(good.inputs[0], unlocking=b"\x4c" + good.inputs[0].unlocking)

    reason = hands.refused(replace(good, inputs=(long_push,)))

    assert reason == FAILED.format("Data push larger than necessary")


def test_a_data_signature_is_checked_by_its_own_rules() -> None:
    key, message = keys.public_key(MAYA), b"paid"
    digest = sha256(message)

    def checked(signature: bytes, spoken: bytes = message) -> list[str]:
        return stack_after((push(signature) + push(spoken) + push(key) + b"\xba").hex())

    assert checked(keys.sign_ecdsa(MAYA, digest)) == ["01"]
    assert checked(keys.sign_schnorr(MAYA, digest)) == ["01"]
    assert checked(b"") == [""]
    for wrong in (keys.sign_ecdsa(NOOR, digest), keys.sign_schnorr(NOOR, digest)):
        with pytest.raises(ScriptFailed, match="Signature must be zero for failed"):
            checked(wrong)
    with pytest.raises(ScriptFailed, match="Signature must be zero for failed"):
        checked(keys.sign_ecdsa(MAYA, digest), b"unpaid")


# Covenants ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrap", [p2sh20, p2sh32])
def test_the_forwarder_pays_its_creator_and_nobody_else(hands: Hands, wrap: type) -> None:
    redeem = forwarder(TO_MAYA, 400)
    outpoint, _ = hands.give(wrap(redeem), 10_000)

    def forwarding(*outputs: Output) -> Transaction:
        return hands.spend(outpoint, *outputs, unlocking=push(redeem))

    assert hands.refused(forwarding(Output(9_600, TO_EVE))) == UNEQUAL
    assert hands.refused(forwarding(Output(9_599, TO_MAYA))) == NOT_TRUE
    assert hands.refused(forwarding(Output(1_000, TO_EVE), Output(8_600, TO_MAYA))) == UNEQUAL
    assert (
        hands.refused(forwarding(Output(9_600, TO_MAYA, None), Output(400, TO_EVE)))
        == "dust (code 64)"
    )
    hands.accepted(forwarding(Output(9_600, TO_MAYA)))


def test_a_forwarder_is_56_bytes_for_an_ordinary_address(hands: Hands) -> None:
    redeem = forwarder(TO_MAYA, 400)
    outpoint, _ = hands.give(p2sh20(redeem), 10_000)
    forwarding = hands.spend(outpoint, Output(9_600, TO_MAYA), unlocking=push(redeem))

    assert len(redeem) == 56
    assert len(forwarding.raw) == 142


def test_two_forwarders_cannot_share_one_output(hands: Hands) -> None:
    redeems = [forwarder(TO_MAYA, 400), forwarder(TO_MAYA, 401)]
    coins = [hands.give(p2sh20(redeem), 10_000)[0] for redeem in redeems]
    inputs = tuple(
        Input(txid, index, push(redeem))
        for (txid, index), redeem in zip(coins, redeems, strict=True)
    )

    shared = Transaction(2, inputs, (Output(9_600, TO_MAYA), Output(9_000, TO_EVE)))
    honest = Transaction(2, inputs, (Output(9_600, TO_MAYA), Output(9_600, TO_MAYA)))

    assert hands.refused(shared) == UNEQUAL
    hands.accepted(honest)


def test_another_redeem_script_does_not_open_it(hands: Hands) -> None:
    outpoint, _ = hands.give(p2sh20(forwarder(TO_MAYA, 400)), 10_000)
    stolen = hands.spend(outpoint, Output(9_600, TO_EVE), unlocking=push(forwarder(TO_EVE, 400)))

    assert hands.refused(stolen) == NOT_TRUE


def test_the_reveal_pays_the_creator_for_the_secret(hands: Hands) -> None:
    redeem = pay_to_reveal(TO_MAYA, TO_NOOR, 500, 600)
    outpoint, _ = hands.give(p2sh32(redeem), 10_000)

    def claiming(secret: bytes, payee: bytes, amount_sat: int = 9_400) -> Transaction:
        unlocking = push(secret) + b"\x51" + push(redeem)
        return hands.spend(outpoint, Output(amount_sat, payee), unlocking=unlocking)

    assert hands.refused(claiming(b"x" * 32, TO_MAYA)) == UNEQUAL
    assert hands.refused(claiming(SECRET + b"s", TO_MAYA)) == UNEQUAL
    assert hands.refused(claiming(SECRET, TO_NOOR)) == UNEQUAL
    assert hands.refused(claiming(SECRET, TO_MAYA, 9_399)) == NOT_TRUE
    hands.accepted(claiming(SECRET, TO_MAYA))


def test_the_reveal_refunds_the_buyer_after_the_timeout(hands: Hands) -> None:
    chain = hands.node.chain
    timeout = chain.ledger.height + 3
    redeem = pay_to_reveal(TO_MAYA, TO_NOOR, timeout, 600)
    outpoint, _ = hands.give(p2sh32(redeem), 10_000)

    def refunding(payee: bytes, locktime: int, sequence: int = 0xFFFFFFFE) -> Transaction:
        unlocking = b"\x00" + push(redeem)
        output = Output(9_400, payee)
        return hands.spend(
            outpoint, output, unlocking=unlocking, locktime=locktime, sequence=sequence
        )

    locked = FAILED.format("Locktime requirement not satisfied")
    assert (
        hands.refused(refunding(TO_NOOR, timeout))
        == "bad-txns-nonfinal, non-final transaction (code 64)"
    )
    assert hands.refused(refunding(TO_NOOR, timeout - 2)) == locked
    chain.mine(2)
    assert hands.refused(refunding(TO_NOOR, timeout, 0xFFFFFFFF)) == locked
    assert hands.refused(refunding(TO_MAYA, timeout)) == UNEQUAL
    hands.accepted(refunding(TO_NOOR, timeout))


def test_a_split_shares_by_basis_points(hands: Hands) -> None:
    redeem = split(TO_MAYA, TO_NOOR, 7_000, 600)
    outpoint, _ = hands.give(p2sh20(redeem), 10_600)

    def sharing(*outputs: Output) -> Transaction:
        return hands.spend(outpoint, *outputs, unlocking=push(redeem))

    assert hands.refused(sharing(Output(6_999, TO_MAYA), Output(3_001, TO_NOOR))) == FAILED.format(
        "Script failed an OP_VERIFY operation"
    )
    assert hands.refused(sharing(Output(7_001, TO_MAYA), Output(2_999, TO_NOOR))) == NOT_TRUE
    assert hands.refused(sharing(Output(7_000, TO_MAYA), Output(3_000, TO_EVE))) == UNEQUAL
    assert hands.refused(sharing(Output(7_000, TO_MAYA))) == FAILED.format(
        "Specified transaction output index is out of range"
    )
    hands.accepted(sharing(Output(7_000, TO_MAYA), Output(3_000, TO_NOOR)))


# The machine --------------------------------------------------------------------------------------


def stack_after(code: str) -> list[str]:
    spend = Spend(
        Transaction(2, (Input("aa" * 32, 7),), (Output(5, b"\x51"),), 9), [Output(6, b"\x52")]
    )
    machine = Machine(spend, 0)
    run(machine, bytes.fromhex(code))
    return [item.hex() for item in machine.stack]


@pytest.mark.parametrize(
    ("code", "stack"),
    [
        ("51635267536800", ["02", ""]),
        ("00635267536800", ["03", ""]),
        ("51645267536800", ["03", ""]),
        ("006351635268675368", ["03"]),
        ("52538276", ["02", "03", "01", "01"]),
        ("525393", ["05"]),
        ("5253517a", ["03", "02"]),
        ("5f5396", ["05"]),
        ("5f8f5296", ["87"]),
        ("5f8f5297", ["81"]),
        ("52535295", ["02", "06"]),
        ("525394", ["81"]),
        ("08ffffffffffffff7f8b", ["000000000000008000"]),
        ("016101627e", ["6162"]),
        ("026162517f", ["61", "62"]),
        ("5154" + "80", ["01000000"]),
        ("4f5480", ["01000080"]),
        ("040100008081", ["81"]),
        ("525354a5", [""]),
        ("535254a5", ["01"]),
        ("515253" + "7b", ["02", "03", "01"]),
        ("5152" + "7c", ["02", "01"]),
        ("5152" + "7d", ["02", "01", "02"]),
        ("51526b6c", ["01", "02"]),
        ("026162bc", ["6261"]),
        ("c0c3c4c2c5", ["", "01", "01", "02", "09"]),
        ("00c600cc00cd00c7", ["06", "05", "51", "52"]),
        ("00c800c900cb", ["aa" * 32, "07", "ffffffff00"]),
        ("00ce00cf00d000d100d200d3", ["", "", "", "", "", ""]),
        ("5c5a84", ["08"]),
        ("5c5a85", ["0e"]),
        ("5c5a86", ["06"]),
        ("0073", [""]),
        ("5173", ["01", "01"]),
        ("51525352796d6d", []),
        ("5f00a0", ["01"]),
        ("4f90", ["01"]),
        ("0005ffffffff00b2", ["", "ffffffff00"]),
        ("00a6", ["9c1185a5c5e9fc54612808977ee8f548b2258d31"]),
        ("00a7", ["da39a3ee5e6b4b0d3255bfef95601890afd80709"]),
        ("00a8", ["e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"]),
        ("00a9", ["b472a266d0bd89c13706a4132ccfb16f7c3b9fcb"]),
    ],
)
def test_operations_do_what_the_network_does(code: str, stack: list[str]) -> None:
    assert stack_after(code) == stack


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("93", "Operation not valid with the current stack size"),
        ("510096", "Division by zero error"),
        ("510097", "Modulo by zero error"),
        ("0201008b", "Given operand is not a minimally encoded number"),
        ("01808b", "Given operand is not a minimally encoded number"),
        ("5163", "Invalid OP_IF construction"),
        ("68", "Invalid OP_IF construction"),
        ("63", "Invalid OP_IF construction"),
        ("6a", "OP_RETURN was encountered"),
        ("0069", "Script failed an OP_VERIFY operation"),
        ("8d", "Attempted to use a disabled opcode"),
        ("00638d68", "Attempted to use a disabled opcode"),
        ("00636568", "Opcode missing or not understood"),
        ("00636268", None),
        ("62", "Opcode missing or not understood"),
        ("ae", "Opcode missing or not understood"),
        ("b0", "NOPx reserved for soft-fork upgrades"),
        ("0561", "Opcode missing or not understood"),
        ("0101", "Data push larger than necessary"),
        ("51c6", "Specified transaction input index is out of range"),
        ("51cc", "Specified transaction output index is out of range"),
        ("4fb1", "Negative locktime"),
        ("4fb2", "Negative locktime"),
        ("51b2", "Locktime requirement not satisfied"),
        ("6c", "Operation not valid with the current altstack size"),
        ("026162016184", "Invalid operand size"),
        ("026162" + "5180", "The requested encoding is impossible to satisfy"),
        ("5ab1", "Locktime requirement not satisfied"),
        ("02616201617f", "Invalid OP_SPLIT range"),
        ("51" * 1_001, "Stack size limit exceeded"),
        ("51" * 10_001, "Script is too big"),
    ],
)
def test_operations_fail_as_in_a_node(code: str, reason: str | None) -> None:
    if reason is None:
        assert stack_after(code) == []
        return
    with pytest.raises(ScriptFailed) as failure:
        stack_after(code)
    assert failure.value.message == reason


@pytest.mark.parametrize(
    "number", [0, 1, -1, 127, 128, -128, 255, 256, 32_767, 2**31, -(2**63), 2**80]
)
def test_numbers_come_back(number: int) -> None:
    assert decode_number(encode_number(number)) == number


def test_random_scripts_fail_in_words_and_nothing_else() -> None:
    chance = random.Random(20_260_515)

    for _ in range(3_000):
        code = bytes(
            chance.choice((chance.randrange(256), chance.randrange(0x51, 0xD4))) for _ in range(30)
        )
        with suppress(ScriptFailed):
            stack_after(code.hex())


def test_a_transaction_with_one_byte_changed_is_refused_in_words(hands: Hands) -> None:
    outpoint, coin = hands.give(TO_MAYA)
    good = hands.sign(hands.spend(outpoint, Output(99_000, TO_NOOR)), [coin], MAYA).raw

    for position in range(len(good)):
        for change in (0x01, 0x80):
            assert hands.refused(
                good[:position] + bytes([good[position] ^ change]) + good[position + 1 :]
            )
    hands.accepted(parse(good))
