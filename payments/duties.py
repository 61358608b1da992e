"""Invoices that wait for a person: what came short, what is in doubt, what must go back."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db.models import Exists, OuterRef, Q, TextField
from django.db.models.functions import Cast

from payments.invoice_views import statuses_of
from payments.models import Invoice, Refund
from payments.states import InvoiceFlag, InvoiceState

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from payments.invoice_views import InvoiceView

TOLD_FOR: Final = timedelta(days=90)  # what nobody can do anything about is not told for ever
_UNPAID: Final = (InvoiceState.OPEN, InvoiceState.PARTIAL, InvoiceState.EXPIRED)


def waiting(owner: UUID, *, now: datetime, limit: int) -> tuple[InvoiceView, ...]:
    """The owner's, those with the latest change first: refunds that are open; paid in part, and the
    quotes are over; in doubt; and, of the last 90 days, reversed, or unpaid with coins beside tokens.
    """
    is_owed = Exists(Refund.objects.filter(invoice=OuterRef("pk"), closed_at=None))
    is_short = Q(state=InvoiceState.PARTIAL, quote_until__lt=now, refund_due_at=None)
    is_recent = Q(changed_at__gt=now - TOLD_FOR)
    token = Q(flags_text__contains=f'"{InvoiceFlag.TOKEN_IGNORED}"', state__in=_UNPAID)
    rows = Invoice.objects.filter(payout__owner=owner)
    rows = rows.annotate(flags_text=Cast("flags", TextField())).filter(
        is_owed
        | is_short
        | Q(state=InvoiceState.SUSPECT)
        | (is_recent & (Q(state=InvoiceState.REVERSED) | token))
    )
    ids = list(rows.order_by("-changed_at", "pk").values_list("pk", flat=True)[:limit])
    views = statuses_of(ids, now=now)
    return tuple(views[key] for key in ids)
