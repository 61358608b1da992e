"""Contents of which no good copy is left: told to their creators, and counted for the operator.

Found by looking at the rows from time to time, whoever marked them. What is told is remembered in a
``Cursor`` row per container (when it began, negative once it is over): once for each loss, not again
while it lasts; one that comes back within an hour is the same one.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from payments.words import Words
from unlock import copies, notices, versions
from unlock.models import Container, Cursor, PaidFile, Purchase, Version
from unlock.states import FileState, NoticeKind

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

SAME_FOR: Final = timedelta(hours=1)
_PREFIX: Final = "lost:"


def lost() -> QuerySet[Container]:
    """What was verified, is for sale or was sold, and lies nowhere as it was sold."""
    good = copies.good().filter(container=OuterRef("pk"))
    used = _used().filter(container=OuterRef("pk"))
    # An older version is needed for as long as somebody bought it.
    older = Version.objects.filter(container=OuterRef("pk"), paid_file__erasure__isnull=True)
    bought = Purchase.objects.filter(content_id=OuterRef("content_id"))
    return Container.objects.filter(
        Exists(used) | Q(Exists(older), Exists(bought)), ~Exists(good), verified_at__isnull=False
    )


def tell(*, now: datetime, limit: int = 100) -> int:
    """Tell creators of what was lost since the last look; how many containers were news."""
    found = set(lost().order_by("verified_at").values_list("id", flat=True)[:limit])
    open_ids = {
        UUID(name.removeprefix(_PREFIX))
        for name in _rows().filter(position__gt=0).values_list("name", flat=True)
    }
    for container_id in open_ids - found:
        if not lost().filter(id=container_id).exists():
            _end(container_id)
    return sum(_begin(container_id, now=now) for container_id in found - open_ids)


def _begin(container_id: UUID, *, now: datetime) -> bool:
    """Note it and tell it in one transaction; whether it is news."""
    with transaction.atomic():
        Cursor.objects.get_or_create(name=_name(container_id))
        row = Cursor.objects.select_for_update().get(name=_name(container_id))
        if row.position > 0:
            return False
        began = -row.position
        is_same = bool(began) and now.timestamp() - began < SAME_FOR.total_seconds()
        row.position = began if is_same else int(now.timestamp())
        row.save(update_fields=["position"])
        for file in versions.files_with(container_id):
            title = file.title[: notices.TITLE_MAX]
            notices.tell(
                file.creator_id,
                NoticeKind.COPIES_LOST,
                topic=f"{file.pk}:{row.position}",
                text=Words.of(
                    "Every stored copy of “{title}” is damaged or gone: nobody can load it. If you"
                    " have the sealed file, put it on a host of yours and add its address under"
                    " “Where it lies…”; it is mended from there. Else pause it, and pay buyers back.",
                    title=title,
                ),
                now=now,
            )
    return not is_same


def _end(container_id: UUID) -> None:
    with transaction.atomic():
        row = Cursor.objects.select_for_update().get(name=_name(container_id))
        row.position = -abs(row.position)
        row.save(update_fields=["position"])


def _used() -> QuerySet[PaidFile]:
    """Files that somebody may need the bytes of."""
    bought = Exists(Purchase.objects.filter(paid_file=OuterRef("pk")))
    return PaidFile.objects.filter(~Q(state=FileState.REMOVED) | Q(bought), erasure__isnull=True)


def _rows() -> QuerySet[Cursor]:
    return Cursor.objects.filter(name__startswith=_PREFIX)


def _name(container_id: UUID) -> str:
    return _PREFIX + container_id.hex
