"""Many buyers at once, on real row locks: the last copies, the free ones, one code, one gift."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection

from payments import models as money
from tests.races.test_releases import at_once
from tests.unlock.priced import code_of, payable
from tests.unlock.sale import NOW, Buyer, Sold
from unlock import purchases
from unlock.models import Grant, Purchase

pytestmark = pytest.mark.django_db(transaction=True)
AT_ONCE = 8


@pytest.fixture(autouse=True)
def _on_postgresql() -> None:
    assert connection.vendor == "postgresql", "run races through tests.postgres"
    cache.clear()


def rush(sold: Sold, **wish: Any) -> Counter[str]:
    """Eight buyers at the same moment, each from elsewhere; how many got what."""
    buyers = [Buyer() for _ in range(AT_ONCE)]

    def one(number: int) -> purchases.Begun:
        order = buyers[number].order(sold, source=f"192.0.2.{number}")
        return purchases.begin(replace(order, **wish), now=NOW)

    answers = at_once(one, times=AT_ONCE)
    return Counter(
        type(answer).__name__
        if isinstance(answer, Exception)
        else ("sold" if answer.invoice else "free")
        for answer in answers
    )


@pytest.mark.parametrize("attempt", range(3))
def test_buyers_of_the_last_copies_get_exactly_these(attempt: int) -> None:
    sold = payable(stock=3)

    assert rush(sold) == {"sold": 3, "SoldOut": 5}

    assert Purchase.objects.count() == 3
    held = Purchase.objects.values_list("invoice_id", flat=True)
    assert not money.Invoice.objects.exclude(pk__in=held).filter(void_at=None).exists()


@pytest.mark.parametrize("attempt", range(3))
def test_buyers_of_a_strict_stock_get_exactly_these(attempt: int) -> None:
    assert rush(payable(stock=2, is_strict=True)) == {"sold": 2, "SoldOut": 6}


@pytest.mark.parametrize("attempt", range(3))
def test_the_first_three_are_three(attempt: int) -> None:
    sold = payable(free_first=3)

    got = rush(sold)

    assert got["free"] == Grant.objects.count() == 3
    # Who saw a free copy a moment ago and came too late is asked again, and not charged.
    assert got["sold"] + got["OfferChanged"] == 5
    assert money.Invoice.objects.filter(void_at=None).count() == got["sold"]


@pytest.mark.parametrize("attempt", range(3))
def test_a_gift_is_given_once(attempt: int) -> None:
    sold = payable()
    code = code_of(sold, is_gift=True)

    assert rush(sold, code=code) == {"free": 1, "CodeInvalid": 7}

    assert Grant.objects.count() == Purchase.objects.count() == 1


@pytest.mark.parametrize("attempt", range(3))
def test_a_code_of_two_uses_is_used_twice(attempt: int) -> None:
    sold = payable()
    code = code_of(sold, percent=50, quantity=2)

    assert rush(sold, code=code) == {"sold": 2, "CodeInvalid": 6}

    assert Purchase.objects.filter(discount__isnull=False).count() == 2
