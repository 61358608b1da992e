"""Sales: a creator's purchases that have an invoice, with what came for them. Reads only.

Proofs of the creator's own are listed and marked, and count in no total; granted purchases have no
invoice and are no sales.
"""

from __future__ import annotations

import base64
import binascii
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol
from uuid import UUID

from payments import accounting
from payments.accounting import Place, Wanted
from payments.amounts import Price
from unlock import free_copies
from unlock.creator_errors import CursorInvalid
from unlock.errors import PurchaseUnknown
from unlock.models import Purchase

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import tzinfo

    from django.db.models import QuerySet

    from payments.accounting import Bill
    from unlock.models import Creator

MOST_BARS: Final = 400


class Step(StrEnum):
    """How wide a bar of the chart is."""

    DAY = "day"
    WEEK = "week"  # from Monday
    MONTH = "month"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What to show. ``text``: a transaction id, an address, or the id of a purchase or invoice."""

    since: datetime | None = None
    until: datetime | None = None
    states: tuple[str, ...] = ()
    flag: str = ""
    file: UUID | None = None
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    purchase: Purchase
    bill: Bill

    @property
    def tip(self) -> Price | None:
        """The part of the price that its buyer added of their own accord."""
        amount = self.purchase.tip_amount
        return None if amount is None else Price(amount, self.bill.price.currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """``next`` continues it; "" at the end."""

    sales: tuple[Sale, ...]
    next: str


class Earned(Protocol):
    """What takings are summed up of: a whole bill, or as little as ``payments.incomes`` reads."""

    @property
    def settled_sat(self) -> int: ...
    @property
    def worth(self) -> Price | None: ...


@dataclass(slots=True, kw_only=True)
class Takings:
    """What was earned: sales settled and still there, in satoshis, and what they were worth then.

    ``unpriced``: sales without a known worth, priced in BCH or from before rates were kept.
    """

    count: int = 0
    income_sat: int = 0
    worth: dict[str, Decimal] = field(default_factory=dict)
    unpriced: int = 0

    def add(self, bill: Earned) -> None:
        self.count += 1
        self.income_sat += bill.settled_sat
        worth = bill.worth
        if worth is None:
            self.unpriced += 1
        else:
            self.worth[worth.currency] = worth.amount + self.worth.get(worth.currency, Decimal(0))

    @property
    def prices(self) -> tuple[Price, ...]:
        """What they were worth, per currency, in the order of the alphabet."""
        return tuple(Price(amount, currency) for currency, amount in sorted(self.worth.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One day, week or month of the chart, by its first moment."""

    start: datetime
    takings: Takings

    @property
    def day(self) -> date:
        """Its first day, in the reader's own time zone."""
        return self.start.date()


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """``free``: taken for nothing, and no sales."""

    total: Takings
    refunded_sat: int
    reversed: int
    refunds_due: int
    waiting: int
    free: int
    step: Step
    bars: tuple[Bar, ...]


def page(creator: Creator, filters: Filters, *, cursor: str = "", limit: int = 50) -> Page:
    """Newest orders first. Raises CursorInvalid."""
    after = _place_of(cursor) if cursor else None
    bills = accounting.page(_wanted(creator, filters), limit=limit + 1, after=after)
    shown = bills[:limit]
    is_last = len(bills) <= limit
    return Page(sales=_with_purchases(shown), next="" if is_last else _cursor_of(shown[-1].place))


def whole(creator: Creator, filters: Filters) -> Iterator[tuple[Sale, ...]]:
    """All of them, oldest orders first, some at a time."""
    for bills in accounting.whole(_wanted(creator, filters)):
        yield _with_purchases(bills)


def summarize(creator: Creator, filters: Filters, *, step: Step | None, zone: tzinfo) -> Summary:
    """Totals, and takings over time by when sales settled; proofs of the creator's own left out.

    Without a ``step`` the chart takes the one that suits its length.
    """
    sold = _purchases(creator, filters).filter(is_proof=False)
    total, days = Takings(), defaultdict[datetime, Takings](Takings)
    refunded_sat = lost = owed = waiting = 0
    for bills in accounting.whole(_wanted(creator, filters, among=sold)):
        for bill in bills:
            refunded_sat += bill.refund.paid_sat if bill.refund else 0
            lost += bill.state == "REVERSED"
            owed += "REFUND_DUE" in bill.flags
            waiting += bill.state in {"PARTIAL", "SEEN", "SUSPECT"}
            if bill.is_income and bill.settled_at is not None:
                total.add(bill)
                days[midnight(bill.settled_at, zone)].add(bill)
    step = step or step_for(days)
    return Summary(
        total=total,
        refunded_sat=refunded_sat,
        reversed=lost,
        refunds_due=owed,
        waiting=waiting,
        free=_free(creator, filters),
        step=step,
        bars=bars_of(days, step),
    )


