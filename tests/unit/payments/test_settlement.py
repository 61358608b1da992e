"""The decision about an invoice, case by case; the tables of docs/payments.md in order."""

from datetime import timedelta
from typing import Any

import pytest

from payments.facts import QuoteFacts, View
from payments.settlement import COVENANT_FLOOR_SAT, RELAY_FLOOR_SAT, counted
from payments.states import InvoiceFlag, InvoiceState, OutputChain
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

OPEN, PARTIAL, SEEN, SUSPECT, PAID, EXPIRED, REVERSED = InvoiceState


# --- the seven states ---------------------------------------------------------------------------


def test_nothing_seen_is_open_with_the_whole_price_due() -> None:
    decision = decide()

    assert (decision.status, decision.due_now_sat, decision.missing_sat) == (OPEN, DUE, DUE)
    assert (decision.seen_sat, decision.confirmed_sat, decision.confirmations) == (0, 0, 0)
    assert (decision.settle, decision.evidence, decision.flags) == (False, (), frozenset())


def test_too_little_is_partial_and_says_what_is_missing() -> None:
    decision = decide(paid(LEAST - 1))

    assert (decision.status, decision.settle) == (PARTIAL, False)
    assert (decision.due_now_sat, decision.seen_sat, decision.missing_sat) == (DUE, 98_999, 1_001)


def test_several_partials_add_up_by_outpoint() -> None:
    decision = decide(paid(60_000, 1), paid(39_000, 2), paid(39_000, 2))

    assert (decision.status, decision.seen_sat, decision.missing_sat) == (SEEN, LEAST, 0)


def test_enough_unconfirmed_is_seen_and_never_paid() -> None:
    decision = decide(paid())

    assert (decision.status, decision.settle, decision.confirmations) == (SEEN, False, 0)
    assert (decision.due_now_sat, decision.missing_sat, decision.over_sat) == (DUE, 0, 0)


def test_enough_at_depth_with_proof_is_paid_and_latches_with_its_evidence() -> None:
    money = mined(60_000, 2), mined(40_000, 1, depth=3)

    decision = decide(*money)

    assert (decision.status, decision.settle, decision.instantly) == (PAID, True, False)
    assert decision.evidence == (money[1].outpoint, money[0].outpoint)
    assert (decision.confirmed_sat, decision.confirmations) == (DUE, 1)


@pytest.mark.parametrize("policy", [1, 2, 6, 10])
def test_paid_waits_for_the_depth_asked_for(policy: int) -> None:
    asked = invoice(confirmations=policy)

    before = decide(mined(depth=policy - 1) if policy > 1 else paid(), invoice=asked)
    after_ = decide(mined(depth=policy), invoice=asked)

    assert (before.status, before.settle, before.confirmations) == (SEEN, False, policy - 1)
    assert (after_.status, after_.settle, after_.confirmations) == (PAID, True, policy)


def test_a_confirmation_without_proof_is_none() -> None:
    decision = decide(mined(depth=50, spv_ok=False))

    assert (decision.status, decision.settle, decision.confirmations) == (SEEN, False, 0)
    assert decision.flags == {InvoiceFlag.SPV_PENDING}


def test_a_block_above_our_own_tip_is_no_confirmation() -> None:
    assert decide(mined(height=TIP + 1)).status is SEEN
    assert decide(mined(height=None)).status is SEEN


def test_only_what_lies_deep_enough_is_evidence() -> None:
    deep, fresh = mined(number=1, depth=6), mined(5_000, 2, depth=1)

    decision = decide(deep, fresh, paid(5_000, 3), invoice=invoice(confirmations=6))

    assert (decision.status, decision.evidence) == (PAID, (deep.outpoint,))
    assert (decision.seen_sat, decision.confirmed_sat) == (110_000, DUE)


@pytest.mark.parametrize("sign", [{"dsproof_at": NOON}, {"doubted": True}])
def test_a_conflict_is_suspect_until_a_block_decides(sign: dict[str, Any]) -> None:
    assert decide(paid(**sign)).status is SUSPECT
    assert decide(paid(**sign), instant_ok=True).status is SUSPECT
    assert decide(mined(**sign)).status is PAID
    assert decide(mined(**sign), invoice=invoice(confirmations=2)).status is SEEN
    assert decide(paid(50_000, **sign)).status is PARTIAL


