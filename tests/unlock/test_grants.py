"""Grants: the other way to a key, one per purchase, counted."""

from __future__ import annotations

import uuid

import pytest

from tests.unlock import sale
from tests.unlock.sale import NOW, Buyer
from unlock import grants
from unlock.errors import GrantsExhausted, PurchaseUnknown
from unlock.models import Grant, Purchase
from unlock.states import GrantKind

pytestmark = pytest.mark.django_db


def test_a_grant_is_noted_and_its_key_is_owed() -> None:
    purchase = Buyer().purchase(sale.publish())

    grant = grants.give(purchase.id, GrantKind.STAFF, now=NOW, reason="paid by bank")

    assert (grant.kind, grant.reason, grant.created_at) == ("staff", "paid by bank", NOW)
    assert Purchase.objects.get().release_due_at == NOW


def test_a_second_grant_changes_nothing() -> None:
    purchase = Buyer().purchase(sale.publish())
    first = grants.give(purchase.id, GrantKind.SELFTEST, now=NOW)

    second = grants.give(purchase.id, GrantKind.STAFF, now=NOW)

    assert second.pk == first.pk
    assert Grant.objects.get().kind == GrantKind.SELFTEST


def test_no_more_grants_than_the_creator_allowed() -> None:
    sold = sale.publish()
    first, second = Buyer().purchase(sold), Buyer().purchase(sold)
    grants.give(first.id, GrantKind.FIRST_N, now=NOW, at_most=1)

    with pytest.raises(GrantsExhausted):
        grants.give(second.id, GrantKind.FIRST_N, now=NOW, at_most=1)

    assert Grant.objects.count() == 1
    assert Purchase.objects.get(id=second.id).release_due_at is None


def test_other_files_and_other_kinds_do_not_count() -> None:
    sold, other = sale.publish(), sale.publish()
    grants.give(Buyer().purchase(other).id, GrantKind.FIRST_N, now=NOW)
    grants.give(Buyer().purchase(sold).id, GrantKind.STAFF, now=NOW)

    grants.give(Buyer().purchase(sold).id, GrantKind.FIRST_N, now=NOW, at_most=1)

    assert grants.count(sold.file.id, GrantKind.FIRST_N) == 1


def test_a_grant_for_nothing_is_refused() -> None:
    with pytest.raises(PurchaseUnknown):
        grants.give(uuid.uuid4(), GrantKind.STAFF, now=NOW)

    assert not Grant.objects.exists()
