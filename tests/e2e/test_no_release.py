"""On the real processes: what looks like a payment and is none releases nothing."""

from __future__ import annotations

import os
import sqlite3

import pytest

from kim.stack import Stack
from tests.actors import Buyer, Offer, Refused, Seller, until
from tests.e2e.people import Devchain

pytestmark = [pytest.mark.stack]

PRICE = "0.0002"  # 20,000 sat


@pytest.fixture(scope="module")
def offer(stack: Stack) -> Offer:
    maya = Seller(stack.layout.public_url, f"maya-{os.urandom(4).hex()}")
    maya.sign_up()
    payout = Devchain(stack.layout.devchain_port).call("/api/address")["address"]
    return maya.publish(os.urandom(300_000), amount=PRICE, payout=payout)


def order(stack: Stack, offer: Offer) -> tuple[Buyer, str]:
    noor = Buyer(stack.layout.public_url, link_secret=offer.secrets.link_secret)
    return noor, noor.order(offer)


def assert_shut(stack: Stack, noor: Buyer) -> None:
    """No key, and no row that says otherwise."""
    with pytest.raises(Refused, match="not_paid") as refused:
        noor.api.call("POST", f"purchases/{noor.purchase}/release/", {}, claim=noor.claim)
    assert refused.value.status == 402
    with sqlite3.connect(stack.layout.data / "kim.sqlite3", timeout=20) as database:
        query = "SELECT count(*) FROM unlock_keyrelease WHERE purchase_id = ?"
        assert database.execute(query, (noor.purchase.hex,)).fetchone() == (0,)


def test_half_of_the_price_releases_nothing_and_the_rest_completes_it(
    stack: Stack, chain: Devchain, offer: Offer
) -> None:
    noor, uri = order(stack, offer)

    chain.pay(uri.replace("amount=0.0002", "amount=0.0001"))
    chain.mine()
    noor.wait_state("PARTIAL")
    until(lambda: noor.view()["invoice"]["confirmed_sat"] == 10_000)

    assert_shut(stack, noor)
    assert noor.view()["invoice"]["missing_sat"] == 10_000
    chain.pay(str(noor.view()["invoice"]["uri"]))
    chain.mine()
    assert noor.release() == offer.secrets.release_secret


def test_satoshis_on_a_token_release_nothing(stack: Stack, chain: Devchain, offer: Offer) -> None:
    noor, uri = order(stack, offer)

    chain.pay(uri, tokens=True)
    chain.mine()
    until(lambda: "TOKEN_IGNORED" in noor.view()["invoice"]["flags"])

    assert_shut(stack, noor)


def test_a_payment_to_a_sibling_releases_only_the_sibling(
    stack: Stack, chain: Devchain, offer: Offer
) -> None:
    noor, _ = order(stack, offer)
    eve, sibling = order(stack, offer)

    chain.pay(sibling)
    chain.mine()
    eve.release()

    assert noor.view()["invoice"]["seen_sat"] == 0
    assert_shut(stack, noor)


def test_an_unconfirmed_payment_releases_nothing(
    stack: Stack, chain: Devchain, offer: Offer
) -> None:
    noor, uri = order(stack, offer)

    chain.pay(uri)
    noor.wait_state("SEEN")

    assert_shut(stack, noor)


def test_the_address_of_an_open_invoice_cannot_be_a_payout(stack: Stack, offer: Offer) -> None:
    """Else a forward of ours to it would look like a payment (tests/payments has that one too)."""
    noor, uri = order(stack, offer)
    eve = Seller(stack.layout.public_url, f"eve-{os.urandom(4).hex()}")
    eve.sign_up()

    with pytest.raises(Refused, match="payout_is_invoice") as refused:
        eve.api.call("PUT", "payout/", {"value": uri.partition("?")[0]})

    assert refused.value.status == 409
    assert eve.api.call("GET", "payout/").get("id") is None
    assert noor.view()["invoice"]["state"] == "OPEN"
    assert_shut(stack, noor)
