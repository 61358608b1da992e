"""Terms of sale by the API, the switch on a file, what the offer says, and what the buyer reads."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client, override_settings
from django.utils import timezone
from rest_framework.test import APIClient

from kim.env import ElectrumServer
from payments import models as money
from payments import terms
from payments.amounts import Price
from payments.instant_rules import Wait
from payments.states import InvoiceState
from tests.unlock import sale
from unlock import files, offers, wordings
from unlock.files import Draft
from unlock.models import Creator

TWO = tuple(
    ElectrumServer("127.0.0.1", port, tls=False, operator=name)
    for port, name in ((1, "ada"), (2, "bob"))
)
DEFAULTS = {
    "honour_sats": False,
    "tolerance_bps": 100,
    "instant_invoice_sat": 0,
    "instant_total_sat": 0,
}


@pytest.fixture
def maya(db: None) -> Creator:
    return sale.creator()


@pytest.fixture
def signed_in(maya: Creator) -> APIClient:
    client = APIClient()
    client.force_login(maya.user)
    return client


def shown(client: APIClient) -> dict[str, Any]:
    return dict(client.get("/api/v1/terms/").json())


def test_terms_start_with_the_defaults_and_change_one_by_one(
    signed_in: APIClient, maya: Creator
) -> None:
    with override_settings(KIM_ELECTRUM_SERVERS=TWO):
        before = shown(signed_in)
        changed = signed_in.patch(
            "/api/v1/terms/",
            {"instant_invoice_sat": 100_000, "instant_total_sat": 500_000},
            format="json",
        )
        signed_in.patch("/api/v1/terms/", {"honour_sats": True}, format="json")
        after = shown(signed_in)

    assert before == {**DEFAULTS, "instant_possible": True}
    assert (changed.status_code, changed.json()["instant_total_sat"]) == (200, 500_000)
    assert after == {
        "honour_sats": True,
        "tolerance_bps": 100,
        "instant_invoice_sat": 100_000,
        "instant_total_sat": 500_000,
        "instant_possible": True,
    }
    assert terms.of(maya.id).honour_sats


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"tolerance_bps": 501}, 400),
        ({"tolerance_bps": -1}, 400),
        ({"instant_invoice_sat": 1.5}, 400),
        ({"instant_total_sat": -1}, 400),
        ({"instant_total_sat": 21_000_001 * 10**8}, 400),
        ({"instant_invoice_sat": 2, "instant_total_sat": 1}, 400),
    ],
)
def test_terms_that_make_no_sense_change_nothing(
    signed_in: APIClient, maya: Creator, change: dict[str, Any], code: int
) -> None:
    answer = signed_in.patch("/api/v1/terms/", change, format="json")

    assert answer.status_code == code
    assert terms.of(maya.id) == terms.TermsView()


@pytest.mark.django_db
def test_terms_are_nobody_elses_business() -> None:
    assert APIClient().get("/api/v1/terms/").status_code == 401
    patched = APIClient(enforce_csrf_checks=True).patch("/api/v1/terms/", {"honour_sats": True})
    assert patched.status_code == 403
    assert not money.Terms.objects.exists()


def test_one_server_cannot_open_early_where_money_is_real(signed_in: APIClient) -> None:
    with override_settings(KIM_ELECTRUM_SERVERS=TWO[:1]):
        alone = shown(signed_in)["instant_possible"]
    with override_settings(KIM_ELECTRUM_SERVERS=TWO[:1], KIM_INSTANT_OPERATORS=1):
        play = shown(signed_in)["instant_possible"]

    assert (alone, play) == (False, True)


def test_the_switch_is_off_until_it_is_pressed(maya: Creator) -> None:
    price = Price(Decimal("0.0002"), "BCH")
    plain = files.create(maya, Draft(title="One", price=price), now=timezone.now())
    quick = files.create(maya, Draft(title="Two", price=price, is_instant=True), now=timezone.now())
    edited = files.edit(plain.id, Draft(is_instant=True), creator=maya, now=timezone.now())

    assert (plain.is_instant, quick.is_instant, edited.is_instant) == (False, True, True)
    kept = files.edit(plain.id, Draft(title="Three"), creator=maya, now=timezone.now())
    assert kept.is_instant


@pytest.mark.parametrize(
    ("is_instant", "each", "total", "servers", "opens"),
    [
        (True, 20_000, 20_000, TWO, True),
        (True, 19_999, 20_000, TWO, False),
        (True, 20_000, 0, TWO, False),
        (False, 20_000, 20_000, TWO, False),
        (True, 20_000, 20_000, TWO[:1], False),
    ],
)
def test_an_offer_promises_seconds_only_where_they_hold(
    maya: Creator, is_instant: bool, each: int, total: int, servers: Any, opens: bool
) -> None:
    terms.set_for(maya.id, now=timezone.now(), instant_invoice_sat=each, instant_total_sat=total)
    price = Price(Decimal("0.0002"), "BCH")
    made = files.create(
        maya, Draft(title="One", price=price, is_instant=is_instant), now=timezone.now()
    )

    with override_settings(KIM_ELECTRUM_SERVERS=servers):
        offer = offers.of(files.find(made.id), now=timezone.now())

    assert (offer.is_instant, offer.opens_instantly) == (is_instant, opens)


def test_every_code_has_words() -> None:
    assert set(wordings.SECONDS) | set(wordings.BLOCK) == {wait.value for wait in Wait}


def test_the_page_without_scripts_says_what_is_waited_for(db: None) -> None:
    sold = sale.publish()
    for code, words in (
        ("8_seconds", "8 seconds without a contradiction"),
        ("fee", "Waiting for a block, about ten minutes, because the payment carries a low fee."),
    ):
        owed = sale.owe(sold, InvoiceState.SEEN, instant_ceiling_sat=1, instant_wait=code)
        bought = sale.Buyer().purchase(sold, invoice_id=owed.id)
        assert words in Client().get(f"/p/{bought.id}/status").content.decode()
