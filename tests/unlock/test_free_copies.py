"""What is taken for nothing is told once, and counted beside what was sold."""

from __future__ import annotations

import json
from datetime import timedelta
from uuid import UUID

import pytest
from django.core.cache import cache
from rest_framework.test import APIClient

from tests.unlock import sale
from tests.unlock.sale import NOW, Buyer, Sold
from unlock import announcements, free_copies, grants, webhooks
from unlock.models import Cursor, Delivery, Grant, Notice, Purchase
from unlock.states import GrantKind, NoticeKind

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def no_limits() -> None:
    cache.clear()


def hook(sold: Sold, *kinds: str) -> None:
    url = "https://merchant.example/kim"
    webhooks.add(sold.file.creator, url, kinds=kinds, now=NOW - timedelta(days=1))


def give(sold: Sold, kind: GrantKind = GrantKind.FREE, *, after: timedelta = SECOND) -> UUID:
    purchase = Buyer().purchase(sold)
    grants.give(purchase.id, kind, now=NOW + after)
    return purchase.id


def drain(after: timedelta = 2 * SECOND) -> None:
    announcements.drain(now=NOW + after)


def told_of() -> list[UUID | None]:
    return list(Delivery.objects.order_by("position").values_list("subject", flat=True))


@pytest.mark.parametrize(
    "kind", [GrantKind.FREE, GrantKind.FIRST_N, GrantKind.CODE, GrantKind.GIFT]
)
def test_what_is_taken_for_nothing_is_told_once(kind: GrantKind) -> None:
    sold = sale.publish()
    hook(sold)
    hook(sold, "purchase.granted")
    hook(sold, "invoice.settled")
    purchase_id = give(sold, kind)

    drain()
    drain()
    drain(after=timedelta(hours=1))

    assert told_of() == [purchase_id] * 2
    body = json.loads(Delivery.objects.all()[0].body)
    assert body["type"] == "purchase.granted"
    assert body["data"] == {
        "purchase": str(purchase_id),
        "reference": "",
        "file": {"id": str(sold.file.id), "title": sold.file.title},
        "grant": {"kind": kind, "at": "2026-03-01T12:00:01Z"},
        "path": f"/api/v1/files/{sold.file.id}/",
    }
    (notice,) = Notice.objects.all()
    assert (notice.kind, notice.purchase_id) == (NoticeKind.TAKEN_FREE, purchase_id)
    assert notice.text == f"“{sold.file.title}” was taken for free."


@pytest.mark.parametrize("kind", [GrantKind.AGAIN, GrantKind.STAFF, GrantKind.SELFTEST])
def test_what_is_given_by_hand_is_not_told(kind: GrantKind) -> None:
    sold = sale.publish()
    hook(sold)
    give(sold, kind)

    drain()

    assert (told_of(), Notice.objects.count(), free_copies.taken().count()) == ([], 0, 0)


def test_ones_own_proof_is_not_told() -> None:
    sold = sale.publish()
    hook(sold)
    Purchase.objects.filter(id=give(sold)).update(is_proof=True)

    drain()

    assert (told_of(), Notice.objects.count()) == ([], 0)


def test_a_notice_comes_once_a_day_for_each_file_and_a_message_for_each_grant() -> None:
    sold, other = sale.publish(), sale.publish()
    hook(sold)
    for file, after in [(sold, 1), (sold, 2), (other, 3), (sold, 24 * 3_600)]:
        give(file, after=timedelta(seconds=after))
        drain(after=timedelta(seconds=after + 1))

    assert len(told_of()) == 3
    assert Notice.objects.filter(kind=NoticeKind.TAKEN_FREE).count() == 3


def test_a_grant_that_is_committed_after_a_later_one_is_told_too() -> None:
    sold = sale.publish()
    hook(sold)
    early = give(sold, after=SECOND)
    late = give(sold, after=2 * SECOND)
    held = Grant.objects.get(purchase=early)
    Grant.objects.filter(pk=held.pk).delete()  # its transaction is not over yet

    drain(after=3 * SECOND)
    assert told_of() == [late]
    held.save(force_insert=True)
    drain(after=4 * SECOND)

    assert told_of() == [early, late]


def test_what_was_told_is_not_read_for_ever() -> None:
    sold = sale.publish()
    hook(sold)
    drain(after=timedelta())
    give(sold, after=SECOND)
    drain(after=2 * SECOND)
    assert Cursor.objects.get(name=free_copies.CURSOR).position == 0

    drain(after=timedelta(minutes=3))

    assert Cursor.objects.get(name=free_copies.CURSOR).position == Grant.objects.get().pk
    assert free_copies.drain(now=NOW + timedelta(minutes=3)) == 0
    assert len(told_of()) == 1


def test_what_is_long_over_at_the_first_look_is_not_told() -> None:
    sold = sale.publish()
    hook(sold)
    give(sold, after=timedelta(minutes=-30))
    recent = give(sold, after=timedelta(minutes=-5))

    drain()

    assert told_of() == [recent]


def test_the_summary_counts_them_beside_the_sales() -> None:
    sold = sale.publish()
    other = sale.publish(sold.file.creator)
    for file, kind, after in [
        (sold, GrantKind.FREE, 1),
        (sold, GrantKind.GIFT, 3_600),
        (other, GrantKind.FIRST_N, 1),
        (sold, GrantKind.STAFF, 1),
    ]:
        give(file, kind, after=timedelta(seconds=after))
    give(sale.publish())  # of somebody else
    client = APIClient()
    client.force_login(sold.file.creator.user)

    def free(**query: str) -> object:
        found = client.get("/api/v1/sales/summary/", query).json()
        return found["free"], found["total"]["count"]

    assert free() == (3, 0)
    assert free(file=str(sold.file.id)) == (2, 0)
    assert free(since="2026-03-01T12:30:00Z") == (1, 0)
    assert free(until="2026-03-01T12:30:00Z") == (2, 0)
