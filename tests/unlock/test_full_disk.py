"""No room is left: said plainly, nothing half written, and nothing new begun shortly before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.test import Client

from payments import models as money
from payments.states import InvoiceState
from tests.unlock import sale
from tests.unlock.creating import refusal, signed_in
from tests.unlock.sale import INSTANCE_PRIVATE, NOW, Buyer, order_body, publish
from unlock import disks, keys
from unlock.models import PaidFile, Purchase
from unlock.states import ReleaseState

pytestmark = pytest.mark.django_db(transaction=True)
TITLE = "w" * 200
LONG = "a file about " * 1500
MANY = 500


@contextmanager
def no_room() -> Iterator[None]:
    """SQLite refuses to grow, as on a disk without a free byte."""
    cursor = connection.cursor()
    (pages,) = cursor.execute("PRAGMA page_count").fetchone()
    cursor.execute(f"PRAGMA max_page_count = {pages}")
    try:
        yield
    finally:
        cursor.execute("PRAGMA max_page_count = 1073741823")


@pytest.fixture
def nearly_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disks, "free_bytes", lambda: disks.RESERVED_BYTES - 1)


def test_a_full_disk_is_said_as_such_and_nothing_is_half_written() -> None:
    maya = signed_in("maya")
    body = {
        "title": TITLE,
        "description": LONG,
        "price": {"amount": "1.00", "currency": "EUR"},
    }

    with no_room():
        answers = [maya.post("files/", body)]
        while answers[-1].status_code == 201:  # pages that were emptied before are filled first
            answers.append(maya.post("files/", body))
            assert len(answers) < MANY
    made = len(answers) - 1

    assert refusal(answers[-1]) == (503, "disk_full")
    assert "Nothing was changed" in answers[-1].json()["error"]["hint"]
    assert PaidFile.objects.count() == made
    assert maya.post("files/", body).status_code == 201
    assert PaidFile.objects.count() == made + 1


def test_a_page_says_it_in_words(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    sold = publish()

    def refuse(*args: object, **named: object) -> None:
        raise OperationalError("database or disk is full")

    monkeypatch.setattr("unlock.views.pages.offers.opens_instantly", refuse)
    page = client.get(f"/f/{sold.file.id}")

    assert page.status_code == 503
    assert "The disk of this site is full." in page.content.decode()


@pytest.mark.parametrize(
    ("says", "sqlstate", "is_full"),
    [
        ("database or disk is full", None, True),
        ("database is locked", None, False),
        ("could not extend file", "53100", True),
        ("too many clients", "53300", False),
    ],
)
def test_both_databases_are_understood(says: str, sqlstate: str | None, is_full: bool) -> None:
    cause = Exception(says)
    cause.sqlstate = sqlstate  # type: ignore[attr-defined]
    error = OperationalError(says)
    error.__cause__ = cause

    assert disks.is_full(error) is is_full


@pytest.mark.usefixtures("nearly_full")
def test_shortly_before_nothing_is_ordered_and_who_paid_is_served() -> None:
    sold, buyer = publish(), Buyer()
    bought = Buyer().purchase(sold, invoice_id=sale.owe(sold, InvoiceState.PAID).id)

    refused = buyer.client.post(
        f"/api/v1/files/{sold.file.id}/purchases/", order_body(buyer), format="json"
    )

    assert refusal(refused) == (503, "disk_full")
    assert (Purchase.objects.count(), money.Invoice.objects.count()) == (1, 1)
    keys.release(bought.id, private_keys=INSTANCE_PRIVATE, now=NOW)
    assert keys.standing_of(bought.id, now=NOW).release_state is ReleaseState.READY


@pytest.mark.usefixtures("nearly_full")
def test_whoever_asks_for_readiness_is_told(client: Client) -> None:
    told = client.get("/readyz").json()

    assert (told["parts"]["disk"], told["reasons"]["disk"]) == (False, "disk_full")
    assert "disk_low" in told["warnings"]


def test_only_our_own_disk_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "kim.sqlite3"
    path.touch()

    def free_with(**database: object) -> int | None:
        monkeypatch.setitem(settings.DATABASES, "default", database)
        return disks.free_bytes()

    ours = free_with(ENGINE="django.db.backends.sqlite3", NAME=path)
    assert ours is not None
    assert ours > 0
    assert free_with(ENGINE="django.db.backends.sqlite3", NAME=tmp_path / "none.sqlite3") is None
    assert free_with(ENGINE="kim.postgres", NAME="kim") is None
