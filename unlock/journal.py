"""The audit log: who did what to whom, when and why. Written once, never changed (``AuditEntry``)."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final

from unlock.models import AuditEntry

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from django.db.models import Model, QuerySet

SYSTEM: Final = "system"
COLUMNS: Final = ("at", "who", "action", "subject", "subject_id", "title", "reason")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def note(subject: Model, action: str, *, who: str, reason: str = "", now: datetime) -> AuditEntry:
    """Write one act down, in the transaction of what was done."""
    return AuditEntry.objects.create(
        at=now,
        who=who[:150],
        action=action,
        subject=str(subject._meta.model_name),  # noqa: SLF001 - Django's documented name of it
        subject_id=str(subject.pk),
        title=str(subject)[:200],
        reason=reason[:1000],
    )


def of(*subjects: Model) -> QuerySet[AuditEntry]:
    """What was done to these, newest first."""
    ids = [str(each.pk) for each in subjects]
    return AuditEntry.objects.filter(subject_id__in=ids).order_by("-at", "-pk")


def csv_lines() -> Iterator[bytes]:
    """The whole log for a spreadsheet, oldest first, the columns' names above (RFC 4180)."""
    yield _line(COLUMNS)
    for row in AuditEntry.objects.order_by("pk").values_list(*COLUMNS).iterator(chunk_size=500):
        yield _line((row[0].isoformat(), *(_plain(str(each)) for each in row[1:])))


def _line(cells: Sequence[str]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out).writerow(cells)
    return out.getvalue().encode()


def _plain(text: str) -> str:
    """Spreadsheets run what begins like a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
