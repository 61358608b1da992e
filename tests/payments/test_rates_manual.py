"""A creator's own rate, and the page on which the operator sees who is believed."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.test import Client, override_settings
from django.utils import timezone

from payments import amounts, rate_feed, rate_table
from payments.errors import BadRate, RateUnavailable, UnknownCurrency
from payments.models import ManualRate
from payments.rates import Answer
from tests.exchanges import ALL

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PRICE = amounts.parse_price("4", "USD")

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _asked() -> Iterator[None]:
    with override_settings(KIM_RATE_BASE_URL="http://127.0.0.1:9", KIM_RATE_SOURCES=ALL):
        yield


def told(now: datetime, **dollars: str) -> None:
    said = [Answer(name, {"USD": Decimal(rate)}) for name, rate in dollars.items()]
    rate_feed.store(said, now=now)


def test_it_is_used_only_while_no_other_is_valid() -> None:
    maya = uuid.uuid4()
    rate_table.set_manual(maya, "USD", "320", now=NOW)
    told(NOW, kraken="400", bitstamp="400")

    market = rate_table.quote(PRICE, now=NOW + 10 * MINUTE - timedelta(seconds=1), owner=maya)
    own = rate_table.quote(PRICE, now=NOW + 10 * MINUTE, owner=maya)
    told(NOW + 11 * MINUTE, kraken="410", bitstamp="410")
    again = rate_table.quote(PRICE, now=NOW + 11 * MINUTE, owner=maya)

    assert (market.due_sat, market.sources) == (1_000_000, ("bitstamp", "kraken"))
    assert (own.due_sat, own.rate) == (1_250_000, Decimal(320))
    assert own.sources == ("manual rate of the creator",)
    assert own.evidence == (
        {
            "source": "manual rate of the creator",
            "rate": "320",
            "at": "2026-11-22T12:00:00+00:00",
            "via": "",
        },
    )
    assert again.rate == 410


def test_it_says_what_it_is() -> None:
    maya = uuid.uuid4()
    rate_table.set_manual(maya, "USD", "320.50", now=NOW)

    view = rate_table.current("USD", now=NOW + MINUTE, owner=maya)

    assert view is not None
    assert (view.is_manual, view.label, view.at) == (True, "manual rate of the creator", NOW)
    assert rate_table.everything(now=NOW) == {}  # the list for everybody has none of it


def test_it_is_nobody_elses() -> None:
    rate_table.set_manual(uuid.uuid4(), "USD", "320", now=NOW)

    for owner in (uuid.uuid4(), None):
        with pytest.raises(RateUnavailable) as refused:
            rate_table.quote(PRICE, now=NOW, owner=owner)
        assert refused.value.http_status == 503
    assert rate_table.estimate_sat(PRICE, now=NOW) is None


def test_no_spread_is_added_to_a_creators_own_rate() -> None:
    maya = uuid.uuid4()
    rate_table.set_manual(maya, "USD", "400", now=NOW)
    with override_settings(KIM_RATE_SPREAD_BPS=500):
        assert rate_table.quote(PRICE, now=NOW, owner=maya).due_sat == 1_000_000


def test_it_is_changed_listed_and_deleted() -> None:
    maya = uuid.uuid4()
    rate_table.set_manual(maya, "USD", "320", now=NOW)
    rate_table.set_manual(maya, "EUR", "300.12345678", now=NOW)
    rate_table.set_manual(maya, "USD", "330", now=NOW + MINUTE)

    assert rate_table.manual_of(maya) == (
        rate_table.ManualView(currency="EUR", rate=Decimal("300.12345678"), at=NOW),
        rate_table.ManualView(currency="USD", rate=Decimal(330), at=NOW + MINUTE),
    )
    assert rate_table.delete_manual(maya, "USD") is True
    assert rate_table.delete_manual(maya, "USD") is False
    assert [each.currency for each in rate_table.manual_of(maya)] == ["EUR"]


@pytest.mark.parametrize(
    "rate",
    ["", "x", "0", "-1", "NaN", "1e3", "4_00", "٤٠٠", "19.99", "20000.01", "400.123456789", "+400"],
)
def test_a_rate_that_is_none_or_out_of_bounds_is_refused(rate: str) -> None:
    with pytest.raises(BadRate):
        rate_table.set_manual(uuid.uuid4(), "USD", rate, now=NOW)
    assert not ManualRate.objects.exists()


@pytest.mark.parametrize("currency", ["BCH", "BTC", "usd", "", "XXXX"])
def test_a_currency_without_exchange_rates_has_no_manual_one(currency: str) -> None:
    with pytest.raises(UnknownCurrency):
        rate_table.set_manual(uuid.uuid4(), currency, "400", now=NOW)
    assert not ManualRate.objects.exists()


def test_bounds_drawn_closer_since_hold_for_it_too() -> None:
    maya = uuid.uuid4()
    rate_table.set_manual(maya, "USD", "320", now=NOW)
    with override_settings(KIM_RATE_BOUNDS={"USD": (Decimal(350), Decimal(500))}):
        assert rate_table.current("USD", now=NOW, owner=maya) is None


# --- the operator's page -----------------------------------------------------------------------


@pytest.fixture
def staff(client: Client) -> Client:
    user = get_user_model().objects.create_superuser("root", password="long enough")
    client.force_login(user)
    return client


def test_the_operator_sees_each_source_and_why_it_is_not_believed(staff: Client) -> None:
    now = timezone.now()
    told(now - 6 * MINUTE, bitpay="400")
    told(now, kraken="400", bitstamp="402", coinbase="800", coingecko="5")

    page = staff.get("/admin/payments/rate/").content.decode()

    row = {name: " ".join(page.split(f">{name}<")[2].split("</tr>")[0].split()) for name in ALL}
    assert "1 BCH = 401 USD" in page
    assert "+0.25 %" in row["bitstamp"]
    assert "-0.25 %" in row["kraken"]
    assert "yes" in row["kraken"]
    assert "no: more than 5 % from the median" in row["coinbase"]
    assert "+99.50 %" in row["coinbase"]
    assert "no: absurd: 5" in row["coingecko"]
    assert "no: old: of 6 minutes ago" in row["bitpay"]


def test_the_operator_sees_alarms_and_rates_that_ran_out(staff: Client) -> None:
    now = timezone.now()
    told(now - 11 * MINUTE, kraken="400", bitstamp="402")
    told(now, kraken="400")

    page = staff.get("/admin/payments/rate/").content.decode()

    assert "Nothing in force. The last rate, 401, is 66" in page
    assert "No valid rate for ten minutes: USD." in page
    assert "no: no second source agrees" in page


def test_a_cross_rate_shows_its_way(staff: Client) -> None:
    table = {"USD": Decimal(400), "SEK": Decimal(4000)}
    said = [Answer("kraken", {"USD": Decimal(400)}), Answer("coinbase", table)]
    rate_feed.store(said, now=timezone.now())

    shown = staff.get("/admin/payments/rate/", {"q": "sek"}).content.decode()
    usual = staff.get("/admin/payments/rate/").content.decode()

    assert "1 BCH = 4000 SEK" in shown
    assert "a cross rate, through USD" in shown
    assert "no: only for the cross through USD" in shown
    assert 'href="?q=SEK"' in usual


def test_only_staff_see_it(client: Client) -> None:
    assert client.get("/admin/payments/rate/").status_code == 302
    client.force_login(get_user_model().objects.create_user("eve", password="long enough"))
    assert client.get("/admin/payments/rate/").status_code in {302, 403}
