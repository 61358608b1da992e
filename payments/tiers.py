"""How often an invoice is looked at, and for how long: less and less, and for ever.

Four tiers (docs/payments.md, "Watching"): hot at every sweep, settling at every block, warm every
half hour, cold once a day. An invoice that is opened again, or that money comes to, moves up by
itself, because the tier is worked out anew at every decision.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db.models import Q

from payments.models import Invoice
from payments.states import InvoiceState

if TYPE_CHECKING:
    from django.db.models import QuerySet

HOT_FOR: Final = timedelta(hours=24)  # after the last quote's end
LATE_FOR: Final = timedelta(hours=2)  # as well, with nothing seen: most who pay late pay soon
WARM_FOR: Final = timedelta(days=90)  # after the last quote's end, or after settling
WARM_EVERY: Final = timedelta(minutes=30)
COLD_EVERY: Final = timedelta(days=1)
FINAL_DEPTH: Final = 10  # nodes refuse deeper reorgs
UNSETTLED: Final = (
    InvoiceState.OPEN,
    InvoiceState.PARTIAL,
    InvoiceState.SEEN,
    InvoiceState.SUSPECT,
)


class Tier(StrEnum):
    """How eagerly an invoice is watched."""

    HOT = "hot"  # a payment is expected: push, and every sweep
    SETTLING = "settling"  # settled, not final yet: every block
    WARM = "warm"  # not expected, but not unlikely: every half hour
    COLD = "cold"  # every address ever issued: once a day


def tier_of(invoice: Invoice, now: datetime) -> Tier:
    """The tier of an invoice as its columns stand."""
    if invoice.settled_at is None:
        hot_for = HOT_FOR if invoice.state in UNSETTLED else LATE_FOR
        if now < invoice.quote_until + hot_for:
            return Tier.HOT
        return Tier.WARM if now < invoice.quote_until + WARM_FOR else Tier.COLD
    if now >= invoice.settled_at + WARM_FOR:
        return Tier.COLD
    return Tier.SETTLING if invoice.depth < FINAL_DEPTH else Tier.WARM


def look_again(tier: Tier) -> timedelta:
    """How long after a look the sweep looks again.

    Half a sweep's interval for the hot, so that every sweep takes them. Those that settle wait for
    their block; the half hour stands behind it.
    """
    if tier is Tier.HOT:
        return timedelta(seconds=settings.KIM_SWEEP_SECONDS / 2)
    return COLD_EVERY if tier is Tier.COLD else WARM_EVERY


def rows_of(tier: Tier, now: datetime) -> QuerySet[Invoice]:
    """The invoices of one tier: ``tier_of`` as a question to the database."""
    return Invoice.objects.filter(_where(tier, now))


def concerned_by_a_block(now: datetime) -> QuerySet[Invoice]:
    """Those whose depth a block changes: what waits for one, and what settled not long ago."""
    waiting = Q(state__in=[InvoiceState.SEEN, InvoiceState.SUSPECT])
    return Invoice.objects.filter(waiting | _where(Tier.SETTLING, now))


def _where(tier: Tier, now: datetime) -> Q:
    unsettled, settled = Q(settled_at=None), Q(settled_at__isnull=False)
    hot = Q(state__in=UNSETTLED, quote_until__gt=now - HOT_FOR) | Q(
        state=InvoiceState.EXPIRED, quote_until__gt=now - LATE_FOR
    )
    young = Q(settled_at__gt=now - WARM_FOR)
    match tier:
        case Tier.HOT:
            return unsettled & hot
        case Tier.SETTLING:
            return young & Q(depth__lt=FINAL_DEPTH)
        case Tier.WARM:
            return (young & Q(depth__gte=FINAL_DEPTH)) | (
                unsettled & ~hot & Q(quote_until__gt=now - WARM_FOR)
            )
        case Tier.COLD:
            return (settled & ~young) | (unsettled & ~Q(quote_until__gt=now - WARM_FOR))
