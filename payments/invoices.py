"""What is owed, what came, and the one-way latch: the verbs of an invoice.

Observe, derive, latch (docs/payments.md, section 1): ``reconcile`` locks the row, stores what was
seen, asks the pure ``settlement.derive`` and writes status, event and latch in one transaction.
Any number of workers may run it, in any order, twice. The network is never asked inside one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Sum

from payments import (
    amounts,
    connection,
    events,
    hints,
    instant,
    observations,
    payouts,
    quotes,
    rate_table,
    settlement,
    tiers,
)
from payments.amounts import Price
from payments.errors import BadPrice, InvoiceMissing, PriceBelowFloor, QuoteStillOpen
from payments.events import EventView as EventView  # noqa: PLC0414 - unlock reads it from here
from payments.facts import View
from payments.models import Address, Invoice
from payments.states import EventKind, InvoiceState, PayoutKind, can_move

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from django.db.models import QuerySet

    from payments.chain import Sighting
    from payments.facts import Decision, InvoiceFacts
    from payments.payouts import PayoutView

CONFIRMATIONS: Final = (1, 2, 6, 10)
STALE_AFTER: Final = timedelta(minutes=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceView:
    """An invoice as the rest of the app sees it.

    ``due_sat`` is the whole price now in force and ``missing_sat`` what is still to send of it;
    ``confirmations`` is the policy and ``depth`` how deep enough lies; ``evidence`` are the
    outpoints ("txid:vout") that settled it; ``stale`` says that nobody looked for a while.
    """

    id: UUID
    state: InvoiceState
    flags: tuple[str, ...]
    address: str
    uri: str
    network: str
    price: Price
    due_sat: int
    seen_sat: int
    confirmed_sat: int
    missing_sat: int
    quote_until: datetime
    confirmations: int
    depth: int
    settled_at: datetime | None
    evidence: tuple[str, ...]
    stale: bool
    address_derivation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """How many invoices are settled, and what came in on them."""

    settled: int
    settled_sat: int


def open(  # noqa: A001 - the verb of the glossary; always called as invoices.open
    *, payout_id: UUID, price: Price, confirmations: int, now: datetime
) -> InvoiceView:
    """Allocate a fresh address, lock a quote for 20 minutes, start watching.

    Call it outside any transaction: an xpub's next index is first looked up on chain. Raises
    ``RateUnavailable`` (503), ``PriceBelowFloor``, ``PayoutMissing``, ``ChainUnavailable`` (503).
    """
    payout = payouts.get(payout_id)
    quoted = rate_table.quote(price, now=now)
    if quoted.due_sat < payout.floor_sat:
        raise PriceBelowFloor(f"The least price is {payout.floor_sat} sat.")
    if confirmations not in CONFIRMATIONS:
        raise BadPrice("Confirmations may be 1, 2, 6 or 10.", hint="Choose one of these.")
    issued = payouts.issue(payout_id, connection.chain, due_sat=quoted.due_sat)
    with transaction.atomic():
        invoice = Invoice.objects.create(
            payout_id=issued.payout_id,
            network=payout.network,
            price_amount=price.amount,
            price_currency=price.currency,
            confirmations=confirmations,
            due_sat=quoted.due_sat,
            missing_sat=quoted.due_sat,
            quote_until=quotes.until(now),
            created_at=now,
            changed_at=now,
            sweep_due_at=now + timedelta(seconds=settings.KIM_SWEEP_SECONDS),
        )
        Address.objects.create(
            invoice=invoice,
            payout_id=issued.payout_id,
            index=issued.index,
            script=issued.script.hex(),
            shown=issued.shown,
            redeem_script=issued.redeem_script.hex(),
        )
        quotes.add(invoice, quoted, now=now)
        hints.invoice_opened(invoice.id)
        events.record(invoice, EventKind.OPENED, was="", now=now)
    return status_of(invoice.id, now=now)


def status_of(invoice_id: UUID, *, now: datetime) -> InvoiceView:
    """One invoice as it stands; no network. Raises ``InvoiceMissing``."""
    view = statuses_of([invoice_id], now=now).get(invoice_id)
    if view is None:
        raise InvoiceMissing("There is no such invoice.")
    return view


def statuses_of(invoice_ids: Iterable[UUID], *, now: datetime) -> dict[UUID, InvoiceView]:
    """Several invoices in a constant number of queries; unknown ids are left out."""
    rows = Invoice.objects.select_related("address", "payout").filter(pk__in=list(invoice_ids))
    return {row.id: _view(row, now) for row in rows}


def reconcile(
    invoice_id: UUID,
    sighting: Sighting,
    *,
    now: datetime,
    held: bool = False,
    conflicted: frozenset[str] = frozenset(),
    evidence: instant.Evidence | None = None,
) -> InvoiceState:
    """Store what was seen, decide, and close the latch if it says so; all in one transaction.

    Idempotent, in any order, by any number of workers. ``held``: nothing may settle now;
    ``conflicted``: transactions with a double-spend proof; ``evidence``: what the instant rule asked
    the chain. Raises ``InvoiceMissing``.
    """
    with transaction.atomic():
        invoice = _lock(invoice_id)
        is_news = invoice.swept_at is None or sighting.swept_at >= invoice.swept_at
        due_sat = estimate_sat(_price(invoice), now=now)
        observations.store(invoice, sighting, due_now_sat=due_sat)
        observations.doubt(invoice, conflicted, now=now)
        if is_news:
            # An older look knows an older tip: by it, what is confirmed would be so no longer.
            invoice.swept_at = sighting.swept_at
            invoice.tip_height = sighting.tip.height
        view = View(
            tip_height=invoice.tip_height,
            swept_at=invoice.swept_at,
            agreed=sighting.agreed and is_news,
            due_today_sat=due_sat,
            held=held,
            instant_ok=instant.judge(invoice, evidence, now=now),
        )
        _decide(invoice, view, now)
    return InvoiceState(invoice.state)


def note_quiet(invoice_ids: Sequence[UUID], sighting: Sighting | None, *, now: datetime) -> None:
    """Note for many at once that a look found nothing new, where there is nothing to decide."""
    if sighting is None or not invoice_ids:
        return
    Invoice.objects.filter(pk__in=invoice_ids, state=InvoiceState.OPEN).update(
        swept_at=sighting.swept_at,
        tip_height=sighting.tip.height,
        sweep_due_at=now + timedelta(seconds=settings.KIM_SWEEP_SECONDS / 2),
    )


def requote(invoice_id: UUID, *, now: datetime) -> InvoiceView:
    """A new quote for the same address, at today's rate. Only once the last quote is over and the
    invoice is EXPIRED or PARTIAL; otherwise ``QuoteStillOpen``. Raises ``RateUnavailable``.
    """
    with transaction.atomic():
        invoice = _lock(invoice_id)
        is_over = now > invoice.quote_until
        if not is_over or invoice.state not in {InvoiceState.EXPIRED, InvoiceState.PARTIAL}:
            raise QuoteStillOpen("The quote still holds, or the invoice needs none.")
        quoted = rate_table.quote(_price(invoice), now=now)
        invoice.due_sat, invoice.void_at = quoted.due_sat, None
        quotes.add(invoice, quoted, now=now)
        hints.invoice_opened(invoice.id)
        hints.ask_reconcile(invoice.id)  # at today's price, what came already may be enough
        _decide(invoice, _unseen_view(invoice, now), now, told=EventKind.QUOTED)
    return status_of(invoice_id, now=now)


def void(invoice_id: UUID, *, now: datetime) -> InvoiceView:
    """Call an unpaid invoice off. It is watched on: money that still comes is seen."""
    with transaction.atomic():
        invoice = _lock(invoice_id)
        if invoice.settled_at is None and invoice.void_at is None:
            invoice.void_at = now
            _decide(invoice, _unseen_view(invoice, now), now, told=EventKind.VOIDED)
    return status_of(invoice_id, now=now)


def ask_check(invoice_id: UUID) -> None:
    """Enqueue a look at this invoice, after commit. A hint: losing it loses nothing."""
    hints.ask_reconcile(invoice_id)


def estimate_sat(price: Price, *, now: datetime) -> int | None:
    """What ``price`` is in satoshis at this moment, or None: no valid rate, or more than there is."""
    if price.currency == amounts.BCH:
        return amounts.due_sat(price, None)
    rate = rate_table.current(price.currency, now=now)
    if rate is None:
        return None
    try:
        return amounts.due_sat(price, rate.rate)
    except BadPrice:
        return None


def price_allowed(price: Price, payout: PayoutView, *, now: datetime) -> bool:
    """Whether ``price`` reaches the payout's floor. Raises ``RateUnavailable`` if nobody knows."""
    return rate_table.quote(price, now=now).due_sat >= payout.floor_sat


