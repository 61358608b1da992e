"""Tasks of copies: plan and re-hash, one at a time, and remove what deleted drafts left.

The plan runs quickly and often; the reading and writing goes to the queue ``slow``, one copy at
once, so that an upload that waits to be checked always finds a free worker.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from uuid import UUID

from celery import shared_task
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from unlock import losses, mending, orphans

if TYPE_CHECKING:
    from celery import Task

log = logging.getLogger(__name__)


@shared_task(name="unlock.tend_copy", acks_late=True, ignore_result=True)
def tend_copy(copy_id: str) -> None:
    """Bring, mend or re-hash one copy; then the next that is due, without waiting for the plan."""
    mending.tend(UUID(copy_id), clock=timezone.now)
    _ask_next()


@shared_task(name="unlock.plan_copies", ignore_result=True, soft_time_limit=50, time_limit=60)
def plan_copies() -> None:
    """Name what is missing, ask for what is old, tell what is lost, and wake a worker unless one is
    at it.
    """
    now = timezone.now()
    mending.plan(now=now)
    mending.want_rehash(now=now)
    losses.tell(now=now)
    if not mending.is_busy(now=now):
        _ask_next()


@shared_task(name="unlock.remove_orphans", ignore_result=True)
def remove_orphans() -> None:
    orphans.sweep(now=timezone.now())


def ask_copies() -> None:
    """Wake a worker after commit: a copy is wanted. A hint; the plan stands behind it."""
    transaction.on_commit(_ask_plan)


def _ask_plan() -> None:
    _send(plan_copies)


def _ask_next() -> None:
    for copy_id in mending.due(now=timezone.now()):
        _send(tend_copy, str(copy_id))


def _send(task: Task[..., None], *arguments: str) -> None:
    try:
        task.apply_async(arguments, retry=False, expires=600)
    except (OperationalError, RedisError, OSError):
        log.warning("no broker: copies wait for the next plan")
