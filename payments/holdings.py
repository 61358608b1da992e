"""What lies on forwarders and where it is on its way: a creator's accounts, to the satoshi."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.db.models import Q, Sum

from payments import covenants, seals
from payments.models import Forward, Output, Payout
from payments.states import OutputChain, PayoutKind

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """Of all the owner's forwarders, those of earlier payouts too. ``waiting_sat`` is to be
    forwarded, ``in_flight_sat`` sent and not final yet, ``forwarded_sat`` arrived (what came, less
    the fees). ``stuck_sat`` is too small to be forwarded, payment by payment; ``token_sat`` lies on
    outputs that carry tokens, which are never forwarded: the tokens would be lost.
    """

    waiting_sat: int = 0
    in_flight_sat: int = 0
    forwarded_sat: int = 0
    stuck_sat: int = 0
    token_sat: int = 0


def of(owner: UUID) -> Holdings:
    """One owner's holdings, in a few queries per payout row."""
    rows = list(Payout.objects.filter(owner=owner, kind=PayoutKind.FORWARDER))
    sent = Forward.objects.filter(payout__in=rows, dropped_at=None).aggregate(
        in_flight=Sum("value_sat", filter=Q(mined_height=None)),
        done=Sum("value_sat", filter=Q(mined_height__isnull=False)),
    )
    still = [_still(row) for row in rows]
    return Holdings(
        waiting_sat=_sum(each["waiting"] for each in still),
        in_flight_sat=sent["in_flight"] or 0,
        forwarded_sat=sent["done"] or 0,
        stuck_sat=_sum(each["stuck"] for each in still),
        token_sat=_sum(each["token"] for each in still),
    )


def _still(row: Payout) -> dict[str, int | None]:
    """What lies on the addresses of one payout, and in no transaction of ours."""
    forwarder = seals.forwarder_of(row, 0)
    rate = min(settings.KIM_FORWARD_FEE_MSAT_PER_BYTE, covenants.most_msat_per_byte(forwarder))
    least_sat = covenants.least_sat(forwarder, msat_per_byte=rate)
    outputs = Output.objects.filter(
        invoice__payout=row, forward=None, chain__in=[OutputChain.MEMPOOL, OutputChain.BLOCK]
    )
    found: dict[str, int | None] = outputs.aggregate(
        waiting=Sum("value_sat", filter=Q(has_token=False, value_sat__gte=least_sat)),
        stuck=Sum("value_sat", filter=Q(has_token=False, value_sat__lt=least_sat)),
        token=Sum("value_sat", filter=Q(has_token=True)),
    )
    return found


def _sum(amounts: Iterable[int | None]) -> int:
    return sum(amount or 0 for amount in amounts)
