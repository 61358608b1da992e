"""What the whole instance took, and what it owes back: exact sums in a query each. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from django.db.models import BigIntegerField, Count, F, Min, Q, Sum
from django.db.models.functions import Cast, Coalesce, Greatest, Round

from payments.amounts import Price
from payments.models import Invoice, Refund
from payments.states import InvoiceState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from django.db.models import QuerySet

_PARTS: Final = 100_000_000  # prices have eight digits; summed as whole numbers, on every database


@dataclass(frozen=True, slots=True, kw_only=True)
class Turnover:
    """Sales that were settled at or after ``since`` and are still there. ``prices``: what was asked
    for them, by currency.
    """

    since: datetime
    count: int
    settled_sat: int
    prices: tuple[Price, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """Refunds that are open. ``rest_sat``: what nobody has sent yet."""

    count: int
    rest_sat: int
    oldest_at: datetime | None


def since(moments: Sequence[datetime], *, without: QuerySet[Any, Any]) -> tuple[Turnover, ...]:
    """The turnover since each moment, in one query that reads the settled since the first of them.

    ``without``: a query of invoice ids that are no sales, none of them null.
    """
    rows = Invoice.objects.filter(state=InvoiceState.PAID, settled_at__gte=min(moments))
    rows = rows.exclude(pk__in=without)
    sums: dict[str, Any] = {}
    for at, moment in enumerate(moments):
        within = Q(settled_at__gte=moment)
        parts = Cast(Round(F("price_amount") * _PARTS), BigIntegerField())
        sums[f"count_{at}"] = Count("pk", filter=within)
        sums[f"sat_{at}"] = Coalesce(Sum("settled_sat", filter=within), 0)
        sums[f"parts_{at}"] = Coalesce(Sum(parts, filter=within), 0)
    found: list[Any] = list(rows.order_by().values("price_currency").annotate(**sums))
    found.sort(key=lambda row: str(row["price_currency"]))
    return tuple(
        Turnover(
            since=moment,
            count=sum(row[f"count_{at}"] for row in found),
            settled_sat=sum(row[f"sat_{at}"] for row in found),
            prices=tuple(
                Price(Decimal(row[f"parts_{at}"]) / _PARTS, row["price_currency"])
                for row in found
                if row[f"count_{at}"]
            ),
        )
        for at, moment in enumerate(moments)
    )


def owed() -> Owed:
    rest = Greatest(F("due_sat") - F("paid_sat"), 0)
    found = Refund.objects.filter(closed_at=None).aggregate(
        count=Count("pk"), rest=Coalesce(Sum(rest), 0), oldest=Min("asked_at")
    )
    return Owed(count=found["count"], rest_sat=found["rest"], oldest_at=found["oldest"])
