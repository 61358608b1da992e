"""Beat, of which several may run: one of them sends, the others keep in step and take over.

Celery's own would send every task once for each beat. Here all of them follow the schedule, and what
is due is sent by the one that holds a lease in the database. If that one dies, what falls due before
its lease runs out waits for its next turn.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import time
from datetime import timedelta
from typing import Any, Final

from celery.beat import PersistentScheduler
from django.db import DatabaseError, close_old_connections
from django.utils import timezone

from payments import heartbeats

log = logging.getLogger(__name__)

LASTS: Final = timedelta(seconds=20)  # four times the shortest interval of the schedule
LOOK_SECONDS: Final = 2.0


class Turn:
    """Whether it is ours to send. Asked in the database every ``LOOK_SECONDS`` at most."""

    def __init__(self, name: str = heartbeats.BEAT) -> None:
        holder = f"{socket.gethostname()} {os.getpid()} {secrets.token_hex(4)}"
        self._lease = heartbeats.Lease(name, holder, lasts=LASTS)
        self._looked = float("-inf")

    def is_mine(self) -> bool:
        """A database that does not answer gives it to nobody: the tasks could do nothing either."""
        steady = time.monotonic()
        if steady - self._looked < LOOK_SECONDS:
            return self._lease.is_held
        self._looked = steady
        try:
            close_old_connections()
            return self._lease.hold(now=timezone.now(), steady_seconds=steady, detail={})
        except DatabaseError as error:
            log.warning("beat cannot ask whose turn it is: %s", error)
            self._lease.is_held = False
            return False

    def end(self) -> None:
        """The next one need not wait."""
        try:
            self._lease.release()
        except DatabaseError as error:
            log.warning("beat's turn ends by itself: %s", error)


class Scheduler(PersistentScheduler):
    """``CELERY_BEAT_SCHEDULER``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._turn = Turn()
        super().__init__(*args, **kwargs)

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        """The schedule has moved on already; only sending is ours or not."""
        if self._turn.is_mine():
            super().apply_entry(entry, producer=producer)

    def close(self) -> None:
        super().close()
        self._turn.end()
