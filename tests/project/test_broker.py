"""A worker outlives the end of Redis, also in the middle of a task, and knows whom it talks to (kim/broker.py)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from kombu import Connection
from redis.exceptions import ConnectionError as RedisDown

from kim import broker
from kim.celery import app
from tests.certificates import certificate
from tests.redises import RedisServer
from tests.unlock.receiving import receiver


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


PING = """
from kim.celery import app
try:
    app.connection_for_read().connect()
except Exception as error:
    print(type(error).__name__, error)
"""


def ping(url: str, **environ: str) -> str:
    """What went wrong at a Redis with this address; who listens there speaks TLS, but not Redis."""
    done = subprocess.run(
        (sys.executable, "-c", PING),
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "kim.settings",
            "KIM_REDIS_URL": url,
            **environ,
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout + done.stderr


def test_a_redis_that_nobody_vouches_for_is_not_spoken_to(tmp_path: Path) -> None:
    pem = str(certificate(tmp_path / "server.pem"))
    with receiver(tls=pem) as there:
        stranger = ping(f"rediss://localhost:{there.port}/0")
        known = ping(f"rediss://localhost:{there.port}/0", SSL_CERT_FILE=pem)
        other = ping(f"rediss://127.0.0.1:{there.port}/0", SSL_CERT_FILE=pem)

    assert "self-signed certificate" in stranger
    assert "not valid for '127.0.0.1'" in other
    assert (
        known == "ConnectionError Connection closed by server.\n"
    )  # after the handshake: no Redis
