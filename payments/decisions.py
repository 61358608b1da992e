"""Writing a decision down: under the invoice's row lock, with its event, in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from payments import debts, events, hints, observations, quotes, rate_table, settlement, tiers
from payments.errors import BadPrice, InvoiceMissing, RateUnavailable
from payments.facts import View
from payments.invoice_views import price_of
from payments.models import Invoice
from payments.states import EventKind, InvoiceState, can_move

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from payments.facts import Decision, InvoiceFacts
    from payments.rate_table import Quoted


def lock(invoice_id: UUID) -> Invoice:
    """The row, locked until commit. The payout is read with it, and not locked. Raises
    ``InvoiceMissing``.
    """
    rows = Invoice.objects.select_for_update(of=("self",), no_key=True).select_related("payout")
    invoice = rows.filter(pk=invoice_id).first()
    if invoice is None:
        raise InvoiceMissing("There is no such invoice.")
    return invoice


def decide(invoice: Invoice, view: View, now: datetime, *, told: EventKind | None = None) -> None:
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
    unsettled = tiers.unsettled_of([invoice.pk])
    tier = tiers.tier_of(invoice, now, unsettled)
    in_doubt = unsettled.get(invoice.pk, False)
    invoice.sweep_due_at = now + tiers.look_again(tier, in_doubt=in_doubt)
    has_moved = shown != _shown(invoice)
    invoice.changed_at = now if has_moved else invoice.changed_at
    invoice.save()
    is_owed = debts.note(invoice, decision.owed_sat, now=now)
    kind = told or _kind(decision, was, was_flags, invoice)
    if kind is not None and not (is_owed and kind is EventKind.FLAGGED):
        events.record(invoice, kind, was=was, now=now)
    if is_owed and kind is not EventKind.REFUND_DUE:
        events.record(invoice, EventKind.REFUND_DUE, was=invoice.state, now=now)
    if (
        has_moved and kind is None
    ):  # an amount or the depth: pages show it, history does not need it
        hints.invoice_changed(invoice.id)


def unseen_view(invoice: Invoice, now: datetime) -> View:
    """A decision without a new look: what a person did, on what was seen last."""
    quoted = price_now(invoice, now=now)
    return View(
        tip_height=invoice.tip_height,
        swept_at=invoice.swept_at,
        agreed=False,
        due_today_sat=None if quoted is None else quoted.due_sat,
        looked=False,
    )


def price_now(invoice: Invoice, *, now: datetime) -> Quoted | None:
    """What the invoice would be quoted at now, or None: no valid rate, or more than there is."""
    try:
        return rate_table.quote(price_of(invoice), now=now, owner=invoice.payout.owner)
    except (RateUnavailable, BadPrice):
        return None


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
