"""Live hints over Redis: "look again", never a fact. Losing one, or all of Redis, loses nothing."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from payments import redis_client

if TYPE_CHECKING:
    from uuid import UUID

log = logging.getLogger(__name__)

PURCHASE_CHANNEL = "kim:purchase:"
INVOICE_CHANNEL = "kim:invoice:"  # published by payments, after every event
FILE_CHANNEL = "kim:file:"


def purchase_changed(purchase_id: UUID) -> None:
    """Tell open pages, after commit, that a purchase's release moved."""
    transaction.on_commit(lambda: _publish(f"{PURCHASE_CHANNEL}{purchase_id}"))


def file_changed(paid_file_id: UUID) -> None:
    """Tell open pages, after commit, that a file was paused, published again or removed."""
    transaction.on_commit(lambda: _publish(f"{FILE_CHANNEL}{paid_file_id}"))


def ask_delivery() -> None:
    """Wake the outbox's worker, after commit. Losing it loses nothing: beat asks every few seconds."""
    transaction.on_commit(_send_deliver)


def _send_deliver() -> None:
    try:
        current_app.send_task("unlock.deliver", retry=False, expires=30)
    except (OperationalError, RedisError, OSError) as error:
        log.warning("the outbox could not be woken: %s", type(error).__name__)


def _publish(channel: str) -> None:
    try:
        redis_client.connected().publish(channel, "1")
    except RedisError as error:
        log.warning("a live hint was lost: %s", type(error).__name__)
