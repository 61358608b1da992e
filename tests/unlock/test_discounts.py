"""Codes in links: what they take off, how often, until when, and who may make and see them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone
from rest_framework.test import APIClient

from payments import models as money
from tests.unlock import sale
from tests.unlock.priced import buy, code_of, payable, price, refusal
from tests.unlock.sale import Buyer, Sold
from unlock.models import DiscountCode, Pricing, Purchase
from unlock.states import PriceKind

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_orders_remembered() -> None:
    cache.clear()


def maker(sold: Sold) -> APIClient:
    maya = APIClient()
    maya.force_login(sold.file.creator.user)
    return maya


def codes_url(sold: Sold) -> str:
    return f"/api/v1/files/{sold.file.id}/codes/"


def priced_with(sold: Sold, code: str) -> Any:
    url = f"/api/v1/files/{sold.file.id}/price/"
    return APIClient().post(url, {"code": code}, format="json")


def test_a_code_is_made_shown_again_and_used() -> None:
    sold = payable()
    maya = maker(sold)

    made = maya.post(codes_url(sold), {"percent": 25, "note": "for friends"}, format="json")

    code = made.json()["codes"][0]
    assert (made.status_code, code["percent"], code["uses"]) == (201, 25, 0)
    assert priced_with(sold, code["code"]).json() == {
        "price": {"amount": "0.00007500", "currency": "BCH"},
        "grant": None,
        "is_floored": False,
    }
    assert buy(sold, code=code["code"]).json()["invoice"]["due_sat"] == 7_500
    shown = maya.get(codes_url(sold)).json()["codes"][0]
    assert (shown["code"], shown["uses"], shown["note"]) == (code["code"], 1, "for friends")


def test_a_code_lies_in_no_column_as_it_is() -> None:
    sold = payable()
    code = code_of(sold, percent=10)

    row = DiscountCode.objects.values().get()

    assert code not in str(row)
    assert code.encode() not in bytes(row["sealed_code"])


def test_an_amount_is_taken_off() -> None:
    sold = payable()
    code = code_of(sold, amount_off=price("0.00004"))

    assert buy(sold, code=code).json()["invoice"]["due_sat"] == 6_000


def test_what_is_left_to_pay_is_what_can_be_paid_at_least() -> None:
    sold = payable()
    code = code_of(sold, percent=95)

    asked = priced_with(sold, code).json()

    assert (asked["price"]["amount"], asked["is_floored"]) == ("0.00002000", True)
    assert buy(sold, code=code).json()["invoice"]["due_sat"] == 2_000


def test_all_of_it_off_is_a_gift_and_needs_no_invoice() -> None:
    sold = payable()
    code = code_of(sold, percent=100)

    answer = buy(sold, code=code)

    assert (answer.json()["grant"], answer.json()["invoice"]) == ("code", None)
    assert not money.Invoice.objects.exists()
    assert Purchase.objects.get().discount == DiscountCode.objects.get()


def test_a_code_works_on_a_price_that_buyers_name() -> None:
    sold = payable(kind=PriceKind.MINIMUM)
    code = code_of(sold, percent=50)

    low = buy(sold, code=code, pays={"amount": "0.00004", "currency": "BCH"})
    good = buy(sold, code=code, pays={"amount": "0.00006", "currency": "BCH"})

    assert refusal(low) == (400, "amount_too_low")
    assert good.json()["invoice"]["due_sat"] == 6_000


def test_a_used_up_unknown_or_ended_code_is_refused_and_nothing_moves() -> None:
    sold, other = payable(), payable()
    used = code_of(sold, percent=50, quantity=1)
    buy(sold, code=used)
    ended = code_of(sold, percent=50)
    row = DiscountCode.objects.order_by("-created_at").exclude(quantity=1).get()
    assert maker(sold).delete(f"/api/v1/codes/{row.id}/").status_code == 204

    for code in (used, ended, code_of(other, percent=50), "SUMMER", "A" * 100):
        assert refusal(buy(sold, code=code)) == (409, "code_invalid")
        assert refusal(priced_with(sold, code)) == (409, "code_invalid")
        cache.clear()  # guessing is throttled as ordering is

    assert Purchase.objects.count() == money.Invoice.objects.count() == 1


def test_an_order_that_ran_out_gives_its_use_back() -> None:
    sold = payable()
    code = code_of(sold, percent=50, quantity=1)
    buy(sold, code=code)
    money.Invoice.objects.update(quote_until=timezone.now() - timedelta(minutes=6))

    assert buy(sold, code=code).json()["invoice"]["due_sat"] == 5_000


def test_a_code_holds_between_its_dates_only() -> None:
    sold, now = payable(), timezone.now()
    early = code_of(sold, percent=50, starts_at=now + timedelta(days=1))
    late = code_of(sold, percent=50, ends_at=now - timedelta(days=1))
    open_now = code_of(
        sold, percent=50, starts_at=now - timedelta(days=1), ends_at=now + timedelta(days=1)
    )

    answers = [buy(sold, code=code) for code in (early, late)]

    assert [refusal(answer) for answer in answers] == [(409, "code_invalid")] * 2
    assert buy(sold, code=open_now).status_code == 201


def test_an_amount_in_another_currency_than_the_price_by_now_takes_nothing_off() -> None:
    sold = payable()
    code = code_of(sold, amount_off=price("0.00004"))
    sold.file.price_currency, sold.file.price_amount = "EUR", Decimal(4)
    sold.file.save()

    assert refusal(buy(sold, code=code)) == (409, "code_invalid")


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"percent": 0},
        {"percent": 101},
        {"percent": -5},
        {"percent": "1e2"},
        {"percent": 10, "is_gift": True},
        {"percent": 10, "amount_off": {"amount": "0.00001", "currency": "BCH"}},
        {"amount_off": {"amount": "0", "currency": "BCH"}},
        {"amount_off": {"amount": "1.00", "currency": "EUR"}},
        {"percent": 10, "quantity": 0},
        {"percent": 10, "count": 201},
        {"percent": 10, "note": "https://kim.example/f/x#1." + "A" * 22},
        {"percent": 10, "starts_at": "2026-03-02T00:00Z", "ends_at": "2026-03-01T00:00Z"},
    ],
)
def test_a_code_that_makes_no_sense_is_not_made(asked: dict[str, Any]) -> None:
    sold = payable()

    assert maker(sold).post(codes_url(sold), asked, format="json").status_code == 400

    assert not DiscountCode.objects.exists()


def test_codes_are_their_creators_alone() -> None:
    sold = payable()
    code_of(sold, percent=50)
    row, eve = DiscountCode.objects.get(), APIClient()
    eve.force_login(sale.creator("eve").user)

    assert eve.get(codes_url(sold)).json() == {"codes": [], "next": ""}
    assert refusal(eve.post(codes_url(sold), {"percent": 5}, format="json"))[0] == 404
    assert refusal(eve.delete(f"/api/v1/codes/{row.id}/"))[0] == 404
    assert Buyer().client.get(codes_url(sold)).status_code in (401, 403)
    row.refresh_from_db()
    assert row.ended_at is None


def test_a_stock_counts_what_codes_gave_away() -> None:
    sold = payable()
    Pricing.objects.create(paid_file=sold.file, stock=1)
    code = code_of(sold, percent=100)
    buy(sold, code=code)

    assert refusal(buy(sold)) == (409, "sold_out")
