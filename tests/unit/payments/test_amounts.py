"""Prices and satoshis: exact, rounded on purpose, written for wallets and people."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments import amounts
from payments.amounts import Price, parse_price
from payments.errors import BadPrice, RateUnavailable, UnknownCurrency
from payments.states import PayoutKind

ADDRESS = "bchreg:qq3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygyw4qgu0e"


def test_a_price_is_read_with_the_digits_of_its_currency() -> None:
    assert parse_price("2", "EUR") == Price(Decimal("2.00"), "EUR")
    assert str(parse_price("2.5", "EUR")) == "2.50 EUR"
    assert str(parse_price(Decimal(300), "JPY")) == "300 JPY"
    assert str(parse_price("0.125", "KWD")) == "0.125 KWD"
    assert str(parse_price("0.00001", "BCH")) == "0.00001000 BCH"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "abc",
        "1,50",
        "-1",
        "+1",
        "1e3",
        "NaN",
        "Infinity",
        "1_0",
        "٣",
        ".5",
        "5.",
        "2.001",
        "1000000000000",
        "9" * 25,
        "0.000000001",
    ],
)
def test_what_is_no_sensible_price_is_refused(text: str) -> None:
    with pytest.raises(BadPrice):
        parse_price(text, "EUR")


@pytest.mark.parametrize(
    "value", [Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal(-1)]
)
def test_a_decimal_that_is_no_amount_is_refused(value: Decimal) -> None:
    with pytest.raises(BadPrice):
        parse_price(value, "EUR")


def test_more_bch_than_there_is_is_refused() -> None:
    assert parse_price("21000000", "BCH").amount == 21_000_000

    with pytest.raises(BadPrice):
        parse_price("21000000.00000001", "BCH")


@pytest.mark.parametrize("code", ["", "eur", "EURO", "E1R", "€€€", "ÄÖÜ", "EU"])
def test_what_is_no_currency_code_is_refused(code: str) -> None:
    with pytest.raises(UnknownCurrency):
        parse_price("1", code)


def test_satoshis_due_are_rounded_up() -> None:
    assert amounts.due_sat(parse_price("2", "EUR"), Decimal(400)) == 500_000
    assert amounts.due_sat(parse_price("1", "EUR"), Decimal(300)) == 333_334
    assert amounts.due_sat(parse_price("0.00012345", "BCH"), None) == 12_345
    assert amounts.due_sat(parse_price("0", "EUR"), Decimal(300)) == 0


@given(st.integers(0, 10**12), st.integers(1, 10**14))
def test_due_is_the_least_whole_number_of_satoshis_that_covers_the_price(
    cents: int, rate_units: int
) -> None:
    price = Price(Decimal(cents).scaleb(-2), "EUR")
    rate = Decimal(rate_units).scaleb(-4)
    exact = Fraction(cents, 100) / Fraction(rate_units, 10**4) * 10**8

    if exact > amounts.MAX_SAT:
        with pytest.raises(BadPrice):
            amounts.due_sat(price, rate)
    else:
        assert 0 <= amounts.due_sat(price, rate) - exact < 1


@pytest.mark.parametrize(
    "rate", [None, Decimal(0), Decimal(-1), Decimal("NaN"), Decimal("Infinity")]
)
def test_without_a_usable_rate_nothing_is_guessed(rate: Decimal | None) -> None:
    with pytest.raises(RateUnavailable):
        amounts.due_sat(parse_price("2", "EUR"), rate)


def test_satoshis_are_worth_a_rounded_price() -> None:
    assert amounts.value_of(500_000, Decimal(400), "EUR") == Price(Decimal("2.00"), "EUR")
    assert amounts.value_of(1, Decimal(400), "JPY") == Price(Decimal(0), "JPY")
    assert amounts.value_of(250_000, Decimal(200), "JPY") == Price(Decimal(0), "JPY")
    assert amounts.value_of(750_000, Decimal(200), "JPY") == Price(Decimal(2), "JPY")
    assert amounts.value_of(750_001, Decimal(200), "JPY") == Price(Decimal(2), "JPY")
    assert amounts.value_of(250_001, Decimal(200), "JPY") == Price(Decimal(1), "JPY")


def test_one_percent_or_500_satoshis_may_be_missing_but_never_over_5_percent() -> None:
    assert amounts.min_sat(1_000_000) == 990_000
    assert amounts.min_sat(50_000) == 49_500
    assert amounts.min_sat(20_000) == 19_500
    assert amounts.min_sat(10_000) == 9_500
    assert amounts.min_sat(2_000) == 1_900
    assert amounts.min_sat(1_000) == 950


def test_the_tolerance_is_the_owners_choice_up_to_the_cap() -> None:
    assert amounts.min_sat(1_000_000, tolerance_bps=0) == 1_000_000
    assert amounts.min_sat(1_000_000, tolerance_bps=300) == 970_000
    assert amounts.min_sat(1_000_000, tolerance_bps=9_999) == 950_000
    assert amounts.min_sat(20_000, tolerance_bps=1) == 19_500


@given(st.integers(1, amounts.MAX_SAT))
def test_the_tolerance_never_gives_more_than_5_percent_away(due: int) -> None:
    assert due * 95 <= amounts.min_sat(due) * 100 <= due * 100


@given(st.integers(1, amounts.MAX_SAT - 1))
def test_a_larger_price_never_needs_less(due: int) -> None:
    assert amounts.min_sat(due) <= amounts.min_sat(due + 1)


def test_a_refund_is_asked_for_only_where_it_is_worth_its_fee() -> None:
    assert not amounts.is_refund_worthy(2_000, 10_000)
    assert amounts.is_refund_worthy(2_001, 10_000)
    assert not amounts.is_refund_worthy(50_000, 1_000_000)
    assert amounts.is_refund_worthy(50_001, 1_000_000)


def test_the_floors_are_those_of_the_issue() -> None:
    assert amounts.FLOOR_SAT == {PayoutKind.XPUB: 1_000, PayoutKind.FORWARDER: 2_000}


def test_bch_is_written_with_eight_digits() -> None:
    assert amounts.format_bch(0) == "0.00000000"
    assert amounts.format_bch(12_345) == "0.00012345"
    assert amounts.format_bch(123_456_789_012) == "1234.56789012"
    assert amounts.format_bch(-5) == "-0.00000005"


def test_a_payment_uri_is_plain_decimal_and_percent_encoded() -> None:
    assert amounts.payment_uri(ADDRESS, amount_sat=5_000) == f"{ADDRESS}?amount=0.00005"
    assert amounts.payment_uri(ADDRESS, amount_sat=100_000_000) == f"{ADDRESS}?amount=1"
    assert amounts.payment_uri(ADDRESS, amount_sat=None) == ADDRESS
    assert (
        amounts.payment_uri(ADDRESS, amount_sat=10, label="a b&c", message="é")
        == f"{ADDRESS}?amount=0.0000001&label=a%20b%26c&message=%C3%A9"
    )
