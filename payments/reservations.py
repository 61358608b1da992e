"""How many orders hold something: paid for, or still within their time. For whoever sells so many.

An order holds its copy from the moment it is opened to the end of its quote and the silent grace;
paid or on the way into a block, for good. Whoever pays later than that has *lapsed*.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Count, Min, Q

from payments import decisions
from payments.models import Invoice
from payments.settlement import GRACE
from payments.withdrawals import PAID_UP

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

_TAKEN = Q(settled_at__isnull=False) | Q(state__in=PAID_UP, refund_due_at=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """``taken``: settled, or enough was seen. ``reserved``: unpaid, but in time; the first of these
    runs out at ``free_at``. ``lapsed``: out of time, and would be served if paid all the same.
    """

    taken: int
    reserved: int
    lapsed: int
    free_at: datetime | None


def held(among: QuerySet[Any, Any], *, now: datetime) -> Held:
    """``among``: a query of invoices' ids."""
    found = Invoice.objects.filter(pk__in=among).aggregate(
        taken=Count("pk", filter=_TAKEN),
        reserved=Count("pk", filter=_in_time(now)),
        lapsed=Count("pk", filter=_late(now)),
        until=Min("quote_until", filter=_in_time(now)),
    )
    until = found.pop("until")
    return Held(**found, free_at=None if until is None else until + GRACE)


def holding(invoice_ids: Iterable[UUID], *, now: datetime) -> set[UUID]:
    """Those that are taken or reserved."""
    rows = Invoice.objects.filter(_TAKEN | _in_time(now), pk__in=list(invoice_ids))
    return set(rows.values_list("pk", flat=True))


def lapsed(among: QuerySet[Any, Any], *, now: datetime, limit: int) -> list[UUID]:
    """Those whom somebody sent nothing for first, and of these the oldest."""
    rows = Invoice.objects.filter(_late(now), pk__in=among)
    return list(rows.order_by("seen_sat", "quote_until").values_list("pk", flat=True)[:limit])


def settled_up_to(among: QuerySet[Any, Any], invoice_id: UUID) -> int:
    """The place of this one in the order in which they settled, from 1; 0 of an unsettled one."""
    own = Invoice.objects.filter(pk=invoice_id).values_list("settled_at", flat=True).first()
    if own is None:
        return 0
    before = Q(settled_at__lt=own) | Q(settled_at=own, pk__lte=invoice_id)
    return Invoice.objects.filter(before, pk__in=among).count()


def note_oversold(invoice_id: UUID, *, now: datetime) -> bool:
    """Flag a settled invoice that went beyond the stock; whether it was not known before."""
    with transaction.atomic():
        invoice = decisions.lock(invoice_id)
        if invoice.oversold:
            return False
        invoice.oversold = True
        decisions.decide(invoice, decisions.unseen_view(invoice, now), now)
    return True


def _unpaid() -> Q:
    return Q(settled_at=None, refund_due_at=None) & ~Q(state__in=PAID_UP)


def _in_time(now: datetime) -> Q:
    return _unpaid() & Q(void_at=None, quote_until__gte=now - GRACE)


def _late(now: datetime) -> Q:
    return _unpaid() & (Q(quote_until__lt=now - GRACE) | Q(void_at__isnull=False))
