"""What an owner earned, at its leanest: one row per invoice that is settled and still there.

For sums over all sales at once; ``accounting`` has everything about each. A few queries, whatever
their number; the worth of a sale is the very figure that ``accounting`` gives.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from payments import amounts
from payments.amounts import BCH, Price
from payments.models import Invoice, Output, Quote
from payments.states import InvoiceState

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from decimal import Decimal
    from uuid import UUID

    from django.db.models import QuerySet
    from django.db.models.expressions import Combinable


class Income(NamedTuple):
    """One sale. ``thing``: what the caller's label says was sold; ``worth`` as ``Bill.worth``."""

    thing: Any
    settled_at: datetime
    settled_sat: int
    worth: Price | None


def of(owner: UUID, *, label: Combinable) -> list[Income]:
    """All of them, in no order. ``label``: an expression over the invoice's ``pk``; where it is null,
    the invoice is left out.
    """
    rows = Invoice.objects.filter(
        payout__owner=owner, state=InvoiceState.PAID, settled_at__isnull=False
    )
    rows = rows.annotate(thing=label).filter(thing__isnull=False)
    priced = rows.exclude(price_currency=BCH)
    worths = _worths(priced)
    found = rows.values_list("pk", "thing", "settled_at", "settled_sat")
    return [Income(thing, at, sat, worths.get(pk)) for pk, thing, at, sat in found if at]


def _worths(priced: QuerySet[Invoice]) -> dict[UUID, Price]:
    """By invoice: what settled it, each payment at the rate of its moment, or of its quote."""
    bills = {
        pk: (currency, set(evidence))
        for pk, currency, evidence in priced.values_list("pk", "price_currency", "evidence")
    }
    paid = Output.objects.filter(invoice__in=priced.values("pk"))
    names = ("invoice_id", "transaction_id", "vout", "value_sat")
    rated = paid.filter(rate__isnull=False).values_list(*names, "rate")
    parts: dict[Any, list[Price | None]] = defaultdict(list)
    for key, txid, vout, value_sat, rate in (*rated, *_by_quotes(paid, names)):
        currency, evidence = bills.get(key, ("", ()))
        if f"{txid}:{vout}" in evidence:
            worth = None if rate is None else amounts.value_of(value_sat, rate, currency)
            parts[key].append(worth)
    return {key: total for key, each in parts.items() if (total := _sum(each)) is not None}


def _by_quotes(paid: QuerySet[Output], names: tuple[str, ...]) -> Iterable[tuple[Any, ...]]:
    """Payments of which no rate was kept, with the rate of the quote in force when they were seen."""
    bare = list(paid.filter(rate=None).values_list(*names, "first_seen_at"))
    quotes: dict[Any, list[tuple[datetime, Decimal | None]]] = defaultdict(list)
    asked = Quote.objects.filter(invoice__in=paid.filter(rate=None).values("invoice"))
    rows = asked.order_by("quoted_at", "pk").values_list("invoice_id", "quoted_at", "rate")
    for key, at, rate in rows if bare else ():
        quotes[key].append((at, rate))
    for *facts, seen_at in bare:
        known = quotes[facts[0]]
        before = [rate for at, rate in known if at <= seen_at]
        yield (*facts, before[-1] if before else known[0][1] if known else None)


def _sum(parts: list[Price | None]) -> Price | None:
    """None where one of them is not known: half a worth would be a wrong one."""
    known = [part for part in parts if part is not None]
    if not known or len(known) < len(parts):
        return None
    return Price(sum((part.amount for part in known[1:]), known[0].amount), known[0].currency)
