"""Another writer holds the database: 503 with a code and a time to wait, and nothing has moved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import OperationalError, connection, connections
from django.test import Client

from kim.sessions import SessionStore
from tests.unlock.creating import Browser, b64, derive, refusal, signed_in
from tests.unlock.sale import Buyer, order_body, publish
from unlock.models import PaidFile, Purchase

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def another_writer() -> Iterator[None]:
    """A second connection in the middle of a transaction; waiting for it is cut short."""
    connection.cursor().execute("PRAGMA busy_timeout = 50")
    other = connections.create_connection("default")
    other.inc_thread_sharing()
    try:
        other.cursor().execute("BEGIN IMMEDIATE")
        other.cursor().execute("UPDATE unlock_paidfile SET title = title")
        yield
    finally:
        other.rollback()
        other.close()
        connection.cursor().execute("PRAGMA busy_timeout = 20000")


def test_every_call_that_writes_says_that_the_database_is_busy() -> None:
    maya, sold, buyer = signed_in("maya"), publish(), Buyer()
    draft = maya.post("files/", {"title": "t", "price": {"amount": "1.00", "currency": "EUR"}})
    assert draft.status_code == 201, draft.content
    place, new = f"files/{draft.json()['id']}/", Browser()
    sign_up = {"username": "noor", "salt": b64(b"s" * 16), "derived": derive("x")}

    with another_writer():
        answers: list[Any] = [
            maya.post("files/", {"title": "u", "price": {"amount": "1.00", "currency": "EUR"}}),
            maya.patch(place, {"title": "v"}),
            maya.delete(place),
            new.post("creators/", sign_up),
            buyer.client.post(
                f"/api/v1/files/{sold.file.id}/purchases/", order_body(buyer), format="json"
            ),
        ]

    assert [refusal(answer) for answer in answers] == [(503, "database_busy")] * len(answers)
    assert {answer.headers["Retry-After"] for answer in answers} == {"2"}
    assert all("Nothing was changed" in answer.json()["error"]["hint"] for answer in answers)
    assert sorted(PaidFile.objects.values_list("title", flat=True)) == ["Nine recordings", "t"]
    assert (Purchase.objects.count(), get_user_model().objects.filter(username="noor").count()) == (
        0,
        0,
    )
    assert maya.patch(place, {"title": "v"}).status_code == 200


def test_a_page_says_it_in_words(client: Client) -> None:
    sold = publish()

    with another_writer():
        page = client.get(f"/f/{sold.file.id}")

    assert page.status_code == 503
    assert "The database is busy." in page.content.decode()
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]


def test_a_session_that_cannot_be_stored_is_no_server_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    signed_in("maya")
    whole = SessionStore.save

    def save(self: SessionStore, must_create: bool = False) -> None:
        if not must_create:  # the one after the view has answered
            raise OperationalError("database is locked")
        whole(self, must_create=must_create)

    monkeypatch.setattr(SessionStore, "save", save)
    browser = Browser()
    browser.client.raise_request_exception = False

    answer: Any = browser.post("session/", {"username": "maya", "derived": derive("correct horse")})

    assert refusal(answer) == (503, "database_busy")
    assert answer.headers["Retry-After"] == "2"
