"""Tasks of uploads: check an accepted one, take up what was dropped, give up what is stale."""

from __future__ import annotations

import logging
from uuid import UUID

from celery import shared_task
from django.utils import timezone
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from unlock import uploads, verification
from unlock.errors import StoreError
from unlock.states import UploadState
from unlock.tasks.copies import ask_copies

log = logging.getLogger(__name__)


@shared_task(name="unlock.verify_upload", ignore_result=True)
def verify_upload(upload_id: str) -> None:
    """Finish and re-hash one upload. A store that does not answer is tried again by the sweep."""
    try:
        reached = verification.advance(UUID(upload_id), clock=timezone.now)
        if reached == UploadState.VERIFIED:
            ask_copies()
    except StoreError as error:
        log.warning("upload %s waits for its store: %s", upload_id, error.code)


@shared_task(name="unlock.resume_uploads", ignore_result=True)
def resume_uploads() -> None:
    """The promise behind the hint: accepted uploads that nobody works on."""
    now = timezone.now()
    for upload_id in verification.waiting(now=now):
        verification.touch(upload_id, now=now)
        ask_verification(upload_id)


@shared_task(name="unlock.abort_stale_uploads", ignore_result=True)
def abort_stale_uploads() -> None:
    uploads.abort_stale(now=timezone.now())


def ask_verification(upload_id: UUID) -> None:
    """Wake a worker. Without a broker nothing is lost: the sweep finds the upload."""
    try:
        verify_upload.apply_async((str(upload_id),), retry=False)
    except (OperationalError, RedisError, OSError):
        log.warning("no broker: upload %s waits for the sweep", upload_id)