def test_another_payment_gone_missing_makes_it_suspect() -> None:
    gone = paid(1_000, 1, chain=OutputChain.MISSING)

    assert decide(paid(), gone).status is SUSPECT
    assert decide(mined(), gone).status is PAID


@pytest.mark.parametrize("where", [OutputChain.MISSING, OutputChain.CONFLICTED])
def test_what_is_gone_does_not_count(where: OutputChain) -> None:
    decision = decide(mined(chain=where))

    assert (decision.status, decision.seen_sat, decision.settle) == (OPEN, 0, False)


def test_a_quote_run_out_expires_only_after_a_sweep_that_is_newer() -> None:
    assert decide(now=UNTIL).status is OPEN
    assert decide(now=after(seconds=1)).status is EXPIRED
    assert decide(now=after(hours=9), swept_at=UNTIL).status is OPEN
    assert decide(now=after(hours=9), swept_at=None).status is OPEN
    assert decide(now=after(hours=9), swept_at=after(seconds=1)).status is EXPIRED


def test_expired_shows_todays_price_or_none() -> None:
    assert decide(now=after(days=1), due_today_sat=120_000).due_now_sat == 120_000
    unknown = decide(now=after(days=1), due_today_sat=None)
    assert (unknown.due_now_sat, unknown.missing_sat) == (None, 0)


def test_a_new_quote_opens_it_again() -> None:
    newer = QuoteFacts(due_sat=110_000, min_sat=108_900, until=after(hours=3))

    decision = decide(quotes=(QUOTE, newer), now=after(hours=2, minutes=50))

    assert (decision.status, decision.due_now_sat) == (OPEN, 110_000)


def test_an_invoice_without_quotes_just_waits() -> None:
    assert decide(quotes=(), now=after(days=1)).status is OPEN
    assert decide(paid(), quotes=(), now=after(days=1)).status is PARTIAL


def test_called_off_is_expired_and_still_takes_money() -> None:
    off = invoice(void_at=NOON)

    assert decide(invoice=off).status is EXPIRED
    assert decide(invoice=off).flags == {InvoiceFlag.VOID}
    assert decide(paid(5_000), invoice=off).status is PARTIAL
    assert decide(mined(), invoice=off).settle


# --- what does not count ------------------------------------------------------------------------


def test_satoshis_on_a_token_do_not_count() -> None:
    decision = decide(mined(has_token=True))

    assert (decision.status, decision.seen_sat) == (OPEN, 0)
    assert decision.flags == {InvoiceFlag.TOKEN_IGNORED}


def test_our_own_forward_does_not_count_and_is_not_worth_a_word() -> None:
    decision = decide(mined(own_forward=True, has_token=True))

    assert (decision.status, decision.seen_sat, decision.flags) == (OPEN, 0, frozenset())


def test_a_coinbase_waits_a_hundred_blocks() -> None:
    young, old = mined(is_coinbase=True, depth=99), mined(is_coinbase=True, depth=100)

    assert (decide(young).status, decide(young).flags) == (
        OPEN,
        frozenset({InvoiceFlag.COINBASE_WAIT}),
    )
    assert (decide(old).status, decide(old).flags) == (PAID, frozenset())


def test_a_forwarder_does_not_count_what_it_cannot_forward() -> None:
    covenant = invoice(covenant=True)
    small = mined(COVENANT_FLOOR_SAT - 1, 1)

    assert decide(small, invoice=covenant).seen_sat == 0
    assert decide(small, invoice=covenant).flags == {InvoiceFlag.DUST}
    assert decide(mined(COVENANT_FLOOR_SAT, 1), invoice=covenant).seen_sat == COVENANT_FLOOR_SAT
    assert decide(small).seen_sat == COVENANT_FLOOR_SAT - 1


