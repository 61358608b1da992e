"""What each server last said of a script, kept by this process: a sweep looks only at what changed.

A hint and nothing more. Losing it costs looks, and every script is looked at in full every so often
whatever is remembered, so that nothing depends on it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

CAPACITY: Final = 300_000  # scripts; about 100 MB

Statuses = Mapping[str, str | None]  # server → status


@dataclass(frozen=True, slots=True)
class _Told:
    statuses: Statuses
    looked_at: datetime


class StatusMemory:
    """Statuses by script, the oldest forgotten first. May be used from many threads."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._told: OrderedDict[bytes, _Told] = OrderedDict()
        self._lock = threading.Lock()

    def is_unchanged(
        self, script: bytes, said: Statuses, *, now: datetime, full_every: timedelta
    ) -> bool:
        """Whether each server that speaks says what it said at the last full look, not long ago."""
        with self._lock:
            told = self._told.get(script)
        if told is None or not said or now - told.looked_at >= full_every:
            return False
        return all(
            server in told.statuses and told.statuses[server] == status
            for server, status in said.items()
        )

    def keep(self, script: bytes, said: Statuses, *, now: datetime) -> None:
        """Remember what was said just before a full look at ``now``."""
        with self._lock:
            self._told[script] = _Told(dict(said), now)
            self._told.move_to_end(script)
            while len(self._told) > self._capacity:
                self._told.popitem(last=False)

    def forget(self) -> None:
        with self._lock:
            self._told.clear()
