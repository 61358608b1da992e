"""A creator's sales: the list, the totals, the export and its sums, the evidence; and nobody else's."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db.models import Sum
from django.utils import timezone
from rest_framework.test import APIClient

from payments import evidence_format, proofs
from payments import models as money
from payments.states import InvoiceState
from tests.unlock.ledgers import Ledger
from tests.unlock.sale import NOW, Buyer, Sold, creator, owe, publish
from unlock import sales, sales_export
from unlock.models import Creator, Purchase

pytestmark = pytest.mark.django_db


@pytest.fixture
def maya() -> Creator:
    return creator("maya")


@pytest.fixture
def sold(maya: Creator) -> Sold:
    return publish(maya, title="Nine recordings")


def client_of(owner: Creator) -> APIClient:
    client = APIClient()
    client.force_login(owner.user)
    return client


def ask(owner: Creator, path: str = "", **query: Any) -> Any:
    answer = client_of(owner).get(f"/api/v1/sales/{path}", query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def exported(owner: Creator, **query: Any) -> list[dict[str, str]]:
    answer = client_of(owner).get("/api/v1/sales/export/", {"as": "csv", **query})
    body = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(body.decode(), newline="")))


def pay(sold: Sold, state: InvoiceState = InvoiceState.PAID, **columns: Any) -> Purchase:
    """A purchase whose invoice stands so, with one output of 10,000 sat if it was paid."""
    invoice = owe(sold, state, **columns)
    row = Buyer().purchase(sold, invoice_id=invoice.id)
    if invoice.seen_sat:
        txid = row.id.hex * 2
        paid = money.ChainTransaction.objects.create(txid=txid, raw=b"x", first_seen_at=NOW)
        money.Output.objects.create(
            invoice=invoice, transaction=paid, vout=0, value_sat=invoice.seen_sat,
            chain="BLOCK", height=7, block_hash="cd" * 32, first_seen_at=NOW + timedelta(minutes=2),
        )  # fmt: skip
        invoice.evidence = [f"{txid}:0"] if invoice.settled_at else []
        invoice.save()
    return row


def test_a_sale_is_listed_with_what_came_for_it(maya: Creator) -> None:
    sold = publish(maya, price_amount=Decimal("4.00"), price_currency="EUR")
    purchase = pay(sold)
    money.Output.objects.update(rate=Decimal(40_000), rate_sources=["kraken", "coinbase"])

    [sale] = ask(maya)["sales"]

    assert (sale["purchase"], sale["file"]) == (str(purchase.id), str(sold.file.id))
    assert (sale["state"], sale["flags"], sale["is_proof"]) == ("PAID", [], False)
    assert (sale["settled_sat"], sale["price"]["amount"]) == (10_000, "4.00")
    assert sale["worth"] == {"amount": "4.00", "currency": "EUR"}
    assert [each["txid"] for each in sale["payments"]] == [purchase.id.hex * 2]


def test_nobody_sees_another_s_sales(maya: Creator, sold: Sold) -> None:
    purchase, eve = pay(sold), creator("eve")
    stranger = APIClient()

    assert ask(eve) == {"sales": [], "next": ""}
    assert ask(eve, "summary/")["total"]["count"] == 0
    assert exported(eve) == []
    assert client_of(eve).get(f"/api/v1/sales/{purchase.id}/evidence/").status_code == 404
    for path in ("", "summary/", "export/", f"{purchase.id}/evidence/"):
        assert stranger.get(f"/api/v1/sales/{path}").status_code in (401, 403)
    assert ask(eve, q=str(purchase.id))["sales"] == []


def test_a_grant_is_no_sale_and_a_proof_counts_in_no_total(maya: Creator, sold: Sold) -> None:
    Buyer().purchase(sold)
    proof = pay(sold)
    Purchase.objects.filter(id=proof.id).update(is_proof=True)
    pay(sold)

    listed, summary = ask(maya)["sales"], ask(maya, "summary/")

    assert sorted(sale["is_proof"] for sale in listed) == [False, True]
    assert summary["total"] == {"count": 1, "income_sat": 10_000, "worth": [], "unpriced": 1}


@pytest.mark.parametrize(
    ("query", "states"),
    [
        ({}, {"PAID", "EXPIRED", "PARTIAL", "REVERSED"}),
        ({"state": "EXPIRED"}, {"EXPIRED"}),
        ({"state": ["PARTIAL", "REVERSED"]}, {"PARTIAL", "REVERSED"}),
        ({"flag": "REFUND_DUE"}, {"PAID"}),
        ({"flag": "LATE"}, set()),
        ({"file": "00000000-0000-4000-8000-000000000000"}, set()),
    ],
)
def test_the_list_can_be_narrowed(
    maya: Creator, sold: Sold, query: dict[str, Any], states: set[str]
) -> None:
    pay(sold, flags=["OVER", "REFUND_DUE"])
    for state in (InvoiceState.EXPIRED, InvoiceState.PARTIAL, InvoiceState.REVERSED):
        pay(sold, state)

    assert {sale["state"] for sale in ask(maya, **query)["sales"]} == states
    assert {row["state"] for row in exported(maya, **query)} == states


def test_a_sale_is_found_by_its_names(maya: Creator, sold: Sold) -> None:
    purchase, _other = pay(sold), pay(sold)
    shown = "bchreg:qqyx49mu0kkn9ftfj6hje6g2wfer34yfnq5tahq3q6"
    money.Address.objects.filter(invoice=purchase.invoice_id).update(shown=shown)
    invoice = money.Invoice.objects.select_related("address").get(
        outputs__transaction=purchase.id.hex * 2
    )
    address, txid = invoice.address.shown, purchase.id.hex * 2

    for text in (
        str(purchase.id), str(invoice.id), address, address.partition(":")[2][:12], txid,
        f"{txid}:0", txid[:12].upper(), f"  {txid} ",
    ):  # fmt: skip
        assert [sale["purchase"] for sale in ask(maya, q=text)["sales"]] == [str(purchase.id)], text
    for text in (str(uuid4()), "ff" * 32, "bchreg:qpqq", "%", "' OR 1=1"):
        assert ask(maya, q=text)["sales"] == [], text


def test_the_period_is_of_the_settling_and_ends_before_its_end(maya: Creator, sold: Sold) -> None:
    at = NOW + timedelta(days=2)
    late, unpaid = pay(sold, settled_at=at), pay(sold, InvoiceState.EXPIRED)

    def found(**query: Any) -> list[str]:
        return [sale["purchase"] for sale in ask(maya, **query)["sales"]]

    assert found(since=at.isoformat()) == [str(late.id)]
    assert found(until=at.isoformat()) == [str(unpaid.id)]
    assert found(since=(at + timedelta(seconds=1)).isoformat()) == []


@pytest.mark.parametrize(
    "query",
    [
        {"state": "SOLD"}, {"flag": "GOOD"}, {"since": "yesterday"}, {"file": "1"},
        {"cursor": "AAAA"}, {"cursor": "\u00e4"}, {"limit": "0"}, {"limit": "1000"}, {"q": "x" * 121},
    ],
)  # fmt: skip
def test_a_question_that_makes_no_sense_is_refused(maya: Creator, query: dict[str, str]) -> None:
    answer = client_of(maya).get("/api/v1/sales/", query)

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] in {"invalid", "bad_request", "cursor_invalid"}


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("summary/", {"tz": "Mars/Olympus"}), ("summary/", {"tz": "../../etc/passwd"}),
        ("summary/", {"by": "hour"}), ("export/", {"as": "xml"}),
    ],
)  # fmt: skip
def test_other_questions_without_sense(maya: Creator, path: str, query: dict[str, str]) -> None:
    assert client_of(maya).get(f"/api/v1/sales/{path}", query).status_code == 400


def test_pages_follow_each_other_without_a_gap(maya: Creator, sold: Sold) -> None:
    Ledger([sold]).add(23).save()
    money.Invoice.objects.update(created_at=NOW)  # all at one moment: the id decides
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 5}
    for _ in range(10):
        page = ask(maya, **query)
        seen += [sale["purchase"] for sale in page["sales"]]
        query["cursor"] = page["next"]
        if not page["next"]:
            break

    assert len(seen) == len(set(seen)) == 23


def test_a_chart_has_a_bar_for_each_day_in_the_reader_s_own_zone(maya: Creator, sold: Sold) -> None:
    for at in ("2026-03-01T22:30", "2026-03-01T23:30", "2026-03-04T12:00"):
        pay(sold, settled_at=datetime.fromisoformat(at).replace(tzinfo=UTC))

    summary = ask(maya, "summary/", tz="Europe/Berlin")
    weeks = ask(maya, "summary/", by="week")
    months = ask(maya, "summary/", by="month")

    assert [(bar["start"], bar["takings"]["count"]) for bar in summary["bars"]] == [
        ("2026-03-01", 1),
        ("2026-03-02", 1),
        ("2026-03-03", 0),
        ("2026-03-04", 1),
    ]
    assert summary["step"] == "day"
    assert [bar["start"] for bar in weeks["bars"]] == ["2026-02-23", "2026-03-02"]
    assert [(bar["start"], bar["takings"]["income_sat"]) for bar in months["bars"]] == [
        ("2026-03-01", 30_000)
    ]


@pytest.mark.parametrize("seed", range(6))
def test_the_sums_of_an_export_are_those_of_the_database(maya: Creator, seed: int) -> None:
    files = [publish(maya, title=f"File {number}") for number in range(3)]
    Ledger(files, seed=seed).add(60).save()
    Ledger([publish(creator("eve"))], seed=seed + 100).add(9).save()
    mine = money.Invoice.objects.filter(payout__owner=maya.id)

    rows = exported(maya)
    summary = ask(maya, "summary/")

    def total(column: str, chosen: Callable[[dict[str, str]], bool] = lambda _: True) -> int:
        return sum(int(row[column]) for row in rows if row[column] and chosen(row))

    outputs = money.Output.objects.filter(invoice__in=mine)
    settled = mine.filter(settled_at__isnull=False)
    assert total("value_sat") == outputs.aggregate(x=Sum("value_sat"))["x"]
    assert total("settled_sat") == settled.aggregate(x=Sum("settled_sat"))["x"]
    assert (
        total("forward_fee_sat")
        == 150 * money.Forward.objects.filter(payout__owner=maya.id).count()
    )
    assert total("due_sat") == mine.aggregate(x=Sum("due_sat"))["x"]
    assert {row["invoice"] for row in rows} == {str(pk) for pk in mine.values_list("pk", flat=True)}
    assert sum(bool(row["outpoint"]) for row in rows) == outputs.count()
    assert sum(not row["outpoint"] for row in rows) == mine.filter(outputs=None).count()

    earned = [r for r in rows if r["state"] == "PAID" and r["is_proof"] == "no"]
    assert summary["total"]["income_sat"] == sum(int(r["settled_sat"] or 0) for r in earned)
    assert summary["total"]["count"] == len({r["invoice"] for r in earned})
    for worth in summary["total"]["worth"]:
        cells = [r for r in earned if r["fiat_currency"] == worth["currency"]]
        assert Decimal(worth["amount"]) == sum(Decimal(r["fiat_amount"]) for r in cells)
    assert (
        sum(bar["takings"]["income_sat"] for bar in summary["bars"])
        == (summary["total"]["income_sat"])
    )


def test_csv_and_json_say_the_same(maya: Creator, sold: Sold) -> None:
    Ledger([sold]).add(20).save()
    answer = client_of(maya).get("/api/v1/sales/export/", {"as": "json"})
    told = json.loads(b"".join(answer.streaming_content))  # type: ignore[attr-defined]
    rows = exported(maya)

    assert told["format"] == "kim-sales-1"
    assert [list(row) for row in told["rows"]] == [list(sales_export.COLUMNS)] * len(rows)
    assert [sales_export._cell(row["value_sat"]) for row in told["rows"]] == [
        row["value_sat"] for row in rows
    ]
    assert not any(isinstance(value, float) for row in told["rows"] for value in row.values())
    assert answer["Content-Disposition"].startswith('attachment; filename="kim-sales-')
    assert all(row["date"].endswith("Z") for row in rows)


@pytest.mark.parametrize(
    ("title", "cell"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+1 more", "'+1 more"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"),
        ("-12.5", "-12.5"),
        ('Nine, "recordings"', 'Nine, "recordings"'),
        ("Nordlýs — für Élise", "Nordlýs — für Élise"),
    ],
)
def test_no_cell_is_a_formula_and_no_number_is_spoilt(maya: Creator, title: str, cell: str) -> None:
    pay(publish(maya, title=title))

    [row] = exported(maya)

    assert row["title"] == cell
    assert row["value_sat"] == "10000"


def test_the_number_of_queries_does_not_grow(
    maya: Creator, sold: Sold, django_assert_num_queries: Any
) -> None:
    filters = sales.Filters()
    for many in (3, 40):
        Ledger([sold], seed=many).add(many).save()
        with django_assert_num_queries(6):
            sales.page(maya, filters, limit=200)
        with django_assert_num_queries(7):  # one more finds that there is no more
            b"".join(sales_export.csv_chunks(sales.whole(maya, filters)))
        with django_assert_num_queries(7):
            sales.summarize(maya, filters, step=None, zone=UTC)


def test_evidence_is_for_its_seller_and_for_its_buyer(maya: Creator, sold: Sold) -> None:
    buyer = Buyer()
    purchase = pay(sold)
    Purchase.objects.filter(id=purchase.id).update(claim_hash=buyer.claim_hash)

    seller_s = client_of(maya).get(f"/api/v1/sales/{purchase.id}/evidence/")
    buyer_s = buyer.client.get(f"/api/v1/purchases/{purchase.id}/evidence/")
    other = Buyer().client.get(f"/api/v1/purchases/{purchase.id}/evidence/")

    assert (seller_s.status_code, buyer_s.status_code, other.status_code) == (200, 200, 404)
    told = buyer_s.json()
    assert told["sale"]["purchase"] == str(purchase.id)
    assert told["invoice"]["settled_sat"] == 10_000
    receipt = json.loads(evidence_format.decode(told["receipt"]["body"]))
    assert receipt["outputs"] == [purchase.id.hex * 2 + ":0"]
    assert seller_s["Content-Disposition"].endswith(f'-{str(purchase.id)[:8]}.json"')
    # These rows are made up: the file says so itself, and its signature holds.
    faults = proofs.verify(buyer_s.content, now=timezone.now()).faults
    assert evidence_format.Fault.SIGNATURE not in faults
    assert evidence_format.Fault.TXID in faults


def test_an_unpaid_sale_has_evidence_without_a_receipt(maya: Creator, sold: Sold) -> None:
    waiting, given = pay(sold, InvoiceState.EXPIRED), Buyer().purchase(sold)

    told = client_of(maya).get(f"/api/v1/sales/{waiting.id}/evidence/").json()

    assert (told["receipt"], told["outputs"]) == (None, [])
    assert client_of(maya).get(f"/api/v1/sales/{given.id}/evidence/").status_code == 404
    assert client_of(maya).get(f"/api/v1/sales/{uuid4()}/evidence/").status_code == 404
    assert isinstance(given.id, UUID)
