"""Sources over real HTTP: each in its own shape, and every way in which one may be bad."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from payments import rates
from tests.exchanges import ALL, Exchanges, running


@pytest.fixture
def exchanges() -> Iterator[Exchanges]:
    with running() as found:
        yield found


@pytest.mark.parametrize("source", ALL)
def test_every_exchange_is_read_in_its_own_shape(exchanges: Exchanges, source: str) -> None:
    answer = rates.fetch(source, base_url=exchanges.url)

    assert answer.error == ""
    assert (answer.rates["USD"], answer.rates["EUR"]) == (Decimal(400), Decimal(350))
    assert "BCH" not in answer.rates


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"<html>Just a moment</html>", "not JSON"),
        (b"", "not JSON"),
        (b"[]", "not an object"),
        (b"{}", "unreadable answer"),
        (b'{"data": {"currency": "BTC", "rates": {"USD": "1"}}}', "another currency"),
        (b'{"data": {"currency": "BCH", "rates": {"USD": "much"}}}', "no price in it"),
        (b'{"data": {"currency": "BCH", "rates": {"BTC": "0.01"}}}', "no price in it"),
        (b'{"data": {"currency": "BCH", "rates": {"USD": 1e99999999999999999999}}}', ""),
        (b'{"data": "' + b"x" * 70_000 + b'"}', "over 64 KB"),
        (b"[" * 60_000, "not JSON"),
        (503, "HTTP 503"),
        (302, "HTTP 302"),
    ],
)
def test_a_source_that_talks_nonsense_is_left_out_with_its_reason(
    exchanges: Exchanges, said: object, reason: str
) -> None:
    exchanges.says["coinbase"] = said

    answer = rates.fetch("coinbase", base_url=exchanges.url)

    assert answer.rates == {}
    assert reason in answer.error


def test_a_source_that_hangs_is_given_up(
    exchanges: Exchanges, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "FETCH_SECONDS", 0.2)
    exchanges.slow["kraken"] = 1.0

    answer = rates.fetch("kraken", base_url=exchanges.url)

    assert answer.error == "too slow"


def test_a_source_that_drips_is_cut_off(
    exchanges: Exchanges, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "FETCH_SECONDS", 0.3)
    exchanges.drips.add("kraken")
    began = time.monotonic()

    answer = rates.fetch("kraken", base_url=exchanges.url)

    assert answer.error == "too slow"
    assert time.monotonic() - began < 2


def test_nobody_waits_for_the_slowest(
    exchanges: Exchanges, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "FETCH_SECONDS", 0.3)
    exchanges.drips.add("kraken")
    exchanges.slow["bitpay"] = 3
    began = time.monotonic()

    errors = {
        answer.source: answer.error for answer in rates.fetch_all(ALL, base_url=exchanges.url)
    }

    assert time.monotonic() - began < 2
    assert errors == {
        "kraken": "too slow",
        "bitstamp": "",
        "coinbase": "",
        "coingecko": "",
        "bitpay": "too slow",
    }


def test_one_bad_number_says_nothing_about_the_others(exchanges: Exchanges) -> None:
    exchanges.says["coinbase"] = {
        "USD": "much",
        "EUR": "350",
        "CHF": None,
        "JPY": "NaN",
        "BTC": "1",
    }

    answer = rates.fetch("coinbase", base_url=exchanges.url)

    assert answer.error == ""
    assert set(answer.rates) == {"USD", "EUR", "CHF", "JPY"}
    assert [code for code, rate in answer.rates.items() if rate.is_finite()] == ["EUR"]


def test_a_source_that_tells_its_own_time_is_as_old_as_that(exchanges: Exchanges) -> None:
    exchanges.says["bitstamp"] = b'{"last": "400", "timestamp": "1795348800"}'
    exchanges.says["coingecko"] = b'{"bitcoin-cash": {"usd": 401, "last_updated_at": 1795348801}}'
    moment = datetime(2026, 11, 22, 12, tzinfo=UTC)

    bitstamp = rates.fetch("bitstamp", base_url=exchanges.url)
    coingecko = rates.fetch("coingecko", base_url=exchanges.url)

    assert bitstamp.times == {"USD": moment, "EUR": moment}
    assert coingecko.times == {"USD": moment + timedelta(seconds=1)}
    assert rates.fetch("kraken", base_url=exchanges.url).times == {}


@pytest.mark.parametrize("odd", ['"x"', "-1", "1e999999", "null", "[]", '"NaN"'])
def test_a_time_that_is_none_leaves_the_moment_of_asking(exchanges: Exchanges, odd: str) -> None:
    exchanges.says["bitstamp"] = f'{{"last": "400", "timestamp": {odd}}}'.encode()

    answer = rates.fetch("bitstamp", base_url=exchanges.url)

    assert (answer.error, answer.times) == ("", {})
    assert answer.rates["USD"] == 400
