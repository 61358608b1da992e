"""Gift codes: made in a batch, each opens the file once for whoever has it."""

from __future__ import annotations

import pytest
from django.core.cache import cache

from payments import models as money
from tests.unlock.priced import buy, payable, refusal
from tests.unlock.sale import INSTANCE_PRIVATE, NOW, Buyer
from tests.unlock.test_discounts import codes_url, maker
from unlock import keys
from unlock.models import DiscountCode, Purchase

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_orders_remembered() -> None:
    cache.clear()


def test_a_batch_of_gifts_is_as_many_codes_of_one_use() -> None:
    sold = payable()

    asked = {"is_gift": True, "count": 5, "note": "reviewers"}
    made = maker(sold).post(codes_url(sold), asked, format="json").json()["codes"]

    assert len({code["code"] for code in made}) == 5
    assert {(code["is_gift"], code["quantity"], code["note"]) for code in made} == {
        (True, 1, "reviewers")
    }


def test_a_gift_opens_the_file_once_and_by_the_same_gate() -> None:
    sold, noor = payable(), Buyer()
    maya = maker(sold)
    [made] = maya.post(codes_url(sold), {"is_gift": True}, format="json").json()["codes"]

    taken, again = buy(sold, noor, code=made["code"]), buy(sold, code=made["code"])

    assert (taken.json()["grant"], taken.json()["invoice"]) == ("gift", None)
    assert refusal(again) == (409, "code_invalid")
    assert again.json()["error"]["message"] == "This gift was taken already."
    purchase = Purchase.objects.get()
    row = keys.release(purchase.id, private_keys=INSTANCE_PRIVATE, now=NOW)
    assert row is not None
    assert noor.open(purchase, row.sealed) == sold.secret
    assert not money.Invoice.objects.exists()


def test_a_gift_that_was_ended_is_given_to_nobody() -> None:
    sold = payable()
    maya = maker(sold)
    [made] = maya.post(codes_url(sold), {"is_gift": True}, format="json").json()["codes"]
    maya.delete(f"/api/v1/codes/{made['id']}/")

    assert refusal(buy(sold, code=made["code"])) == (409, "code_invalid")
    assert DiscountCode.objects.get().ended_at is not None
    assert not Purchase.objects.exists()
