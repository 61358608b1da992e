"""The dashboard: exact sums by file and by day, the same figures as the sales page, and few queries."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from payments import models as money
from payments.states import InvoiceState, RefundReason
from tests.unlock.ledgers import Ledger
from tests.unlock.sale import NOW, Buyer, Sold, creator, owe, publish
from unlock import payout_changes
from unlock.models import Creator, Grant, PaidFile, Purchase
from unlock.states import FileState, GrantKind

pytestmark = pytest.mark.django_db


@pytest.fixture
def maya() -> Creator:
    return creator("maya")


def client_of(owner: Creator) -> APIClient:
    client = APIClient()
    client.force_login(owner.user)
    return client


def ask(owner: Creator, **query: Any) -> Any:
    answer = client_of(owner).get("/api/v1/dashboard/", query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def summary(owner: Creator, **query: Any) -> Any:
    return client_of(owner).get("/api/v1/sales/summary/", query).json()


def pay(sold: Sold, *, rate: str | None = None, at: datetime = NOW, **columns: Any) -> Purchase:
    """A sale of 10,000 sat, paid with one output; ``rate`` is of 1 BCH when it was seen."""
    invoice = owe(sold, InvoiceState.PAID, **{"settled_at": at, **columns})
    row = Buyer().purchase(sold, invoice_id=invoice.id, now=at)
    txid = row.id.hex * 2
    paid = money.ChainTransaction.objects.create(txid=txid, raw=b"x", first_seen_at=at)
    money.Output.objects.create(
        invoice=invoice, transaction=paid, vout=0, value_sat=10_000, chain="BLOCK", height=7,
        block_hash="cd" * 32, first_seen_at=at, rate=None if rate is None else Decimal(rate),
    )  # fmt: skip
    invoice.evidence = [f"{txid}:0"]
    invoice.save()
    return row


def give(sold: Sold, kind: GrantKind = GrantKind.FREE, *, at: datetime = NOW) -> None:
    Grant.objects.create(purchase=Buyer().purchase(sold, now=at), kind=kind, created_at=at)


def titled(owner: Creator, *titles: str) -> list[Sold]:
    return [
        publish(owner, title=title, created_at=NOW + timedelta(minutes=number))
        for number, title in enumerate(titles)
    ]


def test_every_file_has_its_sums_to_the_satoshi_and_the_cent(maya: Creator) -> None:
    film = publish(maya, title="Film", price_amount=Decimal("4.00"), price_currency="EUR")
    song = publish(maya, title="Song")
    pay(film, rate="40000")
    pay(film, rate="40001.23", at=NOW + timedelta(days=2))
    pay(song, at=NOW + timedelta(hours=1))
    give(song, at=NOW + timedelta(days=3))
    give(song, GrantKind.AGAIN)

    found = ask(maya, sort="title")

    assert [each["title"] for each in found["files"]] == ["Film", "Song"]
    assert found["files"][0]["takings"] == {
        "count": 2,
        "income_sat": 20_000,
        "worth": [{"amount": "8.00", "currency": "EUR"}],
        "unpriced": 0,
    }
    assert found["files"][0]["last_at"] == "2026-03-03T12:00:00Z"
    assert found["files"][1]["takings"]["income_sat"] == 10_000
    assert (found["files"][1]["given"], found["files"][1]["last_at"]) == (1, "2026-03-04T12:00:00Z")
    assert found["total"] == {
        "count": 3,
        "income_sat": 30_000,
        "worth": [{"amount": "8.00", "currency": "EUR"}],
        "unpriced": 1,
    }
    assert found["given"] == 1
    days = {each["start"]: each["takings"]["income_sat"] for each in found["bars"]}
    assert days == {"2026-03-01": 20_000, "2026-03-02": 0, "2026-03-03": 10_000}


def test_the_figures_are_those_of_the_sales_page_whatever_happened(maya: Creator) -> None:
    sold = titled(maya, "One", "Two", "Three")
    Ledger(sold, seed=5).add(300).save()

    found, sales = ask(maya, tz="Pacific/Auckland"), summary(maya, tz="Pacific/Auckland")

    assert found["total"] == sales["total"]
    assert (found["step"], found["bars"]) == (sales["step"], sales["bars"])
    for row in found["files"]:
        assert row["takings"] == summary(maya, file=row["id"])["total"]
    assert sum(row["takings"]["count"] for row in found["files"]) == found["total"]["count"] > 0


def test_what_is_not_income_counts_nowhere(maya: Creator) -> None:
    [sold] = titled(maya, "Film")
    proof = pay(sold)
    Purchase.objects.filter(id=proof.id).update(is_proof=True)
    for state in (InvoiceState.OPEN, InvoiceState.PARTIAL, InvoiceState.REVERSED):
        Buyer().purchase(sold, invoice_id=owe(sold, state).id)

    found = ask(maya)

    assert found["total"] == {"count": 0, "income_sat": 0, "worth": [], "unpriced": 0}
    assert found["bars"] == []


def test_nobody_sees_another_s(maya: Creator) -> None:
    [sold] = titled(maya, "Film")
    pay(sold)
    eve = creator("eve")

    found = ask(eve)

    assert (found["files"], found["total"]["count"], found["states"]["published"]) == ([], 0, 0)
    assert APIClient().get("/api/v1/dashboard/").status_code in (401, 403)


def test_files_are_found_by_words_of_the_title_and_by_state(maya: Creator) -> None:
    titled(maya, "Ärger im Büro", "Büro, leer", "Nordlys")
    PaidFile.objects.filter(title="Nordlys").update(state=FileState.PAUSED)

    assert [each["title"] for each in ask(maya, q="bÜRO")["files"]] == [
        "Büro, leer",
        "Ärger im Büro",
    ]
    assert [each["title"] for each in ask(maya, q="büro ärger")["files"]] == ["Ärger im Büro"]
    assert [each["title"] for each in ask(maya, state="paused")["files"]] == ["Nordlys"]
    assert ask(maya, q="nothing such")["found"] == 0
    assert ask(maya)["states"] == {"draft": 0, "published": 2, "paused": 1, "removed": 0}
    assert client_of(maya).get("/api/v1/dashboard/", {"state": "gone"}).status_code == 400
    assert client_of(maya).get("/api/v1/dashboard/", {"tz": "../etc"}).status_code == 400


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("newest", ["C", "b", "A"]),
        ("title", ["A", "b", "C"]),
        ("sold", ["b", "A", "C"]),
        ("income", ["A", "b", "C"]),
        ("last_sale", ["b", "A", "C"]),
    ],
)
def test_files_stand_in_the_order_that_was_asked_for(
    maya: Creator, sort: str, order: list[str]
) -> None:
    a, b, _ = titled(maya, "A", "b", "C")
    pay(a, settled_sat=50_000)
    pay(b, at=NOW + timedelta(days=1))
    give(b)

    assert [each["title"] for each in ask(maya, sort=sort)["files"]] == order


def test_pages_hold_what_was_asked_for_and_one_too_high_is_the_last(maya: Creator) -> None:
    titled(maya, *(f"File {number}" for number in range(7)))

    first, last, beyond = (ask(maya, limit=3, page=page) for page in (1, 3, 9))

    assert [each["title"] for each in first["files"]] == ["File 6", "File 5", "File 4"]
    assert [each["title"] for each in last["files"]] == ["File 0"]
    assert (beyond["page"], beyond["pages"], beyond["found"]) == (3, 3, 7)
    assert beyond["files"] == last["files"]


def test_a_removed_file_stays_while_something_was_sold_of_it(maya: Creator) -> None:
    sold, _ = titled(maya, "Sold", "Never sold")
    pay(sold)
    PaidFile.objects.update(state=FileState.REMOVED)

    assert [each["title"] for each in ask(maya)["files"]] == ["Sold"]


def test_what_needs_the_creator_comes_with_it_most_pressing_first(maya: Creator) -> None:
    [sold] = titled(maya, "Film")
    pay(sold)
    invoice = money.Invoice.objects.get()
    money.Refund.objects.create(
        invoice=invoice, reason=RefundReason.AGREED, due_sat=3_000, asked_at=NOW
    )
    short = owe(sold, InvoiceState.PARTIAL)
    Buyer().purchase(sold, invoice_id=short.id)
    assert [(each["kind"], each["count"]) for each in ask(maya)["needs"]] == [
        ("refunds", 1),
        ("decisions", 1),
    ]


def test_keys_that_the_site_lost_are_asked_for(maya: Creator) -> None:
    [film, _] = titled(maya, "Film", "Song")
    PaidFile.objects.filter(pk=film.file.pk).update(s_sealed=b"")

    assert [(each["kind"], each["count"]) for each in ask(maya)["needs"]][:1] == [("keys_lost", 1)]


def test_a_change_of_payout_that_waits_is_told_with_its_time(maya: Creator) -> None:
    pay(titled(maya, "Film")[0])
    payout_changes.ask(maya, "bchreg:qp63uahgrxged4z5jswyt5dn5v3lzsem6c6mz8vuwd", now=NOW)

    assert ask(maya)["needs"] == [
        {"kind": "payout_waits", "count": 1, "due_at": "2026-03-02T12:00:00Z"}
    ]


def test_a_file_on_sale_without_a_payout_is_told(maya: Creator) -> None:
    titled(maya, "Film")

    assert [each["kind"] for each in ask(maya)["needs"]] == ["payout_missing"]


def test_the_number_of_queries_does_not_grow(maya: Creator) -> None:
    client = client_of(maya)
    Ledger(titled(maya, *(f"File {number}" for number in range(3)))).add(60).save()
    few = _queries(client)
    Ledger(titled(maya, *(f"More {number}" for number in range(30))), seed=2).add(200).save()

    assert _queries(client) == few <= 30


def _queries(client: APIClient) -> int:
    client.get("/api/v1/dashboard/")  # notes the session, once
    with CaptureQueriesContext(connection) as seen:
        assert client.get("/api/v1/dashboard/", {"limit": 100}).status_code == 200
    return len(seen)


@pytest.mark.long
def test_ten_thousand_sales_of_a_thousand_files(maya: Creator) -> None:
    sold = titled(maya, *(f"File {number}" for number in range(1000)))
    Ledger(sold).add(10_000, spread=timedelta(days=300)).save()
    client = client_of(maya)
    took = []
    for _ in range(5):
        began = time.perf_counter()
        assert client.get("/api/v1/dashboard/").json()["found"] == 1000
        took.append(time.perf_counter() - began)

    assert min(took) < 1.5, took  # 0.27 s on two busy cores
