"""Files that can be bought, with terms and codes beside their price."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from payments import payouts
from payments.addresses import encode
from payments.amounts import Price
from payments.states import Network
from tests.unlock import sale
from tests.unlock.sale import NOW, Buyer, Sold
from unlock import codes
from unlock.codes import Making
from unlock.models import Pricing

P2PKH = bytes.fromhex("76a914" + "11" * 20 + "88ac")


def price(amount: str) -> Price:
    return Price(Decimal(amount), "BCH")


def payable(changes: dict[str, Any] | None = None, **terms: Any) -> Sold:
    """A published file of 10,000 sat whose creator said where the money goes, sold by ``terms``."""
    sold = sale.publish(**(changes or {}))
    payouts.set_current(sold.file.creator_id, encode(P2PKH, Network.REGTEST), now=NOW)
    if terms:
        Pricing.objects.create(paid_file=sold.file, **terms)
    return sold


def buy(sold: Sold, buyer: Buyer | None = None, **body: Any) -> Any:
    """The answer to an order over the API."""
    buyer = buyer or Buyer()
    url = f"/api/v1/files/{sold.file.id}/purchases/"
    return buyer.client.post(url, {**sale.order_body(buyer), **body}, format="json")


def refusal(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def code_of(sold: Sold, **asked: Any) -> str:
    made = codes.make(sold.file.id, Making(**asked), creator=sold.file.creator, now=NOW)
    return codes.show(made, now=NOW)[0].code
