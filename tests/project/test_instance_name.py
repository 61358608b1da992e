"""The name that every page bears is not asked of the database for every page."""

from __future__ import annotations

import time

import pytest
from django.contrib import admin
from django.db import connection
from django.forms import ModelForm
from django.http import HttpRequest
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.unlock.sale import NOW
from unlock import instances
from unlock.models import Instance

pytestmark = pytest.mark.django_db
PATIENCE_SECONDS = 10.0


@pytest.fixture(autouse=True)
def _named() -> None:
    Instance.objects.create(name="Heron Press", done_at=NOW)


def questions(client: Client) -> int:
    with CaptureQueriesContext(connection) as asked:
        assert "Heron Press" in client.get("/login/").content.decode()
    return sum('FROM "unlock_instance"' in each["sql"] for each in asked.captured_queries)


def test_the_second_page_asks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instances, "HELD_SECONDS", 600.0)  # the machine may stand still in between
    client = Client()
    questions(client)

    assert questions(client) == 0


def test_a_change_shows_at_once_where_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instances, "HELD_SECONDS", 600.0)
    assert instances.said().name == "Heron Press"

    Instance.objects.update(name="Egret Press")
    assert instances.said().name == "Heron Press"
    instances.forget()  # as the set-up and the admin do

    assert instances.said().name == "Egret Press"


def test_a_change_of_another_process_shows_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instances, "HELD_SECONDS", 0.05)
    instances.forget()
    assert instances.said().name == "Heron Press"

    Instance.objects.update(name="Egret Press")

    deadline = time.monotonic() + PATIENCE_SECONDS
    while instances.said().name != "Egret Press":
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_admin_tells_it_was_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instances, "HELD_SECONDS", 600.0)
    assert instances.said().name == "Heron Press"
    row = Instance.objects.get()
    row.name = "Egret Press"

    admin.site._registry[Instance].save_model(HttpRequest(), row, ModelForm, True)

    assert instances.said().name == "Egret Press"
