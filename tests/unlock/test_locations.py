"""Where the whole container may be fetched: after SEEN or a grant, counted, unchanged copies only."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.conf import settings as configured

from payments.states import InvoiceState
from tests.stores import Answer, free_ports, send
from tests.unlock import sale
from tests.unlock.sale import NOW, Buyer, Sold
from unlock import grants, locations
from unlock.errors import CopiesDamaged, CopyUnavailable, NotPaid, TooManyLocations
from unlock.models import Copy, Failure, Purchase
from unlock.states import GrantKind
from unlock.storage import SignedRequest

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

    from unlock.storage import S3Store

pytestmark = pytest.mark.django_db

REFUSED = [
    InvoiceState.OPEN,
    InvoiceState.PARTIAL,
    InvoiceState.SUSPECT,
    InvoiceState.EXPIRED,
]


def stored(store: S3Store) -> tuple[Sold, bytes]:
    """A published file whose copy really lies in the bucket."""
    sold = sale.publish()
    copy = Copy.objects.get()
    body = os.urandom(copy.size_bytes)
    multipart = store.begin_multipart(copy.object_key)
    part = store.sign_part(copy.object_key, multipart, number=1, size_bytes=len(body), now=NOW)
    assert send(part, "PUT", body=body).status == 200
    store.complete(copy.object_key, multipart, store.list_parts(copy.object_key, multipart))
    copy.store, copy.etag = store.name, store.head(copy.object_key).etag
    copy.save()
    return sold, body


def fetch(location: locations.Location) -> Answer:
    signed = SignedRequest(
        url=location.url,
        headers={},
        size_bytes=location.size_bytes,
        expires_at=location.expires_at,
    )
    return send(signed, "GET")


@pytest.mark.parametrize("state", [InvoiceState.SEEN, InvoiceState.PAID, InvoiceState.REVERSED])
def test_a_seen_payment_brings_the_whole_object_for_an_hour_at_most(
    configured_store: S3Store, state: InvoiceState
) -> None:
    sold, body = stored(configured_store)
    purchase = Buyer().purchase(sold, invoice_id=sale.owe(sold, state).id)

    (location,) = locations.sign(purchase.id, now=NOW)

    copy = Copy.objects.get()
    assert (location.copy, location.size_bytes, location.etag) == (
        copy.id,
        copy.size_bytes,
        copy.etag,
    )
    assert location.expires_at <= NOW + timedelta(hours=1)
    answer = fetch(location)
    assert (answer.status, answer.body) == (200, body)


def test_a_grant_brings_it_too(configured_store: S3Store) -> None:
    sold, body = stored(configured_store)
    purchase = Buyer().purchase(sold)
    grants.give(purchase.id, GrantKind.SELFTEST, now=NOW)

    (location,) = locations.sign(purchase.id, now=NOW)

    assert fetch(location).body == body


@pytest.mark.parametrize("state", REFUSED)
def test_before_that_nothing_is_signed_and_nothing_counted(state: InvoiceState) -> None:
    sold = sale.publish()
    purchase = Buyer().purchase(sold, invoice_id=sale.owe(sold, state).id)

    with pytest.raises(NotPaid):
        locations.sign(purchase.id, now=NOW)

    assert Purchase.objects.get().locations_signed == 0


def test_an_object_that_was_changed_is_marked_and_never_served(configured_store: S3Store) -> None:
    sold, _ = stored(configured_store)
    purchase = Buyer().purchase(sold, invoice_id=sale.owe(sold, InvoiceState.PAID).id)
    Copy.objects.update(etag="of-other-bytes")

    with pytest.raises(CopiesDamaged):
        locations.sign(purchase.id, now=NOW)

    assert Copy.objects.get().damaged_at == NOW


def test_a_store_that_cannot_be_reached_is_another_thing_than_one_that_lost_it(
    configured_store: S3Store, settings: Settings
) -> None:
    """The first passes, and is no reason to claim anything; the second waits for nobody."""
    sold, _ = stored(configured_store)
    noor = Buyer()
    purchase = noor.purchase(sold, invoice_id=sale.owe(sold, InvoiceState.PAID).id)
    path = f"/api/v1/purchases/{purchase.id}/location/"
    dead = f"http://127.0.0.1:{free_ports(1)[0]}"

    settings.KIM_STORES = (replace(configured_store.config, endpoint=dead),)  # type: ignore[type-var]
    with pytest.raises(CopyUnavailable):
        locations.sign(purchase.id, now=NOW)
    away = noor.client.post(path)
    assert (away.status_code, away.json()["error"]["code"]) == (503, "copy_unavailable")
    assert Copy.objects.get().damaged_at is None

    settings.KIM_STORES = (configured_store.config,)
    configured_store.delete(Copy.objects.get().object_key)
    gone = noor.client.post(path)
    assert (gone.status_code, gone.json()["error"]["code"]) == (410, "copies_damaged")
    assert Failure.objects.count() == 0  # told by the buyer's page, which saw the step


def test_an_object_that_is_back_as_it_was_verified_is_served_again(
    configured_store: S3Store,
) -> None:
    """A store that was set up wrongly for an hour locks no paid buyer out for good."""
    sold, _ = stored(configured_store)
    purchase = Buyer().purchase(sold, invoice_id=sale.owe(sold, InvoiceState.PAID).id)
    etag = Copy.objects.get().etag
    Copy.objects.update(etag="of-other-bytes")
    with pytest.raises(CopiesDamaged):
        locations.sign(purchase.id, now=NOW)
    later = NOW + timedelta(hours=1)
    with pytest.raises(CopiesDamaged):
        locations.sign(purchase.id, now=later)
    assert Copy.objects.get().damaged_at == NOW

    Copy.objects.update(etag=etag)

    assert len(locations.sign(purchase.id, now=later)) == 1
    assert Copy.objects.get().damaged_at is None


def test_the_day_has_a_limit_and_tomorrow_allows_as_many_again(configured_store: S3Store) -> None:
    sold, _ = stored(configured_store)
    purchase = Buyer().purchase(sold, invoice_id=sale.owe(sold, InvoiceState.PAID).id)
    Purchase.objects.update(locations_signed=configured.KIM_LOCATIONS_PER_PURCHASE)

    with pytest.raises(TooManyLocations):
        locations.sign(purchase.id, now=NOW)

    assert Purchase.objects.get().locations_signed == configured.KIM_LOCATIONS_PER_PURCHASE
    assert locations.sign(purchase.id, now=NOW + timedelta(days=1))


def test_the_call_answers_in_the_words_of_the_api(configured_store: S3Store) -> None:
    sold, _ = stored(configured_store)
    noor = Buyer()
    purchase = noor.purchase(sold, invoice_id=sale.owe(sold, InvoiceState.SEEN).id)

    answer = noor.client.post(f"/api/v1/purchases/{purchase.id}/location/")

    assert answer.status_code == 200
    (shown,) = answer.json()["urls"]
    copy = Copy.objects.get()
    assert set(shown) == {"copy", "url", "bytes", "etag", "expires_at", "is_lasting"}
    assert (shown["copy"], shown["bytes"], shown["etag"]) == (
        str(copy.id),
        copy.size_bytes,
        copy.etag,
    )