def test_what_counts_is_told_by_itself_each_once() -> None:
    good, token = paid(number=1), paid(number=2, has_token=True)
    view = View(tip_height=TIP, swept_at=None, agreed=False, due_today_sat=None)

    assert counted(invoice(), [good, token, good], view) == (good,)


def test_nothing_settles_without_a_look() -> None:
    decision = decide(mined(), looked=False)

    assert (decision.status, decision.settle, decision.flags) == (SEEN, False, frozenset())


# --- flags --------------------------------------------------------------------------------------


def test_too_much_is_paid_and_over() -> None:
    decision = decide(mined(DUE + RELAY_FLOOR_SAT))

    assert (decision.status, decision.over_sat, decision.flags) == (
        PAID,
        RELAY_FLOOR_SAT,
        frozenset({InvoiceFlag.OVER}),
    )


@pytest.mark.parametrize(
    ("covenant", "least_sat"), [(False, RELAY_FLOOR_SAT), (True, COVENANT_FLOOR_SAT)]
)
def test_the_rest_asked_for_can_be_sent_and_counts(covenant: bool, least_sat: int) -> None:
    quote = QuoteFacts(due_sat=10_000, min_sat=9_500, until=UNTIL)
    first, asked = mined(9_499), invoice(covenant=covenant)

    short = decide(first, invoice=asked, quotes=(quote,))
    whole = decide(first, mined(least_sat, 1), invoice=asked, quotes=(quote,))

    assert (short.status, short.due_now_sat, short.missing_sat) == (PARTIAL, 10_000, least_sat)
    assert (whole.status, whole.missing_sat, whole.over_sat) == (PAID, 0, 0)
    assert whole.flags == frozenset()


def test_paying_the_dearer_of_two_quotes_is_not_over() -> None:
    dear = QuoteFacts(due_sat=110_000, min_sat=108_900, until=after(hours=1))

    decision = decide(mined(110_000), quotes=(QUOTE, dear))

    assert (decision.status, decision.over_sat, decision.flags) == (PAID, 0, frozenset())


@pytest.mark.parametrize(
    ("where", "flag"),
    [
        ({"chain": OutputChain.MISSING}, InvoiceFlag.EVICTED),
        ({"chain": OutputChain.CONFLICTED}, InvoiceFlag.DOUBLE_SPEND_SEEN),
        ({"dsproof_at": NOON}, InvoiceFlag.DOUBLE_SPEND_SEEN),
    ],
)
def test_what_went_wrong_is_told(where: dict[str, Any], flag: InvoiceFlag) -> None:
    assert decide(paid(**where)).flags == {flag}


def test_what_a_person_decided_is_told() -> None:
    assert decide(invoice=invoice(oversold=True)).flags == {InvoiceFlag.OVERSOLD}
    assert decide(invoice=invoice(refund_open=True)).flags == {InvoiceFlag.REFUND_DUE}
    done = settled(mined(), refund_txid="ab" * 32)
    assert decide(mined(), invoice=done).flags == {InvoiceFlag.REFUNDED}
    again = settled(mined(), refund_txid="ab" * 32, refund_open=True)
    assert decide(mined(), invoice=again).flags == {InvoiceFlag.REFUND_DUE}


# --- what goes back -----------------------------------------------------------------------------


def test_money_that_must_go_back_opens_nothing() -> None:
    off = invoice(refund_due_at=NOON, void_at=NOON)

    seen, deep = decide(paid(), invoice=off, instant_ok=True), decide(mined(), invoice=off)

    for decision in (seen, deep):
        assert (decision.status, decision.settle) == (SEEN, False)
        assert decision.flags == {InvoiceFlag.REFUND_DUE, InvoiceFlag.VOID}
    assert (seen.owed_sat, deep.owed_sat) == (0, DUE)
    assert decide(mined(700), invoice=off).owed_sat == 700
    assert decide(invoice=off).flags == {InvoiceFlag.VOID}


