"""What a deleted draft leaves behind goes a day later; what anybody needs never does."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from payments.amounts import Price
from tests.stores import free_ports
from tests.unlock import creating
from tests.unlock.creating import NOW
from tests.unlock.sale import Buyer
from unlock import files, orphans, storage
from unlock.creator_errors import UploadClosed
from unlock.errors import ObjectMissing
from unlock.files import Draft
from unlock.models import Container, Copy, PaidFile, Purchase, Upload

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

    from unlock.models import Creator
    from unlock.storage import S3Store

pytestmark = pytest.mark.django_db

DAY = timedelta(hours=24, seconds=1)


def draft_of(maya: Creator, upload: Upload) -> PaidFile:
    asked = Draft(title="Nine", price=Price(Decimal("0.01"), "BCH"), upload=upload.id)
    return files.create(maya, asked, now=NOW)


def left_behind() -> tuple[Creator, Upload]:
    """A verified upload whose draft was deleted."""
    maya = creating.creator()
    upload = creating.verified_upload(maya, creating.seal())
    files.delete(draft_of(maya, upload).id, creator=maya, now=NOW)
    return maya, upload


def lies_there() -> bool:
    copy = Copy.objects.get()
    try:
        storage.get(copy.store).head(copy.object_key)
    except ObjectMissing:
        return False
    return True


def test_a_day_later_the_object_goes_and_no_draft_can_take_it(configured_store: S3Store) -> None:
    maya, upload = left_behind()

    assert orphans.sweep(now=NOW + timedelta(hours=23)) == 0
    assert lies_there()
    assert orphans.sweep(now=NOW + DAY) == 1
    assert not lies_there()
    assert orphans.sweep(now=NOW + DAY) == 0

    assert Container.objects.get().verified_at is None
    with pytest.raises(UploadClosed):
        draft_of(maya, upload)


def test_taken_up_again_it_stays(configured_store: S3Store) -> None:
    maya, upload = left_behind()
    draft_of(maya, upload)

    assert orphans.sweep(now=NOW + DAY) == 0
    assert lies_there()
    assert Container.objects.get().verified_at == NOW


def test_whatever_a_purchase_needs_stays(configured_store: S3Store) -> None:
    maya, upload = left_behind()
    other = draft_of(maya, creating.verified_upload(maya, creating.seal()))
    Purchase.objects.create(
        paid_file=other,
        claim_hash=Buyer().claim_hash,
        buyer_key=Buyer().keys.public_key,
        content_id=upload.claimed_content_id,
    )

    assert orphans.sweep(now=NOW + DAY) == 0
    storage.get("test").head(Copy.objects.get(upload=upload).object_key)


def test_an_upload_that_no_draft_ever_had_stays(configured_store: S3Store) -> None:
    creating.verified_upload(creating.creator(), creating.seal())

    assert orphans.sweep(now=NOW + timedelta(days=365)) == 0
    assert lies_there()


def test_a_store_that_is_away_is_asked_again(configured_store: S3Store, settings: Settings) -> None:
    left_behind()
    dead = f"http://127.0.0.1:{free_ports(1)[0]}"
    settings.KIM_STORES = (replace(configured_store.config, endpoint=dead),)  # type: ignore[type-var]

    assert orphans.sweep(now=NOW + DAY) == 0
    settings.KIM_STORES = (configured_store.config,)
    assert orphans.sweep(now=NOW + DAY) == 1
    assert not lies_there()
