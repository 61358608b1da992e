"""A worker outlives the end of Redis, also in the middle of a task (kim/broker.py)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from kombu import Connection
from redis.exceptions import ConnectionError as RedisDown

from tests.redises import RedisServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    started = RedisServer(tmp_path)
    yield started
    started.stop()


def ask_after_the_end(server: RedisServer, transport: str) -> None:
    """As Celery does when Redis is gone: it gives the task under way back over what is closed."""
    connection = Connection(server.url, transport=transport)
    channel = connection.default_channel
    connection.transport.client = None  # what kombu leaves of it
    server.stop()

    channel.qos.restore_unacked()  # type: ignore[attr-defined]


def test_a_closed_connection_is_told_as_a_lost_one(server: RedisServer) -> None:
    with pytest.raises(RedisDown, match="closed"):
        ask_after_the_end(server, settings.CELERY_BROKER_TRANSPORT)


def test_kombu_needs_our_mend_still(server: RedisServer) -> None:
    with pytest.raises(AttributeError, match="hostname"):  # else kim/broker.py may go
        ask_after_the_end(server, "redis")
