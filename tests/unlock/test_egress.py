"""What is looked at for nothing has a budget; what was paid has none. Real Redis server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings
from redis import Redis

from payments.states import InvoiceState
from tests.redises import RedisServer
from tests.unlock import sale
from tests.unlock.creating import Browser, refusal
from tests.unlock.sale import NOW, Buyer
from unlock import copies, egress, locations, offers
from unlock.egress import Day
from unlock.errors import EgressSpent
from unlock.models import Copy, EgressDay, Purchase
from unlock.stores import SignedRequest
from unlock.tasks.marks import keep_egress

pytestmark = pytest.mark.django_db
KIB = 1024
ANNA, OTTO = "203.0.113.9", "2001:db8:1:2::"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def counted(server: RedisServer, settings: Settings) -> None:
    with Redis.from_url(server.url) as client:
        client.flushall()
    settings.KIM_REDIS_URL = server.url
    settings.KIM_EGRESS_VISITOR_BYTES = 100 * KIB
    settings.KIM_EGRESS_FILE_BYTES = 150 * KIB
    settings.KIM_EGRESS_INSTANCE_BYTES = 200 * KIB


def look(sold: sale.Sold, visitor: str = ANNA, *, core: int = 0, sample: int = 0) -> None:
    egress.show(
        sold.file, visitor=visitor, core_bytes=core * KIB, sample_bytes=sample * KIB, now=NOW
    )


class Signer:
    """A store, as far as a range of it is promised."""

    def sign_range(self, key: str, *, offset: int, size_bytes: int, now: datetime) -> SignedRequest:
        url = f"http://store/{key}?{offset}"
        return SignedRequest(url=url, headers={}, size_bytes=size_bytes, expires_at=now)


def kept() -> list[tuple[UUID, int, int]]:
    rows = EgressDay.objects.order_by("-shown_bytes").values_list(
        "paid_file_id", "shown_bytes", "sold_bytes"
    )
    return list(rows)


@pytest.mark.parametrize(
    ("spent", "sample", "says"),
    [
        (Day(visitor_bytes=90, file_bytes=0, instance_bytes=0), 10, ""),
        (Day(visitor_bytes=91, file_bytes=0, instance_bytes=0), 10, "Your network"),
        (Day(visitor_bytes=0, file_bytes=199, instance_bytes=0), 1, ""),
        (Day(visitor_bytes=0, file_bytes=200, instance_bytes=0), 1, "The sample"),
        (Day(visitor_bytes=0, file_bytes=0, instance_bytes=296), 5, "The sample"),
        (Day(visitor_bytes=999, file_bytes=999, instance_bytes=999), 0, ""),
    ],
)
def test_a_sample_is_refused_where_a_budget_ends(spent: Day, sample: int, says: str) -> None:
    most = Day(visitor_bytes=100, file_bytes=200, instance_bytes=300)

    if not says:
        egress.check(spent, most, sample_bytes=sample)
        return
    with pytest.raises(EgressSpent, match=says):
        egress.check(spent, most, sample_bytes=sample)


def test_without_a_budget_anything_goes() -> None:
    none = Day(visitor_bytes=0, file_bytes=0, instance_bytes=0)
    spent = Day(visitor_bytes=2**50, file_bytes=2**50, instance_bytes=2**50)

    egress.check(spent, none, sample_bytes=2**40)


def test_a_visitor_who_looked_enough_is_refused_and_the_refusal_costs_nothing() -> None:
    sold = sale.publish()
    look(sold, core=20, sample=60)

    for _ in range(3):
        with pytest.raises(EgressSpent):
            look(sold, sample=21)
    look(sold, sample=20)
    look(sold, OTTO, sample=50)

    egress.keep(now=NOW)
    assert kept() == [(sold.file.id, 150 * KIB, 0)]


def test_a_sample_that_everybody_looked_at_waits_for_tomorrow_and_the_file_sells_on() -> None:
    sold, other = sale.publish(), sale.publish()
    look(sold, ANNA, sample=90)
    look(sold, OTTO, sample=60)

    with pytest.raises(EgressSpent, match="The sample"):
        look(sold, "198.51.100.1", core=1, sample=1)
    look(sold, "198.51.100.1", core=20)
    look(other, "198.51.100.2", sample=30)
    with pytest.raises(EgressSpent, match="The sample"):
        look(other, "198.51.100.2", sample=1)

    tomorrow = NOW + timedelta(days=1)
    egress.show(sold.file, visitor=ANNA, core_bytes=0, sample_bytes=90 * KIB, now=tomorrow)
    egress.keep(now=tomorrow)
    assert [shown // KIB for _, shown, _ in kept()] == [170, 90, 30]


def test_a_buyer_is_counted_once_and_never_refused(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    sold = sale.publish()
    bought = Buyer().purchase(sold, invoice_id=sale.owe(sold, InvoiceState.PAID).id)
    look(sold, sample=90)
    size_bytes = sold.file.container.size_bytes if sold.file.container else 0
    location = locations.Location(
        copy=bought.id, url="http://store/x", size_bytes=size_bytes, etag="", expires_at=NOW
    )
    monkeypatch.setattr(locations, "_sign_copies", lambda held, *, now: iter([location]))
    settings.KIM_EGRESS_INSTANCE_BYTES = 1

    for _ in range(3):
        assert locations.sign(bought.id, now=NOW) == (location,)

    egress.keep(now=NOW)
    assert Purchase.objects.get().locations_signed == 3
    assert kept() == [(sold.file.id, 90 * KIB, size_bytes)]


def test_days_are_written_down_twice_without_harm_and_never_shrink(server: RedisServer) -> None:
    sold = sale.publish()
    look(sold, sample=50)

    assert (egress.keep(now=NOW), egress.keep(now=NOW)) == (1, 0)
    with Redis.from_url(server.url) as client:
        client.flushall()
    look(sold, sample=10)
    assert egress.keep(now=NOW + timedelta(days=1)) == 0
    assert kept() == [(sold.file.id, 50 * KIB, 0)]
    look(sold, sample=50)
    assert egress.keep(now=NOW) == 1
    assert kept() == [(sold.file.id, 60 * KIB, 0)]


def test_old_days_are_forgotten_and_a_deleted_file_is_not_written() -> None:
    sold = sale.publish()
    EgressDay.objects.create(paid_file=sold.file, day=NOW.date() - timedelta(days=401))
    EgressDay.objects.create(paid_file=sold.file, day=NOW.date() - timedelta(days=399))
    egress.sell(UUID(int=7), 5, now=NOW)

    assert egress.keep(now=NOW) == 0
    assert EgressDay.objects.count() == 1


def test_without_redis_nothing_is_refused_and_nothing_written(settings: Settings) -> None:
    settings.KIM_REDIS_URL = "redis://127.0.0.1:1/0"
    settings.KIM_EGRESS_VISITOR_BYTES = 1
    sold = sale.publish()

    look(sold, sample=50)
    egress.sell(sold.file.id, 5, now=NOW)
    keep_egress()

    assert kept() == []


def test_beyond_the_budget_the_sample_is_refused_and_the_way_to_paying_is_not(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    sold = sale.publish()
    ranges = f"files/{sold.file.id}/ranges/"
    settings.KIM_EGRESS_VISITOR_BYTES = 1
    monkeypatch.setattr(copies, "served", lambda held, *, now: [(Copy.objects.get(), Signer())])
    monkeypatch.setattr(offers, "shown_segments", lambda file, named: [0] if named else [])

    refused = Browser().get(f"{ranges}?with=sample")

    assert refusal(refused) == (429, "egress_spent")
    assert "tomorrow" in refused.json()["error"]["hint"]
    egress.keep(now=timezone.now())
    assert kept() == []
    assert Browser().get(ranges).status_code == 200
