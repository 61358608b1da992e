"""Whether anything of an owner's is still on its way: before they leave, nothing may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db.models import Max, Q

from payments import holdings
from payments.models import Invoice, Refund
from payments.states import InvoiceState

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

_MOVING: Final = (InvoiceState.PARTIAL, InvoiceState.SEEN, InvoiceState.SUSPECT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsettled:
    """``refunds``: owed and open. ``orders``: with money that does not count yet. ``payable_until``:
    when the last open order's time ends. ``forwarding_sat``: on its way to the owner.
    """

    refunds: int
    orders: int
    payable_until: datetime | None
    forwarding_sat: int


def of(owner: UUID, *, now: datetime) -> Unsettled:
    """As the last looks at the chain found it; no network."""
    mine = Invoice.objects.filter(payout__owner=owner)
    held = holdings.of(owner)
    is_open = Q(state=InvoiceState.OPEN, quote_until__gt=now)
    return Unsettled(
        refunds=Refund.objects.filter(invoice__in=mine, closed_at=None).count(),
        orders=mine.filter(state__in=_MOVING).count(),
        payable_until=mine.filter(is_open).aggregate(last=Max("quote_until"))["last"],
        forwarding_sat=held.waiting_sat + held.in_flight_sat,
    )
