"""What is left of a file, and what a buyer owes for it now: rows in, ``pricing`` decides.

Whatever counts is counted under the paid file's row, by ``claim``: simultaneous buyers of the last
copy get exactly that. A look without the lock (``quote``) is for the page and for early refusals.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from payments import invoices, reservations, withdrawals
from payments.amounts import Price
from unlock import pricing
from unlock.models import Grant, Pricing, Purchase
from unlock.pricing import Counts, Floor, Owed, Terms
from unlock.pricing_errors import CodeInvalid
from unlock.states import GrantKind, PriceKind

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

    from unlock.models import DiscountCode, PaidFile

_COLUMNS = (
    "kind",
    "free_first",
    "stock",
    "shows_stock",
    "is_strict",
    "sells_from",
    "sells_until",
    "takes_tips",
)
COUNTED = (GrantKind.FREE, GrantKind.FIRST_N, GrantKind.CODE, GrantKind.GIFT)


_NO_FLOOR = Floor()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a buyer asks for; with a code, the floor at the rate of the moment."""

    ask: pricing.Ask
    floor: Floor = _NO_FLOOR
    code: DiscountCode | None = None


def terms_of(paid_file: PaidFile) -> Terms:
    """How it is sold, as the row says that was read with it."""
    return _terms(paid_file, getattr(paid_file, "pricing", None))


def current_terms(paid_file: PaidFile) -> Terms:
    """As ``terms_of``, read anew: under the paid file's lock they do not change."""
    return _terms(paid_file, Pricing.objects.filter(paid_file=paid_file).first())


def set_terms(paid_file: PaidFile, asked: Terms | None, *, now: datetime) -> None:
    """Keep these terms, at the price that the file has; None: those it has, if they still fit.

    Under the paid file's lock, after its price was written. Raises PricingInvalid.
    """
    row = Pricing.objects.filter(paid_file=paid_file).first()
    if asked is None and row is None:
        return
    price = Price(paid_file.price_amount, paid_file.price_currency)
    terms = replace(asked or _terms(paid_file, row), price=price)
    pricing.check_terms(terms)
    if terms == Terms(price=price):
        Pricing.objects.filter(paid_file=paid_file).delete()
        return
    columns = {name: getattr(terms, name) for name in _COLUMNS}
    columns["suggested_amount"] = terms.suggested and terms.suggested.amount
    columns["suggested_currency"] = terms.suggested.currency if terms.suggested else ""
    Pricing.objects.update_or_create(paid_file=paid_file, defaults=columns)
    make_room(paid_file, terms, wanted=0, now=now)


def counts_of(paid_file: PaidFile, terms: Terms, *, now: datetime) -> Counts:
    """Asks the database only for what the terms need."""
    given_first = 0
    if terms.free_first:
        given_first = Grant.objects.filter(
            purchase__paid_file=paid_file, kind=GrantKind.FIRST_N
        ).count()
    if terms.stock is None:
        return Counts(given_first=given_first)
    taken, held = _gone(_sold(paid_file), now=now)
    return Counts(
        taken=taken, reserved=held.reserved, given_first=given_first, free_at=held.free_at
    )


def quote(paid_file: PaidFile, wish: Wish, *, now: datetime) -> Owed:
    """What it would cost now; reserves nothing. Raises what ``pricing.owe`` raises, CodeInvalid."""
    terms = terms_of(paid_file)
    _check_code(wish.code, now=now)
    counts = counts_of(paid_file, terms, now=now)
    return pricing.owe(terms, wish.ask, counts, wish.floor, now=now)


def claim(paid_file: PaidFile, wish: Wish, *, now: datetime) -> Owed:
    """The same under the paid file's lock: whoever makes the purchase in this transaction has it.

    Raises as ``quote``; then nothing was claimed.
    """
    terms = current_terms(paid_file)
    if wish.code is not None:
        wish.code.refresh_from_db()
    _check_code(wish.code, now=now)
    make_room(paid_file, terms, wanted=1, now=now)
    counts = counts_of(paid_file, terms, now=now)
    if terms.is_strict and terms.stock is not None:
        # Whoever could still pay late and be served has a place of their own.
        held = reservations.held(_invoices(_sold(paid_file)), now=now)
        counts = replace(counts, taken=counts.taken + held.lapsed)
    return pricing.owe(terms, wish.ask, counts, wish.floor, now=now)


def floor_for(paid_file: PaidFile, floor_sat: int | None, *, now: datetime) -> Floor:
    """The least that can be paid for this file, at this moment's rate."""
    price = Price(paid_file.price_amount, paid_file.price_currency)
    full_sat = invoices.estimate_sat(price, now=now, owner=paid_file.creator_id)
    return Floor(floor_sat=floor_sat, full_sat=full_sat)


