"""What is in force: medians, ages, jumps, cross rates, turns, alarms. Every moment is an argument."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.test import Client, override_settings

from payments import amounts, invoices, rate_feed, rate_table, rates
from payments.errors import RateUnavailable
from payments.models import Heartbeat, Invoice, Quote, Rate, RateSample
from tests.exchanges import ALL, Exchanges, running
from tests.tills import payout_to
from tests.xpub import XPUB

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)

pytestmark = pytest.mark.django_db


@pytest.fixture
def exchanges() -> Iterator[Exchanges]:
    with running() as found:
        yield found


@pytest.fixture
def asked() -> Iterator[None]:
    """Exchanges are what counts, and the test says what they answered."""
    with override_settings(KIM_RATE_BASE_URL="http://127.0.0.1:9", KIM_RATE_SOURCES=ALL):
        yield


def told(now: datetime, **said: Mapping[str, str] | str) -> int:
    """Answers by source: currency → rate, or only the dollar's."""
    answers = []
    for source, each in said.items():
        table = {"USD": each} if isinstance(each, str) else each
        answers.append(rates.Answer(source, {code: Decimal(x) for code, x in table.items()}))
    return rate_feed.store(answers, now=now)


def usd(now: datetime) -> Decimal | None:
    view = rate_table.current("USD", now=now)
    return None if view is None else view.rate


def texts(kind: str = "") -> list[str]:
    return [alarm.text for alarm in rate_table.alarms() if alarm.kind.startswith(kind)]


def turns() -> dict[str, tuple[int, datetime]]:
    sources = Heartbeat.objects.get(name="rates").detail["sources"]
    return {
        name: (each["failures"], datetime.fromisoformat(each["due_at"]))
        for name, each in sources.items()
    }


# --- what the sources agree on -----------------------------------------------------------------


def test_the_table_holds_what_the_sources_agree_on(exchanges: Exchanges) -> None:
    exchanges.says |= {"kraken": ("0", "0"), "bitpay": b"<html>", "bitstamp": ("402", "352")}

    assert rate_feed.refresh(now=NOW) == 2

    view = rate_table.current("USD", now=NOW)
    assert view is not None
    assert (view.rate, view.label, view.via, view.is_manual) == (Decimal(400), "", "", False)
    assert view.sources == ("bitstamp", "coinbase", "coingecko")
    assert view.at == NOW
    assert view.evidence[0] == {
        "source": "bitstamp",
        "rate": "402",
        "at": "2026-11-22T12:00:00+00:00",
        "via": "",
    }
    reasons = dict(RateSample.objects.exclude(error="").values_list("source", "error"))
    assert reasons == {"kraken": "no price in it", "bitpay": "not JSON"}


def test_what_a_source_said_counts_for_five_minutes(asked: None) -> None:
    told(NOW, kraken="400", bitstamp="402")
    told(NOW + 5 * MINUTE, coinbase="410")
    assert usd(NOW + 5 * MINUTE) == 402  # all three, two of them five minutes old

    told(NOW + 5 * MINUTE + SECOND, coinbase="412")

    view = rate_table.current("USD", now=NOW + 5 * MINUTE + SECOND)
    assert view is not None
    assert (view.rate, view.at) == (Decimal(402), NOW)  # one alone changed nothing


def test_a_rate_is_valid_for_ten_minutes(asked: None) -> None:
    told(NOW, kraken="400", bitstamp="402")

    assert usd(NOW + 10 * MINUTE - SECOND) == 401
    assert usd(NOW + 10 * MINUTE) is None


def test_an_old_answer_that_arrives_late_changes_nothing(asked: None) -> None:
    told(NOW, kraken="400", bitstamp="402")
    told(NOW - MINUTE, kraken="300", bitstamp="302")

    assert usd(NOW) == 401
    assert RateSample.objects.get(source="kraken", currency="USD").rate == 400


def test_a_source_with_an_old_time_of_its_own_is_left_out(asked: None) -> None:
    stale = NOW - 5 * MINUTE - SECOND
    answers = [
        rates.Answer("kraken", {"USD": Decimal(400)}),
        rates.Answer("bitstamp", {"USD": Decimal(402)}, times={"USD": stale}),
        rates.Answer("coingecko", {"USD": Decimal(404)}, times={"USD": NOW + 2 * MINUTE}),
    ]
    rate_feed.store(answers, now=NOW)
    assert usd(NOW) is None

    told(NOW, coinbase="402")

    view = rate_table.current("USD", now=NOW)
    assert view is not None
    assert view.sources == ("coinbase", "kraken")
    reasons = dict(RateSample.objects.exclude(error="").values_list("source", "error"))
    assert reasons == {
        "bitstamp": "old: of 5 minutes ago",
        "coingecko": "its clock is ahead of ours",
    }


