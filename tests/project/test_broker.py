"""A worker outlives the end of Redis, also in the middle of a task (kim/broker.py)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from kombu import Connection
from redis.exceptions import ConnectionError as RedisDown

from kim import broker
from kim.celery import app
from tests.redises import RedisServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    started = RedisServer(tmp_path)
    yield started
    started.stop()


def ask_after_the_end(connection: Connection, server: RedisServer) -> None:
    """As Celery does when Redis is gone: it gives the task under way back over what is closed."""
    channel = connection.default_channel
    connection.transport.client = None  # what kombu leaves of it
    server.stop()

    channel.qos.restore_unacked()  # type: ignore[attr-defined]


def test_a_closed_connection_is_told_as_a_lost_one(server: RedisServer) -> None:
    with pytest.raises(RedisDown, match="closed"):
        ask_after_the_end(app.connection_for_read(server.url), server)


def test_kombu_needs_our_mend_still(server: RedisServer) -> None:
    plain = Connection(server.url, transport="kombu.transport.redis:Transport")

    with pytest.raises(AttributeError, match="hostname"):  # else kim/broker.py may go
        ask_after_the_end(plain, server)


def test_a_line_to_redis_that_asks_for_tls_gets_it() -> None:
    encrypted, plain = (
        app.connection_for_read(f"{each}://10.0.0.2/0") for each in ("rediss", "redis")
    )

    assert (bool(encrypted.ssl), bool(plain.ssl)) == (True, False)
    assert encrypted.get_transport_cls() is plain.get_transport_cls() is broker.Transport