def make_room(paid_file: PaidFile, terms: Terms, *, wanted: int, now: datetime) -> None:
    """Of a strict stock: call off orders that ran out, where their places are needed. What still
    comes for these goes back. Under the paid file's lock.
    """
    if not terms.is_strict or terms.stock is None:
        return
    taken, held = _gone(_sold(paid_file), now=now)
    short = taken + held.reserved + held.lapsed + wanted - terms.stock
    if short > 0 and held.lapsed:
        late = reservations.lapsed(_invoices(_sold(paid_file)), now=now, limit=short)
        among = Purchase.objects.filter(invoice_id__in=late).values("invoice_id")
        withdrawals.withdraw_some(among, spare_paid=True, now=now, limit=short)


def check_renewal(paid_file: PaidFile, *, now: datetime) -> None:
    """Whether an order whose time is over may reserve its copy again; under the lock.

    Of a strict stock it never lost its place, or was called off. Raises as ``pricing.check_left``.
    """
    terms = current_terms(paid_file)
    pricing.check_open(terms, now=now)
    if not terms.is_strict:
        pricing.check_left(terms, counts_of(paid_file, terms, now=now))


def mark_oversold(invoice_ids: Iterable[UUID], *, now: datetime) -> int:
    """Flag those that settled when the stock was gone. They are served; their creator should know."""
    bought = Purchase.objects.select_related("paid_file").filter(
        invoice_id__in=list(invoice_ids), is_proof=False, paid_file__pricing__stock__isnull=False
    )
    count = 0
    for purchase in bought:
        if purchase.invoice_id is not None and _is_beyond(purchase, purchase.invoice_id):
            count += reservations.note_oversold(purchase.invoice_id, now=now)
    return count


def uses_of(code_ids: Iterable[UUID], *, now: datetime) -> dict[UUID, int]:
    """How often codes are used: paid with, given with, or held by an order within its time."""
    bought = Purchase.objects.filter(discount__in=list(code_ids))
    pairs = list(bought.values_list("discount_id", "invoice_id"))
    holding = reservations.holding([invoice for _, invoice in pairs if invoice], now=now)
    uses = Counter(code for code, invoice in pairs if invoice is None or invoice in holding)
    return {code: count for code, count in uses.items() if code is not None}


def _is_beyond(purchase: Purchase, invoice_id: UUID) -> bool:
    stock = Pricing.objects.values_list("stock", flat=True).get(paid_file=purchase.paid_file_id)
    if stock is None:
        return False
    sold = _sold(purchase.paid_file)
    place = reservations.settled_up_to(_invoices(sold), invoice_id)
    return place > 0 and place + sold.filter(grant__kind__in=COUNTED).count() > stock


def _check_code(code: DiscountCode | None, *, now: datetime) -> None:
    if code is None:
        return
    is_early = code.starts_at is not None and now < code.starts_at
    is_late = code.ends_at is not None and now >= code.ends_at
    if is_early or is_late or code.ended_at is not None:
        raise CodeInvalid("The code of this link does not hold now.")
    if code.quantity is not None and uses_of([code.id], now=now).get(code.id, 0) >= code.quantity:
        if code.is_gift:
            raise CodeInvalid("This gift was taken already.")
        raise CodeInvalid("The code of this link is used up.")


def _gone(sold: QuerySet[Purchase], *, now: datetime) -> tuple[int, reservations.Held]:
    held = reservations.held(_invoices(sold), now=now)
    given = sold.filter(grant__kind__in=COUNTED, invoice_id=None).count()
    return held.taken + given, held


def _sold(paid_file: PaidFile) -> QuerySet[Purchase]:
    return Purchase.objects.filter(paid_file=paid_file, is_proof=False)


def _invoices(sold: QuerySet[Purchase]) -> QuerySet[Purchase, Any]:
    return sold.filter(invoice_id__isnull=False).values("invoice_id")


def _terms(paid_file: PaidFile, row: Pricing | None) -> Terms:
    currency = paid_file.price_currency
    price = Price(paid_file.price_amount, currency)
    if row is None:
        return Terms(price=price)
    suggested = row.suggested_amount
    return Terms(
        price=price,
        kind=PriceKind(row.kind),
        suggested=None if suggested is None else Price(suggested, row.suggested_currency),
        free_first=row.free_first,
        stock=row.stock,
        shows_stock=row.shows_stock,
        is_strict=row.is_strict,
        sells_from=row.sells_from,
        sells_until=row.sells_until,
        takes_tips=row.takes_tips,
    )
