"""What must go back to buyers, as rows: opened and raised under the invoice's row lock.

``payments.refunds`` holds the verbs that people and the watcher use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from payments.models import Refund
from payments.states import RefundReason

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from payments.models import Invoice


def open_of(invoice: Invoice) -> Refund | None:
    """The refund that waits to be paid, if there is one."""
    return invoice.refunds.filter(closed_at=None).first()


def standing(invoice: Invoice) -> tuple[bool, int]:
    """Whether a refund waits to be paid, and what was dealt with of what this invoice owes by
    itself: of a paid one that is what was too much, of another everything.
    """
    rows = list(invoice.refunds.all())
    closed = [row for row in rows if row.closed_at is not None]
    if invoice.settled_at is not None:
        closed_for = [row for row in closed if row.reason == RefundReason.OVER]
    else:
        closed_for = closed
    return len(closed) < len(rows), _sum(closed_for)


def returned_sat(invoice: Invoice) -> int:
    """What was dealt with, for whatever reason."""
    return _sum(invoice.refunds.filter(closed_at__isnull=False))


def note(invoice: Invoice, owed_sat: int, *, now: datetime) -> bool:
    """Write down that ``owed_sat`` must go back; whether that is news. A refund whose payment is on
    its way, or that a person asked for, keeps its amount.
    """
    if owed_sat <= 0:
        return False
    row = open_of(invoice)
    if row is None:
        last = invoice.refunds.order_by("asked_at").last()
        is_over = invoice.settled_at is not None
        other = RefundReason(last.reason) if last is not None else RefundReason.REMOVED
        add(invoice, RefundReason.OVER if is_over else other, owed_sat, now=now)
        return True
    is_ours = (row.reason == RefundReason.OVER) == (invoice.settled_at is not None)
    if row.txid or row.due_sat >= owed_sat or not is_ours:
        return False
    row.due_sat = owed_sat
    row.save(update_fields=["due_sat"])
    return True


def add(invoice: Invoice, reason: RefundReason, due_sat: int, *, now: datetime) -> Refund:
    """A refund that waits to be paid, to where the buyer said."""
    return Refund.objects.create(
        invoice=invoice,
        reason=reason,
        due_sat=due_sat,
        address=invoice.refund_address,
        script=invoice.refund_script,
        asked_at=now,
    )


def _sum(rows: Iterable[Refund]) -> int:
    return sum(max(row.due_sat, row.paid_sat) for row in rows)
