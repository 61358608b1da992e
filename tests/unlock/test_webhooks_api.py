"""Webhooks over the API: one's own, shown once, tested, switched, and read page by page."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.core.cache import cache

from tests.unlock.creating import Browser, refusal, signed_in
from unlock import webhooks
from unlock.models import Delivery, Webhook
from unlock.states import DeliveryState

pytestmark = pytest.mark.django_db

URL = "https://merchant.example/kim"


@pytest.fixture(autouse=True)
def no_limits() -> None:
    cache.clear()


def add(browser: Browser, **body: Any) -> Any:
    answer = browser.post("webhooks/", {"url": URL, **body})
    assert answer.status_code == 201, answer.content
    return answer.json()


def test_the_secret_is_told_once() -> None:
    maya = signed_in()
    made = add(maya)

    assert made["secret"] == webhooks.open_secret(Webhook.objects.get())
    listed = maya.get("webhooks/").json()
    assert set(listed["webhooks"][0]) == {"id", "url", "kinds", "is_active", "created_at"}
    assert "invoice.settled" in listed["kinds"]
    assert made["secret"] not in maya.get(f"webhooks/{made['id']}/").content.decode()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"url": "https://10.0.0.1/"}, "target_refused"),
        ({"url": "ftp://merchant.example/"}, "target_refused"),
        ({"url": URL, "kinds": ["invoice.nothing"]}, "invalid"),
        ({"url": "x" * 501}, "invalid"),
        ({}, "invalid"),
    ],
)
def test_a_bad_webhook_is_refused_and_none_is_made(body: Any, code: str) -> None:
    assert refusal(signed_in().post("webhooks/", body)) == (400, code)
    assert not Webhook.objects.exists()


def test_a_stranger_and_another_creator_find_nothing() -> None:
    maya, eve = signed_in(), signed_in("eve")
    made = add(maya)
    row = maya.post(f"webhooks/{made['id']}/test/").json()
    paths = [
        ("get", f"webhooks/{made['id']}/"),
        ("delete", f"webhooks/{made['id']}/"),
        ("post", f"webhooks/{made['id']}/test/"),
        ("get", f"webhooks/{made['id']}/deliveries/"),
        ("get", f"webhooks/{made['id']}/deliveries/{row['id']}/"),
        ("post", f"webhooks/{made['id']}/deliveries/{row['id']}/again/"),
    ]

    for method, path in paths:
        assert refusal(eve.call(method, path)) == (404, "webhook_missing")
        assert refusal(Browser().call(method, path)) == (401, "not_signed_in")
    assert Delivery.objects.count() == 1
    assert Webhook.objects.get().removed_at is None


def test_a_test_is_in_the_log_with_its_body() -> None:
    maya = signed_in()
    made = add(maya)

    sent = maya.post(f"webhooks/{made['id']}/test/")

    assert sent.status_code == 201
    found = maya.get(f"webhooks/{made['id']}/deliveries/{sent.json()['id']}/").json()
    assert found["kind"] == "test"
    assert found["state"] == "waiting"
    assert '"type":"test"' in found["body"]


def test_off_drops_what_waits_and_refuses_tests_until_it_is_on_again() -> None:
    maya = signed_in()
    made = add(maya)
    sent = maya.post(f"webhooks/{made['id']}/test/").json()
    path = f"webhooks/{made['id']}/"

    assert maya.patch(path, {"is_active": False}).json()["is_active"] is False
    assert Delivery.objects.get().state == DeliveryState.DROPPED
    assert refusal(maya.post(f"{path}test/")) == (409, "webhook_off")
    assert refusal(maya.post(f"{path}deliveries/{sent['id']}/again/")) == (409, "webhook_off")

    assert maya.patch(path, {"is_active": True}).json()["is_active"] is True
    again = maya.post(f"{path}deliveries/{sent['id']}/again/").json()
    assert again["original_id"] == sent["id"]
    assert again["is_redelivery"] is True


def test_a_deleted_one_is_gone_and_its_record_stays() -> None:
    maya = signed_in()
    made = add(maya)
    maya.post(f"webhooks/{made['id']}/test/")

    assert maya.delete(f"webhooks/{made['id']}/").status_code == 204

    assert maya.get("webhooks/").json()["webhooks"] == []
    assert refusal(maya.delete(f"webhooks/{made['id']}/")) == (404, "webhook_missing")
    assert Delivery.objects.get().state == DeliveryState.DROPPED


def test_the_log_is_read_in_pages_without_gap_or_repetition() -> None:
    maya = signed_in()
    made = add(maya)
    for _ in range(7):
        maya.post(f"webhooks/{made['id']}/test/")
    row = Delivery.objects.first()
    assert row is not None
    Delivery.objects.update(created_at=row.created_at)  # all of one moment

    seen, before = [], ""
    for _ in range(4):
        path = f"webhooks/{made['id']}/deliveries/?limit=3{before}"
        page = maya.get(path).json()
        seen += [each["id"] for each in page["deliveries"]]
        if not page["next"]:
            break
        before = f"&cursor={page['next']}"

    assert len(seen) == 7
    assert len(set(seen)) == 7
    missing = maya.get(f"webhooks/{made['id']}/deliveries/?cursor={uuid4()}")
    assert refusal(missing) == (400, "cursor_invalid")
