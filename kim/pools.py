"""What requests borrow and give back: threads with their database connections, and Redis connections.

Under ASGI Django answers every request in a new thread, which has to connect to PostgreSQL anew
(a handshake and a process there, each time), and to Redis. Here both are kept for the next one.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any, Final, ParamSpec, TypeVar

import redis

P = ParamSpec("P")
T = TypeVar("T")
KEPT: Final = 16  # idle threads, hence connections, of one process; bursts make more for a while


class Threads:
    """One thread for each request, as Django wants it; the last ones given back are lent first.

    Never a limit: a request that waits for a slow server holds up no other. Used on one event loop.
    """

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._idle: deque[ThreadPoolExecutor] = deque()

    def lend(self) -> Executor:
        """A thread of its own; ``shutdown`` gives it back."""
        thread = self._idle.pop() if self._idle else ThreadPoolExecutor(max_workers=1)
        return _Lent(thread, self._take_back)

    def _take_back(self, thread: ThreadPoolExecutor) -> None:
        if len(self._idle) < self._kept:
            self._idle.append(thread)
        else:
            thread.shutdown(wait=False)


class _Lent(Executor):
    """A borrowed thread. Who gave it back has none."""

    def __init__(
        self, thread: ThreadPoolExecutor, give_back: Callable[[ThreadPoolExecutor], None]
    ) -> None:
        self._thread: ThreadPoolExecutor | None = thread
        self._give_back = give_back

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        if self._thread is None:
            raise RuntimeError("This thread was given back.")
        return self._thread.submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002
        del wait, cancel_futures
        thread, self._thread = self._thread, None
        if thread is not None:
            self._give_back(thread)


class RedisPool(redis.ConnectionPool):
    """The same pool for every cache object of one server: Django makes one object a request."""

    @classmethod
    def from_url(cls, url: str, **options: Any) -> redis.ConnectionPool:  # type: ignore[override]
        return _pool_of(url, tuple(sorted(options.items())))


@functools.cache
def _pool_of(url: str, options: tuple[tuple[str, Any], ...]) -> redis.ConnectionPool:
    return redis.ConnectionPool.from_url(url, **dict(options))
