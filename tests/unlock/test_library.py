"""A buyer's library on the server: purchases by claims, notes, a friend who pays; nothing in logs."""

from __future__ import annotations

import logging
import os
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from payments import invoices
from payments import models as money
from payments.states import InvoiceState
from tests.tills import payout_to
from tests.unlock import sale
from tests.unlock.sale import NOW, Buyer, Sold, owe
from unlock import container, friends, grants
from unlock.errors import WrongKey
from unlock.models import Cover, PaidFile, Purchase, Showcase
from unlock.states import FileState, GrantKind

pytestmark = pytest.mark.django_db
ADDRESS = "bchreg:qp63uahgrxged4z5jswyt5dn5v3lzsem6c6mz8vuwd"
CLAIMS = "/api/v1/purchases/claims/"
LINK = bytes(range(16))


def b64(raw: bytes) -> str:
    return container.encode_b64url(raw)


def ask(*claims: bytes) -> Any:
    """Without cookie, header or CSRF token."""
    body = {"claims": [b64(claim) for claim in claims]}
    return APIClient(enforce_csrf_checks=True).post(CLAIMS, body, format="json")


def note_of(buyer: Buyer, sold: Sold) -> bytes:
    iv = os.urandom(12)
    return container.seal_note(buyer.seed, LINK, paid_file=sold.file.id.bytes, gcm_iv=iv)


def order(buyer: Buyer, sold: Sold, **body: Any) -> Any:
    path = f"/api/v1/files/{sold.file.id}/purchases/"
    whole = {"buyer_key": b64(buyer.keys.public_key), **body}
    return buyer.client.post(path, whole, format="json")


# --- notes --------------------------------------------------------------------------------------


def test_a_note_left_with_the_order_opens_for_its_seed_alone() -> None:
    buyer, sold = Buyer(), sale.publish()
    payout_to(ADDRESS, owner=sold.file.creator_id)

    made = order(buyer, sold, note=b64(note_of(buyer, sold))).json()
    told = buyer.client.get("/api/v1/purchases/claimed/").json()

    assert made["has_note"] is True
    assert told == {"id": made["id"], "file": str(sold.file.id), "note": told["note"]}
    note = container.decode_b64url(told["note"], 44)
    assert container.open_note(buyer.seed, note, paid_file=sold.file.id.bytes) == LINK
    for seed, file in ((Buyer().seed, sold.file.id), (buyer.seed, sale.publish().file.id)):
        with pytest.raises(WrongKey):
            container.open_note(seed, note, paid_file=file.bytes)


@pytest.mark.parametrize("note", ["", "AAAA", "A" * 58, "A" * 60, "é" * 59, 7, None, {}])
def test_a_note_of_another_length_is_refused_and_nothing_is_ordered(note: object) -> None:
    buyer, sold = Buyer(), sale.publish()
    payout_to(ADDRESS, owner=sold.file.creator_id)

    answer = order(buyer, sold, note=note)

    assert (answer.status_code, Purchase.objects.count()) == (400, 0)


def test_a_note_is_left_later_by_the_claim_only() -> None:
    buyer, sold = Buyer(), sale.publish()
    bought = buyer.purchase(sold, invoice_id=owe(sold).id)
    path, body = f"/api/v1/purchases/{bought.id}/note/", {"note": b64(note_of(buyer, sold))}

    assert Buyer().client.put(path, body, format="json").status_code == 404
    assert bytes(Purchase.objects.get().note) == b""
    answer = buyer.client.put(path, body, format="json")

    assert (answer.status_code, answer.json()["has_note"]) == (200, True)
    assert b64(bytes(Purchase.objects.get().note)) == body["note"]


def test_an_unknown_claim_has_nothing() -> None:
    answer = Buyer().client.get("/api/v1/purchases/claimed/")

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "purchase_unknown")


# --- several at once ----------------------------------------------------------------------------


