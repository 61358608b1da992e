"""What requests borrow and give back: connections to PostgreSQL, and those to Redis."""

from __future__ import annotations

import functools
import json
import os
import select
import threading
from typing import Any, Final

import redis
from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from psycopg import Connection
from psycopg.pq import TransactionStatus

KEPT: Final = 16  # idle connections of one web process; bursts make more for a while


class Connections:
    """Idle connections to PostgreSQL, the last one used on top. Never a limit: who finds none makes
    one, and only what is given back is known here, so that a lost one costs nothing.
    """

    def __init__(self, most: int = 0) -> None:
        self.most = most  # 0: none are kept, for processes whose threads live on
        self._lock = threading.Lock()
        self._idle: list[tuple[tuple[object, ...], Connection[Any]]] = []

    def take(self, place: tuple[object, ...]) -> Connection[Any] | None:
        """One that leads to ``place`` and lives, or None."""
        while True:
            with self._lock:
                found = [at for at, (where, _) in enumerate(self._idle) if where == place]
                if not found:
                    return None
                _, connection = self._idle.pop(found[-1])
            if _is_quiet(connection):
                return connection
            connection.close()

    def give_back(self, place: tuple[object, ...], connection: Connection[Any]) -> bool:
        """Keep it for the next one; False when it is to be closed instead."""
        if not _is_clean(connection):
            return False
        with self._lock:
            if len(self._idle) >= self.most:
                return False
            self._idle.append((place, connection))
        return True

    def forget(self) -> None:
        """In a forked child: the sockets are the parent's."""
        self._lock, self._idle = threading.Lock(), []


CONNECTIONS: Final = Connections()
os.register_at_fork(after_in_child=CONNECTIONS.forget)


class Cache(RedisCache):
    """Django's, with one client for each server: it would build a client for each call."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = _Client


class _Client(RedisCacheClient):
    def get_client(self, key: Any = None, *, write: bool = False) -> redis.Redis:
        del key
        return _client_of(self._get_connection_pool(write))  # type: ignore[attr-defined]


class Json:
    """What counters keep, as JSON: Django's own way is pickle, and whoever can write to Redis would run code here."""

    def dumps(self, value: Any) -> bytes | int:
        return value if type(value) is int else json.dumps(value).encode()

    def loads(self, raw: bytes) -> Any:
        return json.loads(raw)


class RedisPool(redis.ConnectionPool):
    """The same pool for every cache object of one server: Django makes one object a request."""

    @classmethod
    def from_url(cls, url: str, **options: Any) -> redis.ConnectionPool:  # type: ignore[override]
        return _pool_of(url, tuple(sorted(options.items())))


@functools.cache
def _pool_of(url: str, options: tuple[tuple[str, Any], ...]) -> redis.ConnectionPool:
    return redis.ConnectionPool.from_url(url, **dict(options))


@functools.cache
def _client_of(pool: redis.ConnectionPool) -> redis.Redis:
    return redis.Redis(connection_pool=pool)


def _is_clean(connection: Connection[Any]) -> bool:
    """Nothing is under way on it and it would begin as a new one does."""
    return (
        not connection.closed
        and connection.autocommit
        and connection.info.transaction_status is TransactionStatus.IDLE
    )


def _is_quiet(connection: Connection[Any]) -> bool:
    """A server says nothing on an idle line but that it goes away."""
    if connection.closed:
        return False
    ready = select.poll()  # select() knows no descriptor beyond 1023, and pages are thousands
    ready.register(connection.fileno(), select.POLLIN)
    return not ready.poll(0)
