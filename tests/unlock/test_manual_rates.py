"""A creator's own exchange rates over the API."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.test import override_settings
from django.utils import timezone

from payments import rate_table
from payments.amounts import due_sat
from tests.unlock.creating import Browser, refusal, signed_in
from tests.unlock.sale import publish
from unlock import offers
from unlock.files import price_of
from unlock.models import Creator

PATH = "rates/manual/"

pytestmark = pytest.mark.django_db


def test_a_creator_sets_changes_reads_and_removes_one() -> None:
    maya, eve = signed_in("maya"), signed_in("eve")
    owner = Creator.objects.get(user__username="maya").id

    made = maya.put(PATH, {"currency": "USD", "rate": "320.50"})
    changed = maya.put(PATH, {"currency": "USD", "rate": "330"})

    assert made.status_code == changed.status_code == 200
    assert made.json() == {"currency": "USD", "rate": "320.5", "at": made.json()["at"]}
    listed = maya.get(PATH).json()
    assert [(each["currency"], each["rate"]) for each in listed["rates"]] == [("USD", "330")]
    assert {"USD", "EUR", "JPY"} < set(listed["currencies"])
    assert "BCH" not in listed["currencies"]
    assert eve.get(PATH).json()["rates"] == []
    assert eve.delete(f"{PATH}?currency=USD").status_code == 204
    assert len(rate_table.manual_of(owner)) == 1
    assert maya.delete(f"{PATH}?currency=USD").status_code == 204
    assert rate_table.manual_of(owner) == ()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"currency": "USD", "rate": "0"}, "bad_rate"),
        ({"currency": "USD", "rate": "NaN"}, "bad_rate"),
        ({"currency": "USD", "rate": "1000000"}, "bad_rate"),
        ({"currency": "BCH", "rate": "1"}, "unknown_currency"),
        ({"currency": "USD"}, "invalid"),
        ({"currency": "USD", "rate": "1" * 30}, "invalid"),
    ],
)
def test_a_bad_one_is_refused_with_its_reason(body: dict[str, str], code: str) -> None:
    maya = signed_in()

    assert refusal(maya.put(PATH, body)) == (400, code)
    assert maya.get(PATH).json()["rates"] == []


def test_to_forget_one_needs_its_currency() -> None:
    maya = signed_in()

    assert refusal(maya.delete(PATH)) == (400, "invalid")
    assert maya.delete(f"{PATH}?currency=NONE").status_code == 204


def test_strangers_have_none() -> None:
    stranger = Browser()

    for answer in (
        stranger.get(PATH),
        stranger.put(PATH, {"currency": "USD", "rate": "400"}),
        stranger.delete(f"{PATH}?currency=USD"),
    ):
        assert refusal(answer)[1] == "not_signed_in"


def test_an_offer_is_priced_at_it_while_no_other_is_valid() -> None:
    file, now = publish().file, timezone.now()
    file.price_amount, file.price_currency = Decimal("4.00"), "EUR"
    with override_settings(KIM_RATE_BASE_URL="http://127.0.0.1:9"):
        before = offers.of(file, now=now)
        rate_table.set_manual(file.creator_id, "EUR", "400", now=now)
        after = offers.of(file, now=now)

    assert (before.price_sat_estimate, before.rate_missing) == (None, True)
    assert after.price_sat_estimate == due_sat(price_of(file), Decimal(400))
    assert after.rate_missing is False