def events_after(cursor: int, limit: int = 500) -> tuple[EventView, ...]:
    """Events with a position beyond ``cursor``, oldest first."""
    return events.after(cursor, limit)


def totals(invoice_ids: Iterable[UUID]) -> Totals:
    """Settled count and satoshis over these invoices."""
    found = Invoice.objects.filter(pk__in=list(invoice_ids), settled_at__isnull=False).aggregate(
        count=Count("pk"), total=Sum("settled_sat")
    )
    return Totals(settled=found["count"], settled_sat=found["total"] or 0)


def _lock(invoice_id: UUID) -> Invoice:
    """The row, locked until commit. The payout is read with it, and not locked."""
    rows = Invoice.objects.select_for_update(of=("self",), no_key=True).select_related("payout")
    invoice = rows.filter(pk=invoice_id).first()
    if invoice is None:
        raise InvoiceMissing("There is no such invoice.")
    return invoice


def _decide(invoice: Invoice, view: View, now: datetime, *, told: EventKind | None = None) -> None:
    """Derive from the stored facts, and write the answer; under the row lock."""
    facts = observations.invoice_facts(invoice)
    decision = settlement.derive(
        facts,
        observations.quote_facts(invoice),
        observations.output_facts(invoice),
        view,
        now,
    )
    was, was_flags, shown = invoice.state, invoice.flags, _shown(invoice)
    if not can_move(InvoiceState(was), decision.status):
        raise RuntimeError(f"Invoice {invoice.id} cannot go from {was} to {decision.status}.")
    _apply(invoice, facts, decision, now)
    if was == InvoiceState.OPEN and invoice.state == InvoiceState.PARTIAL:
        quotes.extend(invoice, now=now)
    invoice.sweep_due_at = now + tiers.look_again(tiers.tier_of(invoice, now))
    has_moved = shown != _shown(invoice)
    invoice.changed_at = now if has_moved else invoice.changed_at
    invoice.save()
    kind = told or _kind(decision, was, was_flags, invoice)
    if kind is not None:
        events.record(invoice, kind, was=was, now=now)
    elif has_moved:  # an amount or the depth: pages show it, history does not need it
        hints.invoice_changed(invoice.id)


