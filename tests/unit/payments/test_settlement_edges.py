"""Exact edges of counting and settling that `make mutants` found nobody to stand on."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from payments import counting, settlement
from payments.counting import Money
from payments.facts import OutputFacts, QuoteFacts, View
from payments.states import InvoiceFlag, InvoiceState, OutputChain
from payments.transactions import Outpoint
from tests.unit.payments.facts import (
    DUE,
    LEAST,
    NOON,
    QUOTE,
    TIP,
    UNTIL,
    after,
    decide,
    invoice,
    late,
    mined,
    paid,
    settled,
)

VIEW = View(tip_height=TIP, swept_at=NOON, agreed=True, due_today_sat=DUE)


def test_the_floors_and_the_wait_of_new_coins() -> None:
    assert (counting.COVENANT_FLOOR_SAT, counting.RELAY_FLOOR_SAT) == (1_500, 546)
    assert counting.COINBASE_DEPTH == 100


def test_an_output_is_in_a_block_that_counts_only_when_somebody_says_so() -> None:
    plain = OutputFacts(
        outpoint=Outpoint("ab" * 32, 0), value_sat=1, chain=OutputChain.BLOCK, first_seen_at=NOON
    )
    assert (plain.spv_ok, plain.doubted, plain.own_forward) == (False, False, False)


def test_depths_are_of_what_is_proved_and_lies_within_our_chain() -> None:
    beyond = mined(4, 4, height=TIP + 1)
    outputs = (mined(1, 1, depth=3), mined(2, 2), paid(3, 3), beyond, mined(5, 5, spv_ok=False))
    money = Money.count(invoice(), outputs, VIEW)
    assert money.depths == ((3, 1), (1, 2))
    assert (money.seen_sat, money.confirmed_sat) == (15, 3)


@pytest.mark.parametrize(
    ("need_sat", "depth"), [(None, 0), (0, 3), (1, 3), (10, 3), (11, 1), (30, 1), (31, 0)]
)
def test_the_depth_is_that_of_the_block_that_makes_it_enough(
    need_sat: int | None, depth: int
) -> None:
    money = Money.count(invoice(), (mined(20, 2), mined(10, 1, depth=3)), VIEW)
    assert money.depth_of(need_sat) == depth


def test_a_block_that_our_chain_has_not_reached_counts_as_seen_and_as_no_depth() -> None:
    far = Money.count(invoice(), (mined(height=TIP + 5),), VIEW)
    assert (far.seen_sat, far.confirmed_sat, far.depths) == (DUE, 0, ())


@pytest.mark.parametrize(("depth", "counts"), [(99, 0), (100, DUE)])
def test_new_coins_count_from_the_hundredth_block(depth: int, counts: int) -> None:
    assert decide(mined(depth=depth, is_coinbase=True)).seen_sat == counts


def test_new_coins_without_a_height_have_no_depth() -> None:
    coin = paid(chain=OutputChain.BLOCK, is_coinbase=True)
    young = View(tip_height=98, swept_at=NOON, agreed=True, due_today_sat=DUE)
    assert Money.count(invoice(), (coin,), young).good == ()


@pytest.mark.parametrize(
    ("due_sat", "seen_sat", "asked_sat"),
    [(1_000, 1_000, 0), (1_000, 1_001, 0), (1_000, 999, 546), (1_000, 454, 546), (1_000, 453, 547)],
)
def test_what_is_asked_for_can_be_sent(due_sat: int, seen_sat: int, asked_sat: int) -> None:
    assert settlement.to_send(due_sat, seen_sat, invoice()) == asked_sat


def test_a_forwarder_is_asked_for_what_it_can_pass_on() -> None:
    assert settlement.to_send(2_000, 1_999, invoice(covenant=True)) == 1_500
    assert settlement.to_send(2_000, 2_000, invoice(covenant=True)) == 0


def test_who_was_reversed_is_paid_anew_by_exactly_enough() -> None:
    lost = paid(DUE, 1, chain=OutputChain.MISSING)
    taken = settled(lost, is_reversed=True)
    enough = decide(lost, mined(LEAST, 2), invoice=taken)
    short = decide(lost, mined(LEAST - 1, 2), invoice=taken)
    assert (enough.status, enough.missing_sat) == (InvoiceState.PAID, 0)
    assert short.status == InvoiceState.REVERSED
    assert (enough.settle, enough.instantly) == (False, False)


def test_reversed_is_told_what_is_missing_of_what_settled_it() -> None:
    lost = paid(DUE, 1, chain=OutputChain.MISSING)
    left = decide(lost, mined(40_000, 2), invoice=settled(lost))
    assert (left.status, left.missing_sat) == (InvoiceState.REVERSED, 60_000)
    assert (left.due_now_sat, left.confirmations, left.settle) == (DUE, 0, False)


def test_what_was_accepted_is_one_way_in_on_time() -> None:
    accepted = invoice(accepted_sat=40_000)
    part = decide(mined(40_000), invoice=accepted)
    assert (part.status, part.flags) == (InvoiceState.PAID, frozenset())
    assert (part.due_now_sat, part.over_sat, part.confirmations) == (40_000, 0, 1)
    assert decide(mined(39_999), invoice=accepted).status == InvoiceState.PARTIAL


@pytest.mark.parametrize(("accepted_sat", "is_paid"), [(0, False), (1, True), (None, False)])
def test_nothing_cannot_be_accepted(accepted_sat: int | None, *, is_paid: bool) -> None:
    said = decide(mined(1), invoice=invoice(accepted_sat=accepted_sat))
    assert (said.status == InvoiceState.PAID) is is_paid


@pytest.mark.parametrize(("due_then_sat", "is_honoured"), [(111_111, True), (111_112, False)])
def test_an_old_quote_is_honoured_until_the_rate_has_fallen_by_a_tenth(
    due_then_sat: int, *, is_honoured: bool
) -> None:
    said = decide(late(due_then_sat=due_then_sat), now=after(hours=2), due_today_sat=None)
    assert (said.status == InvoiceState.SEEN) is is_honoured
    assert InvoiceFlag.LATE in said.flags


def test_exactly_nine_tenths_are_still_honoured() -> None:
    quote = settlement.QuoteFacts(due_sat=90_000, min_sat=90_000, until=UNTIL)
    for due_then_sat, status in ((100_000, InvoiceState.SEEN), (100_001, InvoiceState.PARTIAL)):
        came = late(90_000, due_then_sat=due_then_sat)
        said = decide(came, quotes=(quote,), now=after(hours=2), due_today_sat=None)
        assert said.status == status


def test_a_price_of_one_satoshi_is_a_price_and_none_is_none() -> None:
    for due_today_sat, status in ((1, InvoiceState.SEEN), (0, InvoiceState.PARTIAL)):
        came = late(1, due_then_sat=None)
        said = decide(came, now=after(hours=2), due_today_sat=due_today_sat)
        assert said.status == status


def test_a_late_price_is_not_met_at_the_very_end_of_the_quote() -> None:
    came = paid(50_000, due_then_sat=None)
    at_end = decide(came, now=UNTIL, due_today_sat=50_000)
    beyond = decide(came, now=after(microseconds=1), due_today_sat=50_000)
    assert (at_end.status, beyond.status) == (InvoiceState.PARTIAL, InvoiceState.SEEN)


def test_nothing_expires_at_the_very_end_nor_by_a_look_of_that_moment() -> None:
    late_now = after(seconds=1)
    assert decide(now=UNTIL, swept_at=after(seconds=1)).status == InvoiceState.OPEN
    assert decide(now=late_now, swept_at=UNTIL).status == InvoiceState.OPEN
    assert decide(now=late_now, swept_at=None).status == InvoiceState.OPEN
    assert decide(now=late_now, swept_at=late_now).status == InvoiceState.EXPIRED
    assert decide(invoice=invoice(void_at=NOON)).status == InvoiceState.EXPIRED


def test_the_price_in_force_is_the_cheapest_live_quote_until_its_last_moment() -> None:
    dear = settlement.QuoteFacts(due_sat=120_000, min_sat=120_000, until=after(hours=1))
    cheap = settlement.QuoteFacts(due_sat=DUE, min_sat=LEAST, until=UNTIL)
    both = (dear, cheap)
    assert decide(quotes=both, now=UNTIL).due_now_sat == DUE
    assert decide(quotes=both, now=after(microseconds=1)).due_now_sat == 120_000
    assert decide(quotes=both, now=after(hours=2), due_today_sat=7).due_now_sat == 7


@pytest.mark.parametrize(("more", "over"), [(545, 0), (546, 546)])
def test_too_much_begins_where_it_could_be_sent(more: int, over: int) -> None:
    said = decide(mined(DUE + more))
    assert said.over_sat == over
    assert (InvoiceFlag.OVER in said.flags) is bool(over)


@pytest.mark.parametrize(
    ("seen_at", "unseen_at", "block_at", "status"),
    [
        (after(minutes=5), None, None, InvoiceState.SEEN),
        (after(minutes=5, microseconds=1), NOON, None, InvoiceState.PARTIAL),
        (after(hours=3), after(minutes=4), after(hours=2), InvoiceState.PAID),
        (after(hours=3), after(minutes=5), after(hours=2), InvoiceState.PARTIAL),
        (after(hours=3), None, after(hours=2, microseconds=1), InvoiceState.PARTIAL),
    ],
)
def test_on_time_is_by_our_eyes_or_by_the_block_while_they_were_shut(
    seen_at: object, unseen_at: object, block_at: object, status: InvoiceState
) -> None:
    facts: dict[str, Any] = {"first_seen_at": seen_at, "unseen_at": unseen_at, "due_then_sat": None}
    came = mined(LEAST, block_time=block_at, **facts) if block_at else paid(LEAST, **facts)
    assert decide(came, now=after(hours=4), due_today_sat=None).status == status


@pytest.mark.parametrize(("more", "status"), [(0, "SEEN"), (1, "PARTIAL")])
def test_satoshis_are_honoured_for_thirty_days(more: int, status: str) -> None:
    seen_at = UNTIL + timedelta(days=30, microseconds=more)
    came = late(first_seen_at=seen_at, unseen_at=seen_at, due_then_sat=None)
    generous = invoice(honour_sats=True)
    said = decide(came, now=after(days=31), due_today_sat=None, invoice=generous)
    assert said.status == status


def test_while_a_newer_quote_lasts_nothing_is_called_late() -> None:
    """To its very last moment: what an old price asked for came, but the quote in force asks more."""
    dearer = QuoteFacts(due_sat=2 * DUE, min_sat=2 * DUE - 1_000, until=after(hours=2))

    def flags(now: datetime) -> frozenset[InvoiceFlag]:
        return decide(
            late(due_then_sat=2 * DUE), quotes=(QUOTE, dearer), now=now, due_today_sat=2 * DUE
        ).flags

    assert flags(dearer.until) == frozenset()
    assert flags(dearer.until + timedelta(microseconds=1)) == {
        InvoiceFlag.LATE,
        InvoiceFlag.RATE_DRIFT,
    }
