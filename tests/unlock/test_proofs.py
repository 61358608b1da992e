""" "Buy it yourself": a creator's own purchase at the floor. Proves the address, and is no sale."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from payments import invoices
from payments import models as money
from payments.addresses import encode
from payments.states import InvoiceState, Network
from tests.unlock import sale
from tests.unlock.creating import NOW, Browser, b64, derive, refusal, signed_in
from tests.unlock.sale import INSTANCE_PRIVATE, Buyer, Sold
from tests.xpub import XPUB
from unlock import announcements, keys, purchases
from unlock.creator_errors import ProofOpen
from unlock.models import Creator, Purchase
from unlock.states import FileState

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

pytestmark = pytest.mark.django_db

ADDRESS = encode(bytes.fromhex("76a914" + "11" * 20 + "88ac"), Network.REGTEST)


@pytest.fixture
def maya() -> Browser:
    browser = signed_in("maya")
    assert browser.put("payout/", {"value": ADDRESS}).status_code == 200
    return browser


def sold_by_maya(**changes: Any) -> Sold:
    """A file at 10,000 sat."""
    return sale.publish(Creator.objects.get(user__username="maya"), **changes)


def prove(browser: Browser, sold: Sold, buyer: Buyer | None = None) -> Response:
    buyer = buyer or Buyer()
    claim = f"Claim {b64(buyer.claim)}"
    path = f"files/{sold.file.id}/proof/"
    return browser.post(path, sale.order_body(buyer), HTTP_AUTHORIZATION=claim)


def view_of(browser: Browser, sold: Sold) -> Any:
    return browser.get(f"files/{sold.file.id}/").json()


def invoice_of(purchase: str | UUID) -> money.Invoice:
    bought = Purchase.objects.get(id=purchase)
    return money.Invoice.objects.get(id=str(bought.invoice_id))


def nothing_moved() -> bool:
    return not Purchase.objects.exists() and not money.Invoice.objects.exists()


def test_the_price_is_exactly_the_floor_of_a_forwarder(maya: Browser) -> None:
    sold = sold_by_maya(confirmations=2)

    answer = prove(maya, sold)

    said = answer.json()
    assert answer.status_code == 201
    assert (said["invoice"]["due_sat"], said["invoice"]["missing_sat"]) == (2000, 2000)
    assert said["invoice"]["price"] == {"amount": "0.00002000", "currency": "BCH"}
    assert (said["invoice"]["state"], said["invoice"]["confirmations"]) == ("OPEN", 2)
    assert (said["grant"], said["release"]) == (None, "none")
    assert said["ticket"]["signature"]
    assert said["file"]["price"] == {"amount": "0.00010000", "currency": "BCH"}
    assert Purchase.objects.get().is_proof


def test_the_price_is_exactly_the_floor_of_an_xpub(
    maya: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Empty:
        """A chain on which nobody was ever paid."""

        def is_used(self, script: bytes) -> bool:
            return not script

        def used(self, scripts: list[bytes]) -> frozenset[bytes]:
            return frozenset(scripts[:0])

    monkeypatch.setattr("payments.connection.chain", Empty)
    maya.put("payout/", {"value": XPUB, "derived": derive("correct horse")})

    said = prove(maya, sold_by_maya()).json()

    assert said["invoice"]["due_sat"] == 1000
    assert said["invoice"]["price"] == {"amount": "0.00001000", "currency": "BCH"}


def test_a_settled_proof_proves_the_address_and_is_no_sale(maya: Browser) -> None:
    sold, buyer = sold_by_maya(), Buyer()
    made = prove(maya, sold, buyer).json()
    before = view_of(maya, sold)
    assert (before["checks"]["address_proven"], before["sales"]) == (False, 0)

    sale.move(invoice_of(made["id"]), InvoiceState.PAID)
    announcements.drain(now=NOW)
    announcements.serve(private_keys=INSTANCE_PRIVATE, now=NOW)
    released = buyer.client.post(f"/api/v1/purchases/{made['id']}/release/")

    assert released.status_code == 200
    after = view_of(maya, sold)
    assert after["checks"] == {"selftest": True, "address_proven": True}
    assert (after["sales"], after["income_sat"]) == (0, 0)


def test_a_sale_proves_the_address_as_well(maya: Browser) -> None:
    sold = sold_by_maya()

    Buyer().purchase(sold, invoice_id=sale.owe(sold, InvoiceState.PAID).id)

    said = view_of(maya, sold)
    assert said["checks"]["address_proven"] is True
    assert (said["sales"], said["income_sat"]) == (1, 10_000)


def test_an_unpaid_proof_opens_nothing(maya: Browser) -> None:
    sold, buyer = sold_by_maya(), Buyer()
    made = prove(maya, sold, buyer).json()

    answer = buyer.client.post(f"/api/v1/purchases/{made['id']}/release/")

    assert refusal(answer) == (402, "not_paid")
    assert keys.release(UUID(made["id"]), private_keys=INSTANCE_PRIVATE, now=NOW) is None


def test_to_strangers_and_other_creators_there_is_nothing_to_prove(maya: Browser) -> None:
    del maya
    sold = sold_by_maya()
    eve = signed_in("eve")
    eve.put("payout/", {"value": ADDRESS})

    assert refusal(prove(eve, sold)) == (404, "not_found")
    assert refusal(prove(Browser(), sold)) == (401, "not_signed_in")
    assert nothing_moved()


def test_it_needs_the_claim_and_the_token_of_the_page(maya: Browser) -> None:
    sold, buyer = sold_by_maya(), Buyer()
    path, body = f"files/{sold.file.id}/proof/", sale.order_body(buyer)

    assert maya.post(path, body).status_code == 401
    foreign = maya.call(
        "post",
        path,
        body,
        HTTP_AUTHORIZATION=f"Claim {b64(buyer.claim)}",
        HTTP_X_CSRFTOKEN="b" * 32,
    )

    assert refusal(foreign) == (403, "forbidden")
    assert nothing_moved()


@pytest.mark.parametrize("state", [FileState.DRAFT, FileState.REMOVED])
def test_what_is_not_published_cannot_be_proven(maya: Browser, state: FileState) -> None:
    assert refusal(prove(maya, sold_by_maya(state=state))) == (409, "not_for_sale")
    assert nothing_moved()


def test_a_paused_file_can_be_proven(maya: Browser) -> None:
    assert prove(maya, sold_by_maya(state=FileState.PAUSED)).status_code == 201


def test_one_proof_of_a_file_waits_at_a_time(maya: Browser) -> None:
    sold, other = sold_by_maya(), sold_by_maya()
    first = invoice_of(prove(maya, sold).json()["id"])

    assert refusal(prove(maya, sold)) == (409, "proof_open")
    assert prove(maya, other).status_code == 201
    sale.move(first, InvoiceState.SEEN)
    assert refusal(prove(maya, sold)) == (409, "proof_open")
    assert Purchase.objects.filter(paid_file=sold.file).count() == 1

    sale.move(first, InvoiceState.EXPIRED)
    assert prove(maya, sold).status_code == 201


def test_a_claim_is_used_once(maya: Browser) -> None:
    sold, other, buyer = sold_by_maya(), sold_by_maya(), Buyer()
    prove(maya, sold, buyer)

    assert refusal(prove(maya, other, buyer)) == (409, "claim_known")
    assert money.Invoice.objects.count() == 1


def test_two_presses_at_once_make_one_purchase(
    maya: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    sold = sold_by_maya()
    opening = invoices.open

    def open_after_another(**asked: Any) -> Any:
        monkeypatch.setattr(invoices, "open", opening)
        assert prove(maya, sold).status_code == 201
        return opening(**asked)

    monkeypatch.setattr(invoices, "open", open_after_another)
    order = Buyer().order(sold)

    with pytest.raises(ProofOpen):
        purchases.begin_proof(order, creator_id=sold.file.creator_id, now=NOW)

    assert Purchase.objects.count() == 1
    kept = invoice_of(Purchase.objects.get().id)
    assert (kept.void_at, money.Invoice.objects.exclude(id=kept.id).get().void_at) == (None, NOW)


def test_a_proof_of_a_paused_file_may_have_a_new_quote(maya: Browser) -> None:
    made = prove(maya, sold_by_maya(state=FileState.PAUSED)).json()
    invoice = invoice_of(made["id"])
    sale.move(invoice, InvoiceState.EXPIRED)

    later = invoice.quote_until + timedelta(seconds=1)
    view = purchases.requote(Purchase.objects.get(id=made["id"]), now=later)

    assert (view.state, view.due_sat) == (InvoiceState.OPEN, 2000)
    assert view.address == made["invoice"]["address"]