def test_what_went_back_already_is_not_owed_again() -> None:
    off = invoice(refund_due_at=NOON, refund_txid="ab" * 32, refunded_sat=DUE)

    done, more = decide(mined(), invoice=off), decide(mined(), mined(800, 1), invoice=off)

    assert (done.owed_sat, set(done.flags)) == (0, {InvoiceFlag.REFUNDED})
    assert (more.owed_sat, InvoiceFlag.REFUND_DUE in more.flags) == (800, True)


@pytest.mark.parametrize(
    ("over_sat", "owed_sat"), [(5_000, 0), (5_001, 5_001)], ids=["a twentieth", "more"]
)
def test_what_was_too_much_is_owed_from_a_twentieth_of_the_price(
    over_sat: int, owed_sat: int
) -> None:
    decision = decide(mined(DUE + over_sat))

    assert (decision.settle, decision.over_sat, decision.owed_sat) == (True, over_sat, owed_sat)
    assert (InvoiceFlag.REFUND_DUE in decision.flags) == (owed_sat > 0)


def test_what_may_still_vanish_is_not_owed_yet() -> None:
    first = settled(mined())

    assert decide(mined(), paid(30_000, 1), invoice=first).owed_sat == 0
    assert decide(mined(), mined(30_000, 1), invoice=first).owed_sat == 30_000
    assert decide(paid(DUE + 30_000), instant_ok=True).owed_sat == 0
    assert decide(mined(30_000, 1), invoice=first).owed_sat == 0


def test_of_what_was_too_much_earlier_refunds_are_taken_off() -> None:
    money = mined(), mined(30_000, 1), mined(20_000, 2)
    dealt = settled(mined(), refunded_sat=30_000)

    assert decide(*money, invoice=dealt).owed_sat == 20_000
    assert decide(*money[:2], invoice=dealt).owed_sat == 0


def test_nothing_settles_while_the_chain_is_in_doubt() -> None:
    decision = decide(mined(), held=True, instant_ok=True)

    assert (decision.status, decision.settle) == (SEEN, False)
    assert decision.flags == {InvoiceFlag.SPV_PENDING}
    assert decide(held=True).flags == frozenset()


# --- the instant rule ---------------------------------------------------------------------------


def test_the_instant_rule_settles_what_was_only_seen() -> None:
    money = paid(60_000, 1), paid(40_000, 2)

    decision = decide(*money, instant_ok=True)

    assert (decision.status, decision.settle, decision.instantly) == (PAID, True, True)
    assert decision.evidence == (money[0].outpoint, money[1].outpoint)


def test_the_instant_rule_does_not_lower_the_price() -> None:
    assert decide(paid(LEAST - 1), instant_ok=True).status is PARTIAL


def test_confirmed_is_confirmed_though_the_instant_rule_holds_too() -> None:
    assert not decide(mined(), instant_ok=True).instantly


# --- on time, and late --------------------------------------------------------------------------


def test_five_silent_minutes_follow_the_quote() -> None:
    at_the_end = paid(first_seen_at=after(minutes=5), unseen_at=after(minutes=5))
    beyond = paid(first_seen_at=after(minutes=5, seconds=1), unseen_at=after(minutes=5))

    for output, is_late in ((at_the_end, False), (beyond, True)):
        decision = decide(output, now=after(minutes=6))
        assert decision.status is SEEN
        assert (InvoiceFlag.LATE in decision.flags) == is_late


@pytest.mark.parametrize("unseen_at", [None, NOON, after(minutes=4, seconds=59)])
def test_while_nobody_looked_the_blocks_time_speaks(unseen_at: Any) -> None:
    came: dict[str, Any] = {"first_seen_at": after(days=3), "unseen_at": unseen_at}
    dear: dict[str, Any] = {"due_today_sat": 5 * DUE, "now": after(days=3)}

    assert decide(mined(**came, block_time=after(hours=2)), **dear).status is PAID
    assert decide(mined(**came, block_time=after(hours=2, seconds=1)), **dear).status is PARTIAL
    assert decide(paid(**came), **dear).status is PARTIAL


