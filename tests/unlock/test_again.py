"""Given again: a buyer who lost everything asks, the creator who finds the sale says yes."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from payments import models as money
from payments.states import InvoiceState
from tests.unlock import sale
from tests.unlock.sale import INSTANCE_PRIVATE, NOW, Buyer, Sold, owe
from unlock import container, keys, stock
from unlock.models import GivenAgain, Grant, Purchase
from unlock.states import FileState, GrantKind

pytestmark = pytest.mark.django_db
TXID = "cd" * 32


def signed_in(sold: Sold) -> Client:
    client = Client()
    client.force_login(sold.file.creator.user)
    return client


def ask(buyer: Buyer, sold: Sold) -> UUID:
    body = {"buyer_key": container.encode_b64url(buyer.keys.public_key)}
    answer = buyer.client.post(f"/api/v1/files/{sold.file.id}/again/", body, format="json")
    assert answer.status_code == 201, answer.content
    return UUID(answer.json()["id"])


def give(client: Client, old: UUID, asked: UUID, *, given: int = 0) -> Any:
    body = {"purchase": str(asked), "given": given}
    return client.post(f"/api/v1/sales/{old}/again/", body, content_type="application/json")


def refusal(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


@pytest.fixture
def sold() -> Sold:
    return sale.publish()


@pytest.fixture
def old(sold: Sold) -> Purchase:
    return Buyer().purchase(sold, invoice_id=owe(sold, InvoiceState.PAID).id)


def test_what_is_asked_costs_nothing_and_opens_nothing(sold: Sold) -> None:
    buyer = Buyer()
    asked = ask(buyer, sold)
    told = buyer.client.get(f"/api/v1/purchases/{asked}/").json()

    assert (told["invoice"], told["grant"], told["release"]) == (None, None, "none")
    assert told["says"].startswith("You asked for this file again.")
    released = buyer.client.post(f"/api/v1/purchases/{asked}/release/", {}, format="json")
    assert refusal(released) == (402, "not_paid")
    assert buyer.client.post(f"/api/v1/purchases/{asked}/location/", {}).status_code >= 400
    assert keys.release(asked, private_keys=INSTANCE_PRIVATE, now=NOW) is None
    assert money.Invoice.objects.count() == 0


@pytest.mark.parametrize(
    ("state", "status"),
    [(FileState.PAUSED, 201), (FileState.REMOVED, 201), (FileState.DRAFT, 404)],
)
def test_it_can_be_asked_for_whatever_became_of_the_file(state: FileState, status: int) -> None:
    buyer, sold = Buyer(), sale.publish(state=state)
    body = {"buyer_key": container.encode_b64url(buyer.keys.public_key)}

    answer = buyer.client.post(f"/api/v1/files/{sold.file.id}/again/", body, format="json")

    assert answer.status_code == status


def test_given_again_opens_for_the_new_claim_and_leaves_the_old_one(
    sold: Sold, old: Purchase
) -> None:
    buyer = Buyer()
    asked = ask(buyer, sold)

    answer = give(signed_in(sold), old.id, asked)
    row = keys.release(asked, private_keys=INSTANCE_PRIVATE, now=NOW)

    assert answer.json() == {"purchase": str(asked), "given": 1}
    assert row is not None
    assert buyer.open(Purchase.objects.get(id=asked), row.sealed) == sold.secret
    grant = Grant.objects.get()
    assert (grant.kind, grant.granted_by, grant.reason) == (
        GrantKind.AGAIN,
        sold.file.creator.user,
        f"again for {old.id}",
    )
    assert keys.standing_of(old.id, now=NOW).is_open
    assert buyer.client.get(f"/api/v1/purchases/{asked}/").json()["grant"] == "again"


def test_pressed_twice_it_is_given_once(sold: Sold, old: Purchase) -> None:
    client, asked = signed_in(sold), ask(Buyer(), sold)

    first, second = give(client, old.id, asked), give(client, old.id, asked)

    assert first.json() == second.json()
    assert (Grant.objects.count(), GivenAgain.objects.count()) == (1, 1)


def test_a_second_time_the_creator_must_have_seen_the_first(sold: Sold, old: Purchase) -> None:
    client = signed_in(sold)
    give(client, old.id, ask(Buyer(), sold))
    again = ask(Buyer(), sold)

    assert refusal(give(client, old.id, again)) == (409, "again_counted")
    assert Grant.objects.count() == 1
    assert give(client, old.id, again, given=1).json()["given"] == 2


def test_what_was_given_for_one_sale_is_not_given_for_another(sold: Sold, old: Purchase) -> None:
    client, asked = signed_in(sold), ask(Buyer(), sold)
    other = Buyer().purchase(sold, invoice_id=owe(sold, InvoiceState.PAID).id)
    give(client, old.id, asked)

    assert refusal(give(client, other.id, asked)) == (409, "already_yours")
    assert GivenAgain.objects.get().old_id == old.id


@pytest.mark.parametrize(
    "state",
    [state for state in InvoiceState if state is not InvoiceState.PAID],
)
def test_what_was_not_paid_is_not_given_again(state: InvoiceState, sold: Sold) -> None:
    unpaid = Buyer().purchase(sold, invoice_id=owe(sold, state).id)

    assert refusal(give(signed_in(sold), unpaid.id, ask(Buyer(), sold))) == (409, "sale_unpaid")
    assert (Grant.objects.count(), GivenAgain.objects.count()) == (0, 0)


def test_another_files_sale_another_creators_and_strangers_are_refused(
    sold: Sold, old: Purchase
) -> None:
    second, foreign = sale.publish(sold.file.creator), sale.publish()
    asked = ask(Buyer(), second)

    assert refusal(give(signed_in(sold), old.id, asked)) == (409, "again_other_file")
    assert refusal(give(signed_in(foreign), old.id, ask(Buyer(), sold))) == (404, "again_unknown")
    hers = ask(Buyer(), foreign)
    assert refusal(give(signed_in(foreign), old.id, hers)) == (404, "purchase_unknown")
    assert give(Client(), old.id, asked).status_code in (401, 403)
    assert GivenAgain.objects.count() == 0


def test_an_order_that_can_be_paid_is_nothing_that_was_asked(sold: Sold, old: Purchase) -> None:
    ordered = Buyer().purchase(sold, invoice_id=owe(sold).id)

    assert refusal(give(signed_in(sold), old.id, ordered.id)) == (404, "again_unknown")


@pytest.mark.parametrize(
    "text",
    ["", "{txid}", "{address}", "{purchase}", "{invoice}", "0.00010000", "0,0001 bch", "ORDER 47"],
)
def test_the_creator_finds_the_sale_by_what_the_buyer_remembers(text: str, sold: Sold) -> None:
    invoice = owe(sold, InvoiceState.PAID)
    old = Buyer().purchase(sold, invoice_id=invoice.id)
    Purchase.objects.filter(id=old.id).update(reference="Order 4711")
    money.ChainTransaction.objects.create(txid=TXID, raw=b"x", first_seen_at=NOW)
    money.Output.objects.create(
        invoice=invoice, transaction_id=TXID, vout=0, value_sat=10_000, chain="mempool",
        first_seen_at=NOW,
    )  # fmt: skip
    Buyer().purchase(sold, invoice_id=owe(sold).id)  # unpaid: never shown
    asked = ask(Buyer(), sold)
    query = text.format(
        txid=TXID, address=invoice.address.shown, purchase=old.id, invoice=invoice.id
    )

    told = signed_in(sold).get(f"/api/v1/asked-again/{asked}/", {"q": query}).json()

    assert (told["title"], told["is_given"]) == ("Nine recordings", False)
    assert [(each["purchase"], each["given"], each["txids"]) for each in told["sales"]] == [
        (str(old.id), 0, [TXID])
    ]


def test_what_does_not_fit_finds_nothing(sold: Sold, old: Purchase) -> None:
    asked = ask(Buyer(), sold)

    for text in ("ef" * 32, "0.00020000", "bchreg:qqqqqqqqqqqq", "someone"):
        told = signed_in(sold).get(f"/api/v1/asked-again/{asked}/", {"q": text}).json()
        assert told["sales"] == [], text


def test_giving_again_takes_no_copy_of_a_limited_stock() -> None:
    assert GrantKind.AGAIN not in stock.COUNTED
