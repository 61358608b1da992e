"""What a deleted draft leaves in the stores: removed a day later, if nobody has taken it up again.

Only a container that a draft was deleted from is ever looked at, and nothing that a paid file or a
purchase needs is removed: both are asked again in the transaction that closes it.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import Exists, OuterRef

from unlock import storage
from unlock.errors import StoreError
from unlock.models import Container, Copy, PaidFile, Purchase, Upload, Version
from unlock.states import UploadState
from unlock.uploads import move

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

log = logging.getLogger(__name__)

KEPT_FOR: Final = timedelta(hours=24)
DELETED: Final = "draft_deleted"  # Upload.error_code: its draft is gone, its bytes may follow
REMOVED: Final = "draft_removed"  # and did


def sweep(*, now: datetime, limit: int = 50) -> int:
    """Close what was left a day ago, and remove its objects. How many containers went."""
    for upload in _left(now)[:limit]:
        _close(upload, now=now)
    closed = Upload.objects.filter(state=UploadState.FAILED, error_code=DELETED)
    return sum(_remove(upload) for upload in closed.select_related("container")[:limit])


def _left(now: datetime) -> QuerySet[Upload]:
    old = Upload.objects.filter(
        state=UploadState.VERIFIED, error_code=DELETED, touched_at__lt=now - KEPT_FOR
    )
    return old.filter(~_needed()).order_by("touched_at")


def _needed() -> Exists:
    """A paid file has it or had it, or a purchase was made of it."""
    files = PaidFile.objects.filter(container=OuterRef("container"))
    versions = Version.objects.filter(container=OuterRef("container"))
    bought = Purchase.objects.filter(content_id=OuterRef("container__content_id"))
    return Exists(files) | Exists(versions) | Exists(bought)  # type: ignore[return-value]


def _close(upload: Upload, *, now: datetime) -> None:
    """From here on no draft can take it: its upload is over, its container is not verified."""
    with transaction.atomic():
        Container.objects.select_for_update().get(id=upload.container_id)
        if Upload.objects.filter(_needed(), id=upload.id).exists():
            return
        if move(upload.id, UploadState.VERIFIED, UploadState.FAILED, touched_at=now):
            Container.objects.filter(id=upload.container_id).update(verified_at=None)
            Copy.objects.filter(container=upload.container_id).update(
                verified_at=None, wanted_at=None
            )
            log.info("upload %s: its draft was deleted; its objects are removed", upload.id)


def _remove(upload: Upload) -> bool:
    """Objects first, then the rows that name them: what could not be removed is found again."""
    if Upload.objects.filter(_needed(), id=upload.id).exists():
        log.error("upload %s was closed and is needed; nothing is removed", upload.id)
        return False
    for copy in Copy.objects.filter(container=upload.container_id, url=""):
        try:
            storage.get(copy.store).delete(copy.object_key)
        except StoreError as error:
            log.warning("copy %s cannot be removed yet: %s", copy.id, error.code)
            return False
    Copy.objects.filter(container=upload.container_id).exclude(id=upload.copy_id).delete()
    Upload.objects.filter(id=upload.id).update(error_code=REMOVED)
    return True
