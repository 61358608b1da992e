"""Order tickets posted back after a database was lost: the order lives again, and no other does."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from payments import models as money
from payments.states import InvoiceState
from tests.tills import payout_to
from tests.unlock import sale
from tests.unlock.replacing import META, Page, Share, uploaded
from tests.unlock.sale import INSTANCE_PRIVATE, Buyer, Sold
from unlock import announcements, container, keys, purchases
from unlock.models import DiscountCode, PaidFile, Purchase

pytestmark = pytest.mark.django_db(transaction=True)
ADDRESS = "bchreg:qp63uahgrxged4z5jswyt5dn5v3lzsem6c6mz8vuwd"
PATH = "/api/v1/purchases/restored/"


@dataclass
class Lost:
    """An order whose rows are gone, and what its buyer's page kept."""

    buyer: Buyer
    sold: Sold
    id: UUID
    ticket: dict[str, str]
    address: str

    def post(self, **changes: Any) -> Any:
        client = changes.pop("client", self.buyer.client)
        return client.post(PATH, {**self.ticket, **changes}, format="json")


@pytest.fixture
def sold() -> Sold:
    sold = sale.publish()
    payout_to(ADDRESS, owner=sold.file.creator_id)
    return sold


def lose(sold: Sold, buyer: Buyer | None = None) -> Lost:
    buyer = buyer or Buyer()
    made = purchases.begin(buyer.order(sold), now=timezone.now()).purchase
    shown = buyer.client.get(f"/api/v1/purchases/{made.id}/").json()
    lost = Lost(buyer, sold, made.id, shown["ticket"], shown["invoice"]["address"])
    wipe()
    return lost


def wipe() -> None:
    for model in (Purchase, money.Event, money.Quote, money.Address, money.Invoice):
        model.objects.all().delete()
    money.Payout.objects.update(next_index=0)


def signed(lost: Lost, **changes: Any) -> dict[str, str]:
    """A ticket that this instance might have signed, but did not."""
    body = json.loads(container.decode_b64url(lost.ticket["body"]))
    raw = json.dumps({**body, **changes}, separators=(",", ":")).encode()
    mark = container.sign_ticket(settings.KIM_SIGNING_KEY, raw)
    return {"body": container.encode_b64url(raw), "signature": container.encode_b64url(mark)}


def refused(lost: Lost, answer: Any, code: str, status: int) -> None:
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert Purchase.objects.filter(id=lost.id).count() == 0
    assert not money.Invoice.objects.exists()


def test_a_lost_order_lives_again_and_is_served_when_it_is_paid(sold: Sold) -> None:
    lost = lose(sold)
    assert lost.buyer.client.get(f"/api/v1/purchases/{lost.id}/").status_code == 404

    answer = lost.post()
    invoice = money.Invoice.objects.get()
    row = Purchase.objects.get(id=lost.id)
    sale.move(invoice, InvoiceState.PAID)
    announcements.drain(now=timezone.now())
    announcements.serve(private_keys=INSTANCE_PRIVATE, now=timezone.now())
    release = keys.read(lost.id, now=timezone.now())

    assert (answer.status_code, answer.json()["id"]) == (200, str(lost.id))
    assert answer.json()["invoice"]["address"] == lost.address
    assert (row.invoice_id, row.restored_at is not None) == (invoice.id, True)
    assert release is not None
    assert lost.buyer.open(row, release.sealed) == sold.secret


def test_what_a_shop_added_and_the_code_come_back_with_the_order(sold: Sold) -> None:
    code = DiscountCode.objects.create(
        paid_file=sold.file, code_hash="ab" * 32, sealed_code=b"x", percent=10
    )
    buyer, shop = Buyer(), {"reference": "Order 4711 ü", "return_url": "https://shop.example/"}
    order = replace(buyer.order(sold), reference=shop["reference"], return_url=shop["return_url"])
    made = purchases.begin(order, now=timezone.now()).purchase
    Purchase.objects.filter(id=made.id).update(discount=code, note=b"n" * 44)
    ticket = buyer.client.get(f"/api/v1/purchases/{made.id}/").json()["ticket"]
    lost = Lost(buyer, sold, made.id, ticket, "")
    wipe()

    told = lost.post().json()
    row = Purchase.objects.get(id=made.id)

    assert {name: told[name] for name in shop} == shop
    assert (row.discount_id, row.tip_amount, told["has_note"]) == (code.id, None, False)


def test_a_code_that_is_gone_or_anothers_brings_no_discount(sold: Sold) -> None:
    foreign = DiscountCode.objects.create(
        paid_file=sale.publish().file, code_hash="cd" * 32, sealed_code=b"x", percent=10
    )
    for code in (str(foreign.id), str(uuid4()), ""):
        lost = lose(sold)
        assert lost.post(**signed(lost, code=code)).status_code == 200
        assert Purchase.objects.get(id=lost.id).discount_id is None
        wipe()