def test_a_blocks_time_does_not_excuse_what_we_saw_come_late() -> None:
    came: dict[str, Any] = {"first_seen_at": after(hours=1), "unseen_at": after(minutes=5)}

    decision = decide(mined(**came, block_time=UNTIL), now=after(hours=1), due_today_sat=5 * DUE)

    assert decision.status is PARTIAL


def test_a_payment_in_flight_is_no_shortfall_of_a_later_quote() -> None:
    dearer = QuoteFacts(due_sat=150_000, min_sat=148_500, until=after(hours=1))

    decision = decide(paid(), quotes=(QUOTE, dearer), now=after(minutes=50), due_today_sat=150_000)

    assert (decision.status, decision.flags) == (SEEN, frozenset())


def test_the_dearer_quote_is_due_when_the_cheaper_was_missed() -> None:
    dearer = QuoteFacts(due_sat=150_000, min_sat=148_500, until=after(hours=2))

    decision = decide(
        late(due_then_sat=150_000),
        quotes=(QUOTE, dearer),
        now=after(hours=1),
        due_today_sat=150_000,
    )

    assert (decision.status, decision.due_now_sat, decision.missing_sat) == (
        PARTIAL,
        150_000,
        50_000,
    )
    assert decision.flags == frozenset()


@pytest.mark.parametrize(
    ("due_then", "due_today", "status"),
    [
        (DUE, DUE, PAID),
        (111_111, 200_000, PAID),  # the rate fell by a tenth when it came
        (111_112, 200_000, PARTIAL),
        (200_000, 111_111, PAID),  # or stands so now
        (200_000, 111_112, PARTIAL),
        (50_000, 50_000, PAID),
        (None, None, PARTIAL),
        (None, DUE, PAID),
    ],
)
def test_late_is_honoured_while_the_rate_fell_by_at_most_a_tenth(
    due_then: int | None, due_today: int | None, status: InvoiceState
) -> None:
    output = late(due_then_sat=due_then, chain=OutputChain.BLOCK, height=TIP, spv_ok=True)

    decision = decide(output, now=after(hours=2), due_today_sat=due_today)

    assert decision.status is status
    assert InvoiceFlag.LATE in decision.flags
    drifted = status is PARTIAL and due_today is not None
    assert (InvoiceFlag.RATE_DRIFT in decision.flags) == drifted


def test_late_needs_the_whole_price_without_tolerance() -> None:
    decision = decide(late(DUE - 1), now=after(hours=2))

    assert (decision.status, decision.flags) == (PARTIAL, frozenset())
    assert decision.missing_sat == RELAY_FLOOR_SAT


def test_what_only_waits_lets_no_late_money_settle_at_the_old_price() -> None:
    in_time = paid(DUE, 1)  # never mined
    small = late(LEAST, 2, chain=OutputChain.BLOCK, height=TIP, spv_ok=True, due_then_sat=150_000)

    held = decide(in_time, small, now=after(days=40), due_today_sat=150_000)
    alone = decide(small, now=after(days=40), due_today_sat=150_000)
    mined_too = decide(mined(DUE, 1), small, now=after(days=40), due_today_sat=150_000)

    assert (held.status, held.settle, held.confirmed_sat) == (SEEN, False, LEAST)
    assert (alone.status, alone.missing_sat) == (PARTIAL, 150_000 - LEAST)
    assert (mined_too.status, mined_too.settle) == (PAID, True)


def test_who_was_reversed_is_not_paid_anew_at_a_price_that_something_waiting_keeps() -> None:
    lost, in_time = paid(DUE, 1, chain=OutputChain.MISSING), paid(DUE, 3)
    small = late(LEAST, 2, chain=OutputChain.BLOCK, height=TIP, spv_ok=True, due_then_sat=150_000)
    taken = settled(lost, is_reversed=True)

    decision = decide(
        lost, in_time, small, invoice=taken, now=after(days=40), due_today_sat=150_000
    )

    assert decision.status is REVERSED


