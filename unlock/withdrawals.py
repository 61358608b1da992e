"""Removed files and the orders of them that are not paid: called off, and what comes goes back.

Whoever paid keeps what they paid for. When its creator removes a file, that includes buyers whose
payment was seen and waits for a block; when it is removed by moderation, it does not.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from payments import withdrawals
from unlock.models import Purchase
from unlock.states import FileState

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

    from payments.invoices import InvoiceView
    from unlock.models import PaidFile

AT_ONCE: Final = 50  # in the request that removes a file; the newest, whose pages are looked at
PER_RUN: Final = 1000


def shown(invoice: InvoiceView, bought: Purchase) -> InvoiceView:
    """The order as its buyer is told: called off from the moment its file is, row or no row yet.

    A file may have thousands of open orders; no page waits until its turn has come to be withdrawn.
    """
    is_due = (
        bought.paid_file.state == FileState.REMOVED
        and invoice.settled_at is None
        and (
            bought.paid_file.removed_reason != ""
            or (bought.restored_at is None and invoice.state not in withdrawals.PAID_UP)
        )
    )
    return replace(invoice, is_withdrawn=True) if is_due else invoice


def of_file(paid_file: PaidFile, *, now: datetime) -> int:
    """The newest orders of a file that is being removed; ``finish`` does the others."""
    return _withdraw(Purchase.objects.filter(paid_file=paid_file), now=now, limit=AT_ONCE)


def finish(*, now: datetime) -> int:
    """Whatever is left of all removed files, also what was seen and is gone again. Repeatable."""
    return _withdraw(Purchase.objects.all(), now=now, limit=PER_RUN)


def _withdraw(bought: QuerySet[Purchase], *, now: datetime, limit: int) -> int:
    gone = bought.filter(paid_file__state=FileState.REMOVED, invoice_id__isnull=False)
    moderated = gone.exclude(paid_file__removed_reason="")
    # Brought back after a database was lost, an order may have been paid long ago: the chain says.
    own = gone.filter(paid_file__removed_reason="", restored_at=None)
    return sum(
        withdrawals.withdraw_some(
            rows.values("invoice_id"), spare_paid=spare_paid, now=now, limit=limit
        )
        for rows, spare_paid in ((moderated, False), (own, True))
    )
