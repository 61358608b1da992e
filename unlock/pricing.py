"""What a buyer owes now: terms, counts and what was asked for in, a frozen ``Owed`` out. Pure.

Amounts are ``Decimal`` in the file's own currency. What is rounded is rounded up, to the currency's
least unit, and never beyond the full price (docs/payments.md, "Prices").
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING, Final

from payments.amounts import Price, exponent_of
from unlock.pricing_errors import (
    AmountTooLow,
    NoLongerOnSale,
    NotOnSaleYet,
    OfferChanged,
    PricingInvalid,
    SoldOut,
    TipRefused,
)
from unlock.states import GrantKind, PriceKind

if TYPE_CHECKING:
    from datetime import datetime

NOTHING: Final = Decimal(0)
COUNT_MAX: Final = 1_000_000  # of a stock, of free copies, of a code's uses

_ONE_RESERVED: Final = (
    "1 copy is reserved for somebody who has not paid yet; look again after {moment}. Nothing was"
    " ordered, and do not pay."
)
_MANY_RESERVED: Final = (
    "{count} copies are reserved for somebody who has not paid yet; look again after {moment}."
    " Nothing was ordered, and do not pay."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a file is sold. ``price``: the fixed one, the least, or 0 of what is free.

    ``free_first``: so many pay nothing. ``stock``: sold so often at most (None: no end).
    ``is_strict``: whoever pays after their time gets the money back, not a copy beyond the stock.
    """

    price: Price
    kind: PriceKind = PriceKind.FIXED
    suggested: Price | None = None
    free_first: int = 0
    stock: int | None = None
    shows_stock: bool = False
    is_strict: bool = False
    sells_from: datetime | None = None
    sells_until: datetime | None = None
    takes_tips: bool = False

    @property
    def may_be_free(self) -> bool:
        """Whether a price of 0 is meant: it needs no payout then."""
        return self.kind is not PriceKind.FIXED and self.price.amount == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Discount:
    """What a code takes off: ``percent``, or an amount. ``is_gift``: all of it."""

    percent: int | None = None
    amount_off: Decimal | None = None
    is_gift: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How much of a file is gone: sold or paid for, promised for a while, given free to the first.

    ``free_at``: when the first promise that nobody pays runs out.
    """

    taken: int = 0
    reserved: int = 0
    given_first: int = 0
    free_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a buyer agreed to. ``pays``: without the tip; of a price that they name themselves what
    they give, else the most they saw. None: whatever it costs.
    """

    pays: Price | None = None
    tip: Price | None = None
    discount: Discount | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """The least that can be paid: ``floor_sat``, while the full price is ``full_sat``. Either is None
    where nobody knows.
    """

    floor_sat: int | None = None
    full_sat: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """``price`` is for the file, ``tip`` beside it; with a ``grant`` nothing is to be paid.

    ``is_floored``: the code would take more off, but less cannot be paid.
    """

    price: Price
    tip: Price
    grant: GrantKind | None = None
    is_floored: bool = False

    @property
    def total(self) -> Price:
        return Price(self.price.amount + self.tip.amount, self.price.currency)


def owe(terms: Terms, ask: Ask, counts: Counts, floor: Floor, *, now: datetime) -> Owed:
    """Raises NotOnSaleYet, NoLongerOnSale, SoldOut, AmountTooLow, OfferChanged, TipRefused."""
    check_open(terms, now=now)
    check_left(terms, counts)
    tip = _tip(terms, ask)
    if terms.kind is PriceKind.FREE:
        return _free(terms, tip, GrantKind.FREE)
    if counts.given_first < terms.free_first and not (ask.pays and ask.pays.amount > 0):
        return _free(terms, tip, GrantKind.FIRST_N)
    least, is_floored = discounted(terms.price, ask.discount, floor)
    if least.amount == 0 and ask.discount is not None:
        return _free(terms, tip, GrantKind.GIFT if ask.discount.is_gift else GrantKind.CODE)
    price = _agreed(terms, ask, least)
    if price.amount == 0 and terms.kind is PriceKind.MINIMUM:
        return _free(terms, tip, GrantKind.FREE)
    return Owed(price=price, tip=tip, is_floored=is_floored)


def check_open(terms: Terms, *, now: datetime) -> None:
    """Raises NotOnSaleYet, NoLongerOnSale."""
    if terms.sells_from is not None and now < terms.sells_from:
        raise NotOnSaleYet("It goes on sale on {moment}.", moment=terms.sells_from)
    if terms.sells_until is not None and now >= terms.sells_until:
        raise NoLongerOnSale("It was on sale until {moment}.", moment=terms.sells_until)


def check_left(terms: Terms, counts: Counts) -> None:
    """Raises SoldOut, which says when a reserved copy may come free."""
    if left(terms, counts) != 0:
        return
    if counts.reserved and counts.free_at is not None:
        raise SoldOut(
            "It is sold out at the moment.",
            hint=_ONE_RESERVED if counts.reserved == 1 else _MANY_RESERVED,
            count=counts.reserved,
            moment=counts.free_at,
        )
    raise SoldOut("It is sold out.")