def _free(creator: Creator, filters: Filters) -> int:
    """How many were taken for nothing in that time."""
    rows = free_copies.taken().filter(purchase__paid_file__creator=creator)
    if filters.file is not None:
        rows = rows.filter(purchase__paid_file=filters.file)
    if filters.since is not None:
        rows = rows.filter(created_at__gte=filters.since)
    if filters.until is not None:
        rows = rows.filter(created_at__lt=filters.until)
    return rows.count()


def find(creator: Creator, purchase_id: UUID) -> Purchase:
    """Raises PurchaseUnknown: not this creator's, or no sale."""
    rows = Purchase.objects.select_related("paid_file__container").filter(
        id=purchase_id, paid_file__creator=creator, invoice_id__isnull=False
    )
    purchase = rows.first()
    if purchase is None:
        raise PurchaseUnknown("There is no such sale.", hint="Look it up in the list of sales.")
    return purchase


def _purchases(creator: Creator, filters: Filters) -> QuerySet[Purchase]:
    rows = Purchase.objects.filter(paid_file__creator=creator, invoice_id__isnull=False)
    if filters.file is not None:
        rows = rows.filter(paid_file=filters.file)
    named = _uuid_of(filters.text)
    if named is not None:
        rows = rows.filter(id=named) | rows.filter(invoice_id=named)
    return rows


def _wanted(
    creator: Creator, filters: Filters, *, among: QuerySet[Purchase] | None = None
) -> Wanted:
    rows = _purchases(creator, filters) if among is None else among
    return Wanted(
        owner=creator.id,
        among=rows.values("invoice_id"),
        since=filters.since,
        until=filters.until,
        states=filters.states,
        flag=filters.flag,
        text="" if _uuid_of(filters.text) else filters.text.strip(),
    )


def _with_purchases(bills: Iterable[Bill]) -> tuple[Sale, ...]:
    by_id = {bill.id: bill for bill in bills}
    rows = Purchase.objects.select_related("paid_file").filter(invoice_id__in=by_id)
    rows = rows.only(
        "content_id", "invoice_id", "is_proof", "reference", "tip_amount", "paid_file__title"
    )
    bought = {row.invoice_id: row for row in rows}
    return tuple(Sale(purchase=bought[key], bill=bill) for key, bill in by_id.items())


def midnight(moment: datetime, zone: tzinfo) -> datetime:
    """When that day began, where the reader is."""
    return moment.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)


def step_for(days: Iterable[datetime]) -> Step:
    """Which bars suit so long a time."""
    known = sorted(days)
    span_days = (known[-1] - known[0]).days if known else 0
    return Step.DAY if span_days <= 45 else Step.WEEK if span_days <= 366 else Step.MONTH


def bars_of(days: dict[datetime, Takings], step: Step) -> tuple[Bar, ...]:
    """Every day, week or month between the first and the last, empty ones too; the last 400."""
    joined = defaultdict[datetime, Takings](Takings)
    for day, takings in sorted(days.items()):
        _join(joined[_start_of(day, step)], takings)
    if not joined:
        return ()
    starts, last = [min(joined)], max(joined)
    while starts[-1] < last:
        starts.append(_after(starts[-1], step))
    return tuple(Bar(start=at, takings=joined[at]) for at in starts[-MOST_BARS:])


def _join(into: Takings, more: Takings) -> None:
    into.count += more.count
    into.income_sat += more.income_sat
    into.unpriced += more.unpriced
    for currency, amount in more.worth.items():
        into.worth[currency] = amount + into.worth.get(currency, Decimal(0))


def _start_of(day: datetime, step: Step) -> datetime:
    match step:
        case Step.WEEK:
            return day - timedelta(days=day.weekday())  # wall clock: midnight stays midnight
        case Step.MONTH:
            return day.replace(day=1)
        case Step.DAY:
            return day


def _after(start: datetime, step: Step) -> datetime:
    match step:
        case Step.DAY:
            return start + timedelta(days=1)
        case Step.WEEK:
            return start + timedelta(days=7)
        case Step.MONTH:
            return (start + timedelta(days=32)).replace(day=1)


def _cursor_of(place: Place) -> str:
    text = f"{place.created_at.isoformat()} {place.id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _place_of(cursor: str) -> Place:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        moment, _, name = text.partition(" ")
        place = Place(created_at=datetime.fromisoformat(moment), id=UUID(name))
        if place.created_at.tzinfo is None:
            raise ValueError("no time zone")  # noqa: TRY301 - one way out for all bad cursors
    except (ValueError, binascii.Error) as error:
        raise CursorInvalid("This is no place in the list.") from error
    return place


def _uuid_of(text: str) -> UUID | None:
    try:
        return UUID(text.strip())
    except ValueError:
        return None
