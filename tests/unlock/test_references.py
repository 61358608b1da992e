"""A shop's own word for an order, and where it wants its buyer back: kept, given back, never guessed."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.core.cache import cache
from rest_framework.test import APIClient

from payments import models as money
from payments import payouts
from payments.addresses import encode
from payments.states import Network
from tests.unlock import sale
from tests.unlock.sale import NOW, Buyer, Sold
from unlock import limits
from unlock.creator_errors import LinkSecretInText, TextInvalid
from unlock.models import Delivery, Purchase

P2PKH = bytes.fromhex("76a914" + "11" * 20 + "88ac")
BACK = "https://shop.example/thanks?order=4711"


@pytest.fixture
def sold(db: None) -> Sold:
    cache.clear()
    made = sale.publish()
    payouts.set_current(made.file.creator_id, encode(P2PKH, Network.REGTEST), now=NOW)
    return made


def order(sold: Sold, noor: Buyer, **more: Any) -> Any:
    url = f"/api/v1/files/{sold.file.id}/purchases/"
    return noor.client.post(url, {**sale.order_body(noor), **more}, format="json")


def test_reference_and_return_address_come_back_with_the_purchase(sold: Sold) -> None:
    noor = Buyer()

    made = order(sold, noor, reference=" order  4711 ", return_url=BACK)

    assert made.status_code == 201
    again = noor.client.get(f"/api/v1/purchases/{made.json()['id']}/").json()
    for told in (made.json(), again):
        assert (told["reference"], told["return_url"]) == ("order 4711", BACK)


def test_an_order_without_them_has_none(sold: Sold) -> None:
    made = order(sold, Buyer()).json()

    assert (made["reference"], made["return_url"]) == ("", "")


def test_the_creator_finds_the_reference_in_sales_and_in_the_export(sold: Sold) -> None:
    order(sold, Buyer(), reference="=4711", return_url=BACK)
    maya = APIClient()
    maya.force_login(sold.file.creator.user)

    [listed] = maya.get("/api/v1/sales/").json()["sales"]
    exported = maya.get("/api/v1/sales/export/?as=csv")
    body = b"".join(exported.streaming_content)  # type: ignore[attr-defined]
    [row] = csv.DictReader(io.StringIO(body.decode(), newline=""))

    assert listed["reference"] == "=4711"
    assert row["reference"] == "'=4711"  # what a spreadsheet would run as a formula


@pytest.mark.parametrize(
    "more",
    [
        {"reference": "x" * 201},
        {"reference": "a\u202eb"},
        {"reference": "see #1.AAAAAAAAAAAAAAAAAAAAAA"},
        {"return_url": "http://shop.example/"},
        {"return_url": "javascript:alert(1)"},
        {"return_url": "https://"},
        {"return_url": "https://maya:secret@shop.example/"},
        {"return_url": "https://shop.example/ x"},
        {"return_url": "https://shop.example/" + "x" * 500},
        {"return_url": "https://shop.example/#1.AAAAAAAAAAAAAAAAAAAAAA"},
        {"return_url": "//shop.example/"},
        {"return_url": "https://[shop/"},
    ],
)
def test_what_hides_something_or_leads_elsewhere_is_refused_and_nothing_is_ordered(
    sold: Sold, more: dict[str, str]
) -> None:
    answer = order(sold, Buyer(), **more)

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] in {"text_invalid", "link_secret_in_text", "invalid"}
    assert not Purchase.objects.exists()
    assert not money.Invoice.objects.exists()
    assert not Delivery.objects.exists()


def test_a_return_address_may_carry_a_query_and_a_fragment_of_its_own() -> None:
    url = "https://shop.example:8443/a%20b?x=1&y=#done"

    assert limits.clean_return_url(f" {url} ") == url
    with pytest.raises(TextInvalid):
        limits.clean_return_url("https://shöp.example/")
    with pytest.raises(LinkSecretInText):
        limits.clean_reference("1.AAAAAAAAAAAAAAAAAAAAAA")
