"""Kombu's transport for Redis, with one fault of it mended: a worker outlives the end of Redis.

When Redis goes away while a task is under way, Celery closes its connection and wants to give the
task back over it. By then kombu has forgotten where that connection led to, and stumbles over its own
``None``; Celery takes the ``AttributeError`` for a fault of ours and ends the worker. Said as what it
is, a lost connection, it is waited out like every other. (kombu 5.7.0, ``Channel._connparams``.)
"""

from __future__ import annotations

from typing import Any

import redis
from kombu.transport import redis as kombu_redis


class Channel(kombu_redis.Channel):
    """As kombu's."""

    def _connparams(self, *, asynchronous: bool = False) -> dict[str, Any]:
        """Raises redis' ``ConnectionError`` once the connection was closed."""
        if self.connection.client is None:
            raise redis.exceptions.ConnectionError("this connection to the broker is closed")
        found: dict[str, Any] = super()._connparams(  # type: ignore[misc]  # not in the stubs
            asynchronous=asynchronous
        )
        return found


class Transport(kombu_redis.Transport):
    """As kombu's."""

    Channel = Channel
