"""Every rule at its edge: the last value that passes, the first that does not, in a node's words."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from devchain import keys, script
from devchain.node import Node
from devchain.transaction import MAX_MONEY_SAT, Input, Output, Token, Transaction
from tests.unit.devchain.conftest import MAYA, NOOR, Hands

TO_NOOR = keys.p2pkh(NOOR)
P2SH20 = b"\xa9\x14" + bytes(20) + b"\x87"
P2SH32 = b"\xaa\x20" + bytes(32) + b"\x87"


def signed(hands: Hands, *outputs: Output, amount_sat: int = 100_000, **more: Any) -> Transaction:
    outpoint, coin = hands.give(keys.p2pkh(MAYA), amount_sat)
    return hands.sign(hands.spend(outpoint, *outputs, **more), [coin], MAYA)


@pytest.mark.parametrize(("locking", "limit_sat"), [(TO_NOOR, 546), (P2SH20, 540), (P2SH32, 576)])
def test_dust_is_refused_below_the_limit_of_each_script(
    hands: Hands, locking: bytes, limit_sat: int
) -> None:
    assert hands.refused(signed(hands, Output(limit_sat - 1, locking))) == "dust (code 64)"
    hands.accepted(signed(hands, Output(limit_sat, locking)))


def test_a_token_output_has_a_higher_dust_limit(hands: Hands) -> None:
    outpoint, coin = hands.give(keys.p2pkh(MAYA))
    token = Token(outpoint[0], amount=1)
    assert token.capability is None

    low = hands.sign(hands.spend(outpoint, Output(650, TO_NOOR, token)), [coin], MAYA)
    right = hands.sign(hands.spend(outpoint, Output(654, TO_NOOR, token)), [coin], MAYA)

    assert hands.refused(low) == "dust (code 64)"
    hands.accepted(right)


def test_the_fee_must_reach_one_satoshi_a_byte(hands: Hands) -> None:
    outpoint, coin = hands.give(keys.p2pkh(MAYA), 100_000)

    def paying(fee_sat: int) -> Transaction:
        draft = hands.spend(outpoint, Output(100_000 - fee_sat, TO_NOOR))
        return hands.sign(draft, [coin], MAYA, schnorr=True)

    size_bytes = len(paying(1_000).raw)
    assert hands.refused(paying(size_bytes - 1)) == "min relay fee not met (code 66)"
    hands.accepted(paying(size_bytes))


def test_an_absurd_fee_is_refused(hands: Hands) -> None:
    outpoint, coin = hands.give(keys.p2pkh(MAYA), 20_000_000)
    draft = hands.spend(outpoint, Output(20_000_000 - 10_000_001, TO_NOOR))

    assert hands.refused(hands.sign(draft, [coin], MAYA)) == "absurdly-high-fee (code 256)"


def test_more_out_than_in_is_refused(hands: Hands) -> None:
    reason = hands.refused(signed(hands, Output(100_001, TO_NOOR)))

    assert reason == "bad-txns-in-belowout, value in (0.001) < value out (0.00100001) (code 16)"


def test_size_has_a_floor_and_a_ceiling(hands: Hands) -> None:
    small = Transaction(2, (Input("aa" * 32, 0),), (Output(0, b"\x6a"),))
    middle = Transaction(2, (Input("aa" * 32, 0),), (Output(0, b"\x6a" + b"\x04" + b"kim1"),))
    huge = signed(hands, *[Output(546, TO_NOOR)] * 2_950, amount_sat=3_000_000)

    assert len(small.raw) == 61
    assert len(middle.raw) == 66
    assert hands.refused(small) == "bad-txns-undersize (code 64)"
    assert hands.refused(middle) == "Missing inputs"
    assert len(huge.raw) > 100_000
    assert hands.refused(huge) == "tx-size (code 64)"


def test_mined_coins_ripen_for_one_hundred_blocks(node: Node, hands: Hands) -> None:
    node.chain.mine()
    outpoint, coin = hands.immature()
    early = node.wallet.spend({outpoint: coin}, [Output(100_000, TO_NOOR)])

    node.chain.mine(98)
    assert hands.refused(early) == "bad-txns-premature-spend-of-coinbase (code 16)"

    node.chain.mine()
    hands.accepted(early)
    node.chain.mine()
    assert node.chain.ledger.places[early.txid].height == node.chain.ledger.height


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda tx: replace(tx, version=3), "version (code 64)"),
        (lambda tx: replace(tx, version=0), "version (code 64)"),
        (lambda tx: replace(tx, inputs=()), "bad-txns-vin-empty (code 16)"),
        (lambda tx: replace(tx, outputs=()), "bad-txns-vout-empty (code 16)"),
        (lambda tx: replace(tx, inputs=tx.inputs * 2), "bad-txns-inputs-duplicate (code 16)"),
        (
            lambda tx: replace(tx, outputs=(Output(MAX_MONEY_SAT + 1, TO_NOOR),)),
            "bad-txns-vout-toolarge (code 16)",
        ),
        (
            lambda tx: replace(tx, outputs=(Output(MAX_MONEY_SAT, TO_NOOR),) * 2),
            "bad-txns-txouttotal-toolarge (code 16)",
        ),
        (lambda tx: replace(tx, outputs=(Output(9_000, b"\x51"),)), "scriptpubkey (code 64)"),
        (lambda tx: replace(tx, outputs=(Output(0, b"\x6a" + b"\x01"),)), "scriptpubkey (code 64)"),
        (
            lambda tx: replace(tx, outputs=(Output(0, b"\x6a" + script.push(b"x" * 221)),)),
            "oversize-op-return (code 64)",
        ),
        (
            lambda tx: replace(tx, outputs=(Output(9_000, b"\xef" + b"\x00" * 40),)),
            "scriptpubkey (code 64)",
        ),
        (
            lambda tx: replace(tx, inputs=(replace(tx.inputs[0], unlocking=b"\x51\x76"),)),
            "scriptsig-not-pushonly (code 64)",
        ),
        (
            lambda tx: replace(
                tx, inputs=(replace(tx.inputs[0], unlocking=script.push(b"x" * 1_649)),)
            ),
            "scriptsig-size (code 64)",
        ),
        (lambda tx: replace(tx, inputs=(Input("aa" * 32, 0),)), "Missing inputs"),
        (lambda tx: replace(tx, inputs=(Input(tx.inputs[0].txid, 9),)), "Missing inputs"),
        (
            lambda tx: replace(tx, inputs=(Input("00" * 32, 0xFFFFFFFF),)),
            "bad-tx-coinbase (code 16)",
        ),
    ],
)
def test_a_wrong_form_is_refused(
    hands: Hands, change: Callable[[Transaction], Transaction], reason: str
) -> None:
    good = signed(hands, Output(99_000, TO_NOOR))

    assert hands.refused(change(good)) == reason
    hands.accepted(good)


def test_bytes_that_are_no_transaction_are_refused(hands: Hands) -> None:
    good = signed(hands, Output(99_000, TO_NOOR)).raw

    for wrong in (
        b"",
        b"\x00" * 80,
        good[:-1],
        good + b"\x00",
        good[:5] + b"\xfd\x01\x00" + good[5:],
    ):
        assert hands.refused(wrong) == "TX decode failed"


def test_lock_time_holds_until_its_block(node: Node, hands: Hands) -> None:
    outpoint, coin = hands.give(keys.p2pkh(MAYA))
    locktime = node.chain.ledger.height + 1
    draft = hands.spend(outpoint, Output(99_000, TO_NOOR), locktime=locktime, sequence=0xFFFFFFFE)
    final = hands.spend(outpoint, Output(99_000, TO_NOOR), locktime=locktime)
    waiting = hands.sign(draft, [coin], MAYA)

    assert hands.refused(waiting) == "bad-txns-nonfinal, non-final transaction (code 64)"
    node.chain.mine()
    hands.accepted(waiting)
    node.chain.evict(waiting.txid)
    hands.accepted(hands.sign(final, [coin], MAYA))


def test_relative_lock_holds_until_its_depth(node: Node, hands: Hands) -> None:
    outpoint, coin = hands.give(keys.p2pkh(MAYA))
    draft = hands.spend(outpoint, Output(99_000, TO_NOOR), sequence=3)
    waiting = hands.sign(draft, [coin], MAYA)

    node.chain.mine()
    assert hands.refused(waiting) == "non-BIP68-final (code 64)"
    node.chain.mine()
    hands.accepted(waiting)


def test_the_first_seen_wins(node: Node, hands: Hands) -> None:
    outpoint, coin = hands.give(keys.p2pkh(MAYA))
    first = hands.sign(hands.spend(outpoint, Output(99_000, TO_NOOR)), [coin], MAYA)
    second = hands.sign(hands.spend(outpoint, Output(90_000, keys.p2pkh(MAYA))), [coin], MAYA)
    hands.accepted(first)

    assert hands.refused(second) == "txn-mempool-conflict (code 18)"
    assert node.chain.submit(first.raw) == first.txid
    node.chain.mine()
    assert hands.refused(second) == "Missing inputs"
    assert hands.refused(first) == "transaction already in block chain"


def test_tokens_are_neither_made_of_nothing_nor_multiplied(node: Node, hands: Hands) -> None:
    payment = node.pay(keys.p2pkh(MAYA), 5_000, with_token=True)
    node.chain.mine()
    outpoint, coin = (payment.txid, 0), payment.outputs[0]
    category = coin.token.category if coin.token else ""

    def moving(*tokens: Token | None) -> Transaction:
        outputs = [Output(1_000, TO_NOOR, token) for token in tokens]
        return hands.sign(hands.spend(outpoint, *outputs), [coin], MAYA)

    assert hands.refused(moving(Token("bb" * 32, 1))) == "bad-txns-token-invalid-category (code 16)"
    assert hands.refused(moving(Token(category, 2))) == "bad-txns-token-in-belowout (code 16)"
    assert (
        hands.refused(moving(Token(category, 1), Token(category, 0, "none", b"x")))
        == "bad-txns-token-nft-ex-nihilo (code 16)"
    )
    hands.accepted(moving(Token(category, 1), None))


def test_an_immutable_token_keeps_its_commitment_and_a_mutable_one_may_change(hands: Hands) -> None:
    outpoint, coin = hands.give(keys.p2pkh(MAYA))
    fixed = Token(outpoint[0], 0, "none", b"one")
    mutable = Token(outpoint[0], 0, "mutable", b"two")
    mine = keys.p2pkh(MAYA)
    made = hands.spend(outpoint, Output(40_000, mine, fixed), Output(40_000, mine, mutable))
    made = hands.sign(made, [coin], MAYA)
    hands.accepted(made)

    def moving(index: int, token: Token) -> Transaction:
        draft = hands.spend((made.txid, index), Output(30_000, TO_NOOR, token))
        return hands.sign(draft, [made.outputs[index]], MAYA)

    reason = "bad-txns-token-nft-ex-nihilo (code 16)"
    assert hands.refused(moving(0, replace(fixed, commitment=b"three"))) == reason
    assert hands.refused(moving(0, replace(fixed, capability="mutable"))) == reason
    assert hands.refused(moving(1, replace(mutable, capability="minting"))) == reason
    hands.accepted(moving(0, fixed))
    hands.accepted(moving(1, replace(mutable, commitment=b"three")))
