"""What is owed, what came, and the one-way latch: the verbs of an invoice.

Observe, derive, latch (docs/payments.md, section 1): ``reconcile`` locks the row, stores what was
seen, asks the pure ``settlement.derive`` and writes status, event and latch in one transaction.
Any number of workers may run it, in any order, twice. The network is never asked inside one.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import transaction

from payments import (
    amounts,
    connection,
    decisions,
    events,
    hints,
    instant,
    observations,
    payouts,
    quotes,
    rate_table,
    terms,
    tiers,
)
from payments.errors import (
    AlreadySettled,
    BadPrice,
    InvoiceWithdrawn,
    NothingToAccept,
    PriceBelowFloor,
    QuoteStillOpen,
)
from payments.events import EventView as EventView  # noqa: PLC0414 - unlock reads it from here
from payments.facts import View
from payments.invoice_views import (
    STALE_AFTER,
    InvoiceView,
    Totals,
    price_of,
    status_of,
    statuses_of,
    totals,
    view_of,
)
from payments.models import Address, Invoice
from payments.rate_table import estimate_sat
from payments.states import EventKind, InvoiceState, PayoutKind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

    from payments.amounts import Price
    from payments.chain import Sighting
    from payments.payouts import Issued, PayoutView
    from payments.rate_table import Quoted

__all__ = [
    "STALE_AFTER",
    "EventView",
    "InvoiceView",
    "Totals",
    "accept",
    "ask_check",
    "estimate_sat",
    "events_after",
    "hot",
    "note_quiet",
    "open",
    "price_allowed",
    "reconcile",
    "requote",
    "status_of",
    "statuses_of",
    "totals",
    "void",
    "withdraw",
    "write",
]

CONFIRMATIONS: Final = (1, 2, 6, 10)


def open(  # noqa: A001 - the verb of the glossary; always called as invoices.open
    *, payout_id: UUID, price: Price, confirmations: int, now: datetime, instant: bool = False
) -> InvoiceView:
    """Allocate a fresh address, lock a quote for 20 minutes, start watching; by the owner's terms.

    ``instant``: it may settle before a block, within the owner's ceilings. Call it outside any
    transaction: an xpub's next index is first looked up on chain. Raises ``RateUnavailable`` (503),
    ``PriceBelowFloor``, ``PayoutMissing``, ``ChainUnavailable`` (503).
    """
    payout = payouts.row_of(payout_id)
    quoted = rate_table.quote(price, now=now, owner=payout.owner)
    floor_sat = amounts.FLOOR_SAT[PayoutKind(payout.kind)]
    if quoted.due_sat < floor_sat:
        raise PriceBelowFloor("The least price is {floor_sat} sat.", floor_sat=floor_sat)
    if confirmations not in CONFIRMATIONS:
        raise BadPrice("Confirmations may be 1, 2, 6 or 10.", hint="Choose one of these.")
    issued = payouts.issue_from(payout, connection.chain, due_sat=quoted.due_sat)
    asked = terms.of(payout.owner)
    invoice = Invoice(
        network=payout.network,
        price_amount=price.amount,
        price_currency=price.currency,
        confirmations=confirmations,
        honour_sats=asked.honour_sats,
        tolerance_bps=asked.tolerance_bps,
        instant_ceiling_sat=asked.instant_invoice_sat if instant and asked.instant_total_sat else 0,
    )
    with transaction.atomic():
        write(invoice, issued, quoted, now=now)
        events.record(invoice, EventKind.OPENED, was="", now=now)
    if issued.payout_id == payout.id:
        invoice.payout = payout  # read above, as the address was written: nothing to ask again
    return view_of(invoice, now=now)


def write(
    invoice: Invoice,
    issued: Issued,
    quoted: Quoted,
    *,
    now: datetime,
    until: datetime | None = None,
) -> None:
    """Store a new invoice with its address and its first quote; inside a transaction. ``until``: the
    end of a quote that was given earlier.
    """
    invoice.payout_id = issued.payout_id
    invoice.due_sat = invoice.missing_sat = quoted.due_sat
    invoice.quote_until = until or quotes.until(now)
    invoice.created_at = invoice.changed_at = now
    invoice.sweep_due_at = now + tiers.look_again(tiers.Tier.HOT)
    invoice.save(force_insert=True)
    Address.objects.create(
        invoice=invoice,
        payout_id=issued.payout_id,
        index=issued.index,
        script=issued.script.hex(),
        shown=issued.shown,
        redeem_script=issued.redeem_script.hex(),
    )
    quotes.add(invoice, quoted, now=now, until=invoice.quote_until)
    hints.invoice_opened(invoice.id)


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
        invoice = decisions.lock(invoice_id)
        is_news = invoice.swept_at is None or sighting.swept_at >= invoice.swept_at
        priced = decisions.price_now(invoice, now=now)
        observations.store(invoice, sighting, priced=priced)
        observations.doubt(invoice, conflicted, now=now)
        if is_news:
            # An older look knows an older tip: by it, what is confirmed would be so no longer.
            invoice.swept_at = sighting.swept_at
            invoice.tip_height = sighting.firm_height
        view = View(
            tip_height=invoice.tip_height,
            swept_at=invoice.swept_at,
            agreed=sighting.agreed and is_news,
            due_today_sat=None if priced is None else priced.due_sat,
            held=held,
            instant_ok=instant.judge(invoice, evidence, now=now),
            contested_blocks=sighting.tip.height - sighting.firm_height if is_news else 0,
        )
        decisions.decide(invoice, view, now)
    return InvoiceState(invoice.state)


def note_quiet(invoice_ids: Sequence[UUID], sighting: Sighting | None, *, now: datetime) -> None:
    """Note for many at once that a look found nothing new, where there is nothing to decide."""
    if sighting is None or not invoice_ids:
        return
    Invoice.objects.filter(pk__in=invoice_ids, state=InvoiceState.OPEN).update(
        swept_at=sighting.swept_at,
        tip_height=sighting.firm_height,
        sweep_due_at=now + timedelta(seconds=settings.KIM_SWEEP_SECONDS / 2),
    )


def requote(invoice_id: UUID, *, now: datetime) -> InvoiceView:
    """A new quote for the same address, at today's rate. Only once the last quote is over and the
    invoice is EXPIRED or PARTIAL; otherwise ``QuoteStillOpen``. Raises ``RateUnavailable``, and
    ``InvoiceWithdrawn`` when what comes would go back.
    """
    with transaction.atomic():
        invoice = decisions.lock(invoice_id)
        if invoice.refund_due_at is not None and invoice.settled_at is None:
            raise InvoiceWithdrawn("This can no longer be bought.")
        is_over = now > invoice.quote_until
        if not is_over or invoice.state not in {InvoiceState.EXPIRED, InvoiceState.PARTIAL}:
            raise QuoteStillOpen("The quote still holds, or the invoice needs none.")
        quoted = rate_table.quote(price_of(invoice), now=now, owner=invoice.payout.owner)
        invoice.due_sat, invoice.void_at = quoted.due_sat, None
        invoice.quote_until = quotes.until(now)
        quotes.add(invoice, quoted, now=now, until=invoice.quote_until)
        hints.invoice_opened(invoice.id)
        hints.ask_reconcile(invoice.id)  # at today's price, what came already may be enough
        decisions.decide(invoice, decisions.unseen_view(invoice, now), now, told=EventKind.QUOTED)
    return status_of(invoice_id, now=now)


def void(invoice_id: UUID, *, now: datetime) -> InvoiceView:
    """Call an unpaid invoice off. It is watched on: money that still comes is seen."""
    with transaction.atomic():
        invoice = decisions.lock(invoice_id)
        if invoice.settled_at is None and invoice.void_at is None:
            invoice.void_at = now
            decisions.decide(
                invoice, decisions.unseen_view(invoice, now), now, told=EventKind.VOIDED
            )
    return status_of(invoice_id, now=now)


def withdraw(invoice_id: UUID, *, now: datetime) -> InvoiceView:
    """The file is gone for good: an unpaid order opens nothing any more, and what came for it, or
    still comes, is owed back once it is deep in the chain. A paid one stays as it is.
    """
    with transaction.atomic():
        invoice = decisions.lock(invoice_id)
        if invoice.settled_at is None and invoice.refund_due_at is None:
            invoice.refund_due_at, invoice.void_at = now, invoice.void_at or now
            decisions.decide(
                invoice, decisions.unseen_view(invoice, now), now, told=EventKind.VOIDED
            )
    return status_of(invoice_id, now=now)


def accept(invoice_id: UUID, *, now: datetime) -> InvoiceView:
    """The creator takes what has come, though it is less than the price. It settles once that is
    deep enough. Raises ``AlreadySettled``, ``InvoiceWithdrawn``, and ``NothingToAccept`` when
    nothing came, or enough.
    """
    with transaction.atomic():
        invoice = decisions.lock(invoice_id)
        if invoice.settled_at is not None:
            raise AlreadySettled("This order is paid already.")
        if invoice.refund_due_at is not None:
            raise InvoiceWithdrawn("What came for this order goes back.")
        if invoice.state != InvoiceState.PARTIAL and invoice.accepted_sat == invoice.seen_sat > 0:
            return status_of(invoice_id, now=now)
        if invoice.state != InvoiceState.PARTIAL:
            raise NothingToAccept("This order is not paid in part.")
        invoice.accepted_at, invoice.accepted_sat = now, invoice.seen_sat
        hints.ask_reconcile(invoice.id)
        decisions.decide(invoice, decisions.unseen_view(invoice, now), now, told=EventKind.ACCEPTED)
    return status_of(invoice_id, now=now)


def ask_check(invoice_id: UUID) -> None:
    """Enqueue a look at this invoice, after commit. A hint: losing it loses nothing."""
    hints.ask_reconcile(invoice_id)


def price_allowed(price: Price, payout: PayoutView, *, now: datetime) -> bool:
    """Whether ``price`` reaches the payout's floor. Raises ``RateUnavailable`` if nobody knows."""
    return rate_table.quote(price, now=now, owner=payout.owner).due_sat >= payout.floor_sat


def events_after(cursor: int, limit: int = 500) -> tuple[EventView, ...]:
    """Events with a position beyond ``cursor``, oldest first."""
    return events.after(cursor, limit)


def hot(now: datetime) -> QuerySet[Invoice]:
    """Those that a payment is expected for: the push daemon listens, every sweep looks."""
    return tiers.rows_of(tiers.Tier.HOT, now)
