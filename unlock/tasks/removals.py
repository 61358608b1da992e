"""What follows a removal: orders called off, copies deleted. Twice at once does no harm."""

from __future__ import annotations

import logging

from celery import shared_task
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from unlock import moderation, withdrawals

log = logging.getLogger(__name__)


@shared_task(
    name="unlock.withdraw_removed", acks_late=True, ignore_result=True, soft_time_limit=100,
    time_limit=120,
)  # fmt: skip
def withdraw_removed() -> None:
    """What the request that removed a file left over."""
    withdrawals.finish(now=timezone.now())


@shared_task(
    name="unlock.delete_removed", acks_late=True, ignore_result=True, soft_time_limit=280,
    time_limit=300,
)  # fmt: skip
def delete_removed() -> None:
    """The copies of what moderation removed, once its grace is over."""
    moderation.delete_due(now=timezone.now())


def ask_withdraw() -> None:
    """The orders that are left, soon; the beat does it if this hint is lost."""
    transaction.on_commit(_send_withdraw)


def _send_withdraw() -> None:
    try:
        withdraw_removed.apply_async(retry=False, expires=60)
    except (OperationalError, RedisError) as error:
        log.warning("no hint for withdraw_removed: %s", type(error).__name__)