def test_bounds_of_the_operator_hold_for_what_is_already_known(asked: None) -> None:
    told(NOW, kraken="400", bitstamp="402", coinbase="404")
    with override_settings(KIM_RATE_BOUNDS={"USD": (Decimal(401), Decimal(500))}):
        told(NOW + SECOND, kraken="400")

        view = rate_table.current("USD", now=NOW + SECOND)

    assert view is not None
    assert (view.rate, view.sources) == (Decimal(403), ("bitstamp", "coinbase"))
    assert RateSample.objects.get(source="kraken", currency="USD").error == "absurd: 400"


def test_a_source_that_is_asked_no_more_counts_no_more(asked: None) -> None:
    told(NOW, kraken="400", bitstamp="402", coinbase="410")
    with override_settings(KIM_RATE_SOURCES=("bitstamp", "coinbase")):
        told(NOW + SECOND, bitstamp="402", coinbase="410")
        assert usd(NOW + SECOND) == 406


# --- jumps -------------------------------------------------------------------------------------


def test_a_jump_that_two_sources_tell_keeps_the_old_rate_and_is_an_alarm(
    asked: None, caplog: pytest.LogCaptureFixture
) -> None:
    told(NOW, kraken="400", bitstamp="400")
    told(NOW + MINUTE, kraken="600", bitstamp="600")
    told(NOW + 2 * MINUTE, kraken="601", bitstamp="601")

    view = rate_table.current("USD", now=NOW + 2 * MINUTE)
    assert view is not None
    assert (view.rate, view.at) == (Decimal(400), NOW)
    (alarm,) = rate_table.alarms()
    assert (alarm.kind, alarm.currency, alarm.at) == ("jump", "USD", NOW + MINUTE)
    assert alarm.text == (
        "USD moved by 50 % to 601 in ten minutes. The old rate, 400, is kept while it is valid: "
        "so large a move needs 3 sources."
    )
    errors = [line for line in caplog.records if line.levelname == "ERROR"]
    assert len(errors) == 1  # once, not every minute


def test_a_jump_that_three_sources_tell_is_taken(asked: None) -> None:
    told(NOW, kraken="400", bitstamp="400")
    told(NOW + MINUTE, kraken="600", bitstamp="600")
    told(NOW + 2 * MINUTE, kraken="600", bitstamp="600", coinbase="600")

    assert usd(NOW + 2 * MINUTE) == 600
    assert rate_table.alarms() == ()


def test_fifteen_per_cent_is_no_jump_yet(asked: None) -> None:
    told(NOW, kraken="400", bitstamp="400")
    told(NOW + MINUTE, kraken="460", bitstamp="460")

    assert usd(NOW + MINUTE) == 460


def test_two_sources_cannot_walk_a_rate_away_in_steps(asked: None) -> None:
    told(NOW, kraken="400", bitstamp="400")
    told(NOW + MINUTE, kraken="440", bitstamp="440")
    told(NOW + 2 * MINUTE, kraken="470", bitstamp="470")  # 7 % more, but 17.5 % in two minutes
    assert usd(NOW + 2 * MINUTE) == 440

    told(NOW + 10 * MINUTE, kraken="470", bitstamp="470")

    assert usd(NOW + 10 * MINUTE) == 470


def test_a_jump_is_taken_once_the_old_rate_has_run_out(asked: None) -> None:
    told(NOW, kraken="400", bitstamp="400")
    told(NOW + 9 * MINUTE, kraken="600", bitstamp="600")
    assert usd(NOW + 9 * MINUTE) == 400

    told(NOW + 10 * MINUTE, kraken="600", bitstamp="600")

    assert usd(NOW + 10 * MINUTE) == 600


# --- cross rates -------------------------------------------------------------------------------

TABLE = {"USD": "410", "SEK": "4321.5", "KWD": "123", "BTC": "0.01"}


