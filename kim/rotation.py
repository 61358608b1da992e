"""Sealing everything to the newest key, while the instance runs.

Each row is written only where it still holds what was read (compare-and-set), so a row that changed
meanwhile is not lost: the next pass finds it. Nothing notes how far a run came; what is sealed to
the newest key is told by opening it, so a run that was stopped is simply started again.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidTag

from unlock.errors import SecretUnusable

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence
    from typing import Any

    from django.db.models import QuerySet

    from kim.sealed import Column

BATCH: Final = 200
PASSES_MOST: Final = 20


@dataclass(slots=True)
class Progress:
    """Of one pass. ``moved`` were sealed anew, ``missed`` changed meanwhile, ``lost`` open with no key."""

    total: int
    number: int = 1
    done: int = 0
    moved: int = 0
    missed: int = 0
    lost: list[tuple[Column, Any]] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    @property
    def rows_per_second(self) -> float:
        return self.done / max(time.monotonic() - self.began, 0.001)

    @property
    def left_seconds(self) -> int:
        left = max(self.total - self.done, 0)
        return round(left / self.rows_per_second) if self.done else 0

    @property
    def is_settled(self) -> bool:
        """Everything that opens at all opened with the newest key."""
        return not self.moved and not self.missed


def run(columns: Sequence[Column], *, batch: int = BATCH) -> Generator[Progress, None, None]:
    """Passes until one finds nothing to do; yields after every batch, the last one last."""
    for number in range(1, PASSES_MOST + 1):
        last = None
        for last in _pass(columns, number=number, batch=batch, writes=True):
            yield last
        if last is not None and last.is_settled:
            return


def look(columns: Sequence[Column], *, batch: int = BATCH) -> Progress:
    """One pass that writes nothing: ``moved`` are those that a run would seal anew."""
    return list(_pass(columns, number=1, batch=batch, writes=False))[-1]


def clear(lost: Iterable[tuple[Column, Any]]) -> int:
    """Empty what opens with no key, so that nobody buys it and its creator can deposit again."""
    return sum(_same(column, row).update(**{column.name: column.empty}) for column, row in lost)


def _pass(
    columns: Sequence[Column], *, number: int, batch: int, writes: bool
) -> Iterator[Progress]:
    so_far = Progress(total=sum(column.rows().count() for column in columns), number=number)
    for column in columns:
        after = None
        while rows := _batch(column, after, batch):
            for row in rows:
                _one(column, row, so_far, writes=writes)
            after = rows[-1].pk
            so_far.done += len(rows)
            yield so_far
    yield so_far


def _batch(column: Column, after: Any, size: int) -> list[Any]:
    rows = column.rows()
    return list((rows if after is None else rows.filter(pk__gt=after))[:size])


def _one(column: Column, row: Any, so_far: Progress, *, writes: bool) -> None:
    try:
        made = column.renew(row)
    except (InvalidTag, SecretUnusable, ValueError):  # of another key, or damaged
        so_far.lost.append((column, row))
        return
    if made is None:
        return
    if not writes or _same(column, row).update(**{column.name: made}) == 1:
        so_far.moved += 1
    else:
        so_far.missed += 1


def _same(column: Column, row: Any) -> QuerySet[Any]:
    """The row, if it still holds what was read."""
    held = {column.name: getattr(row, column.name)}
    found: QuerySet[Any] = column.model.objects.filter(pk=row.pk, **held)
    return found
