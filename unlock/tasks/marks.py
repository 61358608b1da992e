"""Keeping the payouts' high-water marks outside the database: every minute, and when asked."""

from __future__ import annotations

import logging

from celery import shared_task
from django.db import DatabaseError, transaction
from django.utils import timezone
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from unlock import egress, marks
from unlock.errors import MarksDamaged, StoreError

log = logging.getLogger(__name__)


@shared_task(name="unlock.keep_egress", ignore_result=True, soft_time_limit=50, time_limit=60)
def keep_egress() -> None:
    """Write down what the stores were asked to give away."""
    egress.keep(now=timezone.now())


@shared_task(name="unlock.keep_marks", ignore_result=True, soft_time_limit=60, time_limit=90)
def keep_marks() -> None:
    """Read, heed and write the marks; a store that cannot be asked is for the next minute."""
    keep_if_reachable()


def keep_if_reachable() -> None:
    """As ``marks.keep``, for places where nothing may break by it."""
    try:
        marks.keep(now=timezone.now())
    except MarksDamaged as error:
        log.error("%s %s", error.message, error.hint)  # noqa: TRY400 - the reason is in the text
    except StoreError as error:
        log.warning("the marks of payouts wait for their store: %s", error.code)
    except DatabaseError as error:
        log.warning("the marks of payouts wait for the database: %s", type(error).__name__)


def ask_marks() -> None:
    """Wake a worker after commit: a payout was made. Without a broker the next minute does it."""
    transaction.on_commit(_send)


def _send() -> None:
    try:
        keep_marks.apply_async(retry=False, expires=60)
    except (OperationalError, RedisError, OSError):
        log.warning("no broker: the marks wait for the next minute")
