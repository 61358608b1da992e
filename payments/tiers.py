"""How often an invoice is looked at, and for how long: less and less, and for ever.

Four tiers (docs/payments.md, "Watching"): hot at every sweep, settling at every block, warm every
half hour, cold once a day. An invoice that is opened again, or that money comes to, moves up by
itself, because the tier is worked out anew at every decision. One output that may still vanish or
begin to count keeps whatever was sold settling, however deep the others lie.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db.models import F, Q

from payments.counting import COINBASE_DEPTH
from payments.models import Invoice, Output
from payments.states import InvoiceState, OutputChain

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

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
# In no block, or in one that is not proved: the servers' statuses may say nothing of how it ends.
_IN_DOUBT: Final = Q(chain=OutputChain.MEMPOOL) | Q(chain=OutputChain.BLOCK, spv_ok=False)
_TOO_NEW: Final = Q(chain=OutputChain.BLOCK) & (
    Q(height__gt=F("invoice__tip_height") + 1 - FINAL_DEPTH)
    | Q(is_coinbase=True, height__gt=F("invoice__tip_height") + 1 - COINBASE_DEPTH)
)


class Tier(StrEnum):
    """How eagerly an invoice is watched."""

    HOT = "hot"  # a payment is expected: push, and every sweep
    SETTLING = "settling"  # settled, not final yet: every block
    WARM = "warm"  # not expected, but not unlikely: every half hour
    COLD = "cold"  # every address ever issued: once a day


def unsettled_of(ids: Collection[UUID]) -> dict[UUID, bool]:
    """Those of ``ids`` with an output that is not final; True where one is in doubt."""
    rows = Output.objects.filter(_IN_DOUBT | _TOO_NEW, invoice__in=ids)
    said = rows.values_list("invoice_id", "chain", "spv_ok")
    found: dict[UUID, bool] = {}
    for key, chain, spv_ok in said:
        found[key] = found.get(key, False) or chain == OutputChain.MEMPOOL or not spv_ok
    return found


def tier_of(invoice: Invoice, now: datetime, unsettled: Collection[UUID]) -> Tier:
    """The tier of an invoice as its columns stand; ``unsettled``: see ``unsettled_of``."""
    if invoice.settled_at is None:
        hot_for = HOT_FOR if invoice.state in UNSETTLED else LATE_FOR
        if now < invoice.quote_until + hot_for:
            return Tier.HOT
        return Tier.WARM if now < invoice.quote_until + WARM_FOR else Tier.COLD
    if invoice.pk in unsettled:
        return Tier.SETTLING
    if now >= invoice.settled_at + WARM_FOR:
        return Tier.COLD
    return Tier.SETTLING if invoice.depth < FINAL_DEPTH else Tier.WARM


def look_again(tier: Tier, *, in_doubt: bool = False) -> timedelta:
    """How long after a look the sweep looks again.

    Half a sweep's interval for the hot, and for what is sold and has an output ``in_doubt``, so
    that every sweep takes them. Others that settle wait for their block; the half hour stands
    behind it.
    """
    if tier is Tier.HOT or (tier is Tier.SETTLING and in_doubt):
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
    moving = Q(pk__in=Output.objects.filter(_IN_DOUBT | _TOO_NEW).values("invoice"))
    match tier:
        case Tier.HOT:
            return unsettled & hot
        case Tier.SETTLING:
            return (young & Q(depth__lt=FINAL_DEPTH)) | (settled & moving)
        case Tier.WARM:
            return (young & Q(depth__gte=FINAL_DEPTH) & ~moving) | (
                unsettled & ~hot & Q(quote_until__gt=now - WARM_FOR)
            )
        case Tier.COLD:
            return (settled & ~young & ~moving) | (unsettled & ~Q(quote_until__gt=now - WARM_FOR))