def test_several_claims_tell_their_purchases_in_the_order_of_the_asking() -> None:
    paid_by, waits, unknown, given = Buyer(), Buyer(), Buyer(), Buyer()
    sold = sale.publish()
    paid = paid_by.purchase(sold, invoice_id=owe(sold, InvoiceState.PAID).id)
    invoice = owe(sold)
    open_order = waits.purchase(sold, invoice_id=invoice.id)
    free = given.purchase(sold)
    grants.give(free.id, GrantKind.GIFT, now=NOW)

    told = ask(waits.claim, unknown.claim, given.claim, paid_by.claim).json()["purchases"]

    assert [(each["at"], each["id"]) for each in told] == [
        (0, str(open_order.id)),
        (2, str(free.id)),
        (3, str(paid.id)),
    ]
    first = told[0]
    assert first["file"] == {
        "id": str(sold.file.id),
        "title": "Nine recordings",
        "creator": sold.file.creator.user.get_username(),
        "state": "published",
        "removed_reason": "",
        "payload_bytes": 1000,
        "cover": "",
    }
    assert first["price"] == {"amount": "0.00010000", "currency": "BCH"}
    assert (first["state"], first["missing_sat"], first["is_payable"]) == ("OPEN", 10_000, True)
    assert first["pay_page"] == f"/pay/{invoice.id}"
    assert (told[1]["grant"], told[1]["state"], told[1]["price"]) == ("gift", "", None)
    assert (told[2]["state"], told[2]["says"][:18]) == ("PAID", "Paid and confirmed")


def test_a_removed_file_says_why(settings: Any) -> None:
    buyer = Buyer()
    sold = sale.publish(state=FileState.REMOVED, removed_reason="A song was not mine.")
    buyer.purchase(sold, invoice_id=owe(sold, InvoiceState.PAID).id)

    (told,) = ask(buyer.claim).json()["purchases"]

    assert (told["file"]["state"], told["file"]["removed_reason"]) == (
        "removed",
        "A song was not mine.",
    )


def test_a_picture_is_named_unless_its_file_is_for_adults() -> None:
    buyer, sold = Buyer(), sale.publish()
    buyer.purchase(sold)
    Cover.objects.create(
        paid_file=sold.file,
        media_type="image/webp",
        width=2,
        height=2,
        picture=b"x",
        sha256="ef" * 32,
    )
    (told,) = ask(buyer.claim).json()["purchases"]
    assert told["file"]["cover"] == f"/f/{sold.file.id}/cover?v={'ef' * 32}"

    Showcase.objects.create(paid_file=sold.file, is_adult=True)
    (told,) = ask(buyer.claim).json()["purchases"]
    assert told["file"]["cover"] == ""


def test_a_selftest_of_a_creator_is_no_purchase() -> None:
    buyer = Buyer()
    bought = buyer.purchase(sale.publish())
    grants.give(bought.id, GrantKind.SELFTEST, now=NOW)

    assert ask(buyer.claim).json() == {"purchases": []}


@pytest.mark.parametrize("count", [0, 21])
def test_a_look_up_takes_one_to_twenty_claims(count: int) -> None:
    assert ask(*[os.urandom(32) for _ in range(count)]).status_code == 400


def test_twenty_purchases_cost_as_many_queries_as_one() -> None:
    buyers = [Buyer() for _ in range(20)]
    for buyer in buyers:
        sold = sale.publish()
        buyer.purchase(sold, invoice_id=owe(sold, InvoiceState.PAID).id)
    with CaptureQueriesContext(connection) as one:
        assert len(ask(buyers[0].claim).json()["purchases"]) == 1
    with CaptureQueriesContext(connection) as all_of_them:
        assert len(ask(*[buyer.claim for buyer in buyers]).json()["purchases"]) == 20

    assert len(all_of_them) == len(one)


