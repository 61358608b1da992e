"""What the stores are asked to give away, counted by file, visitor and UTC day, with a budget for each.

The stores serve the bytes, not we: counted is what was signed, and an address that was signed may be
fetched again while it holds (an hour). Counts live in Redis; a task writes the days down. Without Redis
nothing is counted and nothing refused: a budget must not close the shop.

Budgets are for samples. Buyers are counted and never refused; nor are header and index, which everybody
needs on the way to paying and again to open what was paid. How often those are asked for is limited by
``KIM_RATE_PRESIGN``, and they count against the budgets of what is shown beside them.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Final, cast
from uuid import UUID

from django.conf import settings
from redis.exceptions import RedisError

from payments import redis_client
from unlock.errors import EgressSpent
from unlock.models import EgressDay, PaidFile

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

log = logging.getLogger(__name__)

_KEPT_SECONDS: Final = 2 * 24 * 3600  # yesterday's counts wait for the task that writes them down
_ROWS_KEPT: Final = timedelta(days=400)
_ALL: Final = "all"
_SHOWN: Final = "shown"
_SOLD: Final = "sold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """Bytes of one UTC day: what was spent, or what may be (0: as much as you like)."""

    visitor_bytes: int
    file_bytes: int
    instance_bytes: int


def budget() -> Day:
    """What an operator lets be shown for nothing each day."""
    return Day(
        visitor_bytes=settings.KIM_EGRESS_VISITOR_BYTES,
        file_bytes=settings.KIM_EGRESS_FILE_BYTES,
        instance_bytes=settings.KIM_EGRESS_INSTANCE_BYTES,
    )


def check(spent: Day, most: Day, *, sample_bytes: int) -> None:
    """Raises EgressSpent where a sample of ``sample_bytes`` would go beyond a budget. Pure."""
    if _is_beyond(spent.visitor_bytes, sample_bytes, most.visitor_bytes):
        raise EgressSpent("Your network has looked at more samples today than this site shows.")
    if _is_beyond(spent.file_bytes, sample_bytes, most.file_bytes) or _is_beyond(
        spent.instance_bytes, sample_bytes, most.instance_bytes
    ):
        raise EgressSpent("The sample was looked at very often today.")


def _is_beyond(spent_bytes: int, asked_bytes: int, most_bytes: int) -> bool:
    return asked_bytes > 0 and 0 < most_bytes < spent_bytes + asked_bytes


def show(
    paid_file: PaidFile, *, visitor: str, core_bytes: int, sample_bytes: int, now: datetime
) -> None:
    """Count a look at what is shown for nothing. Raises EgressSpent; nothing is counted then.

    ``core_bytes``: header and index; ``sample_bytes``: segments whose keys are public.
    ``visitor``: whom ``throttles.client_of`` counts; kept for two days, in Redis only.
    """
    try:
        if sample_bytes:
            check(_spent(paid_file.id, visitor, now), budget(), sample_bytes=sample_bytes)
        _count(paid_file.id, _SHOWN, core_bytes + sample_bytes, visitor=visitor, now=now)
    except RedisError as error:
        log.warning("egress is not counted: %s", type(error).__name__)


def sell(paid_file_id: UUID, size_bytes: int, *, now: datetime) -> None:
    """Count what a buyer fetches; never refused."""
    try:
        _count(paid_file_id, _SOLD, size_bytes, now=now)
    except RedisError as error:
        log.warning("egress is not counted: %s", type(error).__name__)


def keep(*, now: datetime) -> int:
    """Write today's and yesterday's counts down, and forget old days; how many rows were written.

    Repeatable: counts only grow, and a row never shrinks (a Redis that lost its memory starts at 0).
    """
    try:
        written = sum(_keep_day(_day(now - timedelta(days=ago))) for ago in (1, 0))
    except RedisError as error:
        log.warning("egress is not written down: %s", type(error).__name__)
        return 0
    EgressDay.objects.filter(day__lt=_day(now - _ROWS_KEPT)).delete()
    return written


def _keep_day(day: date) -> int:
    counts = _by_file(cast("dict[bytes, bytes]", redis_client.connected().hgetall(_key(day))))
    rows = EgressDay.objects.filter(day=day)
    known = {row.paid_file_id: (row.shown_bytes, row.sold_bytes) for row in rows}
    there = set(PaidFile.objects.filter(pk__in=counts).values_list("pk", flat=True))
    grown = []
    for file_id in there:
        had, counted = known.get(file_id, (0, 0)), counts[file_id]
        shown, sold = max(had[0], counted[0]), max(had[1], counted[1])
        if (shown, sold) != had:
            row = EgressDay(paid_file_id=file_id, day=day, shown_bytes=shown, sold_bytes=sold)
            grown.append(row)
    EgressDay.objects.bulk_create(
        grown,
        update_conflicts=True,
        unique_fields=["day", "paid_file"],
        update_fields=["shown_bytes", "sold_bytes"],
        batch_size=500,
    )
    return len(grown)


def _by_file(fields: Mapping[bytes, bytes]) -> dict[UUID, tuple[int, int]]:
    """``<file>:shown`` and ``<file>:sold`` of one day's hash, together."""
    found: dict[UUID, tuple[int, int]] = {}
    for name, value in fields.items():
        whose, _, kind = name.decode().rpartition(":")
        if whose != _ALL:
            shown, sold = found.get(UUID(whose), (0, 0))
            count = int(value)
            found[UUID(whose)] = (count, sold) if kind == _SHOWN else (shown, count)
    return found


def _spent(file_id: UUID, visitor: str, now: datetime) -> Day:
    day = _day(now)
    with redis_client.connected().pipeline(transaction=False) as asked:
        asked.get(_visitor_key(day, visitor))
        asked.hmget(_key(day), f"{file_id}:{_SHOWN}", f"{_ALL}:{_SHOWN}")
        by_visitor, (by_file, by_all) = asked.execute()
    return Day(
        visitor_bytes=int(by_visitor or 0),
        file_bytes=int(by_file or 0),
        instance_bytes=int(by_all or 0),
    )


def _count(file_id: UUID, kind: str, size_bytes: int, *, visitor: str = "", now: datetime) -> None:
    day = _day(now)
    with redis_client.connected().pipeline(transaction=False) as told:
        for whose in (str(file_id), _ALL):
            told.hincrby(_key(day), f"{whose}:{kind}", size_bytes)
        told.expire(_key(day), _KEPT_SECONDS)
        if visitor:
            told.incrby(_visitor_key(day, visitor), size_bytes)
            told.expire(_visitor_key(day, visitor), _KEPT_SECONDS)
        told.execute()


def _day(now: datetime) -> date:
    return now.astimezone(UTC).date()


def _key(day: date) -> str:
    return f"kim:egress:{day}"


def _visitor_key(day: date, visitor: str) -> str:
    return f"kim:egress:{day}:{visitor}"
