"""Orders of things that are gone for good: nobody should pay them, and what comes goes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.db import transaction

from payments import decisions, invoices
from payments.models import Invoice
from payments.states import InvoiceState

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

PAID_UP: Final = frozenset({InvoiceState.SEEN, InvoiceState.SUSPECT})


def withdraw_some(among: QuerySet[Any, Any], *, spare_paid: bool, now: datetime, limit: int) -> int:
    """Withdraw unpaid invoices, those with the latest quotes first; how many there were.

    ``among``: a query of their ids. ``spare_paid``: whoever sent enough already, and only waits for
    a block, still gets what they paid for. Repeatable; each in a transaction of its own, or in the
    caller's.
    """
    rows = Invoice.objects.filter(pk__in=among, settled_at=None, refund_due_at=None)
    if spare_paid:
        rows = rows.exclude(state__in=PAID_UP)
    count = 0
    for invoice_id in rows.order_by("-quote_until").values_list("pk", flat=True)[:limit]:
        with transaction.atomic():
            invoice = decisions.lock(invoice_id)  # it may have been paid in this moment
            if spare_paid and invoice.state in PAID_UP:
                continue
            invoices.withdraw(invoice_id, now=now)
            count += 1
    return count
