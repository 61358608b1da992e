"""Two programs send one request at the same moment: it is done once, on real row locks."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from tests.races.test_creating import AT_ONCE, at_once
from tests.unlock.creating import sign_up
from unlock import tokens
from unlock.models import PaidFile
from unlock.scopes import Scope

pytestmark = pytest.mark.django_db(transaction=True)

DRAFT = {"title": "Nine", "price": {"amount": "2.00", "currency": "EUR"}}


def test_of_requests_at_once_with_one_key_one_wins() -> None:
    maya, _ = sign_up("maya")
    _row, token = tokens.make(
        maya, name="t", scopes=[Scope.FILES_WRITE], days=1, now=timezone.now()
    )

    def send(number: int) -> Any:
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}", HTTP_IDEMPOTENCY_KEY="one")
        return client.post("/api/v1/files/", DRAFT, format="json")

    answers: list[Any] = list(at_once(send))

    assert PaidFile.objects.count() == 1
    made = [answer.json()["id"] for answer in answers if answer.status_code == 201]
    busy = [answer for answer in answers if answer.status_code == 409]
    assert made
    assert set(made) == {str(PaidFile.objects.get().id)}
    assert len(made) + len(busy) == AT_ONCE
    assert {answer.json()["error"]["code"] for answer in busy} <= {"idempotency_key_busy"}
    assert send(0).json()["id"] == made[0]
