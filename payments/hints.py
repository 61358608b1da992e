"""Live hints: "look again", after commit, over Redis and Celery. Never a fact; losing all is safe."""

from __future__ import annotations

import functools
import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from payments import redis_client

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

log = logging.getLogger(__name__)

INVOICE_CHANNEL: Final = "kim:invoice:"  # something that people see has changed
WATCH_CHANNEL: Final = "kim:watch"  # a new address is to be watched; the payload is its invoice
_EXPIRES_AFTER: Final = timedelta(minutes=1)
_RETRY_ONCE: Final = {"max_retries": 1, "interval_start": 0}


def invoice_changed(invoice_id: UUID) -> None:
    """Tell open pages, after commit."""
    transaction.on_commit(lambda: _publish(f"{INVOICE_CHANNEL}{invoice_id}", "1"))


def invoice_opened(invoice_id: UUID) -> None:
    """Tell the push daemon, after commit, that there is an address to subscribe to."""
    transaction.on_commit(lambda: _publish(WATCH_CHANNEL, str(invoice_id)))


def ask_reconcile(invoice_id: UUID) -> None:
    """Wake a worker, after commit, to look at this invoice."""
    transaction.on_commit(functools.partial(send, "payments.reconcile", str(invoice_id)))


def ask_reconcile_at(invoice_id: UUID, at: datetime) -> None:
    """Wake a worker at that second, after commit, to look at this invoice."""
    transaction.on_commit(functools.partial(send, "payments.reconcile", str(invoice_id), at=at))


def send(task: str, *arguments: str, at: datetime | None = None) -> bool:
    """Enqueue a task by name, now or for a second to come (then a minute later it is forgotten);
    False when the broker is away, and the sweep will do it later.

    One retry, because the first send after a restart of the broker meets a dead connection.
    """
    try:
        current_app.send_task(
            task,
            args=arguments,
            eta=at,
            expires=None if at is None else at + _EXPIRES_AFTER,
            retry=True,
            retry_policy=_RETRY_ONCE,
        )
    except (OperationalError, RedisError, OSError) as error:
        log.warning("a hint for %s was lost: %s", task, type(error).__name__)
        return False
    return True


def _publish(channel: str, payload: str) -> None:
    try:
        redis_client.connected().publish(channel, payload)
    except RedisError as error:
        log.warning("a live hint was lost: %s", type(error).__name__)
