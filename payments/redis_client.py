"""The Redis of this process: one pool of connections for an address, and an end to every wait.

Redis is an alarm clock and a counter, never a memory: whoever asks it catches ``RedisError`` and goes on.
"""

from __future__ import annotations

import functools
from typing import Final

from django.conf import settings
from redis import Redis

_TIMEOUT_SECONDS: Final = 2


def connected() -> Redis:
    """By ``KIM_REDIS_URL``. Nothing is sent before the first command."""
    return _connected(settings.KIM_REDIS_URL)


@functools.cache
def _connected(url: str) -> Redis:
    return Redis.from_url(
        url, socket_timeout=_TIMEOUT_SECONDS, socket_connect_timeout=_TIMEOUT_SECONDS
    )