def test_other_currencies_go_through_the_dollar(asked: None) -> None:
    assert told(NOW, kraken="400", bitstamp="404", coinbase=TABLE) == 3

    view = rate_table.current("SEK", now=NOW)
    assert view is not None
    # 404 * 4321.5 / 410, upwards
    assert (view.rate, view.via) == (Decimal("4258.25853659"), "USD")
    assert view.sources == ("bitstamp", "coinbase", "kraken")
    at = "2026-11-22T12:00:00+00:00"
    assert list(view.evidence) == [
        {"source": "bitstamp", "rate": "404", "at": at, "via": "USD"},
        {"source": "coinbase", "rate": "410", "at": at, "via": "USD"},
        {"source": "kraken", "rate": "400", "at": at, "via": "USD"},
        {"source": "coinbase", "rate": "10.54024391", "at": at, "via": "USD/SEK"},
    ]
    assert rate_table.current("BTC", now=NOW) is None


def test_two_direct_sources_are_better_than_a_cross(asked: None) -> None:
    told(NOW, kraken="400", bitstamp="404", coinbase=TABLE, bitpay={"SEK": "4300"})

    view = rate_table.current("SEK", now=NOW)

    assert view is not None
    assert (view.rate, view.via, view.sources) == (Decimal("4310.75"), "", ("bitpay", "coinbase"))


def test_a_direct_source_that_denies_it_leaves_no_cross_rate(asked: None) -> None:
    told(NOW, kraken="400", bitstamp="404", coinbase=TABLE, bitpay={"SEK": "5000"})

    assert rate_table.current("SEK", now=NOW) is None
    assert rate_table.current("KWD", now=NOW) is not None


def test_without_a_believed_dollar_there_is_no_cross_rate(asked: None) -> None:
    told(NOW, coinbase=TABLE)
    assert rate_table.everything(now=NOW) == {}

    told(NOW + SECOND, kraken="300", coinbase=TABLE)
    assert rate_table.everything(now=NOW + SECOND) == {}


def test_a_dollar_that_jumps_too_far_moves_no_cross_rate(asked: None) -> None:
    told(NOW, kraken="400", coinbase=TABLE)
    was = rate_table.current("SEK", now=NOW)
    double = {code: str(Decimal(rate) * 2) for code, rate in TABLE.items()}

    told(NOW + MINUTE, kraken="800", coinbase=double)

    assert was is not None
    assert rate_table.current("SEK", now=NOW + MINUTE) == was
    assert [alarm.currency for alarm in rate_table.alarms()] == ["USD"]


def test_a_cross_that_jumps_in_one_table_is_kept_back(asked: None) -> None:
    told(NOW, kraken="400", bitstamp="404", coinbase=TABLE)
    was = rate_table.current("SEK", now=NOW)

    told(NOW + MINUTE, kraken="400", bitstamp="404", coinbase=TABLE | {"SEK": "5400"})

    assert was is not None
    assert rate_table.current("SEK", now=NOW + MINUTE) == was
    assert [alarm.currency for alarm in rate_table.alarms()] == ["SEK"]


# --- whose turn it is --------------------------------------------------------------------------


def test_a_source_that_fails_is_asked_again_after_5_10_20_40_and_60_seconds(
    exchanges: Exchanges,
) -> None:
    exchanges.says["kraken"] = 503
    now, pauses = NOW, []
    for _ in range(6):
        rate_feed.refresh(now=now)
        due_at = turns()["kraken"][1]
        pauses.append(int((due_at - now).total_seconds()))
        now = due_at

    assert pauses == [5, 10, 20, 40, 60, 60]
    exchanges.says["kraken"] = ("400", "350")
    rate_feed.refresh(now=now)
    assert turns()["kraken"] == (0, now + MINUTE)


def test_only_those_whose_turn_it_is_are_asked(exchanges: Exchanges) -> None:
    exchanges.says["bitpay"] = 500
    rate_feed.refresh(now=NOW)
    assert sorted(set(exchanges.asked)) == sorted(ALL)
    exchanges.asked.clear()

    rate_feed.refresh(now=NOW + 4 * SECOND)
    assert exchanges.asked == []
    rate_feed.refresh(now=NOW + 5 * SECOND)
    assert exchanges.asked == ["bitpay"]


def test_a_source_that_one_worker_asks_is_not_asked_by_another(exchanges: Exchanges) -> None:
    del exchanges
    assert set(rate_feed._claim(NOW)) == set(ALL)
    assert rate_feed._claim(NOW) == ()
    assert rate_feed._claim(NOW + rate_feed.LEASE - SECOND) == ()

    assert set(rate_feed._claim(NOW + rate_feed.LEASE)) == set(ALL)  # that worker died