def test_one_that_settled_before_its_purchase_was_there_is_served_all_the_same(sold: Sold) -> None:
    lost = lose(sold)
    lost.post()
    Purchase.objects.all().delete()  # a crash between the two
    sale.move(money.Invoice.objects.get(), InvoiceState.PAID)
    announcements.drain(now=timezone.now())

    lost.post()

    assert keys.due(now=timezone.now(), limit=9) == [lost.id]


def test_twice_is_once(sold: Sold) -> None:
    lost = lose(sold)

    first, again = lost.post().json(), lost.post().json()

    assert first == again
    assert (Purchase.objects.count(), money.Invoice.objects.count()) == (1, 1)


def test_a_ticket_that_was_altered_or_signed_elsewhere_restores_nothing(sold: Sold) -> None:
    lost = lose(sold)
    cheaper = json.loads(container.decode_b64url(lost.ticket["body"])) | {"due_sat": 1}
    raw = json.dumps(cheaper).encode()
    elsewhere = container.sign_ticket(b"\x09" * 32, container.decode_b64url(lost.ticket["body"]))

    refused(lost, lost.post(body=container.encode_b64url(raw)), "signature_invalid", 400)
    refused(lost, lost.post(signature=container.encode_b64url(elsewhere)), "signature_invalid", 400)
    refused(lost, lost.post(**signed(lost, purchase="x")), "signature_invalid", 400)


def test_another_buyers_claim_restores_nothing(sold: Sold) -> None:
    lost = lose(sold)

    refused(lost, lost.post(client=Buyer().client), "ticket_foreign", 403)


def test_a_receipt_is_no_ticket(sold: Sold) -> None:
    lost = lose(sold)
    body = container.decode_b64url(lost.ticket["body"])
    mark = container.sign_receipt(settings.KIM_SIGNING_KEY, body)

    refused(lost, lost.post(signature=container.encode_b64url(mark)), "signature_invalid", 400)


def test_a_ticket_without_a_claim_is_not_looked_at(sold: Sold) -> None:
    lost = lose(sold)

    answer = Client().post(PATH, lost.ticket, content_type="application/json")

    refused(lost, answer, "claim_missing", 401)


@pytest.mark.parametrize("change", [{"paid_file": str(uuid4())}, {"content_id": "ab" * 32}])
def test_a_file_that_was_lost_too_is_told(sold: Sold, change: dict[str, str]) -> None:
    lost = lose(sold)

    refused(lost, lost.post(**signed(lost, **change)), "ticket_file_lost", 410)


def test_a_draft_was_never_sold(sold: Sold) -> None:
    lost = lose(sold)
    PaidFile.objects.update(state="draft")

    refused(lost, lost.post(), "ticket_file_lost", 410)


def test_an_address_of_nobody_here_restores_nothing(sold: Sold) -> None:
    lost = lose(sold)

    refused(lost, lost.post(**signed(lost, derivation="forwarder 7")), "ticket_mismatch", 409)
    refused(lost, lost.post(**signed(lost, address=ADDRESS)), "ticket_mismatch", 409)


def test_an_address_that_another_order_has_now_restores_nothing(sold: Sold) -> None:
    lost = lose(sold)
    other = purchases.begin(Buyer().order(sold), now=timezone.now()).purchase
    assert money.Address.objects.get().shown == lost.address

    answer = lost.post()

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "ticket_mismatch")
    assert [row.id for row in Purchase.objects.all()] == [other.id]


def test_the_page_of_a_lost_order_is_there_to_bring_it_back(sold: Sold) -> None:
    lost = lose(sold)

    page = Client().get(f"/p/{lost.id}")

    assert page.status_code == 404
    assert f'data-purchase="{lost.id}"' in page.content.decode()


def test_tickets_are_counted_like_orders(sold: Sold) -> None:
    from unlock.views.refunds import Restored

    assert Restored.throttle_scope == "purchase"


@pytest.mark.parametrize("named", [True, False])
def test_an_order_of_an_older_version_comes_back_as_that_version(sold: Sold, named: bool) -> None:
    """Also from a ticket of before there were versions, which names no generation."""
    lost = lose(sold)
    page = Page(sold)
    page.replace(Share(1), upload=uploaded(sold.file.creator), is_for_earlier=True)
    page.replace(Share(2, link_generation=1, meta_link=META))
    body = json.loads(container.decode_b64url(lost.ticket["body"]))
    assert body.pop("generation") == 0
    ticket = lost.ticket if named else signed(replace(lost, ticket=_ticket(body)))

    answer = lost.post(**ticket)
    row = Purchase.objects.get(id=lost.id)
    sale.move(money.Invoice.objects.get(), InvoiceState.PAID)
    keys.release(lost.id, private_keys=INSTANCE_PRIVATE, now=timezone.now())
    release = keys.read(lost.id, now=timezone.now())

    assert (answer.status_code, row.generation, row.content_id) == (200, 0, body["content_id"])
    assert answer.json()["file"]["content_id"] == body["content_id"]
    assert release is not None
    assert lost.buyer.open(row, release.sealed) == sold.secret


def _ticket(body: dict[str, Any]) -> dict[str, str]:
    return {"body": container.encode_b64url(json.dumps(body).encode())}