def left(terms: Terms, counts: Counts) -> int | None:
    """How many can still be bought; None where there is no end."""
    if terms.stock is None:
        return None
    return max(0, terms.stock - counts.taken - counts.reserved)


def discounted(full: Price, discount: Discount | None, floor: Floor) -> tuple[Price, bool]:
    """The price with the discount taken off, and whether the floor kept it from being less.

    Rounded up, for the creator; never more than ``full``, never negative. 0 is a gift.
    """
    if discount is None or full.amount == 0:
        return full, False
    if discount.is_gift or discount.percent == 100:
        return Price(NOTHING, full.currency), False
    if discount.percent is not None:
        rest = full.amount * (100 - discount.percent) / 100
    else:
        rest = full.amount - (discount.amount_off or NOTHING)
    if rest <= 0:
        return Price(NOTHING, full.currency), False
    rest = min(full.amount, rounded_up(rest, full.currency))
    least = min(full.amount, least_amount(full, floor))
    return Price(max(rest, least), full.currency), rest < least


def least_amount(full: Price, floor: Floor) -> Decimal:
    """The floor in the currency of ``full``, rounded up; 0 where no rate is known.

    By proportion: the satoshis due rise with the amount, and reach the floor when rounded up.
    """
    if not floor.floor_sat or not floor.full_sat:
        return NOTHING
    over, under = (full.amount * floor.floor_sat).as_integer_ratio()
    unit = 10 ** exponent_of(full.currency)
    minor = -(-over * unit // (under * floor.full_sat))
    return Decimal(minor).scaleb(-exponent_of(full.currency))


def rounded_up(amount: Decimal, currency: str) -> Decimal:
    """To the currency's least unit: the cent, the yen, the satoshi."""
    unit = Decimal(1).scaleb(-exponent_of(currency))
    return amount.quantize(unit, rounding=ROUND_CEILING)


def check_terms(terms: Terms) -> None:
    """Whether they make sense together. Raises PricingInvalid."""
    _check_amounts(terms)
    for count in (terms.free_first, terms.stock):
        if count is not None and not 0 <= count <= COUNT_MAX:
            raise PricingInvalid("At most {count_max} copies can be counted.", count_max=COUNT_MAX)
    if terms.stock is not None and terms.free_first > terms.stock:
        raise PricingInvalid("More copies would be free than there are.")
    if terms.sells_from and terms.sells_until and terms.sells_from >= terms.sells_until:
        raise PricingInvalid("The sale would end before it begins.")
    if terms.is_strict and terms.stock is None:
        raise PricingInvalid("Strict is about a limited number of copies.")


def _check_amounts(terms: Terms) -> None:
    if terms.kind is PriceKind.FREE and terms.price.amount != 0:
        raise PricingInvalid("What is free has a price of 0.")
    if terms.kind is PriceKind.FREE and terms.takes_tips:
        raise PricingInvalid(
            "Nothing is paid for what is free, so no tip either.",
            hint="Let buyers name the price, from 0.",
        )
    if terms.suggested is None:
        return
    if terms.kind is not PriceKind.MINIMUM:
        raise PricingInvalid("Only where buyers name the price something can be suggested.")
    if terms.suggested.currency != terms.price.currency:
        raise PricingInvalid("The suggestion is in another currency than the price.")
    if terms.suggested.amount < terms.price.amount:
        raise PricingInvalid("The suggestion is less than the least price.")


def _tip(terms: Terms, ask: Ask) -> Price:
    if ask.tip is None or ask.tip.amount == 0:
        return Price(NOTHING, terms.price.currency)
    if not terms.takes_tips:
        raise TipRefused("No tip is asked for here.")
    if ask.tip.currency != terms.price.currency:
        raise OfferChanged("The price is in another currency now.")
    return ask.tip


def _free(terms: Terms, tip: Price, grant: GrantKind) -> Owed:
    if tip.amount > 0:
        raise TipRefused("There is nothing to pay, so no tip either.")
    return Owed(price=Price(NOTHING, terms.price.currency), tip=tip, grant=grant)


def _agreed(terms: Terms, ask: Ask, least: Price) -> Price:
    if ask.pays is None:
        return least
    if ask.pays.currency != least.currency:
        raise OfferChanged("The price is in another currency now.")
    if terms.kind is PriceKind.MINIMUM:
        if ask.pays.amount < least.amount:
            raise AmountTooLow("The least is {least}.", least=least.words)
        return ask.pays
    if ask.pays.amount < least.amount:
        if ask.pays.amount == 0:
            raise OfferChanged("The free copies are gone: it costs {least} now.", least=least.words)
        raise OfferChanged("The price has changed: it costs {least} now.", least=least.words)
    return least
