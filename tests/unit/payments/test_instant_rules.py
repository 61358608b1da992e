"""A payment opens its file before a block only if every rule holds: each one alone, at its edges."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments import addresses, instant_rules, transactions
from payments.instant_rules import PaymentFacts, SpentFacts, TxFacts, Wait
from payments.transactions import Outpoint, Transaction, TxInput, TxOutput

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
KEY = b"\x02" + bytes(range(32))
LONG_KEY = b"\x04" + bytes(range(64))
DER = bytes([0x30, 68]) + bytes(68)
SCHNORR = bytes(64)
DUE = 20_000


def unlocking(signature: bytes = DER, key: bytes = KEY, kind: int = 0x41) -> bytes:
    signed = signature + bytes([kind])
    return bytes([len(signed)]) + signed + bytes([len(key)]) + key


def spent(script: bytes | None = None, *, key: bytes = KEY, value_sat: int = 50_000) -> SpentFacts:
    return SpentFacts(
        unlocking=unlocking(key=key) if script is None else script,
        locking=addresses.p2pkh_script(key),
        value_sat=value_sat,
    )


def tx(*inputs: SpentFacts, fee: Callable[[int], int] = lambda size: size, pad: int = 0) -> TxFacts:
    """A payment of ``inputs`` (one by default); ``pad`` more bytes in a second output."""
    inputs = inputs or (spent(),)
    made = Transaction(
        version=2,
        inputs=tuple(
            TxInput(Outpoint(f"{at:064x}", 0), each.unlocking, 0xFFFF_FFFF)
            for at, each in enumerate(inputs)
        ),
        outputs=(TxOutput(DUE, b"\xa9\x14" + bytes(20) + b"\x87"), TxOutput(0, bytes(pad))),
        locktime=0,
    )
    raw = made.serialize()
    values = [each.value_sat for each in inputs]
    return TxFacts(
        txid=made.txid,
        raw=raw,
        inputs=inputs,
        outputs_sat=sum(value or 0 for value in values) - fee(len(raw)),
        has_unconfirmed_parents=False,
        operators=frozenset({"ada", "bob"}),
        accepted_by=frozenset({"ada", "bob", "cy"}),
        is_proof_told=True,
    )


def facts(*txs: TxFacts, **changed: object) -> PaymentFacts:
    everything = PaymentFacts(
        due_sat=DUE,
        ceiling_sat=DUE,
        configured=frozenset({"ada", "bob", "cy"}),
        live=frozenset({"ada", "bob", "cy"}),
        least_operators=2,
        transactions=txs or (tx(),),
        is_doubted=False,
        is_watched=True,
        asked_at=NOON,
        silent_from=NOON,
    )
    return dataclasses.replace(everything, **changed)  # type: ignore[arg-type]


def with_tx(**changed: object) -> PaymentFacts:
    return facts(dataclasses.replace(tx(), **changed))  # type: ignore[arg-type]


BROKEN: dict[Wait, PaymentFacts] = {
    Wait.CEILING: facts(ceiling_sat=DUE - 1),
    Wait.ONE_OPERATOR: facts(configured=frozenset({"ada"})),
    Wait.REFUSED: with_tx(refused_by=frozenset({"cy"})),
    Wait.DOUBT: facts(is_doubted=True),
    Wait.RAW: with_tx(txid="00" * 32),
    Wait.PARENTS: with_tx(has_unconfirmed_parents=True),
    Wait.SIZE: facts(tx(pad=100_000)),
    Wait.INPUTS: facts(tx(*[spent()] * 51)),
    Wait.COINS: facts(
        dataclasses.replace(tx(), inputs=(dataclasses.replace(spent(), locking=None),))
    ),
    Wait.INPUT_KIND: facts(tx(spent(b"\x51"))),
    Wait.SIGNATURE_KIND: facts(tx(spent(unlocking(kind=0xC1)))),
    Wait.FEE: facts(tx(fee=lambda size: size - 1)),
    Wait.STALE: facts(is_watched=False),
    Wait.SECOND_SERVER: with_tx(operators=frozenset({"ada"})),
    Wait.REBROADCAST: with_tx(accepted_by=frozenset()),
    Wait.PROOFS: with_tx(is_proof_told=False),
    Wait.SILENCE: facts(asked_at=NOON - timedelta(microseconds=1)),
}


def test_all_rules_met_is_nothing_to_wait_for() -> None:
    assert instant_rules.unmet(facts()) is Wait.NOTHING
    assert instant_rules.unmet(facts(tx(), tx(spent(key=LONG_KEY)))) is Wait.NOTHING


@pytest.mark.parametrize("wait", list(BROKEN), ids=lambda wait: str(wait.value))
def test_one_broken_rule_is_told(wait: Wait) -> None:
    assert instant_rules.unmet(BROKEN[wait]) is wait


def test_every_rule_is_among_those_that_were_broken() -> None:
    assert [wait for wait, _ in instant_rules.RULES] == list(BROKEN)


def test_the_codes_that_are_stored_are_these() -> None:
    assert " ".join(wait.value for wait in Wait) == (
        "ceiling one_operator doubt refused raw parents size many_inputs coins input_kind"
        " signature_kind fee stale second_server rebroadcast proof_server 8_seconds total_ceiling "
    )


@given(st.sets(st.sampled_from(list(BROKEN)), min_size=1))
def test_no_subset_of_the_rules_suffices(broken: set[Wait]) -> None:
    """Whatever else holds: with any of them broken there is something to wait for, the first of them.

    Broken transactions pay together; the other facts are taken from each broken payment.
    """
    plain = facts()
    changed: dict[str, object] = {}
    txs: list[TxFacts] = [tx()]
    for wait in broken:
        for field in dataclasses.fields(PaymentFacts):
            found = getattr(BROKEN[wait], field.name)
            if field.name != "transactions" and found != getattr(plain, field.name):
                changed[field.name] = found
        if BROKEN[wait].transactions != plain.transactions:
            txs += BROKEN[wait].transactions

    first = next(wait for wait, _ in instant_rules.RULES if wait in broken)
    assert instant_rules.unmet(facts(*txs, **changed)) is first


@pytest.mark.parametrize("wait", [w for w in BROKEN if BROKEN[w].transactions != (tx(),)])
def test_one_bad_transaction_among_good_ones_holds_all_up(wait: Wait) -> None:
    (bad,) = BROKEN[wait].transactions

    assert instant_rules.unmet(facts(tx(), bad, tx())) is wait


def test_nothing_to_show_is_not_enough() -> None:
    assert instant_rules.unmet(facts(transactions=())) is Wait.SECOND_SERVER


@pytest.mark.parametrize(
    ("operators", "accepted", "live", "passes"),
    [
        ("ada bob", "cy", "ada bob cy", True),
        ("ada bob", "ada bob", "ada bob cy", False),  # nobody further took it
        ("ada bob cy", "ada", "ada bob cy", True),
        ("ada bob cy", "", "ada bob cy", False),
        ("ada bob", "ada bob", "ada bob", True),
        ("ada bob", "ada", "ada bob", False),  # one of two live did not answer
        ("ada bob", "", "", False),
    ],
)
def test_our_own_broadcast_is_taken_further(
    operators: str, accepted: str, live: str, passes: bool
) -> None:
    one = dataclasses.replace(
        tx(), operators=frozenset(operators.split()), accepted_by=frozenset(accepted.split())
    )

    wait = instant_rules.unmet(facts(one, live=frozenset(live.split())))
    assert wait is (Wait.NOTHING if passes else Wait.REBROADCAST)


def test_play_money_may_do_with_one_operator() -> None:
    one = dataclasses.replace(tx(), operators=frozenset({"ada"}), accepted_by=frozenset({"ada"}))
    alone = frozenset({"ada"})

    assert instant_rules.unmet(facts(one, configured=alone, live=alone, least_operators=1)) == ""
    assert instant_rules.unmet(facts(one, configured=alone, live=alone)) is Wait.ONE_OPERATOR


@pytest.mark.parametrize("kind", range(256))
def test_only_all_forkid_signs_for_everything(kind: int) -> None:
    wait = instant_rules.unmet(facts(tx(spent(unlocking(kind=kind)))))

    assert (wait is Wait.NOTHING) == (kind == 0x41)


@pytest.mark.parametrize(
    ("script", "key", "is_plain"),
    [
        (unlocking(), KEY, True),
        (unlocking(SCHNORR), KEY, True),
        (unlocking(key=LONG_KEY), LONG_KEY, True),
        (unlocking(key=b"\x03" + bytes(32)), b"\x03" + bytes(32), True),
        (unlocking(key=b"\x04" + bytes(32)), b"\x04" + bytes(32), False),
        (unlocking(key=b"\x02" + bytes(64)), b"\x02" + bytes(64), False),
        (unlocking(), LONG_KEY, False),  # another key than the coin is locked with
        (unlocking(bytes(68)), KEY, False),  # neither DER nor Schnorr
        (unlocking(bytes([0x30, 67]) + bytes(68)), KEY, False),
        (unlocking() + b"\x51", KEY, False),
        (unlocking()[:-1], KEY, False),
        (b"\x4c" + unlocking(), KEY, False),
        (b"", KEY, False),
    ],
)
def test_an_input_is_a_signature_and_the_very_key(
    script: bytes, key: bytes, is_plain: bool
) -> None:
    one = SpentFacts(unlocking=script, locking=addresses.p2pkh_script(key), value_sat=1)

    assert instant_rules.is_p2pkh(one) is is_plain


def test_a_script_hash_is_not_a_key_hash() -> None:
    one = SpentFacts(unlocking=unlocking(), locking=addresses.p2sh20_script(KEY), value_sat=1)

    assert not instant_rules.is_p2pkh(one)


@pytest.mark.parametrize(("short_sat", "wait"), [(0, Wait.NOTHING), (1, Wait.FEE)])
def test_the_fee_is_a_satoshi_a_byte_to_the_satoshi(short_sat: int, wait: Wait) -> None:
    assert instant_rules.unmet(facts(tx(fee=lambda size: size - short_sat))) is wait


def test_a_coin_that_nobody_knows_makes_no_fee() -> None:
    assert instant_rules.fee_sat(BROKEN[Wait.COINS].transactions[0]) == len(tx().raw)
    one = dataclasses.replace(tx(), inputs=(spent(), dataclasses.replace(spent(), value_sat=None)))
    assert instant_rules.fee_sat(one) is None


def test_the_size_ends_below_a_hundred_thousand() -> None:
    size = len(tx(pad=99_000).raw)
    last, first = tx(pad=99_000 + 99_999 - size), tx(pad=99_000 + 100_000 - size)

    assert (len(last.raw), instant_rules.unmet(facts(last))) == (99_999, Wait.NOTHING)
    assert (len(first.raw), instant_rules.unmet(facts(first))) == (100_000, Wait.SIZE)


def test_fifty_inputs_are_read_and_no_more() -> None:
    assert instant_rules.unmet(facts(tx(*[spent()] * 50))) is Wait.NOTHING


def test_the_ceiling_is_reached_and_not_passed() -> None:
    assert instant_rules.unmet(facts(due_sat=DUE + 1)) is Wait.CEILING
    assert instant_rules.fits(10, released_sat=90, total_sat=100)
    assert not instant_rules.fits(11, released_sat=90, total_sat=100)
    assert not instant_rules.fits(1, released_sat=0, total_sat=0)


def test_silence_is_eight_seconds() -> None:
    assert timedelta(seconds=8) == instant_rules.SILENCE


def test_what_can_never_pass_is_told_first() -> None:
    """So that nobody watches seconds go by in vain: after the first that passes, all of them do."""
    order = [wait in instant_rules.PASSING for wait, _ in instant_rules.RULES]
    order[list(BROKEN).index(Wait.COINS)] = False  # without the coins the next rules have no answer

    assert all(later >= earlier for earlier, later in pairwise(order))


def test_what_breaks_a_rule_by_itself_is_not_offered() -> None:
    assert instant_rules.unmet_alone(tx()) is Wait.NOTHING
    for wait, _ in instant_rules.TX_RULES:
        (bad,) = BROKEN[wait].transactions
        assert instant_rules.unmet_alone(bad) is wait
    assert transactions.txid_of(tx().raw) == tx().txid