def test_too_few_sources_and_rates_that_run_out_are_alarms(exchanges: Exchanges) -> None:
    rate_feed.refresh(now=NOW)
    assert rate_table.alarms() == ()
    exchanges.says = dict.fromkeys(ALL[1:], 500)
    rate_feed.refresh(now=NOW + MINUTE)
    assert texts() == ["1 of 5 sources answer. Silent: bitstamp, coinbase, coingecko, bitpay."]

    rate_feed.refresh(now=NOW + 10 * MINUTE)

    assert texts("stale") == [
        "No valid rate for ten minutes: EUR, USD. Prices in it wait, or use a creator's own rate."
    ]
    exchanges.says = {}
    rate_feed.refresh(now=NOW + 12 * MINUTE)
    assert rate_table.alarms() == ()


# --- quotes ------------------------------------------------------------------------------------


def test_an_old_rate_is_no_rate_and_a_fiat_price_waits(exchanges: Exchanges) -> None:
    rate_feed.refresh(now=NOW)
    payout = payout_to(XPUB)
    later = NOW + 10 * MINUTE
    exchanges.says = dict.fromkeys(ALL, 500)
    rate_feed.refresh(now=later)

    price = amounts.parse_price("2", "EUR")
    with pytest.raises(RateUnavailable) as refused:
        invoices.open(payout_id=payout.id, price=price, confirmations=1, now=later)

    assert refused.value.http_status == 503
    assert invoices.estimate_sat(price, now=later) is None
    assert invoices.estimate_sat(price, now=later - SECOND) is not None
    assert not Invoice.objects.exists()
    bch = amounts.parse_price("0.005", "BCH")
    assert rate_table.quote(bch, now=later) == rate_table.Quoted(
        due_sat=500_000, rate=None, sources=()
    )


def test_a_quote_keeps_what_every_source_said(asked: None, chain: object) -> None:
    told(NOW, kraken="400", bitstamp="402")
    price = amounts.parse_price("4.01", "USD")

    invoices.open(payout_id=payout_to(XPUB).id, price=price, confirmations=1, now=NOW)

    kept = Quote.objects.get()
    assert (kept.due_sat, kept.rate, kept.sources) == (
        1_000_000,
        Decimal(401),
        ["bitstamp", "kraken"],
    )
    at = "2026-11-22T12:00:00+00:00"
    assert kept.evidence == [
        {"source": "bitstamp", "rate": "402", "at": at, "via": ""},
        {"source": "kraken", "rate": "400", "at": at, "via": ""},
    ]


def test_a_spread_is_added_to_fiat_prices_and_told(asked: None) -> None:
    told(NOW, kraken="400", bitstamp="400")
    with override_settings(KIM_RATE_SPREAD_BPS=150):
        quoted = rate_table.quote(amounts.parse_price("4", "USD"), now=NOW)
        coins = rate_table.quote(amounts.parse_price("0.01", "BCH"), now=NOW)

    assert (quoted.due_sat, quoted.rate) == (1_015_000, Decimal(400))
    assert quoted.evidence[-1] == {
        "source": "spread",
        "rate": "1.5 %",
        "at": "2026-11-22T12:00:00+00:00",
        "via": "",
    }
    assert (coins.due_sat, coins.evidence) == (1_000_000, ())


def test_a_quote_asks_the_table_once_and_the_network_never(
    exchanges: Exchanges, django_assert_num_queries: object
) -> None:
    rate_feed.refresh(now=NOW)
    exchanges.asked.clear()

    with django_assert_num_queries(1):  # type: ignore[operator]
        rate_table.quote(amounts.parse_price("4", "USD"), now=NOW)

    assert exchanges.asked == []


# --- over HTTP ---------------------------------------------------------------------------------


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


def test_the_page_says_when_there_is_no_rate(exchanges: Exchanges, client: Client) -> None:
    assert client.get("/api/v1/rates/").json() == {"currencies": {}, "stale": True}
    now = datetime.now(UTC)
    rate_feed.refresh(now=now - MINUTE)
    answer = client.get("/api/v1/rates/").json()
    assert answer["currencies"]["EUR"]["rate"] == "350"
    assert answer["currencies"]["EUR"]["label"] is None
    assert answer["currencies"]["EUR"]["age_seconds"] >= 60
    assert Rate.objects.count() == 2
    del exchanges