def test_no_claim_and_no_seed_reaches_a_row_or_a_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    buyer, sold = Buyer(), sale.publish()
    payout_to(ADDRESS, owner=sold.file.creator_id)
    order(buyer, sold, note=b64(note_of(buyer, sold)))
    with CaptureQueriesContext(connection) as queries:
        ask(buyer.claim)
        ask(buyer.claim, b"short")
        buyer.client.get("/api/v1/purchases/claimed/")
    said = caplog.text + "".join(query["sql"] for query in queries)
    rows = repr(list(Purchase.objects.values())) + repr(list(money.Invoice.objects.values()))

    for secret in (buyer.claim, buyer.seed, LINK):
        for form in (b64(secret), secret.hex(), repr(secret)[2:-1]):
            assert form not in said
            assert form not in rows


def test_any_origin_may_look_up_and_no_cookie_is_read(client: Client) -> None:
    for path, method in ((CLAIMS, "POST"), ("/api/v1/purchases/claimed/", "GET")):
        asked = client.options(
            path,
            headers={"Origin": "https://shop.example", "Access-Control-Request-Method": method},
        )
        assert asked.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in asked.headers


# --- a friend pays ------------------------------------------------------------------------------


def test_a_friend_sees_what_to_pay_and_nothing_of_what_is_bought(client: Client) -> None:
    buyer, sold = Buyer(), sale.publish()
    invoice = owe(sold)
    bought = buyer.purchase(sold, invoice_id=invoice.id)

    page = client.get(f"/pay/{invoice.id}").content.decode()
    told = client.get(f"/api/v1/payments/{invoice.id}/")

    assert set(told.json()) == {
        "state", "address", "uri", "network", "price", "due_sat", "seen_sat", "missing_sat",
        "quote_until", "says", "tone", "is_payable",
    }  # fmt: skip
    assert told.json()["missing_sat"] == 10_000
    for hidden in (str(bought.id), str(sold.file.id), "Nine recordings"):
        assert hidden not in page
        assert hidden not in told.content.decode()


def test_an_invoice_that_nobody_ordered_has_no_page(client: Client) -> None:
    invoice = owe(sale.publish())

    assert client.get(f"/pay/{invoice.id}").status_code == 404
    assert client.get(f"/api/v1/payments/{invoice.id}/").status_code == 404


def test_a_friend_is_told_at_once_that_the_file_is_gone(client: Client) -> None:
    sold = sale.publish()
    invoice = owe(sold)
    Buyer().purchase(sold, invoice_id=invoice.id)
    PaidFile.objects.filter(pk=sold.file.id).update(
        state=FileState.REMOVED, removed_reason="It is stolen."
    )

    told = client.get(f"/api/v1/payments/{invoice.id}/").json()

    assert (told["says"], told["is_payable"]) == ("This order was called off. Do not pay.", False)


@pytest.mark.parametrize(
    ("state", "columns", "late", "says", "is_payable"),
    [
        (InvoiceState.OPEN, {}, 0, "Waiting for the payment.", True),
        (InvoiceState.OPEN, {}, 21, "The price has run out.", False),
        (InvoiceState.EXPIRED, {}, 0, "The price has run out.", False),
        (InvoiceState.PARTIAL, {"seen_sat": 4000, "missing_sat": 6000}, 0,
         "0.00004 of 0.0001 BCH received. 0.00006 BCH are still missing.", True),
        (InvoiceState.SEEN, {}, 0, "Payment seen.", False),
        (InvoiceState.SUSPECT, {}, 0, "Payment seen.", False),
        (InvoiceState.PAID, {}, 0, "Paid.", False),
        (InvoiceState.REVERSED, {}, 0, "The payment is no longer in the chain.", False),
    ],
)  # fmt: skip
def test_a_friend_is_told_how_it_stands(
    state: InvoiceState, columns: dict[str, int], late: int, says: str, is_payable: bool
) -> None:
    now = NOW + timedelta(minutes=late)
    view = invoices.status_of(owe(sale.publish(), state, **columns).id, now=now)

    said = friends.say(view, now=now)

    assert said.says.startswith(says)
    assert said.is_payable is is_payable
