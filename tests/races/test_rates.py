"""Two workers fetch at once, on real row locks: each source is asked once, and one table results."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection

from payments import rate_feed, rate_table
from payments.models import Heartbeat, Rate, RateSample
from payments.rates import Answer
from tests.exchanges import ALL, Exchanges, running
from tests.races.test_creating import at_once

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _on_postgresql() -> None:
    assert connection.vendor == "postgresql", "run races through tests.postgres"


@pytest.fixture
def exchanges() -> Iterator[Exchanges]:
    with running() as found:
        yield found


def test_of_many_workers_each_source_is_asked_once(exchanges: Exchanges) -> None:
    answers = at_once(lambda _: rate_feed.refresh(now=NOW))

    assert [each for each in answers if isinstance(each, Exception)] == []
    assert sorted(exchanges.asked) == sorted([*ALL, "bitstamp"])  # which has a page per currency
    assert rate_feed.refresh(now=NOW) == 2
    view = rate_table.current("USD", now=NOW)
    assert view is not None
    assert (view.rate, len(view.sources)) == (Decimal(400), 5)


def test_answers_that_come_in_any_order_leave_the_newest(exchanges: Exchanges) -> None:
    def keep(number: int) -> int:
        rate = Decimal(400 + number)
        said = [Answer(name, {"USD": rate, "EUR": rate}) for name in ("kraken", "bitstamp")]
        return rate_feed.store(said, now=NOW + timedelta(seconds=number))

    answers = at_once(keep)

    assert [each for each in answers if isinstance(each, Exception)] == []
    assert {row.rate for row in RateSample.objects.exclude(currency="")} == {Decimal(407)}
    assert {row.rate for row in Rate.objects.all()} == {Decimal(407)}
    assert Heartbeat.objects.filter(name="rates").count() == 1
    del exchanges
