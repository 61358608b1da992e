"""Which rates are believed: exact values, edges, and a property of the rounding."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments import amounts, rate_rules
from payments.rate_rules import Consensus, Sample

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


def samples(**said: str) -> list[Sample]:
    return [Sample(name, Decimal(rate), NOW) for name, rate in said.items()]


def agreed(**said: str) -> tuple[Decimal, tuple[str, ...]] | None:
    found = rate_rules.agree(rate_rules.fit("USD", samples(**said), now=NOW))
    return None if found is None else (found.rate, found.sources)


def believed(**said: str) -> Consensus:
    found = rate_rules.agree(samples(**said))
    assert found is not None
    return found


def test_the_median_of_those_that_agree_is_taken() -> None:
    assert agreed(a="400", b="404", c="410") == (Decimal(404), ("a", "b", "c"))
    assert agreed(a="400", b="402") == (Decimal(401), ("a", "b"))


@pytest.mark.parametrize(
    "absurd", ["0", "-1", "-0", "NaN", "sNaN", "Infinity", "1e9", "0.5", "-Infinity", "20000.01"]
)
def test_an_absurd_source_hides_nobody_and_counts_for_nothing(absurd: str) -> None:
    assert agreed(a=absurd, b="400", c="404") == (Decimal(402), ("b", "c"))
    assert agreed(a=absurd, b="400") is None


def test_two_that_disagree_are_not_believed() -> None:
    assert agreed(a="400", b="500") is None
    assert agreed(a="400", b="402", c="800") == (Decimal(401), ("a", "b"))


def test_one_source_alone_is_not_enough() -> None:
    assert agreed(a="400") is None
    assert agreed() is None


def test_five_per_cent_of_the_median_is_the_edge() -> None:
    assert agreed(a="380", b="400", c="420") == (Decimal(400), ("a", "b", "c"))
    assert agreed(a="379.99", b="400", c="420.01") is None
    assert agreed(a="379.99", b="400", c="420") == (Decimal(410), ("b", "c"))


def test_a_source_is_young_for_five_minutes() -> None:
    old, edge = Sample("a", Decimal(400), ago(minutes=5) - SECOND), ago(minutes=5)
    young = [Sample("b", Decimal(400), edge), Sample("c", Decimal(402), NOW)]

    assert rate_rules.fit("USD", [old, *young], now=NOW) == young
    assert rate_rules.age_problem(old.at, NOW) == "old: of 5 minutes ago"
    assert rate_rules.age_problem(edge, NOW) == ""


def test_a_source_whose_clock_is_ahead_says_nothing() -> None:
    minute = timedelta(minutes=1)

    assert rate_rules.age_problem(NOW + minute, NOW) == ""
    assert rate_rules.age_problem(NOW + minute + SECOND, NOW) == "its clock is ahead of ours"


def test_a_rate_is_as_old_as_the_second_youngest_of_its_sources() -> None:
    told = [
        Sample("a", Decimal(400), ago(minutes=4)),
        Sample("b", Decimal(401), ago(minutes=1)),
        Sample("c", Decimal(402), ago(minutes=2)),
    ]
    found = rate_rules.agree(told)

    assert found is not None
    assert found.at == ago(minutes=2)


def test_bounds_of_the_operator_take_the_place_of_ours() -> None:
    narrow = {"USD": (Decimal(100), Decimal(500))}

    assert rate_rules.is_sane("USD", Decimal(500), narrow)
    assert not rate_rules.is_sane("USD", Decimal("500.01"), narrow)
    assert not rate_rules.is_sane("USD", Decimal("99.99"), narrow)
    assert rate_rules.is_sane("EUR", Decimal(30_000), narrow)
    assert not rate_rules.is_sane("EUR", Decimal(30_000))
    assert rate_rules.is_sane("IDR", Decimal(7_000_000))


def through_dollars(rate: str, *direct: str, table_usd: str = "410") -> Consensus | None:
    usd = believed(a="400", b="404", c="408")
    table = Sample("coinbase", Decimal(rate), ago(seconds=30))
    dollar = Sample("coinbase", Decimal(table_usd), ago(seconds=30))
    others = [Sample(str(place), Decimal(one), NOW) for place, one in enumerate(direct)]
    return rate_rules.cross(usd, table, dollar, [table, *others])


def test_a_cross_rate_is_the_dollar_times_the_tables_ratio_exactly() -> None:
    found = through_dollars("4321.5")

    assert found is not None
    # 404 * 4321.5 / 410 = 4258.2585365853…, the last place rounded up
    assert found.rate == Decimal("4258.25853659")
    assert found.cross == Decimal("10.54024391")
    assert (found.via, found.sources, found.at) == ("USD", ("a", "b", "c"), ago(seconds=30))
    assert found.cross_sample == Sample("coinbase", Decimal("4321.5"), ago(seconds=30))


def test_a_cross_rate_that_any_direct_source_denies_is_not_believed() -> None:
    assert through_dollars("4100", "4242") is not None  # 4040 exactly, and 5 % above it
    assert through_dollars("4100", "4242.01") is None
    assert through_dollars("4100", "3838") is not None
    assert through_dollars("4100", "3837.99") is None
    assert through_dollars("4100", "4040", "8000") is None


def test_a_table_whose_own_dollar_is_off_makes_no_cross_rate() -> None:
    assert through_dollars("4100", table_usd="390") is not None
    assert through_dollars("4100", table_usd="800") is None


def test_a_jump_needs_three_sources() -> None:
    two, three = believed(a="461", b="461"), believed(a="461", b="461", c="461")
    edge = believed(a="460", b="460")
    old = Decimal(400)

    assert rate_rules.needs_more_sources(two, [old]) == Decimal("0.1525")
    assert rate_rules.needs_more_sources(three, [old]) is None
    assert rate_rules.needs_more_sources(edge, [old]) is None
    assert rate_rules.needs_more_sources(two, []) is None
    assert rate_rules.needs_more_sources(two, [Decimal(450), old]) == Decimal("0.1525")


rates = st.fractions(min_value=Fraction(1, 10**6), max_value=10**12)
prices = st.integers(min_value=1, max_value=10**8)


@given(exact=rates, cents=prices)
def test_rounding_a_rate_never_costs_the_buyer_a_satoshi_nor_the_seller_more_than_the_last_place(
    exact: Fraction, cents: int
) -> None:
    price = amounts.parse_price(Decimal(cents).scaleb(-2), "USD")
    stored = rate_rules.quantise(exact)
    fair = Fraction(cents, 100) * amounts.SAT_PER_BCH / exact
    if fair > amounts.MAX_SAT - 1:
        return

    due = amounts.due_sat(price, stored)

    assert 0 <= Fraction(stored) - exact < Fraction(1, 10**8)
    assert due <= -(-fair.numerator // fair.denominator)  # ceil: less than a satoshi over the price
    assert due >= Fraction(cents, 100) * amounts.SAT_PER_BCH / Fraction(stored)


@given(rate=rates, cents=prices, bps=st.integers(min_value=0, max_value=500))
def test_what_is_due_is_the_next_whole_satoshi_of_price_and_spread(
    rate: Fraction, cents: int, bps: int
) -> None:
    price = amounts.parse_price(Decimal(cents).scaleb(-2), "USD")
    stored = rate_rules.quantise(rate)
    spread = Fraction(10_000 + bps, 10_000)
    exact = Fraction(cents, 100) * amounts.SAT_PER_BCH * spread / Fraction(stored)
    if exact > amounts.MAX_SAT - 1:
        return

    assert 0 <= amounts.due_sat(price, stored, spread_bps=bps) - exact < 1


@pytest.mark.parametrize("currency", ["USD", "EUR", "GBP", "CHF"])
def test_the_bounds_themselves_are_still_believed(currency: str) -> None:
    assert rate_rules.BOUNDS[currency] == (Decimal(20), Decimal(20_000))
    for rate, is_sane in (("20", True), ("19.99", False), ("20000", True), ("20000.01", False)):
        assert rate_rules.is_sane(currency, Decimal(rate)) is is_sane


def test_a_currency_nobody_knows_has_wide_bounds() -> None:
    for rate, is_sane in (("0.000001", True), ("0.0000009", False), ("1e12", True)):
        assert rate_rules.is_sane("JPY", Decimal(rate)) is is_sane
    assert not rate_rules.is_sane("JPY", Decimal(10) ** 12 + 1)


def test_a_rate_is_more_than_nothing_whatever_the_operator_sets() -> None:
    own = {"JPY": (Decimal(-5), Decimal(5))}
    for rate, is_sane in (("0", False), ("-1", False), ("0.5", True), ("5", True)):
        assert rate_rules.is_sane("JPY", Decimal(rate), own) is is_sane


def test_a_rate_is_as_old_as_the_last_moment_at_which_two_stood_behind_it() -> None:
    said = [
        Sample(name, Decimal(400), ago(seconds=age))
        for name, age in zip("abcd", (9, 3, 7, 5), strict=True)
    ]
    for count, stood_at in ((2, ago(seconds=9)), (3, ago(seconds=7)), (4, ago(seconds=5))):
        found = rate_rules.agree(said[:count])
        assert found is not None
        assert found.at == stood_at


def test_without_an_older_rate_nothing_has_jumped() -> None:
    assert rate_rules.needs_more_sources(believed(a="400", b="400"), []) is None


def test_a_rate_is_in_force_for_ten_minutes() -> None:
    valid_for = rate_rules.VALID_FOR
    assert valid_for == timedelta(minutes=10)