def test_late_and_dearer_asks_for_the_rest_at_todays_price() -> None:
    decision = decide(late(due_then_sat=150_000), now=after(hours=2), due_today_sat=160_000)

    assert (decision.status, decision.due_now_sat, decision.missing_sat) == (
        PARTIAL,
        160_000,
        60_000,
    )

    topped_up = decide(
        late(due_then_sat=150_000),
        late(60_000, 1, due_then_sat=160_000, first_seen_at=after(hours=2)),
        now=after(hours=2),
        due_today_sat=170_000,
    )
    assert (topped_up.status, topped_up.due_now_sat) == (SEEN, 160_000)


def test_the_creator_may_honour_satoshis_at_any_rate_for_thirty_days() -> None:
    generous = invoice(honour_sats=True)
    dear: dict[str, Any] = {"now": after(days=40), "due_today_sat": 5 * DUE, "invoice": generous}
    came: dict[str, Any] = {"due_then_sat": 5 * DUE, "unseen_at": after(days=29)}

    assert decide(late(**came, first_seen_at=after(days=30)), **dear).status is SEEN
    assert decide(late(**came, first_seen_at=after(days=30, seconds=1)), **dear).status is PARTIAL


def test_after_thirty_days_only_the_price_of_that_day_counts() -> None:
    came: dict[str, Any] = {"first_seen_at": after(days=31), "unseen_at": after(days=31)}
    then: dict[str, Any] = {"now": after(days=32)}

    assert decide(late(**came, due_then_sat=DUE), due_today_sat=105_000, **then).status is SEEN
    assert (
        decide(late(**came, due_then_sat=105_000), due_today_sat=105_000, **then).status is PARTIAL
    )
    assert decide(late(**came, due_then_sat=105_000), due_today_sat=DUE, **then).status is SEEN
    cheaper = decide(late(80_000, **came, due_then_sat=80_000), due_today_sat=105_000, **then)
    assert (cheaper.status, cheaper.due_now_sat) == (SEEN, 80_000)


def test_todays_price_counts_only_once_the_quotes_are_over() -> None:
    assert decide(paid(90_000), due_today_sat=90_000, now=UNTIL).status is PARTIAL
    assert decide(paid(90_000), due_today_sat=90_000, now=after(minutes=1)).status is SEEN


def test_a_price_of_nothing_is_never_met_by_nothing() -> None:
    assert decide(due_today_sat=0, now=after(days=1)).status is EXPIRED


def test_the_creator_may_accept_what_came() -> None:
    accepted = invoice(accepted_sat=50_000)

    assert decide(paid(50_000), invoice=accepted).status is SEEN
    assert decide(mined(50_000), invoice=accepted).settle
    assert decide(mined(49_999), invoice=accepted).status is PARTIAL
    assert decide(invoice=invoice(accepted_sat=0)).status is OPEN


# --- after the latch ----------------------------------------------------------------------------


def test_settled_stays_paid_whatever_time_does() -> None:
    decision = decide(mined(), invoice=settled(mined()), now=after(days=900), due_today_sat=None)

    assert (decision.status, decision.settle, decision.evidence) == (
        PAID,
        False,
        (mined().outpoint,),
    )
    assert (decision.due_now_sat, decision.missing_sat, decision.confirmations) == (DUE, 0, 1)


@pytest.mark.parametrize(
    "lost",
    [
        paid(),
        mined(chain=OutputChain.MISSING),
        mined(chain=OutputChain.CONFLICTED),
        mined(height=TIP + 1),
    ],
)
def test_settled_is_reversed_when_all_agree_that_the_block_is_gone(lost: Any) -> None:
    before = settled(mined())

    decision = decide(lost, invoice=before)

    assert (decision.status, decision.settle) == (REVERSED, False)
    assert decision.evidence == before.evidence
    assert decide(lost, invoice=before, agreed=False).status is PAID
    assert decide(lost, invoice=before, held=True).status is PAID


def test_a_proof_outstanding_after_a_reorganisation_reverses_nothing() -> None:
    moved = mined(spv_ok=False)

    decision = decide(moved, invoice=settled(mined()))

    assert decision.status is PAID
    assert decision.flags == {InvoiceFlag.SPV_PENDING}
    assert decide(moved, invoice=settled(mined(), is_reversed=True)).status is REVERSED


