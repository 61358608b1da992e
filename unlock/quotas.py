"""How much a creator, and the whole site, may store. Counted from the rows, as an upload begins.

What was given up or deleted does not count. 0 in the settings, None in a ``Quota``: no limit, and
as the settings say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Sum

from payments.words import Words
from unlock import journal
from unlock.models import Container, Quota, Upload
from unlock.moderation_errors import QuotaReached
from unlock.states import UploadState

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

    from unlock.models import Creator


@dataclass(frozen=True, slots=True)
class Room:
    """``max_*``: 0 for no limit."""

    used_bytes: int
    used_files: int
    max_bytes: int
    max_files: int

    def refuses(self, size_bytes: int) -> bool:
        too_many = bool(self.max_files) and self.used_files + 1 > self.max_files
        return too_many or (bool(self.max_bytes) and self.used_bytes + size_bytes > self.max_bytes)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one creator may store; None: as the settings say."""

    max_bytes: int | None
    max_files: int | None

    @classmethod
    def parse(cls, max_bytes: str, max_files: str) -> Self:
        """Raises ValueError for what is neither empty nor a number of at most 15 (bytes) or 9 digits."""
        return cls(_number(max_bytes, digits=15), _number(max_files, digits=9))


def allow(creator: Creator, allowed: Allowance, *, who: str, now: datetime) -> None:
    """Replace what a creator may store, and write it down."""
    numbers = {"max_bytes": allowed.max_bytes, "max_files": allowed.max_files}
    with transaction.atomic():
        Quota.objects.update_or_create(creator=creator, defaults=numbers)
        reason = ", ".join(
            f"{name}: {'as the settings say' if most is None else most}"
            for name, most in numbers.items()
        )
        journal.note(creator, "quota", who=who, reason=reason, now=now)


def of(creator: Creator) -> Room:
    own = Quota.objects.filter(creator=creator).first()
    max_bytes, max_files = settings.KIM_CREATOR_MAX_BYTES, settings.KIM_CREATOR_MAX_FILES
    if own is not None and own.max_bytes is not None:
        max_bytes = own.max_bytes
    if own is not None and own.max_files is not None:
        max_files = own.max_files
    used = _used(_stored().filter(creator=creator))
    return Room(*used, max_bytes=max_bytes, max_files=max_files)


def of_instance() -> Room:
    used = _used(_stored())
    return Room(*used, settings.KIM_INSTANCE_MAX_BYTES, settings.KIM_INSTANCE_MAX_FILES)


def check(creator: Creator, size_bytes: int) -> None:
    """Raises QuotaReached. ``size_bytes`` is what is to be stored on top."""
    mine = of(creator)
    if mine.refuses(size_bytes):
        raise QuotaReached("You store {stored} already.", stored=_stored_of(mine))
    if settings.KIM_INSTANCE_MAX_BYTES or settings.KIM_INSTANCE_MAX_FILES:
        everybody = of_instance()
        if everybody.refuses(size_bytes):
            raise QuotaReached("This site is full: it takes no more files.")


def _number(text: str, *, digits: int) -> int | None:
    clean = text.strip()
    if not clean:
        return None
    if not (clean.isascii() and clean.isdecimal() and len(clean) <= digits):
        raise ValueError(clean)
    return int(clean)


def _stored() -> QuerySet[Container]:
    over = Upload.objects.filter(state__in=(UploadState.ABORTED, UploadState.FAILED))
    return Container.objects.exclude(id__in=over.values("container"))


def _used(rows: QuerySet[Container]) -> tuple[int, int]:
    found = rows.aggregate(size=Sum("size_bytes"), count=Count("id"))
    return found["size"] or 0, found["count"]


def _stored_of(room: Room) -> Words:
    files = Words.of("{used} of {most} files", used=room.used_files, most=room.max_files)
    size = Words.of("{used} of {most} bytes", used=room.used_bytes, most=room.max_bytes)
    if room.max_files and room.max_bytes:
        return Words.of("{files} and {size}", files=files, size=size)
    return files if room.max_files else size
