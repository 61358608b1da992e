"""Signs of life: what each part of the watcher last did, kept where every process can read it.

One row a part. A row can also be a lease: one holder at a time writes it, by compare-and-set in the
database, so that it survives the loss of Redis and needs no clock that two machines share.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db import connection
from django.utils import timezone

from payments.models import Heartbeat

if TYPE_CHECKING:
    from collections.abc import Mapping

SteadySeconds = float  # seconds of a monotonic clock

SWEEP: Final = "sweep"  # the last sweep that came to its end
SWEEP_ALL: Final = "sweep-all"  # when every tier was last made due at once
BLOCK: Final = "block"  # the last block whose invoices were all looked at
SERVERS: Final = "servers"  # every Electrum server as the last sweep, good or bad, found it
DAEMON: Final = "daemon"  # the push daemon that hints; the row is its lease
STANDBY: Final = "standby"  # another one, which waits for that lease
BEAT: Final = "beat"  # who sends what is due; the row is its lease


@dataclass(frozen=True, slots=True)
class Beat:
    """When a part was last alive, and what it said then."""

    at: datetime
    detail: Mapping[str, Any]


def beat(name: str, *, now: datetime, detail: Mapping[str, object]) -> None:
    """A sign of life."""
    Heartbeat.objects.update_or_create(name=name, defaults={"at": now, "detail": dict(detail)})


def last(name: str) -> Beat | None:
    """The last sign of life of this part."""
    row = Heartbeat.objects.filter(name=name).first()
    return None if row is None else Beat(row.at, row.detail)


def everyone() -> dict[str, Beat]:
    """The last sign of life of every part, in one query."""
    return {row.name: Beat(row.at, row.detail) for row in Heartbeat.objects.all()}


def ahead_of_database() -> timedelta:
    """How far this process's clock is ahead of the database's; negative when it is behind. Half of
    the time that the question takes is nobody's. SQLite has no clock but ours.
    """
    if connection.vendor != "postgresql":
        return timedelta()
    with connection.cursor() as cursor:
        asked_at = timezone.now()
        cursor.execute("SELECT clock_timestamp()")
        told_at: datetime = cursor.fetchone()[0]
        return asked_at + (timezone.now() - asked_at) / 2 - told_at


@dataclass(frozen=True, slots=True)
class _Seen:
    """Another holder's date, and when on our own clock it was seen first."""

    at: datetime
    steady_seconds: float


class Lease:
    """``hold`` says whether this holder has the row; whoever has it calls again in time.

    It is free when its date is older than ``lasts``, or when it did not change for that long on this
    machine's own steady clock: then the other's clock may be as wrong as it likes. ``term`` grows
    with each change of hands. Two who hold it for a moment, after a pause, only hint twice.
    """

    def __init__(self, name: str, holder: str, *, lasts: timedelta) -> None:
        self.is_held = False
        self._name = name
        self._holder = holder
        self._lasts = lasts
        # The other's date, and the steady second at which it was first seen.
        self._watched: _Seen | None = None

    def hold(self, *, now: datetime, steady_seconds: float, detail: Mapping[str, object]) -> bool:
        """Take, keep or fail to get the lease, and write ``detail`` into the row with it.

        ``is_held`` changes once, at the end: another thread may read it meanwhile.
        """
        self.is_held = self._take(now, steady_seconds, detail)
        return self.is_held

    def _take(self, now: datetime, steady_seconds: float, detail: Mapping[str, object]) -> bool:
        first = {**detail, "holder": self._holder, "term": 1}
        row, is_new = Heartbeat.objects.get_or_create(
            name=self._name, defaults={"at": now, "detail": first}
        )
        if is_new:
            return True
        term = int(row.detail.get("term", 0))
        if row.detail.get("holder") != self._holder:
            if not self._is_free(row.at, now, steady_seconds):
                return False
            term += 1
        written = {**detail, "holder": self._holder, "term": term}
        mine = Heartbeat.objects.filter(name=self._name, at=row.at)
        # Whoever else was here meanwhile has moved the date, and then nothing is updated.
        moved = now if now != row.at else now + timedelta.resolution
        return bool(mine.update(at=moved, detail=written))

    def release(self) -> None:
        """Let the next one have it at once."""
        rows = Heartbeat.objects.filter(name=self._name)
        row = rows.first()
        if row is not None and row.detail.get("holder") == self._holder:
            rows.filter(at=row.at).update(
                at=row.at - self._lasts, detail=row.detail | {"holder": ""}
            )
        self.is_held = False

    def _is_free(self, at: datetime, now: datetime, steady_seconds: float) -> bool:
        if now - at >= self._lasts:
            return True
        if self._watched is None or self._watched.at != at:
            self._watched = _Seen(at, steady_seconds)
        return steady_seconds - self._watched.steady_seconds >= self._lasts.total_seconds()
