"""What goes back: the buyer says where to, the creator is told what to do, and nobody else decides."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from payments import models as money
from payments.addresses import encode
from payments.states import InvoiceState, Network, RefundReason
from tests.unlock import sale
from tests.unlock.sale import Buyer, Sold
from unlock import announcements, withdrawals
from unlock import files as goods
from unlock.models import Creator, Notice, Purchase

pytestmark = pytest.mark.django_db(transaction=True)
ADDRESS = encode(bytes.fromhex("76a914" + "22" * 20 + "88ac"), Network.REGTEST)
MAINNET = encode(bytes.fromhex("76a914" + "22" * 20 + "88ac"), Network.MAINNET)
WIF = "KwDiBf89QgGbjEhKnhXJuH7LrciVrZi3qYjgd9M7rFU73sVHnoWn"  # of the number one: nobody's
OVER = {"seen_sat": 40_000, "confirmed_sat": 40_000, "flags": ["OVER", "REFUND_DUE"], "depth": 1}


@pytest.fixture
def maya(db: None) -> Creator:
    return sale.creator()


@pytest.fixture
def sold(maya: Creator) -> Sold:
    return sale.publish(maya, title="Nine recordings")


def client_of(owner: Creator) -> APIClient:
    client = APIClient()
    client.force_login(owner.user)
    return client


def tasks(owner: Creator) -> list[dict[str, Any]]:
    answer = client_of(owner).get("/api/v1/tasks/")
    assert answer.status_code == 200
    return list(answer.json()["tasks"])


def bought(sold: Sold, state: InvoiceState, **columns: Any) -> tuple[Buyer, Purchase]:
    """An order that stands so, with the output that made it so."""
    buyer, now = Buyer(), timezone.now()
    invoice = sale.owe(sold, state, **{"tip_height": 10, **columns})
    if invoice.seen_sat:
        txid = invoice.id.hex * 2
        paid = money.ChainTransaction.objects.create(txid=txid, raw=b"x", first_seen_at=now)
        is_deep = invoice.confirmed_sat > 0
        money.Output.objects.create(
            invoice=invoice, transaction=paid, vout=0, value_sat=invoice.seen_sat, spv_ok=is_deep,
            chain="BLOCK" if is_deep else "MEMPOOL", height=7 if is_deep else None,
            block_time=now if is_deep else None, first_seen_at=sale.NOW,
        )  # fmt: skip
        if invoice.settled_at:
            invoice.evidence = [f"{txid}:0"]
            invoice.save()
    return buyer, buyer.purchase(sold, invoice_id=invoice.id)


def owe_back(purchase: Purchase, due_sat: int = 30_000) -> money.Refund:
    return money.Refund.objects.create(
        invoice=invoice_of(purchase),
        reason=RefundReason.OVER,
        due_sat=due_sat,
        asked_at=timezone.now(),
    )


def invoice_of(purchase: Purchase) -> money.Invoice:
    assert purchase.invoice_id is not None
    return money.Invoice.objects.get(pk=purchase.invoice_id)


def put(buyer: Buyer, purchase: Purchase, address: str) -> Any:
    path = f"/api/v1/purchases/{purchase.id}/refund-address/"
    return buyer.client.put(path, {"address": address}, format="json")


def post(owner: Creator, purchase: Purchase, path: str, **body: Any) -> Any:
    return client_of(owner).post(f"/api/v1/sales/{purchase.id}/{path}/", body, format="json")


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def facts() -> list[Any]:
    """Everything that a refusal must leave as it was."""
    invoices = money.Invoice.objects.order_by("pk").values_list(
        "state", "flags", "accepted_at", "refund_due_at", "refund_address", "void_at"
    )
    owed = money.Refund.objects.order_by("pk").values_list("due_sat", "address", "closed_at")
    return [*invoices, *owed, money.Event.objects.count()]


# --- the buyer -----------------------------------------------------------------------------------


def test_the_buyer_says_where_to_and_the_creator_gets_the_exact_request(
    maya: Creator, sold: Sold
) -> None:
    noor, purchase = bought(sold, InvoiceState.PAID, **OVER)
    owe_back(purchase)
    [before] = tasks(maya)

    answer = put(noor, purchase, f"  {ADDRESS} ")
    [task] = tasks(maya)

    assert before["refund"]["uri"] == ""
    assert "The buyer has not said yet where to" in before["says"]
    assert answer.status_code == 200
    assert answer.json()["refund"]["address"] == ADDRESS
    assert answer.json()["invoice"]["refund_address"] == ADDRESS
    assert "uri" not in answer.json()["refund"]
    assert (task["kind"], task["title"]) == ("refund", "Nine recordings")
    assert task["refund"]["uri"] == f"{ADDRESS}?amount=0.0003"
    assert task["purchase"] == str(purchase.id)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("", (400, "invalid")),
        ("bchreg:qqq", (400, "bad_address")),
        (MAINNET, (400, "wrong_network")),
        (WIF, (400, "secret_given")),
        ("x" * 201, (400, "invalid")),
    ],
)
def test_what_is_no_address_of_this_network_is_refused(
    sold: Sold, address: str, expected: tuple[int, str]
) -> None:
    noor, purchase = bought(sold, InvoiceState.PAID, **OVER)
    owe_back(purchase)
    before = facts()

    answer = put(noor, purchase, address)

    assert code(answer) == expected
    assert WIF not in answer.content.decode()
    assert facts() == before


def test_the_place_where_buyers_pay_is_no_place_to_pay_back_to(sold: Sold) -> None:
    noor, purchase = bought(sold, InvoiceState.PAID, **OVER)
    row = money.Address.objects.get(invoice=purchase.invoice_id)
    shown = encode(bytes.fromhex(row.script), Network.REGTEST)
    before = facts()

    assert code(put(noor, purchase, shown)) == (409, "refund_to_invoice")
    assert facts() == before


def test_nobody_else_says_where_a_buyers_money_goes(sold: Sold) -> None:
    _, purchase = bought(sold, InvoiceState.PAID, **OVER)
    before = facts()

    assert code(put(Buyer(), purchase, ADDRESS)) == (404, "purchase_unknown")
    assert client_of(sold.file.creator).put(
        f"/api/v1/purchases/{purchase.id}/refund-address/", {"address": ADDRESS}, format="json"
    ).status_code in (401, 403)
    assert facts() == before


def test_a_gift_has_nothing_that_could_go_back(sold: Sold) -> None:
    noor = Buyer()

    assert code(put(noor, noor.purchase(sold), ADDRESS)) == (404, "purchase_unknown")


# --- the creator ---------------------------------------------------------------------------------


def test_a_short_payment_waits_for_acceptance_once_its_time_is_over(
    maya: Creator, sold: Sold
) -> None:
    part = {"seen_sat": 4_000, "confirmed_sat": 4_000, "missing_sat": 6_000}
    _, purchase = bought(sold, InvoiceState.PARTIAL, **part)
    [task] = tasks(maya)

    answer = post(maya, purchase, "acceptance")

    assert (task["kind"], task["invoice"]["seen_sat"]) == ("short", 4_000)
    assert task["says"].startswith("0.00004000 BCH of 0.00010000 BCH came, and the time is over.")
    assert answer.status_code == 200
    row = money.Invoice.objects.get()
    assert row.accepted_sat == row.seen_sat
    assert row.settled_at is None  # that needs a look at the chain


def test_while_the_buyer_may_still_complete_it_nobody_is_asked(maya: Creator, sold: Sold) -> None:
    bought(sold, InvoiceState.PARTIAL, seen_sat=4_000)
    money.Invoice.objects.update(quote_until=timezone.now() + timedelta(minutes=5))

    assert tasks(maya) == []


@pytest.mark.parametrize(
    ("state", "columns", "expected"),
    [
        (InvoiceState.OPEN, {}, (409, "nothing_to_accept")),
        (InvoiceState.PAID, {}, (409, "already_settled")),
        (InvoiceState.PARTIAL, {"refund_due_at": sale.NOW}, (409, "invoice_withdrawn")),
    ],
)
def test_what_cannot_be_accepted_is_refused_and_nothing_moves(
    maya: Creator, sold: Sold, state: InvoiceState, columns: Any, expected: tuple[int, str]
) -> None:
    _, purchase = bought(sold, state, **columns)
    before = facts()

    assert code(post(maya, purchase, "acceptance")) == expected
    assert facts() == before


def test_something_is_offered_back_and_settled_in_another_way(maya: Creator, sold: Sold) -> None:
    noor, purchase = bought(sold, InvoiceState.PAID, depth=1)

    offered = post(maya, purchase, "refund", due_sat=4_000)
    [task] = tasks(maya)
    told = noor.client.get(f"/api/v1/purchases/{purchase.id}/").json()
    silent = post(maya, purchase, "refund/closing", note="  ")
    closed = post(maya, purchase, "refund/closing", note="sent by post")

    assert (offered.status_code, offered.json()["reason"]) == (200, "agreed")
    assert (task["kind"], task["refund"]["due_sat"]) == ("refund", 4_000)
    assert any("0.00004 BCH go back to you" in note for note in told["notes"])
    assert code(silent) == (400, "note_missing")
    assert (closed.status_code, closed.json()["note"]) == (200, "sent by post")
    assert tasks(maya) == []


@pytest.mark.parametrize(
    ("due_sat", "expected"),
    [(10_001, (400, "refund_too_much")), (0, (400, "invalid")), ("all", (400, "invalid"))],
)
def test_at_most_what_came_can_be_offered_back(
    maya: Creator, sold: Sold, due_sat: Any, expected: tuple[int, str]
) -> None:
    _, purchase = bought(sold, InvoiceState.PAID)
    before = facts()

    assert code(post(maya, purchase, "refund", due_sat=due_sat)) == expected
    assert facts() == before


def test_a_second_refund_waits_for_the_first(maya: Creator, sold: Sold) -> None:
    _, purchase = bought(sold, InvoiceState.PAID, **OVER)
    owe_back(purchase)
    before = facts()

    assert code(post(maya, purchase, "refund", due_sat=1_000)) == (409, "refund_open")
    assert facts() == before


def test_what_is_not_owed_cannot_be_closed(maya: Creator, sold: Sold) -> None:
    _, purchase = bought(sold, InvoiceState.PAID)
    before = facts()

    assert code(post(maya, purchase, "refund/closing", note="x")) == (404, "refund_missing")
    assert facts() == before


@pytest.mark.parametrize(
    ("path", "body"),
    [("acceptance", {}), ("refund", {"due_sat": 1}), ("refund/closing", {"note": "x"})],
)
def test_only_their_own_sales_are_decided_upon(sold: Sold, path: str, body: dict[str, Any]) -> None:
    _, purchase = bought(sold, InvoiceState.PARTIAL, seen_sat=1_000, confirmed_sat=1_000)
    owe_back(purchase)
    eve, before = sale.creator("eve"), facts()

    assert code(post(eve, purchase, path, **body)) == (404, "purchase_unknown")
    assert APIClient().post(f"/api/v1/sales/{purchase.id}/{path}/", body).status_code == 401
    assert tasks(eve) == []
    assert facts() == before


def test_troubles_are_listed_after_what_can_be_done(maya: Creator, sold: Sold) -> None:
    recent = {"changed_at": timezone.now()}
    bought(sold, InvoiceState.REVERSED, **recent)
    bought(sold, InvoiceState.EXPIRED, flags=["TOKEN_IGNORED"], **recent)
    bought(sold, InvoiceState.SUSPECT)
    bought(sold, InvoiceState.PARTIAL, seen_sat=1_000)
    owe_back(bought(sold, InvoiceState.PAID, **OVER)[1])
    bought(sold, InvoiceState.PAID)
    old = {"changed_at": timezone.now() - timedelta(days=91)}
    bought(sold, InvoiceState.REVERSED, **old)

    assert [task["kind"] for task in tasks(maya)] == [
        "refund", "short", "conflict", "reversed", "token"
    ]  # fmt: skip


# --- removed files -------------------------------------------------------------------------------


def state_of(purchase: Purchase) -> tuple[str, bool]:
    row = invoice_of(purchase)
    return row.state, row.refund_due_at is not None


def test_a_creator_who_removes_a_file_serves_all_who_paid(maya: Creator, sold: Sold) -> None:
    _, waiting = bought(sold, InvoiceState.OPEN)
    _, part = bought(sold, InvoiceState.PARTIAL, seen_sat=4_000)
    _, seen = bought(sold, InvoiceState.SEEN)
    _, paid = bought(sold, InvoiceState.PAID)

    goods.remove(sold.file.id, creator=maya, now=timezone.now())
    goods.remove(sold.file.id, creator=maya, now=timezone.now())

    assert state_of(waiting) == ("EXPIRED", True)
    assert state_of(part) == ("PARTIAL", True)
    assert state_of(seen) == ("SEEN", False)
    assert state_of(paid) == ("PAID", False)


def test_moderation_sends_back_what_is_not_settled(sold: Sold) -> None:
    noor, seen = bought(sold, InvoiceState.SEEN)
    _, paid = bought(sold, InvoiceState.PAID)

    goods.remove(sold.file.id, reason="", now=timezone.now())

    told = noor.client.get(f"/api/v1/purchases/{seen.id}/").json()
    assert state_of(seen) == ("SEEN", True)
    assert state_of(paid) == ("PAID", False)
    assert "All 0.0001 BCH go back to you. Do not send more." in told["says"]
    assert told["is_payable"] is False


def test_what_the_request_left_over_is_withdrawn_by_the_next_run(
    maya: Creator, sold: Sold, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(withdrawals, "AT_ONCE", 1)
    orders = [bought(sold, InvoiceState.OPEN)[1] for _ in range(3)]
    _, elsewhere = bought(sale.publish(maya), InvoiceState.OPEN)

    goods.remove(sold.file.id, creator=maya, now=timezone.now())
    at_once = sum(state_of(each)[1] for each in orders)
    later = withdrawals.finish(now=timezone.now())

    assert (at_once, later) == (1, 2)
    assert all(state_of(each) == ("EXPIRED", True) for each in orders)
    assert state_of(elsewhere) == ("OPEN", False)
    assert withdrawals.finish(now=timezone.now()) == 0


def test_an_order_brought_back_by_its_ticket_may_have_been_paid_before(
    maya: Creator, sold: Sold
) -> None:
    _, order = bought(sold, InvoiceState.OPEN)
    Purchase.objects.update(restored_at=timezone.now())

    goods.remove(sold.file.id, creator=maya, now=timezone.now())

    assert state_of(order) == ("OPEN", False)


def test_both_sides_are_told_that_money_goes_back(maya: Creator, sold: Sold) -> None:
    announcements.drain(now=timezone.now())
    noor, part = bought(
        sold, InvoiceState.PARTIAL, seen_sat=4_000, confirmed_sat=4_000, missing_sat=6_000
    )
    goods.remove(sold.file.id, creator=maya, now=timezone.now())
    announcements.drain(now=timezone.now())

    told = noor.client.get(f"/api/v1/purchases/{part.id}/").json()
    assert Notice.objects.filter(creator=maya, kind="refund_due").exists()
    assert told["refund"]["due_sat"] == 4_000
    assert told["says"].startswith("This file was removed before your payment was confirmed.")
    assert tasks(maya)[0]["says"].startswith("The file was removed before it was paid.")
