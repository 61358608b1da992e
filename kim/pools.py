"""What requests borrow and give back: Redis connections. Django makes a cache object for each request."""

from __future__ import annotations

import functools
from typing import Any

import redis


class RedisPool(redis.ConnectionPool):
    """The same pool for every cache object of one server: Django makes one object a request."""

    @classmethod
    def from_url(cls, url: str, **options: Any) -> redis.ConnectionPool:  # type: ignore[override]
        return _pool_of(url, tuple(sorted(options.items())))


@functools.cache
def _pool_of(url: str, options: tuple[tuple[str, Any], ...]) -> redis.ConnectionPool:
    return redis.ConnectionPool.from_url(url, **dict(options))
