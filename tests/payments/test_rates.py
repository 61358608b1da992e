"""Rates: several sources over real HTTP, checked before chosen, and never a guess."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.test import Client, override_settings
from django.utils import timezone

from payments import amounts, invoices, rate_feed, rate_rules, rate_table, rates
from payments.errors import RateUnavailable
from payments.models import Invoice, Rate, RateSample
from payments.rate_rules import Sample
from tests.tills import XPUB, payout_to

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)

ALL = ("kraken", "bitstamp", "coinbase", "coingecko", "bitpay")


def body_of(source: str, path: str, usd: str, eur: str) -> object:
    """What each exchange answers, in its own shape."""
    return {
        "kraken": {"error": [], "result": {"BCHUSD": {"c": [usd, "1"]}, "BCHEUR": {"c": [eur]}}},
        "bitstamp": {"last": usd if "usd" in path else eur, "bid": "1"},
        "coinbase": {"data": {"currency": "BCH", "rates": {"USD": usd, "EUR": eur, "BCH": "1"}}},
        "coingecko": {"bitcoin-cash": {"usd": float(usd), "eur": float(eur)}},
        "bitpay": {
            "data": [
                {"code": "BCH", "name": "Bitcoin Cash", "rate": 1},
                {"code": "USD", "name": "US Dollar", "rate": float(usd)},
                {"code": "EUR", "name": "Euro", "rate": float(eur)},
            ]
        },
    }[source]


class Exchanges:
    """All exchanges on one port, as ``KIM_RATE_BASE_URL`` sees them."""

    def __init__(self) -> None:
        self.says: dict[str, Any] = {}
        self.slow: dict[str, float] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                source = self.path.split("/")[1]
                time.sleep(outer.slow.get(source, 0))
                status, body = outer.answer(source, self.path)
                with contextlib.suppress(OSError):  # whoever asked has given up
                    self.send_response(status)
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def answer(self, source: str, path: str) -> tuple[int, bytes]:
        said = self.says.get(source, ("400.00", "350.00"))
        if isinstance(said, bytes):
            return 200, said
        if isinstance(said, int):
            return said, b""
        return 200, json.dumps(body_of(source, path, *said)).encode()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def exchanges() -> Iterator[Exchanges]:
    found = Exchanges()
    with override_settings(KIM_RATE_BASE_URL=found.url, KIM_RATE_SOURCES=ALL):
        yield found
    found.close()


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


def agreed(**said: str) -> tuple[Decimal, tuple[str, ...]] | None:
    samples = [Sample(name, Decimal(rate), NOW) for name, rate in said.items()]
    found = rate_rules.agree(rate_rules.fit("USD", samples, now=NOW))
    return None if found is None else (found.rate, found.sources)


def test_the_median_of_those_that_agree_is_taken() -> None:
    assert agreed(a="400", b="404", c="410") == (Decimal(404), ("a", "b", "c"))
    assert agreed(a="400", b="402") == (Decimal(401), ("a", "b"))


@pytest.mark.parametrize("absurd", ["0", "-1", "NaN", "Infinity", "1e9", "0.5", "-Infinity"])
def test_an_absurd_source_hides_nobody_and_counts_for_nothing(absurd: str) -> None:
    assert agreed(a=absurd, b="400", c="404") == (Decimal(402), ("b", "c"))
    assert agreed(a=absurd, b="400") is None


def test_two_that_disagree_are_not_believed() -> None:
    assert agreed(a="400", b="500") is None
    assert agreed(a="400", b="402", c="800") == (Decimal(401), ("a", "b"))


def test_one_source_alone_is_not_enough() -> None:
    assert agreed(a="400") is None


@pytest.mark.django_db
def test_the_table_holds_what_the_sources_agree_on(exchanges: Exchanges) -> None:
    exchanges.says |= {"kraken": ("0", "0"), "bitpay": b"<html>", "bitstamp": ("402", "352")}
    now = timezone.now()

    assert rate_feed.refresh(now=now) == 2

    view = rate_table.current("USD", now=now)
    assert view is not None
    assert (view.rate, view.label) == (Decimal(400), "")
    assert view.sources == ("bitstamp", "coinbase", "coingecko")
    reasons = dict(RateSample.objects.exclude(error="").values_list("source", "error"))
    assert set(reasons) == {"kraken", "bitpay"}


@pytest.mark.django_db
def test_an_old_rate_is_no_rate_and_a_fiat_price_waits(exchanges: Exchanges) -> None:
    then = timezone.now()
    rate_feed.refresh(now=then)
    payout = payout_to(XPUB)
    later = then + timedelta(minutes=10)
    exchanges.says = dict.fromkeys(ALL, 500)
    rate_feed.refresh(now=later)

    price = amounts.parse_price("2", "EUR")
    with pytest.raises(RateUnavailable) as refused:
        invoices.open(payout_id=payout.id, price=price, confirmations=1, now=later)

    assert refused.value.http_status == 503
    assert invoices.estimate_sat(price, now=later) is None
    assert invoices.estimate_sat(price, now=later - timedelta(seconds=1)) is not None
    assert not Invoice.objects.exists()


@pytest.mark.django_db
def test_a_jump_that_two_sources_tell_keeps_the_old_rate(exchanges: Exchanges) -> None:
    now = timezone.now()
    rate_feed.refresh(now=now)
    exchanges.says = dict.fromkeys(ALL[:2], ("600", "525")) | dict.fromkeys(ALL[2:], 500)
    rate_feed.refresh(now=now + timedelta(minutes=1))
    kept = rate_table.current("USD", now=now + timedelta(minutes=1))
    exchanges.says = dict.fromkeys(ALL[:3], ("600", "525")) | dict.fromkeys(ALL[3:], 500)
    rate_feed.refresh(now=now + timedelta(minutes=2))
    moved = rate_table.current("USD", now=now + timedelta(minutes=2))

    assert kept is not None
    assert moved is not None
    assert (kept.rate, moved.rate) == (Decimal(400), Decimal(600))


@pytest.mark.django_db
def test_on_regtest_the_development_source_says_what_it_is(client: Client) -> None:
    answer = client.get("/api/v1/rates/").json()

    assert answer["stale"] is False
    assert answer["currencies"]["EUR"] == {
        "rate": "400",
        "at": answer["currencies"]["EUR"]["at"],
        "age_seconds": 0,
        "sources": ["development source"],
        "via": None,
        "is_manual": False,
        "label": "development source",
    }


@pytest.mark.django_db
def test_the_page_says_when_there_is_no_rate(exchanges: Exchanges, client: Client) -> None:
    assert client.get("/api/v1/rates/").json() == {"currencies": {}, "stale": True}
    rate_feed.refresh(now=timezone.now())
    answer = client.get("/api/v1/rates/").json()
    assert answer["currencies"]["EUR"]["rate"] == "350"
    assert answer["currencies"]["EUR"]["label"] is None
    assert Rate.objects.count() == 2
    del exchanges
