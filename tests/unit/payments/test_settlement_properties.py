"""What holds for every history: of order, of more money, of time, of the latch."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from payments.facts import Decision, InvoiceFacts, OutputFacts, QuoteFacts, View
from payments.settlement import COINBASE_DEPTH, COVENANT_FLOOR_SAT, derive
from payments.states import InvoiceFlag, InvoiceState, OutputChain, can_move
from payments.transactions import Outpoint
from tests.unit.payments.facts import NOON, TIP

often = settings(max_examples=150, deadline=None)

ENOUGH = {InvoiceState.SEEN, InvoiceState.SUSPECT, InvoiceState.PAID}
PRESENT = {OutputChain.MEMPOOL, OutputChain.BLOCK}

moments = st.integers(-3_600, 45 * 86_400).map(lambda s: NOON + timedelta(seconds=s))
amounts_sat = st.integers(1, 30_000) | st.sampled_from([1_499, 1_500, 9_900, 10_000])
maybe = st.none() | moments


@st.composite
def some_quotes(draw: st.DrawFn) -> QuoteFacts:
    due = draw(st.sampled_from([10_000, 12_000, 9_500]))
    return QuoteFacts(due_sat=due, min_sat=due * 99 // 100, until=draw(moments))


some_outputs = st.builds(
    OutputFacts,
    outpoint=st.builds(Outpoint, st.integers(0, 11).map(lambda n: f"{n:064x}"), st.just(0)),
    value_sat=amounts_sat,
    chain=st.sampled_from([*OutputChain, OutputChain.BLOCK, OutputChain.MEMPOOL]),
    first_seen_at=moments,
    height=st.none() | st.integers(TIP - 120, TIP + 2),
    block_time=maybe,
    spv_ok=st.booleans(),
    has_token=st.sampled_from([False, False, False, True]),
    is_coinbase=st.sampled_from([False, False, False, True]),
    own_forward=st.sampled_from([False, False, False, True]),
    dsproof_at=st.sampled_from([None, None, NOON]),
    doubted=st.sampled_from([False, False, True]),
    unseen_at=maybe,
    due_then_sat=st.none() | st.integers(8_000, 16_000),
)
output_lists = st.lists(some_outputs, max_size=6, unique_by=lambda output: output.outpoint)
quote_lists = st.lists(some_quotes(), max_size=3)
views = st.builds(
    View,
    tip_height=st.integers(TIP - 3, TIP + 3),
    swept_at=maybe,
    agreed=st.booleans(),
    due_today_sat=st.none() | st.integers(8_000, 16_000),
    held=st.sampled_from([False, False, False, True]),
    looked=st.sampled_from([True, True, True, False]),
    instant_ok=st.booleans(),
)
open_invoices = st.builds(
    InvoiceFacts,
    confirmations=st.sampled_from([1, 2, 6, 10]),
    covenant=st.booleans(),
    honour_sats=st.booleans(),
    accepted_sat=st.none() | st.integers(0, 10_000),
    void_at=maybe,
    refund_due_at=st.sampled_from([None, None, NOON]),
    refund_txid=st.sampled_from([None, None, "ab" * 32]),
    refund_open=st.booleans(),
    refunded_sat=st.sampled_from([0, 0, 5_000, 30_000]),
)


def latched(invoice: InvoiceFacts, decision: Decision) -> InvoiceFacts:
    """What the caller stores after a decision."""
    if decision.settle:
        return replace(
            invoice,
            settled_at=NOON,
            settled_instantly=decision.instantly,
            evidence=decision.evidence,
        )
    return replace(invoice, is_reversed=decision.status is InvoiceState.REVERSED)


def buried_sat(invoice: InvoiceFacts, outputs: Sequence[OutputFacts], view: View) -> int:
    """What may count as confirmed, told a second time and independently."""
    total = 0
    for output in outputs:
        if output.chain != "BLOCK" or output.height is None or not output.spv_ok:
            continue
        if output.has_token or output.own_forward:
            continue
        if invoice.covenant and output.value_sat < COVENANT_FLOOR_SAT:
            continue
        blocks = view.tip_height + 1 - output.height
        wanted = max(invoice.confirmations, COINBASE_DEPTH if output.is_coinbase else 0)
        total += output.value_sat if blocks >= wanted else 0
    return total


@often
@given(open_invoices, quote_lists, output_lists, views, moments, st.data())
def test_order_and_repetition_do_not_matter(
    invoice: InvoiceFacts,
    quotes: list[QuoteFacts],
    outputs: list[OutputFacts],
    view: View,
    now: datetime,
    data: st.DataObject,
) -> None:
    shuffled = data.draw(st.permutations(outputs + outputs[:3]))
    requoted = data.draw(st.permutations(quotes + quotes[:2]))

    for facts in (invoice, replace(invoice, settled_at=NOON, evidence=(Outpoint("00" * 32, 0),))):
        decision = derive(facts, quotes, outputs, view, now)
        assert derive(facts, requoted, shuffled, view, now) == decision


@often
@given(open_invoices, quote_lists, output_lists, some_outputs, views, moments)
def test_more_money_never_makes_it_worse(
    invoice: InvoiceFacts,
    quotes: list[QuoteFacts],
    outputs: list[OutputFacts],
    more: OutputFacts,
    view: View,
    now: datetime,
) -> None:
    fresh = replace(
        more,
        outpoint=Outpoint("ff" * 32, 0),
        chain=OutputChain.BLOCK if more.chain is OutputChain.BLOCK else OutputChain.MEMPOOL,
        dsproof_at=None,
        doubted=False,
    )

    before = derive(invoice, quotes, outputs, view, now)
    then = derive(invoice, quotes, [*outputs, fresh], view, now)

    assert then.seen_sat >= before.seen_sat
    assert then.confirmed_sat >= before.confirmed_sat
    assert before.settle <= then.settle
    assert (before.status in ENOUGH) <= (then.status in ENOUGH)
    assert then.missing_sat <= before.missing_sat
    assert set(before.evidence) <= set(then.evidence) or then.settle


@often
@given(open_invoices, quote_lists, output_lists, views, moments)
def test_nothing_is_paid_without_proof_at_depth_or_the_instant_rule(
    invoice: InvoiceFacts,
    quotes: list[QuoteFacts],
    outputs: list[OutputFacts],
    view: View,
    now: datetime,
) -> None:
    decision = derive(invoice, quotes, outputs, view, now)
    prices = [quote.min_sat for quote in quotes]
    prices += [o.due_then_sat for o in outputs if o.due_then_sat]
    prices += [sat for sat in (view.due_today_sat, invoice.accepted_sat) if sat]

    assert decision.confirmed_sat == buried_sat(invoice, outputs, view)
    assert decision.settle == (decision.status is InvoiceState.PAID)
    if decision.settle:
        assert view.looked
        assert not view.held
        assert invoice.refund_due_at is None
        assert sum(o.value_sat for o in outputs if o.outpoint in decision.evidence) >= min(prices)
        assert decision.instantly or decision.confirmed_sat >= min(prices)
        assert view.instant_ok or not decision.instantly
    else:
        assert decision.evidence == ()


@often
@given(open_invoices, quote_lists, output_lists, views, moments)
def test_what_must_not_count_might_as_well_not_be_there(
    invoice: InvoiceFacts,
    quotes: list[QuoteFacts],
    outputs: list[OutputFacts],
    view: View,
    now: datetime,
) -> None:
    counting = [o for o in outputs if o.chain in PRESENT and not o.has_token and not o.own_forward]

    whole = derive(invoice, quotes, outputs, view, now)
    bare = derive(invoice, quotes, counting, view, now)

    for name in ("seen_sat", "confirmed_sat", "missing_sat", "over_sat", "confirmations"):
        assert getattr(whole, name) == getattr(bare, name)
    if not any(o.chain is OutputChain.MISSING for o in outputs):
        assert (whole.status, whole.settle) == (bare.status, bare.settle)


@often
@given(open_invoices, quote_lists, output_lists, views, moments, views, moments)
def test_a_latched_invoice_stays_paid_while_its_outputs_stay(
    invoice: InvoiceFacts,
    quotes: list[QuoteFacts],
    outputs: list[OutputFacts],
    view: View,
    now: datetime,
    later_view: View,
    later: datetime,
) -> None:
    decision = derive(invoice, quotes, outputs, view, now)
    if not decision.settle:
        return
    grown = replace(later_view, tip_height=max(view.tip_height, later_view.tip_height))

    then = derive(latched(invoice, decision), quotes, outputs, grown, later)

    assert (then.status, then.settle) == (InvoiceState.PAID, False)
    assert then.evidence == decision.evidence


@often
@given(
    open_invoices,
    quote_lists,
    st.lists(st.tuples(output_lists, views, moments), min_size=1, max_size=8),
)
def test_every_history_moves_along_the_table(
    invoice: InvoiceFacts,
    quotes: list[QuoteFacts],
    looks: list[tuple[list[OutputFacts], View, datetime]],
) -> None:
    state = InvoiceState.OPEN
    for outputs, view, now in looks:
        decision = derive(invoice, quotes, outputs, view, now)

        assert can_move(state, decision.status)
        was_settled = invoice.settled_at is not None
        assert not (was_settled and decision.settle)
        if decision.status is InvoiceState.REVERSED and state is InvoiceState.PAID:
            assert view.agreed
            assert not view.held
        if decision.status is InvoiceState.PAID and state is InvoiceState.REVERSED:
            assert decision.confirmed_sat == buried_sat(invoice, outputs, view) > 0
            assert not view.held
        invoice, state = latched(invoice, decision), decision.status


@often
@given(open_invoices, quote_lists, output_lists, views, moments)
def test_the_numbers_of_a_decision_agree(
    invoice: InvoiceFacts,
    quotes: list[QuoteFacts],
    outputs: list[OutputFacts],
    view: View,
    now: datetime,
) -> None:
    decision = derive(invoice, quotes, outputs, view, now)

    assert 0 <= decision.confirmed_sat <= decision.seen_sat
    assert decision.missing_sat >= 0
    assert decision.over_sat >= 0
    assert (InvoiceFlag.OVER in decision.flags) == (decision.over_sat > 0)
    assert (decision.seen_sat == 0) or decision.status not in {
        InvoiceState.OPEN,
        InvoiceState.EXPIRED,
    }
    if decision.status in ENOUGH:
        assert decision.missing_sat == 0


@often
@given(open_invoices, quote_lists, output_lists, views, moments, st.booleans())
def test_only_what_is_proved_and_not_dealt_with_is_owed(
    invoice: InvoiceFacts,
    quotes: list[QuoteFacts],
    outputs: list[OutputFacts],
    view: View,
    now: datetime,
    is_latched: bool,
) -> None:
    first = tuple(output.outpoint for output in outputs[:1])
    facts = replace(invoice, settled_at=NOON, evidence=first) if is_latched else invoice

    decision = derive(facts, quotes, outputs, view, now)

    assert decision.owed_sat >= 0
    assert decision.owed_sat == 0 or (
        decision.owed_sat + facts.refunded_sat <= buried_sat(facts, outputs, view)
    )
    if decision.status is InvoiceState.PAID:
        assert decision.owed_sat <= decision.over_sat
    else:
        assert decision.owed_sat == 0 or (facts.refund_due_at is not None and not is_latched)
    flags = decision.flags
    assert (decision.owed_sat == 0 and not facts.refund_open) or InvoiceFlag.REFUND_DUE in flags
    assert not {InvoiceFlag.REFUND_DUE, InvoiceFlag.REFUNDED} <= flags


@often
@given(open_invoices, quote_lists, output_lists, views, moments)
def test_calling_off_never_opens_and_withdrawing_never_settles(
    invoice: InvoiceFacts,
    quotes: list[QuoteFacts],
    outputs: list[OutputFacts],
    view: View,
    now: datetime,
) -> None:
    off = derive(replace(invoice, void_at=NOON), quotes, outputs, view, now)
    on = derive(replace(invoice, void_at=None), quotes, outputs, view, now)
    gone = derive(replace(invoice, refund_due_at=NOON), quotes, outputs, view, now)

    assert off.status is not InvoiceState.OPEN
    assert (off.settle, off.evidence, off.seen_sat) == (on.settle, on.evidence, on.seen_sat)
    assert off.status == on.status or on.status is InvoiceState.OPEN
    assert not gone.settle


@often
@given(open_invoices, quote_lists, output_lists, views, moments)
def test_accepting_what_came_never_makes_it_worse_and_asks_for_no_more(
    invoice: InvoiceFacts,
    quotes: list[QuoteFacts],
    outputs: list[OutputFacts],
    view: View,
    now: datetime,
) -> None:
    before = derive(replace(invoice, accepted_sat=None), quotes, outputs, view, now)
    taken = replace(invoice, accepted_sat=before.seen_sat)

    then = derive(taken, quotes, outputs, view, now)

    assert before.settle <= then.settle
    if before.seen_sat > 0:
        assert then.status in ENOUGH
        assert then.missing_sat == 0