def test_reversed_says_what_is_missing() -> None:
    decision = decide(
        mined(chain=OutputChain.CONFLICTED), invoice=settled(mined()), now=after(days=1)
    )

    assert (decision.due_now_sat, decision.seen_sat, decision.missing_sat) == (DUE, 0, DUE)


def test_reversed_comes_back_by_proof_alone() -> None:
    reversed_ = settled(mined(), is_reversed=True)

    assert decide(mined(), invoice=reversed_).status is PAID
    assert decide(mined(), invoice=reversed_, agreed=False).status is PAID
    assert decide(mined(), invoice=reversed_, held=True).status is REVERSED
    assert decide(paid(), invoice=reversed_).status is REVERSED
    assert decide(paid(), invoice=reversed_, agreed=False).status is REVERSED


def test_a_buyer_who_paid_again_after_a_loss_is_paid() -> None:
    gone = mined(chain=OutputChain.CONFLICTED)

    decision = decide(gone, mined(number=1), invoice=settled(gone, is_reversed=True))

    assert decision.status is PAID
    assert InvoiceFlag.DOUBLE_SPEND_SEEN in decision.flags


def test_losing_what_was_too_much_reverses_nothing() -> None:
    gone = mined(number=1, chain=OutputChain.CONFLICTED)

    assert decide(mined(), gone, invoice=settled(mined(), gone)).status is PAID


def test_settled_at_depth_needs_that_depth_to_stand() -> None:
    asked = settled(mined(depth=6), confirmations=6)

    assert decide(mined(depth=5), invoice=asked).status is REVERSED
    assert decide(mined(depth=6), invoice=asked).status is PAID


def test_contested_blocks_confirm_nothing_and_take_nothing_back() -> None:
    contested: dict[str, Any] = {"tip_height": TIP - 1, "contested_blocks": 1}
    deeper = settled(mined(depth=2), confirmations=2)

    assert decide(mined(), **contested).status is SEEN
    assert decide(mined(), invoice=settled(mined()), **contested).status is PAID
    assert decide(mined(depth=2), invoice=deeper, **contested).status is PAID
    assert decide(mined(depth=1), invoice=deeper, **contested).status is REVERSED
    back = settled(mined(), is_reversed=True)
    assert decide(mined(), invoice=back, **contested).status is REVERSED


def test_what_is_too_much_is_not_owed_back_from_a_contested_block() -> None:
    more = mined(70_000, 1)

    told = decide(
        mined(depth=2), more, invoice=settled(mined()), tip_height=TIP - 1, contested_blocks=1
    )

    assert (told.status, told.over_sat, told.owed_sat) == (PAID, 70_000, 0)


def test_settled_instantly_stands_while_the_payment_is_seen() -> None:
    before = settled(paid(), settled_instantly=True)

    assert decide(paid(), invoice=before).status is PAID
    assert decide(mined(), invoice=before).status is PAID
    assert decide(paid(chain=OutputChain.MISSING), invoice=before).status is REVERSED
    back = settled(paid(), settled_instantly=True, is_reversed=True)
    assert decide(paid(), invoice=back).status is REVERSED
    assert decide(mined(), invoice=back).status is PAID


def test_more_money_after_settling_is_over() -> None:
    decision = decide(mined(), mined(7_000, 1), invoice=settled(mined()))

    assert (decision.status, decision.over_sat, decision.owed_sat) == (PAID, 7_000, 7_000)
    assert decision.flags == {InvoiceFlag.OVER, InvoiceFlag.REFUND_DUE}


def test_a_late_settlement_outlives_the_rate_it_was_honoured_at() -> None:
    output = late(70_000, chain=OutputChain.BLOCK, height=TIP, spv_ok=True, due_then_sat=None)

    decision = decide(output, invoice=settled(output), now=after(days=3), due_today_sat=90_000)

    assert (decision.status, decision.due_now_sat, decision.confirmations) == (PAID, 70_000, 1)


def test_the_quotes_end_is_a_moment_not_a_day() -> None:
    assert decide(now=UNTIL + timedelta(microseconds=1)).status is EXPIRED
