"""Copies: where a container lies, and whether what lies there is still what was verified."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.db.models import F

from unlock import storage
from unlock.errors import ObjectMissing, StoreError
from unlock.models import Copy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from uuid import UUID

    from unlock.storage import Store

log = logging.getLogger(__name__)


def served(container_id: UUID, *, now: datetime) -> Iterator[tuple[Copy, Store]]:
    """The copies to read from, oldest first: verified, and by the store's word unchanged since.

    One that is gone or has another size or ETag is marked damaged and left out; a store that does
    not answer is left out this time. One that is back as it was verified is served again: a store
    that was set up wrongly for an hour must lock no buyer out for good.
    """
    copies = Copy.objects.filter(container=container_id, verified_at__isnull=False)
    for copy in copies.order_by(F("damaged_at").asc(nulls_first=True), "created_at"):
        try:
            store = storage.get(copy.store)
            seen = store.head(copy.object_key)
        except ObjectMissing:
            seen = None
        except StoreError as error:
            log.warning("copy %s cannot be read: %s", copy.id, error.code)
            continue
        if seen != storage.StoredObject(copy.size_bytes, copy.etag):
            log.error("copy %s is not the object that was verified", copy.id)
            Copy.objects.filter(id=copy.id, damaged_at=None).update(damaged_at=now)
            continue
        if copy.damaged_at is not None:
            log.warning("copy %s is the object that was verified again", copy.id)
            Copy.objects.filter(id=copy.id).update(damaged_at=None)
        yield copy, store
