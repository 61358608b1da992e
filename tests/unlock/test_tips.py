"""Tips beside a file: part of what is paid, and shown apart."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone
from rest_framework.test import APIClient

from payments import models as money
from tests.unlock.priced import buy, payable, refusal
from unlock.models import Purchase

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_orders_remembered() -> None:
    cache.clear()


def bch(amount: str) -> dict[str, Any]:
    return {"amount": amount, "currency": "BCH"}


def test_a_tip_is_paid_with_the_file_and_told_apart_from_it() -> None:
    sold = payable(takes_tips=True)
    maya = APIClient()
    maya.force_login(sold.file.creator.user)

    answer = buy(sold, pays=bch("0.0001"), tip=bch("0.00005"))

    assert answer.json()["invoice"]["due_sat"] == 15_000
    assert Purchase.objects.get().tip_amount == Decimal("0.00005")
    sale = maya.get("/api/v1/sales/").json()["sales"][0]
    assert (sale["price"], sale["tip"]) == (bch("0.00015000"), bch("0.00005000"))
    exported = b"".join(maya.get("/api/v1/sales/export/?as=csv"))
    row = next(csv.DictReader(io.StringIO(exported.decode())))
    assert (row["price_amount"], row["tip_amount"]) == ("0.00015000", "0.00005000")


def test_a_sale_without_a_tip_says_so() -> None:
    sold = payable(takes_tips=True)
    maya = APIClient()
    maya.force_login(sold.file.creator.user)
    buy(sold)

    assert maya.get("/api/v1/sales/").json()["sales"][0]["tip"] is None


def test_a_tip_where_none_is_taken_is_refused_and_nothing_moves() -> None:
    answer = buy(payable(), tip=bch("0.00005"))

    assert refusal(answer) == (400, "tip_refused")
    assert not money.Invoice.objects.exists()


def test_a_tip_for_what_is_free_is_refused() -> None:
    answer = buy(payable(takes_tips=True, free_first=1), tip=bch("0.00005"))

    assert refusal(answer) == (400, "tip_refused")
    assert not Purchase.objects.exists()


@pytest.mark.parametrize("amount", ["-0.0001", "1e9", "1.234,56", "NaN", "21000001"])
def test_a_tip_that_is_no_amount_is_refused(amount: str) -> None:
    answer = buy(payable(takes_tips=True), tip=bch(amount))

    assert refusal(answer) == (400, "invalid")
    assert not money.Invoice.objects.exists()


def test_tips_end_with_the_terms() -> None:
    sold = payable(takes_tips=True, sells_until=timezone.now() - timedelta(days=1))

    assert refusal(buy(sold, tip=bch("0.00005"))) == (409, "no_longer_on_sale")
