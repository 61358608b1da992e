"""High-water marks in a real bucket: a restored backup hands nothing out a second time."""

from __future__ import annotations

import json
import logging
from uuid import uuid4

import pytest
from django.test import override_settings
from django.utils import timezone

from kim import celery as kim_celery
from kim.env import StoreConfig
from payments import invoices, payouts
from payments.amounts import parse_price
from payments.models import Payout
from tests.tills import payout_to
from tests.unlock.test_api_creators import address
from unlock import marks, storage
from unlock.errors import MarksDamaged, ObjectMissing, StoreError
from unlock.tasks.marks import keep_if_reachable

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("configured_store")]


@pytest.fixture(autouse=True)
def _no_marks(configured_store: object) -> None:
    storage.primary().delete(marks.KEY)


def sell(payout: payouts.PayoutView) -> str:
    price = parse_price("0.0002", "BCH")
    opened = invoices.open(payout_id=payout.id, price=price, confirmations=1, now=timezone.now())
    return opened.address_derivation


def keep() -> int:
    return marks.keep(now=timezone.now())


def kept() -> bytes:
    store = storage.primary()
    seen = store.head(marks.KEY)
    return store.read_range(marks.KEY, offset=0, size_bytes=seen.size_bytes, etag=seen.etag)


def test_marks_say_how_far_each_payout_counted_and_nothing_else() -> None:
    payout = payout_to(address(b"\x11"))
    assert marks.read() == {}
    for _ in range(3):
        sell(payout)

    assert keep() == 0

    assert marks.read() == {str(payout.id): 3}
    body = json.loads(kept())
    assert set(body) == {"kim", "v", "at", "marks", "mac"}
    assert (body["kim"], body["v"]) == ("marks", 1)


def test_marks_are_written_only_when_something_changed() -> None:
    sell(payout_to(address(b"\x11")))
    keep()
    before = kept()

    keep()

    assert kept() == before


def test_a_restored_backup_goes_on_beyond_its_marks_before_they_are_overwritten() -> None:
    payout = payout_to(address(b"\x11"))
    for _ in range(5):
        sell(payout)
    keep()
    Payout.objects.filter(pk=payout.id).update(next_index=2)  # as the backup knew it

    assert keep() == 1

    assert sell(payout) == "forwarder 10005"
    assert marks.read() == {str(payout.id): 10_005}
    assert keep() == 0
    assert marks.read() == {str(payout.id): 10_006}


def test_marks_of_payouts_that_the_backup_lacks_are_kept_on() -> None:
    lost = payout_to(address(b"\x11"))
    sell(lost)
    keep()
    there = payout_to(address(b"\x33"))
    sell(there)
    name = str(uuid4())
    Payout.objects.filter(pk=there.id).update(next_index=1)

    storage.primary().put(marks.KEY, marks._write({name: 7}, timezone.now()))
    keep()

    assert marks.read() == {name: 7, str(lost.id): 1, str(there.id): 1}


@pytest.mark.parametrize("spoil", ["mark", "version", "garbage"])
def test_marks_that_are_not_ours_are_neither_believed_nor_overwritten(
    spoil: str, caplog: pytest.LogCaptureFixture
) -> None:
    payout = payout_to(address(b"\x11"))
    sell(payout)
    keep()
    body = json.loads(kept())
    body["marks"][str(payout.id)] = 9 if spoil == "mark" else 1
    body["v"] = 2 if spoil == "version" else 1
    raw = b"\xff{" if spoil == "garbage" else json.dumps(body).encode()
    storage.primary().put(marks.KEY, raw)

    with pytest.raises(MarksDamaged):
        keep()
    keep_if_reachable()

    assert kept() == raw
    assert Payout.objects.get(pk=payout.id).next_index == 1
    assert any(record.levelno == logging.ERROR for record in caplog.records)


def test_another_instances_marks_are_not_believed() -> None:
    sell(payout_to(address(b"\x11")))
    keep()

    with override_settings(KIM_FIELD_KEY=b"\x01" * 32), pytest.raises(MarksDamaged):
        marks.read()


def test_without_a_store_nothing_breaks(caplog: pytest.LogCaptureFixture) -> None:
    payout = payout_to(address(b"\x11"))
    nowhere = StoreConfig(
        name="main",
        endpoint="http://127.0.0.1:9",
        public_endpoint="http://127.0.0.1:9",
        bucket="none",
        region="us-east-1",
        access_key="a",
        secret_key="b",
    )
    with override_settings(KIM_STORES=(nowhere,)):
        with pytest.raises(StoreError):
            keep()
        keep_if_reachable()
        assert sell(payout) == "forwarder 0"

    assert "wait for their store" in caplog.text
    with pytest.raises(ObjectMissing):
        storage.primary().head(marks.KEY)


class Worker:
    """As far as the signal looks: what a worker consumes."""

    def __init__(self, *queues: str) -> None:
        self.app = self
        self.amqp = self
        self.queues = self
        self.consume_from = dict.fromkeys(queues)


def test_a_worker_heeds_the_marks_before_its_first_task() -> None:
    payout = payout_to(address(b"\x11"))
    sell(payout)
    keep()
    Payout.objects.filter(pk=payout.id).update(next_index=0)

    kim_celery.heed_marks(instance=Worker("slow"))
    assert Payout.objects.get(pk=payout.id).next_index == 0
    kim_celery.heed_marks(instance=Worker("quick"))

    assert Payout.objects.get(pk=payout.id).next_index == 10_001
