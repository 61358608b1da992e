"""Leaving: an account is closed once nothing is open, buyers stay served, and everything goes along."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from payments import models as money
from payments.states import InvoiceState, RefundReason
from tests.unlock.creating import Browser, derive, refusal, signed_in
from tests.unlock.sale import NOW, Buyer, Sold, order_body, owe, publish
from tests.unlock.vaulting import PASSWORD, log_in, with_vault
from unlock import creators, keys
from unlock.models import (
    ClosedAccount,
    Creator,
    DiscountCode,
    Notice,
    PaidFile,
    Pricing,
    SessionNote,
    Showcase,
    Vault,
    Webhook,
)
from unlock.states import FileState, NoticeKind, PriceKind

pytestmark = pytest.mark.django_db

PROOF = {"derived": derive("correct horse")}


def me() -> Creator:
    return Creator.objects.get(user__username="maya")


def close(maya: Browser, proof: Any = None) -> Any:
    return maya.post("account/closing/", PROOF if proof is None else proof)


def untouched() -> bool:
    on_sale = PaidFile.objects.exclude(state=FileState.PUBLISHED).count() == 0
    return on_sale and not ClosedAccount.objects.exists() and me().suspended_at is None


def sell() -> Sold:
    return publish(me())


def test_it_takes_the_password() -> None:
    maya = signed_in()
    sell()

    assert refusal(close(maya, {})) == (403, "password_required")
    assert refusal(close(maya, {"derived": derive("a guess")})) == (403, "password_wrong")
    assert untouched()
    assert refusal(Browser().post("account/closing/", PROOF)) == (401, "not_signed_in")


@pytest.mark.parametrize("state", [InvoiceState.PARTIAL, InvoiceState.SEEN, InvoiceState.SUSPECT])
def test_it_waits_for_money_that_moves(state: InvoiceState) -> None:
    maya = signed_in()
    sold = sell()
    Buyer().purchase(sold, invoice_id=owe(sold, state).id)

    answer = close(maya)

    assert refusal(answer) == (409, "money_moving")
    assert answer.json()["error"]["message"] == "Orders whose payment is not settled yet: 1."
    assert untouched()


def test_it_waits_for_orders_that_may_be_paid_and_for_refunds() -> None:
    maya = signed_in()
    sold = sell()
    order = owe(sold)
    Buyer().purchase(sold, invoice_id=order.id)
    money.Invoice.objects.update(quote_until=timezone.now() + timedelta(minutes=9))
    assert refusal(close(maya)) == (409, "money_moving")

    money.Invoice.objects.update(quote_until=NOW)
    money.Refund.objects.create(
        invoice=order, reason=RefundReason.AGREED, due_sat=3_000, asked_at=NOW
    )
    assert refusal(close(maya)) == (409, "refunds_owed")
    assert untouched()

    money.Refund.objects.update(closed_at=NOW)
    assert close(maya).status_code == 204


def test_closed_it_sells_nothing_forgets_what_served_its_creator_and_serves_who_bought() -> None:
    maya, _ = with_vault(), log_in()
    sold, draft, buyer = sell(), sell(), Buyer()
    PaidFile.objects.filter(id=draft.file.id).update(state=FileState.DRAFT)
    bought = buyer.purchase(sold, invoice_id=owe(sold, InvoiceState.PAID).id)
    Webhook.objects.create(creator=me(), url="https://shop.example/hook", sealed_secret=b"")
    Creator.objects.update(email="maya@example.com", email_confirmed_at=NOW)
    assert SessionNote.objects.filter(ended_at=None).count() == 2

    assert close(maya, {"derived": derive(PASSWORD)}).status_code == 204

    sold.file.refresh_from_db()
    assert sold.file.state == FileState.PAUSED
    assert not PaidFile.objects.filter(id=draft.file.id).exists()
    assert not Vault.objects.exists()
    assert not Webhook.objects.filter(is_active=True).exists()
    assert (me().email, me().email_confirmed_at) == ("", None)
    assert not SessionNote.objects.filter(ended_at=None).exists()
    assert refusal(maya.get("dashboard/")) == (401, "not_signed_in")
    assert keys.standing_of(bought.id, now=NOW).is_open
    assert buyer.client.get(f"/api/v1/purchases/{bought.id}/").status_code == 200
    other = Buyer()
    path = f"/api/v1/files/{sold.file.id}/purchases/"
    assert refusal(other.client.post(path, order_body(other), format="json"))[1] == "not_for_sale"


def test_the_login_says_closed_to_whoever_knows_the_password_and_wrong_to_everybody_else() -> None:
    maya = with_vault()
    assert close(maya, {"derived": derive(PASSWORD)}).status_code == 204

    assert refusal(log_in()[1]) == (403, "account_closed")
    assert refusal(log_in("maya", "a guess")[1]) == (401, "login_failed")
    assert creators.how_to_derive("maya")[1] == creators.SCHEME
    creators.reinstate(me())
    assert refusal(log_in()[1]) == (403, "account_closed")
    assert refusal(Browser().sign_up("maya")) == (409, "username_taken")


def test_everything_goes_along_and_no_secret_of_it() -> None:
    maya = signed_in()
    sold = sell()
    PaidFile.objects.update(title="Nordlys", description="The long cut", stream_only=True)
    made = maya.post(f"files/{sold.file.id}/codes/", {"percent": 25, "note": "friends"}).json()
    Pricing.objects.create(paid_file=sold.file, kind=PriceKind.FIXED, stock=5)
    Showcase.objects.create(paid_file=sold.file, is_adult=True)
    hook = maya.post("webhooks/", {"url": "https://shop.example/hook"}).json()
    bought = Buyer().purchase(sold, invoice_id=owe(sold, InvoiceState.PAID).id)
    Notice.objects.create(creator=me(), kind=NoticeKind.SOLD, topic="a", text="Sold.")

    answer = maya.get("account/export/")
    body = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    whole = json.loads(body)

    assert (whole["format"], whole["username"]) == ("kim-account-1", "maya")
    [file] = whole["files"]
    assert (file["title"], file["description"], file["stream_only"]) == (
        "Nordlys", "The long cut", True,
    )  # fmt: skip
    assert whole["instance"] == settings.KIM_PUBLIC_URL
    assert (file["meta_link"], file["sample"]) == ("", None)
    assert file["showcase"] == {"is_adult": True, "shows_contents": False, "has_card": False}
    assert (file["pricing"]["stock"], file["pricing"]["left"]) == (5, 4)
    assert file["container"]["content_id"] == sold.file.container.content_id  # type: ignore[union-attr]
    assert file["container"]["copies"] == [
        {"store": "main", "object": f"c/{sold.file.container_id}"}
    ]
    assert (file["h_s"], file["price"]) == (
        sold.file.h_s, {"amount": "0.00010000", "currency": "BCH"},
    )  # fmt: skip
    assert [(each["percent"], each["note"]) for each in file["codes"]] == [(25, "friends")]
    assert file["codes"][0]["code"] in json.dumps(made)
    assert [row["purchase"] for row in whole["sales"]] == [str(bought.id)]
    assert [row["url"] for row in whole["webhooks"]] == ["https://shop.example/hook"]
    assert [row["text"] for row in whole["notices"]] == ["Sold."]
    assert [row["kind"] for row in whole["payouts"]] == ["xpub"]
    assert hook["secret"].encode() not in body
    assert sold.secret.hex().encode() not in body
    assert DiscountCode.objects.count() == 1


def test_nobody_else_s_things_go_along() -> None:
    maya, eve = signed_in(), signed_in("eve")
    sold = sell()
    Buyer().purchase(sold, invoice_id=owe(sold, InvoiceState.PAID).id)

    whole = json.loads(b"".join(eve.get("account/export/").streaming_content))  # type: ignore[attr-defined]

    assert (whole["files"], whole["sales"], whole["given"], whole["payouts"]) == ([], [], [], [])
    assert maya.get("account/export/").status_code == 200
