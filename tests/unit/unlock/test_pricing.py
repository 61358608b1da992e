"""What a buyer owes: every kind of price, what a code takes off, and the bounds that always hold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.amounts import Price, due_sat, exponent_of
from payments.errors import ServiceError
from unlock import pricing
from unlock.pricing import Ask, Counts, Discount, Floor, Owed, Terms, owe
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

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def eur(amount: str) -> Price:
    return Price(Decimal(amount), "EUR")


FOUR = Terms(price=eur("4.00"))
NAMED = Terms(price=eur("2.00"), kind=PriceKind.MINIMUM, suggested=eur("5.00"))
GIVEN = Terms(price=eur("0.00"), kind=PriceKind.FREE)


def at(
    terms: Terms,
    ask: Ask | None = None,
    counts: Counts | None = None,
    floor: Floor | None = None,
    now: datetime = NOW,
) -> Owed:
    return owe(terms, ask or Ask(), counts or Counts(), floor or Floor(), now=now)


def test_a_fixed_price_is_what_it_costs() -> None:
    owed = at(FOUR)

    assert (owed.price, owed.total, owed.grant) == (eur("4.00"), eur("4.00"), None)


def test_who_agreed_to_more_pays_the_price_and_who_agreed_to_less_is_asked_again() -> None:
    assert at(FOUR, Ask(pays=eur("5.00"))).price == eur("4.00")
    with pytest.raises(OfferChanged, match=r"it costs 4\.00 EUR now"):
        at(FOUR, Ask(pays=eur("3.99")))
    with pytest.raises(OfferChanged, match="The free copies are gone"):
        at(FOUR, Ask(pays=eur("0.00")))
    with pytest.raises(OfferChanged, match="another currency"):
        at(FOUR, Ask(pays=Price(Decimal("4.00"), "USD")))


def test_who_names_the_price_pays_it_from_the_least_on() -> None:
    assert at(NAMED).price == eur("2.00")
    assert at(NAMED, Ask(pays=eur("7.50"))).price == eur("7.50")
    with pytest.raises(AmountTooLow, match=r"The least is 2\.00 EUR"):
        at(NAMED, Ask(pays=eur("1.99")))


def test_a_least_price_of_nothing_is_free_or_what_one_gives() -> None:
    from_nothing = Terms(price=eur("0.00"), kind=PriceKind.MINIMUM)

    assert at(from_nothing).grant is GrantKind.FREE
    assert at(from_nothing, Ask(pays=eur("0.00"))).grant is GrantKind.FREE
    given = at(from_nothing, Ask(pays=eur("3.00")))
    assert (given.grant, given.total) == (None, eur("3.00"))


def test_free_is_a_grant() -> None:
    owed = at(GIVEN)

    assert (owed.grant, owed.total) == (GrantKind.FREE, eur("0"))


def test_the_first_pay_nothing_and_the_next_pay() -> None:
    terms = Terms(price=eur("4.00"), free_first=3)

    assert at(terms, counts=Counts(given_first=2)).grant is GrantKind.FIRST_N
    assert at(terms, counts=Counts(given_first=3)).total == eur("4.00")


def test_it_is_on_sale_from_the_first_moment_to_before_the_last() -> None:
    terms = Terms(price=eur("4.00"), sells_from=NOW, sells_until=NOW + timedelta(hours=1))

    assert at(terms).total == eur("4.00")
    assert at(terms, now=NOW + timedelta(minutes=59)).total == eur("4.00")
    with pytest.raises(NotOnSaleYet, match=r"on 01 March 2026, 12:00 UTC"):
        at(terms, now=NOW - timedelta(microseconds=1))
    with pytest.raises(NoLongerOnSale, match=r"until 01 March 2026, 13:00 UTC"):
        at(terms, now=NOW + timedelta(hours=1))


def test_the_last_copy_can_be_bought_and_then_none() -> None:
    terms = Terms(price=eur("4.00"), stock=3)

    assert at(terms, counts=Counts(taken=1, reserved=1)).total == eur("4.00")
    with pytest.raises(SoldOut, match="sold out") as gone:
        at(terms, counts=Counts(taken=3))
    assert gone.value.said_hint == SoldOut.hint


def test_sold_out_says_when_a_reserved_copy_may_come_free() -> None:
    counts = Counts(taken=2, reserved=1, free_at=NOW + timedelta(minutes=25))

    with pytest.raises(SoldOut, match="at the moment") as gone:
        at(Terms(price=eur("4.00"), stock=3), counts=counts)

    assert "look again after 01 March 2026, 12:25 UTC" in gone.value.said_hint


def test_more_gone_than_there_is_is_sold_out_too() -> None:
    assert pricing.left(Terms(price=eur("4"), stock=1), Counts(taken=2)) == 0


@pytest.mark.parametrize(
    ("discount", "pays"),
    [
        (Discount(percent=10), "3.60"),
        (Discount(percent=33), "2.68"),  # 2.68 exactly
        (Discount(percent=1), "3.96"),
        (Discount(amount_off=Decimal("1.50")), "2.50"),
        (Discount(amount_off=Decimal("3.99")), "0.01"),
    ],
)
def test_a_code_takes_a_part_off(discount: Discount, pays: str) -> None:
    owed = at(FOUR, Ask(discount=discount))

    assert (owed.total, owed.grant) == (eur(pays), None)


def test_a_part_of_a_cent_is_the_creators() -> None:
    owed = at(Terms(price=eur("0.99")), Ask(discount=Discount(percent=50)))

    assert owed.total == eur("0.50")
    satoshi = Terms(price=Price(Decimal("0.00000003"), "BCH"))
    assert str(at(satoshi, Ask(discount=Discount(percent=50))).total) == "0.00000002 BCH"
    yen = Terms(price=Price(Decimal(101), "JPY"))
    assert str(at(yen, Ask(discount=Discount(percent=50))).total) == "51 JPY"


@pytest.mark.parametrize(
    ("discount", "kind"),
    [
        (Discount(percent=100), GrantKind.CODE),
        (Discount(amount_off=Decimal(4)), GrantKind.CODE),
        (Discount(amount_off=Decimal(9)), GrantKind.CODE),
        (Discount(percent=100, is_gift=True), GrantKind.GIFT),
    ],
)
def test_all_of_it_off_is_a_gift(discount: Discount, kind: GrantKind) -> None:
    owed = at(FOUR, Ask(discount=discount))

    assert (owed.grant, owed.total) == (kind, eur("0"))


def test_what_is_left_is_never_less_than_can_be_paid() -> None:
    floor = Floor(floor_sat=2_000, full_sat=10_000)  # so the floor is a fifth of the price

    owed = at(FOUR, Ask(discount=Discount(percent=90)), floor=floor)

    assert (owed.total, owed.is_floored, owed.grant) == (eur("0.80"), True, None)
    assert not at(FOUR, Ask(discount=Discount(percent=80)), floor=floor).is_floored


def test_a_tip_comes_on_top_and_only_where_it_is_taken() -> None:
    tipped = Terms(price=eur("4.00"), takes_tips=True)

    owed = at(tipped, Ask(tip=eur("1.00")))

    assert (owed.price, owed.tip, owed.total) == (eur("4.00"), eur("1.00"), eur("5.00"))
    with pytest.raises(TipRefused):
        at(FOUR, Ask(tip=eur("1.00")))
    with pytest.raises(OfferChanged):
        at(tipped, Ask(tip=Price(Decimal(1), "USD")))
    with pytest.raises(TipRefused, match="nothing to pay"):
        at(Terms(price=eur("4.00"), takes_tips=True, free_first=1), Ask(tip=eur("1.00")))
    assert at(FOUR, Ask(tip=eur("0.00"))).total == eur("4.00")


@pytest.mark.parametrize(
    "terms",
    [
        Terms(price=eur("1.00"), kind=PriceKind.FREE),
        Terms(price=eur("0"), kind=PriceKind.FREE, takes_tips=True),
        Terms(price=eur("4.00"), suggested=eur("5.00")),
        Terms(price=eur("4.00"), kind=PriceKind.MINIMUM, suggested=eur("3.99")),
        Terms(price=eur("4"), kind=PriceKind.MINIMUM, suggested=Price(Decimal(5), "USD")),
        Terms(price=eur("4.00"), stock=1_000_001),
        Terms(price=eur("4.00"), free_first=-1),
        Terms(price=eur("4.00"), free_first=4, stock=3),
        Terms(price=eur("4.00"), is_strict=True),
        Terms(price=eur("4.00"), sells_from=NOW, sells_until=NOW),
    ],
)
def test_terms_that_make_no_sense_are_refused(terms: Terms) -> None:
    with pytest.raises(PricingInvalid):
        pricing.check_terms(terms)


CURRENCIES = ("EUR", "BCH", "JPY", "KWD")
DISCOUNTS = st.one_of(
    st.none(),
    st.builds(Discount, percent=st.integers(1, 100)),
    st.builds(Discount, amount_off=st.decimals(Decimal("0.00000001"), 10**9, places=8)),
)


@st.composite
def prices(draw: st.DrawFn) -> Price:
    currency = draw(st.sampled_from(CURRENCIES))
    minor = draw(st.integers(1, 10**9))
    return Price(Decimal(minor).scaleb(-exponent_of(currency)), currency)


@given(prices(), DISCOUNTS, st.decimals("0.01", 10**6, places=2), st.sampled_from([1000, 2000]))
def test_whatever_a_code_takes_off_the_bounds_hold(
    full: Price, discount: Discount | None, rate: Decimal, floor_sat: int
) -> None:
    """Never negative, never beyond the full price, in whole units, never below what can be paid."""
    try:
        full_sat = due_sat(full, rate)
    except ServiceError:
        return
    floor = Floor(floor_sat=floor_sat, full_sat=full_sat)

    rest, is_floored = pricing.discounted(full, discount, floor)

    assert 0 <= rest.amount <= full.amount
    assert rest.amount == round(rest.amount, exponent_of(full.currency))
    assert rest.amount == 0 or due_sat(rest, rate) >= min(floor_sat, full_sat)
    if discount is not None and discount.percent and rest.amount and not is_floored:
        exact = full.amount * (100 - discount.percent) / 100
        unit = Decimal(1).scaleb(-exponent_of(full.currency))
        assert exact <= rest.amount < exact + unit  # rounded up, by less than one unit


@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 20), st.integers(0, 20), DISCOUNTS)
def test_nobody_gets_a_copy_beyond_the_stock(
    stock: int, taken: int, reserved: int, first: int, discount: Discount | None
) -> None:
    terms = Terms(price=eur("4.00"), stock=stock, free_first=min(first, stock))
    counts = Counts(taken=taken, reserved=reserved, given_first=min(taken, first))
    if taken + reserved >= stock:
        with pytest.raises(SoldOut):
            at(terms, Ask(discount=discount), counts)
    else:
        owed = at(terms, Ask(discount=discount), counts)
        assert (owed.grant is None) == (owed.total.amount > 0)
