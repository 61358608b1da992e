"""What must hold, worked out from the true chain and from what buyers were told, by rules of its own.

Times are wall-clock times; when a story lets time pass, everything that happened grows older.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from uuid import UUID

from django.utils import timezone

from payments.models import Invoice
from tests.soak.world import World
from tests.unlock.sale import Buyer
from unlock.models import Purchase

GRACE = timedelta(minutes=5)
BLOCK_GRACE = timedelta(hours=2)
LONG_AGO = timedelta(days=30)
DUST_SAT = 1_500  # of a forwarder
RIPE = 100  # blocks, of new coins
NEVER = 10**18


@dataclass
class Payment:
    """One output the story paid to an invoice, and what the world was like since."""

    txid: str
    raw: bytes
    value_sat: int
    has_token: bool = False
    is_new_coin: bool = False
    sent_at: datetime = field(default_factory=timezone.now)
    unseen_at: datetime | None = None  # when somebody honest last looked before
    seen_at: datetime | None = None  # when somebody honest first looked after
    rates: set[int] = field(default_factory=set)

    def grow_older(self, by: timedelta) -> None:
        self.sent_at -= by
        self.unseen_at = None if self.unseen_at is None else self.unseen_at - by
        self.seen_at = None if self.seen_at is None else self.seen_at - by


@dataclass(frozen=True)
class Quote:
    """What the buyer was told."""

    due_sat: int
    least_sat: int
    until: datetime


@dataclass
class Sale:
    """One buyer's order, and what the story did to it. ``cents`` 0: priced in satoshis."""

    invoice_id: UUID
    purchase: Purchase
    buyer: Buyer
    script: bytes
    first_due_sat: int
    cents: int
    tolerance_bps: int
    honour_sats: bool
    confirmations: int
    is_instant: bool
    is_forwarder: bool
    rates: set[int]
    payments: list[Payment] = field(default_factory=list)
    accepted_sat: int | None = None
    is_withdrawn: bool = False
    looked_at: datetime | None = None

    def due_at(self, rate: int) -> int:
        """The price at so many euros for a coin, rounded up."""
        if not self.cents:
            return self.first_due_sat
        exact = Fraction(self.cents, 100) / rate * 10**8
        return -(-exact.numerator // exact.denominator)

    def least_of(self, due_sat: int) -> int:
        """What the tolerance lets pass: 1 % or 500 sat, and never more than 5 %."""
        if not self.tolerance_bps:
            return due_sat
        missing = max(due_sat * self.tolerance_bps // 10_000, 500)
        return due_sat - min(missing, due_sat * 5 // 100)

    def told(self) -> list[Quote]:
        """The quotes, which must be what the price came to at a rate that was in force."""
        rows = Invoice.objects.get(pk=self.invoice_id).quotes.order_by("quoted_at")
        prices = {self.due_at(rate) for rate in self.rates}
        for row in rows:
            assert row.due_sat in prices, f"quoted {row.due_sat}, not one of {prices}"
            least_sat = self.least_of(row.due_sat)
            assert row.min_sat == least_sat, f"{row.min_sat} would do, not {least_sat}"
        return [Quote(row.due_sat, row.min_sat, row.until) for row in rows]

    def grow_older(self, by: timedelta) -> None:
        self.looked_at = None if self.looked_at is None else self.looked_at - by
        for payment in self.payments:
            payment.grow_older(by)

    def note_look(self) -> None:
        """Honest servers were asked, and answered."""
        self.looked_at = timezone.now()
        for payment in self.payments:
            payment.seen_at = payment.seen_at or self.looked_at


@dataclass(frozen=True)
class Truth:
    """What the chain itself says of one sale now."""

    world: World
    sale: Sale

    @property
    def there(self) -> list[Payment]:
        return [each for each in self.sale.payments if self._counts(each)]

    @property
    def deep(self) -> list[Payment]:
        asked = self.sale.confirmations
        return [each for each in self.there if self.world.depth(each.txid) >= asked]

    @property
    def there_sat(self) -> int:
        return _sum(self.there)

    @property
    def deep_sat(self) -> int:
        return _sum(self.deep)

    def _counts(self, payment: Payment) -> bool:
        if payment.has_token or (self.sale.is_forwarder and payment.value_sat < DUST_SAT):
            return False
        if payment.is_new_coin:
            return self.world.depth(payment.txid) >= RIPE
        return self.world.is_there(payment.txid)

    def least_sat(self) -> int:
        """Nobody may have the file for less, by the most generous reading of the rules."""
        sale, quotes, there = self.sale, self.sale.told(), self.there
        over_at = max(quote.until for quote in quotes)
        rates = set().union(*(payment.rates for payment in there))
        prices = {sale.due_at(rate) for rate in rates}
        enough = [quote.least_sat for quote in quotes if _may_be_in_time(there, quote)]
        soon = [each for each in there if each.sent_at <= over_at + LONG_AGO + BLOCK_GRACE]
        enough += [
            quote.due_sat
            for quote in quotes
            if _sum(soon) >= quote.due_sat
            and (sale.honour_sats or any(10 * quote.due_sat >= 9 * price for price in prices))
        ]
        enough += list(prices) if timezone.now() > over_at else []
        enough += [sale.accepted_sat] if sale.accepted_sat else []
        return min(enough, default=NEVER)

    def must_be_served(self, rate: int) -> bool:
        """Whether, by the strictest reading, the buyer has paid, and it is deep."""
        sale, quotes, deep = self.sale, self.sale.told(), self.deep
        over_at = max(quote.until for quote in quotes)
        today_sat, deep_sat = sale.due_at(rate), _sum(deep)
        soon_sat = _sum(
            each for each in deep if each.seen_at and each.seen_at <= over_at + LONG_AGO
        )
        return (
            any(_was_in_time(deep, quote) for quote in quotes)
            or (timezone.now() > over_at and deep_sat >= today_sat)
            or any(
                soon_sat >= quote.due_sat
                and (sale.honour_sats or 10 * quote.due_sat >= 9 * today_sat)
                for quote in quotes
            )
        )


def _may_be_in_time(payments: Sequence[Payment], quote: Quote) -> bool:
    """Whoever was not looking gives the block's clock two hours."""

    def may(payment: Payment) -> bool:
        deadline = quote.until + GRACE
        nobody_looked = payment.unseen_at is None or payment.unseen_at < deadline
        limit = quote.until + BLOCK_GRACE if nobody_looked else deadline
        return payment.sent_at <= limit

    return _sum(filter(may, payments)) >= quote.least_sat


def _was_in_time(payments: Sequence[Payment], quote: Quote) -> bool:
    seen = (each for each in payments if each.seen_at and each.seen_at <= quote.until + GRACE)
    return _sum(seen) >= quote.least_sat


def _sum(payments: Iterable[Payment]) -> int:
    return sum(each.value_sat for each in payments)
