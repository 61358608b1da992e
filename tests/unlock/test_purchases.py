"""A buyer's calls: what an order makes, who may see it, and what is refused without a trace."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.core.cache import cache
from rest_framework.test import APIClient

from payments import models as money
from payments import payouts
from payments.addresses import encode
from payments.states import InvoiceState, Network
from tests.unlock import sale
from tests.unlock.sale import INSTANCE_PRIVATE, NOW, OFF_CURVE, Buyer, Sold
from unlock import announcements, container, grants, keys, purchases
from unlock.creator_errors import FileMissing, SecretMissing, UploadNotVerified
from unlock.errors import BuyerKeyInvalid, ClaimKnown, NotForSale, TooManyPurchases
from unlock.models import Grant, KeyRelease, Purchase
from unlock.states import FileState, GrantKind

pytestmark = pytest.mark.django_db

P2PKH = bytes.fromhex("76a914" + "11" * 20 + "88ac")


@pytest.fixture(autouse=True)
def _no_orders_remembered() -> None:
    cache.clear()


def payable(**changes: Any) -> Sold:
    """A published file whose creator said where the money goes."""
    sold = sale.publish(**changes)
    payouts.set_current(sold.file.creator_id, encode(P2PKH, Network.REGTEST), now=NOW)
    return sold


def buy(buyer: Buyer, sold: Sold) -> Any:
    url = f"/api/v1/files/{sold.file.id}/purchases/"
    return buyer.client.post(url, sale.order_body(buyer), format="json")


def nothing_moved() -> bool:
    return not any(model.objects.exists() for model in (Purchase, money.Invoice, Grant, KeyRelease))


def test_an_order_brings_an_address_of_its_own_and_a_signed_ticket() -> None:
    sold, noor = payable(), Buyer()

    answer = buy(noor, sold)

    assert answer.status_code == 201
    body = answer.json()
    purchase = Purchase.objects.get()
    invoice = money.Invoice.objects.get()
    assert body["id"] == str(purchase.id)
    assert purchase.invoice_id == invoice.id
    assert bytes(purchase.claim_hash) == noor.claim_hash
    assert bytes(purchase.buyer_key) == noor.keys.public_key
    assert sold.file.container is not None
    assert purchase.content_id == sold.file.container.content_id
    assert (body["release"], body["grant"]) == ("none", None)
    assert body["file"]["id"] == str(sold.file.id)
    shown = body["invoice"]
    assert (shown["state"], shown["due_sat"], shown["missing_sat"]) == ("OPEN", 10_000, 10_000)
    assert shown["address"] == invoice.address.shown
    assert shown["uri"].startswith(invoice.address.shown)
    assert shown["price"] == {"amount": "0.00010000", "currency": "BCH"}
    ticket = container.verify_ticket(
        container.signing_public_key(settings.KIM_SIGNING_KEY),
        container.decode_b64url(body["ticket"]["body"]),
        container.decode_b64url(body["ticket"]["signature"]),
    )
    assert ticket.address == invoice.address.shown
    assert ticket.claim_hash == noor.claim_hash


def test_two_buyers_have_two_addresses() -> None:
    sold = payable()

    first, second = buy(Buyer(), sold).json(), buy(Buyer(), sold).json()

    assert first["invoice"]["address"] != second["invoice"]["address"]


def test_a_claim_is_used_once() -> None:
    sold, noor = payable(), Buyer()
    buy(noor, sold)

    answer = buy(noor, sold)

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "claim_known")
    assert Purchase.objects.count() == 1
    assert money.Invoice.objects.count() == 1


@pytest.mark.parametrize("state", [FileState.DRAFT, FileState.PAUSED, FileState.REMOVED])
def test_what_is_not_published_cannot_be_ordered(state: FileState) -> None:
    answer = buy(Buyer(), payable(state=state))

    assert (answer.status_code, answer.json()["error"]["code"]) in (
        [(404, "not_found")] if state == FileState.DRAFT else [(409, "not_for_sale")]
    )
    assert nothing_moved()


def test_a_file_whose_creator_is_suspended_or_has_no_payout_cannot_be_ordered() -> None:
    suspended = payable()
    suspended.file.creator.suspended_at = NOW
    suspended.file.creator.save()

    for sold in (suspended, sale.publish()):
        with pytest.raises(NotForSale):
            purchases.begin(Buyer().order(sold), now=NOW)

    assert nothing_moved()


def test_an_unknown_file_is_a_404() -> None:
    noor = Buyer()

    answer = noor.client.post(
        f"/api/v1/files/{uuid4()}/purchases/", sale.order_body(noor), format="json"
    )

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "buyer_key",
    [OFF_CURVE, b"\2" + OFF_CURVE[1:33], b"\0" * 65, b""],
    ids=["off the curve", "compressed", "infinity", "empty"],
)
def test_a_key_that_is_no_point_of_the_curve_is_refused(buyer_key: bytes) -> None:
    sold, eve = payable(), Buyer()
    text = container.encode_b64url(buyer_key)

    answer = eve.client.post(
        f"/api/v1/files/{sold.file.id}/purchases/", {"buyer_key": text}, format="json"
    )

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] in ("buyer_key_invalid", "invalid")
    assert nothing_moved()


def test_garbage_is_answered_with_a_code_and_leaves_nothing() -> None:
    sold, eve = payable(), Buyer()
    url = f"/api/v1/files/{sold.file.id}/purchases/"

    broken = eve.client.post(url, b"{", content_type="application/json")
    listed = eve.client.post(url, [1], format="json")
    number = eve.client.post(url, {"buyer_key": 5}, format="json")

    codes = [answer.json()["error"]["code"] for answer in (broken, listed, number)]
    assert codes == ["not_json", "invalid", "invalid"]
    assert nothing_moved()


@pytest.mark.parametrize(
    "header",
    ["", "Claim", "Claim !", "Claim AAAA", "Bearer " + "A" * 43, "Claim " + "A" * 44],
)
def test_a_call_without_a_whole_claim_is_told_so(header: str) -> None:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=header)

    answer = client.get(f"/api/v1/purchases/{uuid4()}/")

    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "claim_missing")


CALLS = [
    ("get", ""),
    ("post", "quotes/"),
    ("post", "release/"),
    ("post", "location/"),
    ("get", "receipt/"),
]


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_the_claim_of_another_purchase_gets_the_same_404_as_no_purchase(
    method: str, path: str
) -> None:
    sold, noor, eve = payable(), Buyer(), Buyer()
    noors = noor.purchase(sold, invoice_id=sale.owe(sold, InvoiceState.PAID).id)
    eve.purchase(sold, invoice_id=sale.owe(sold).id)
    before = Purchase.objects.values().get(id=noors.id)

    stolen = getattr(eve.client, method)(f"/api/v1/purchases/{noors.id}/{path}")
    nowhere = getattr(eve.client, method)(f"/api/v1/purchases/{uuid4()}/{path}")

    assert stolen.status_code == nowhere.status_code == 404
    assert stolen.json() == nowhere.json()
    assert stolen.json()["error"]["code"] == "purchase_unknown"
    assert Purchase.objects.values().get(id=noors.id) == before
    assert not KeyRelease.objects.exists()


def test_at_most_three_unpaid_orders_of_a_file_from_one_address() -> None:
    sold, other = payable(), payable()
    for _ in range(settings.KIM_PURCHASES_OPEN_PER_IP):
        first = purchases.begin(Buyer().order(sold), now=NOW).purchase
    made = money.Invoice.objects.count()

    with pytest.raises(TooManyPurchases):
        purchases.begin(Buyer().order(sold), now=NOW)

    assert money.Invoice.objects.count() == made == Purchase.objects.count()
    purchases.begin(Buyer().order(other), now=NOW)
    purchases.begin(Buyer().order(sold, source="192.0.2.2"), now=NOW)
    paid = money.Invoice.objects.get(pk=str(first.invoice_id))
    sale.move(paid, InvoiceState.PAID)
    purchases.begin(Buyer().order(sold), now=NOW)


def test_the_key_comes_by_402_then_202_then_200_and_again() -> None:
    sold, noor = payable(), Buyer()
    invoice = sale.owe(sold)
    purchase = noor.purchase(sold, invoice_id=invoice.id)
    url = f"/api/v1/purchases/{purchase.id}/release/"

    shut = noor.client.post(url)
    sale.move(invoice, InvoiceState.SEEN)
    seen = noor.client.post(url)
    sale.move(invoice, InvoiceState.PAID)
    pending = noor.client.post(url)
    announcements.serve(
        private_keys=INSTANCE_PRIVATE, now=Purchase.objects.get().release_due_at or NOW
    )
    ready = noor.client.post(url)
    again = noor.client.post(url)

    assert (shut.status_code, shut.json()["error"]["code"]) == (402, "not_paid")
    assert (seen.status_code, seen.json()["error"]["code"]) == (402, "not_paid")
    assert (pending.status_code, pending.json()) == (202, {"release": "pending"})
    assert ready.status_code == again.status_code == 200
    assert ready.json() == again.json()
    body = ready.json()
    assert noor.open(purchase, container.decode_b64url(body.pop("sealed"))) == sold.secret
    assert body == {
        "h_s": sold.file.h_s,
        "wrapped_key": container.encode_b64url(sale.WRAPPED_KEY),
        "content_id": purchase.content_id,
        "generation": 0,
    }


def test_a_refused_call_for_a_key_owes_nothing() -> None:
    sold, eve = payable(), Buyer()
    purchase = eve.purchase(sold, invoice_id=sale.owe(sold, InvoiceState.PARTIAL).id)

    eve.client.post(f"/api/v1/purchases/{purchase.id}/release/")

    assert Purchase.objects.get().release_due_at is None
    assert not KeyRelease.objects.exists()


def test_a_receipt_comes_after_the_gate_opened() -> None:
    sold, noor = payable(), Buyer()
    invoice = sale.owe(sold)
    purchase = noor.purchase(sold, invoice_id=invoice.id)
    url = f"/api/v1/purchases/{purchase.id}/receipt/"

    early = noor.client.get(url)
    sale.move(invoice, InvoiceState.PAID)
    signed = noor.client.get(url).json()

    assert (early.status_code, early.json()["error"]["code"]) == (402, "not_paid")
    receipt = container.verify_receipt(
        container.signing_public_key(settings.KIM_SIGNING_KEY),
        container.decode_b64url(signed["receipt"]),
        container.decode_b64url(signed["signature"]),
    )
    assert (receipt.purchase, receipt.paid_sat) == (str(purchase.id), 10_000)


def test_a_granted_purchase_shows_its_kind_and_no_invoice() -> None:
    sold, noor = payable(), Buyer()
    purchase = noor.purchase(sold)
    grants.give(purchase.id, GrantKind.STAFF, now=NOW)

    body = noor.client.get(f"/api/v1/purchases/{purchase.id}/").json()

    assert (body["grant"], body["release"]) == ("staff", "pending")
    assert (body["invoice"], body["ticket"]) == (None, None)


def test_a_selftest_is_a_purchase_with_a_grant_and_passes_once_its_key_was_fetched() -> None:
    sold, maya = sale.publish(state=FileState.DRAFT, published_at=None), Buyer()
    owner = sold.file.creator_id

    purchase = purchases.begin_selftest(maya.order(sold), creator_id=owner, now=NOW)

    assert Grant.objects.get().kind == GrantKind.SELFTEST
    assert purchase.invoice_id is None
    assert not purchases.passed_selftest(sold.file, purchase.id)
    row = keys.release(purchase.id, private_keys=INSTANCE_PRIVATE, now=NOW)
    assert row is not None
    assert not purchases.passed_selftest(sold.file, purchase.id)
    keys.read(purchase.id, now=NOW)
    assert purchases.passed_selftest(sold.file, purchase.id)
    assert not purchases.passed_selftest(sale.publish().file, purchase.id)


def test_a_selftest_of_what_is_not_ready_or_not_ones_own_is_refused() -> None:
    sold = sale.publish(state=FileState.DRAFT, published_at=None)
    owner = sold.file.creator_id
    unsealed = sale.publish(sold.file.creator, state=FileState.DRAFT, s_sealed=b"")
    unverified = sale.publish(sold.file.creator, state=FileState.DRAFT)
    assert unverified.file.container is not None
    unverified.file.container.verified_at = None
    unverified.file.container.save()

    with pytest.raises(FileMissing):
        purchases.begin_selftest(Buyer().order(sold), creator_id=uuid4(), now=NOW)
    with pytest.raises(SecretMissing):
        purchases.begin_selftest(Buyer().order(unsealed), creator_id=owner, now=NOW)
    with pytest.raises(UploadNotVerified):
        purchases.begin_selftest(Buyer().order(unverified), creator_id=owner, now=NOW)

    assert nothing_moved()


def test_a_selftest_never_reuses_a_claim() -> None:
    sold, maya = sale.publish(), Buyer()
    maya.purchase(sold)

    with pytest.raises(ClaimKnown):
        purchases.begin_selftest(maya.order(sold), creator_id=sold.file.creator_id, now=NOW)

    assert not Grant.objects.exists()


def test_a_bad_key_is_refused_before_anything_is_looked_up() -> None:
    order = purchases.Order(
        paid_file_id=uuid4(), buyer_key=OFF_CURVE, claim_hash=b"c" * 32, source="192.0.2.1"
    )

    with pytest.raises(BuyerKeyInvalid):
        purchases.begin(order, now=NOW)


def test_the_instance_says_who_it_is() -> None:
    facts = APIClient().get("/.well-known/kim.json").json()

    assert facts == {
        "instance": settings.KIM_PUBLIC_URL,
        "signing_key": container.encode_b64url(
            container.signing_public_key(settings.KIM_SIGNING_KEY)
        ),
        "instance_key": container.encode_b64url(sale.INSTANCE_PUBLIC),
        "network": "regtest",
        "version": settings.KIM_VERSION,
    }