def _apply(invoice: Invoice, facts: InvoiceFacts, decision: Decision, now: datetime) -> None:
    invoice.state = decision.status
    invoice.flags = sorted(decision.flags)
    invoice.seen_sat, invoice.confirmed_sat = decision.seen_sat, decision.confirmed_sat
    invoice.depth = decision.confirmations
    if decision.due_now_sat is None:  # no rate: the last price that was in force is still shown
        invoice.missing_sat = settlement.to_send(invoice.due_sat, decision.seen_sat, facts)
    else:
        invoice.due_sat, invoice.missing_sat = decision.due_now_sat, decision.missing_sat
    if decision.settle and invoice.settled_at is None:
        invoice.settled_at, invoice.settled_instantly = now, decision.instantly
        invoice.settled_sat = decision.seen_sat if decision.instantly else decision.confirmed_sat
        invoice.evidence = [observations.text_of(outpoint) for outpoint in decision.evidence]


def _kind(decision: Decision, was: str, was_flags: list[str], invoice: Invoice) -> EventKind | None:
    if decision.settle:
        return EventKind.SETTLED
    if was != invoice.state:
        return EventKind.CHANGED
    return EventKind.FLAGGED if was_flags != invoice.flags else None


def hot(now: datetime) -> QuerySet[Invoice]:
    """Those that a payment is expected for: the push daemon listens, every sweep looks."""
    return tiers.rows_of(tiers.Tier.HOT, now)


def _unseen_view(invoice: Invoice, now: datetime) -> View:
    """A decision without a new look: what a person did, on what was seen last."""
    return View(
        tip_height=invoice.tip_height,
        swept_at=invoice.swept_at,
        agreed=False,
        due_today_sat=estimate_sat(_price(invoice), now=now),
        looked=False,
    )


def _view(row: Invoice, now: datetime) -> InvoiceView:
    limit = max(STALE_AFTER, timedelta(seconds=3 * settings.KIM_SWEEP_SECONDS))
    is_xpub = row.payout.kind == PayoutKind.XPUB
    return InvoiceView(
        id=row.id,
        state=InvoiceState(row.state),
        flags=tuple(row.flags),
        address=row.address.shown,
        uri=amounts.payment_uri(row.address.shown, amount_sat=row.missing_sat or None),
        network=row.network,
        price=_price(row),
        due_sat=row.due_sat,
        seen_sat=row.seen_sat,
        confirmed_sat=row.confirmed_sat,
        missing_sat=row.missing_sat,
        quote_until=row.quote_until,
        confirmations=row.confirmations,
        depth=row.depth,
        settled_at=row.settled_at,
        evidence=tuple(row.evidence),
        stale=row.state in tiers.UNSETTLED and now - (row.swept_at or row.created_at) > limit,
        address_derivation=f"{'m/0/' if is_xpub else 'forwarder '}{row.address.index}",
    )


def _shown(row: Invoice) -> tuple[object, ...]:
    """What people see change."""
    return (
        row.state,
        tuple(row.flags),
        row.due_sat,
        row.seen_sat,
        row.confirmed_sat,
        row.missing_sat,
        row.depth,
        row.quote_until,
    )


def _price(row: Invoice) -> Price:
    return amounts.parse_price(row.price_amount, row.price_currency)
