"""The worker's side of a release. Both run twice safely; ``announce`` stands behind ``release_key``."""

from __future__ import annotations

import logging
from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from unlock import announcements, keys

log = logging.getLogger(__name__)


def ask_release(purchase_id: UUID) -> None:
    """Wake a worker after commit. A hint: without a broker the next ``announce`` does it."""
    transaction.on_commit(lambda: _send(purchase_id))


def _send(purchase_id: UUID) -> None:
    try:
        release_key.apply_async((str(purchase_id),), retry=False, expires=600)
    except (OperationalError, RedisError, OSError):
        log.warning("a worker could not be woken for purchase %s", purchase_id)


@shared_task(
    name="unlock.release_key",
    acks_late=True,
    ignore_result=True,
    soft_time_limit=60,
    time_limit=90,
)
def release_key(purchase_id: str) -> None:
    """Release one key if its gate is open."""
    keys.release(UUID(purchase_id), private_keys=settings.KIM_INSTANCE_KEYS, now=timezone.now())


@shared_task(
    name="unlock.announce",
    acks_late=True,
    ignore_result=True,
    soft_time_limit=60,
    time_limit=90,
)
def announce() -> None:
    """Every few seconds: read what was settled, release what is owed."""
    announcements.drain(now=timezone.now())
    announcements.serve(private_keys=settings.KIM_INSTANCE_KEYS, now=timezone.now())
