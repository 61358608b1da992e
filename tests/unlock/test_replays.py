"""Idempotency-Key: what is sent twice is made once, and both get the same answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.unlock import sale
from tests.unlock.creating import Browser, b64, refusal, signed_in
from unlock import replays
from unlock.models import Creator, DiscountCode, KeptAnswer, PaidFile, Purchase, Webhook

pytestmark = pytest.mark.django_db

DRAFT = {"title": "Nine", "price": {"amount": "2.00", "currency": "EUR"}}
HOOK = "https://merchant.example/kim"


@pytest.fixture
def maya() -> Browser:
    return signed_in("maya")


def post(browser: Browser, path: str = "files/", body: Any = None, key: str = "one") -> Any:
    return browser.post(path, DRAFT if body is None else body, HTTP_IDEMPOTENCY_KEY=key)


def test_a_draft_is_made_once_and_answered_twice(maya: Browser) -> None:
    first, again = post(maya), post(maya)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert PaidFile.objects.count() == 1


def test_without_a_key_or_with_another_it_is_made_again(maya: Browser) -> None:
    post(maya)
    maya.post("files/", DRAFT)
    post(maya, key="two")

    assert PaidFile.objects.count() == 3
    assert KeptAnswer.objects.count() == 2


def test_another_request_under_the_same_key_does_nothing(maya: Browser) -> None:
    post(maya)
    file = PaidFile.objects.get()

    assert refusal(post(maya, body={**DRAFT, "title": "Ten"})) == (409, "idempotency_key_reused")
    other = post(maya, path=f"files/{file.id}/codes/", body={"percent": 10})
    assert refusal(other) == (409, "idempotency_key_reused")

    assert PaidFile.objects.get().title == "Nine"
    assert not DiscountCode.objects.exists()


def test_a_refusal_frees_the_key(maya: Browser) -> None:
    assert post(maya, body={"title": ""}).status_code == 400
    assert not KeptAnswer.objects.exists()

    assert post(maya).status_code == 201


def test_keys_of_two_creators_do_not_meet(maya: Browser) -> None:
    mine, hers = post(maya).json(), post(signed_in("eve")).json()

    assert mine["id"] != hers["id"]


def test_codes_are_sealed_where_they_are_kept_and_come_back_alike(maya: Browser) -> None:
    file = sale.publish(Creator.objects.get()).file
    path, body = f"files/{file.id}/codes/", {"is_gift": True, "count": 3}

    first, again = (post(maya, path, body).json() for _ in range(2))

    assert again == first
    assert DiscountCode.objects.count() == 3
    kept = bytes(KeptAnswer.objects.get().sealed_body or b"")
    for each in first["codes"]:
        assert each["code"].encode() not in kept


def test_a_secret_that_is_told_once_is_not_told_twice(maya: Browser) -> None:
    first, again = (post(maya, "webhooks/", {"url": HOOK}).json() for _ in range(2))

    assert first["secret"].startswith("kimwh_")
    assert again == {**first, "secret": None}
    assert Webhook.objects.count() == 1


def test_the_same_body_with_another_claim_is_another_request(maya: Browser) -> None:
    sold = sale.publish(Creator.objects.get())
    one, two = sale.Buyer(), sale.Buyer()
    body = {"buyer_key": b64(one.keys.public_key)}

    def proof(buyer: sale.Buyer) -> Any:
        claim = {"HTTP_AUTHORIZATION": f"Claim {b64(buyer.claim)}"}
        path = f"files/{sold.file.id}/selftest/"
        return maya.post(path, body, HTTP_IDEMPOTENCY_KEY="one", **claim)

    assert proof(one).status_code == 201
    assert proof(one).json() == proof(one).json()
    assert refusal(proof(two)) == (409, "idempotency_key_reused")
    assert Purchase.objects.count() == 1


@pytest.mark.parametrize("key", ["", " ", "x" * 201, "a b", "ü", "\x7f"])
def test_what_is_no_key_is_said_so(key: str, maya: Browser) -> None:
    assert refusal(post(maya, key=key)) == (400, "idempotency_key_invalid")
    assert not PaidFile.objects.exists()


def test_while_it_is_being_made_the_second_is_told_to_wait(maya: Browser) -> None:
    post(maya)
    KeptAnswer.objects.update(status=None, sealed_body=None)

    assert refusal(post(maya)) == (409, "idempotency_key_busy")
    KeptAnswer.objects.update(created_at=timezone.now() - replays.LEASE - timedelta(seconds=1))
    assert refusal(post(maya)) == (409, "idempotency_key_lost")
    assert PaidFile.objects.count() == 1


def test_after_a_day_the_key_is_as_new(maya: Browser) -> None:
    post(maya)
    KeptAnswer.objects.update(created_at=timezone.now() - replays.KEEP)

    assert post(maya).status_code == 201
    assert PaidFile.objects.count() == 2
    KeptAnswer.objects.update(created_at=timezone.now() - replays.KEEP)
    assert replays.prune(now=timezone.now()) == 1


def test_calls_that_take_no_key_leave_it_alone(maya: Browser) -> None:
    answer = maya.call("patch", "terms/", {"honour_sats": True}, HTTP_IDEMPOTENCY_KEY="")

    assert answer.status_code == 200
    assert not KeptAnswer.objects.exists()
