"""What waits for staff, and what is stored and served: the counts of the admin's first page. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Count, Min, Q, Sum

from unlock import losses
from unlock.models import (
    Copy,
    Delivery,
    EgressDay,
    Failure,
    Measure,
    Notice,
    Purchase,
    Report,
    Suspension,
    Upload,
)
from unlock.states import DeliveryState, ReportState, UploadState

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

RELEASE_LATE_AFTER: Final = timedelta(minutes=2)
COPY_LATE_AFTER: Final = timedelta(hours=1)
LATELY: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """How many wait, and since when the first of them does."""

    count: int
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """What lies in one store. ``damaged``: copies, of which nothing is served."""

    store: str
    copies: int
    size_bytes: int
    damaged: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """Bytes that were signed since a day's beginning: shown for nothing, and to buyers."""

    shown_bytes: int
    sold_bytes: int


def proofs() -> QuerySet[Any, Any]:
    """Invoices of creators' own test purchases, which are no sales."""
    mine = Purchase.objects.filter(is_proof=True, invoice_id__isnull=False)
    return mine.values("invoice_id")


def reports() -> Queue:
    return _queue(Report.objects.filter(state=ReportState.OPEN), "created_at")


def appeals() -> Queue:
    """Against decisions about files."""
    return _appealed(Measure.objects.all())


def suspension_appeals() -> Queue:
    """Of whole accounts."""
    return _appealed(Suspension.objects.all())


def failures() -> Queue:
    """What buyers told that they cannot open, and nobody settled."""
    return _queue(Failure.objects.filter(closed_at=None, purchase__is_proof=False), "created_at")


def late_releases(*, now: datetime) -> Queue:
    """Keys that were owed minutes ago: the releaser does not run, or cannot."""
    late = Purchase.objects.filter(release_due_at__lt=now - RELEASE_LATE_AFTER)
    return _queue(late, "release_due_at")


def given_up(*, now: datetime) -> Queue:
    """Webhook messages of the last week that no server took."""
    rows = Delivery.objects.filter(state=DeliveryState.GIVEN_UP, due_at__gt=now - LATELY)
    return _queue(rows, "created_at")


def failed_uploads(*, now: datetime) -> Queue:
    rows = Upload.objects.filter(state=UploadState.FAILED, touched_at__gt=now - LATELY)
    return _queue(rows, "touched_at")


def unsent_mail() -> Queue:
    """E-mails that a server refused at least once and that are tried again."""
    return _queue(
        Notice.objects.filter(mail_due_at__isnull=False, mail_attempts__gt=0), "created_at"
    )


def late_copies(*, now: datetime) -> Queue:
    """Copies that a worker was to make, mend or look at an hour ago."""
    return _queue(Copy.objects.filter(wanted_at__lt=now - COPY_LATE_AFTER), "wanted_at")


def lost() -> int:
    """Contents of which no good copy is left."""
    return losses.lost().count()


def shelves() -> tuple[Shelf, ...]:
    rows = Copy.objects.order_by("store").values("store")
    found = rows.annotate(
        copies=Count("pk"),
        size=Sum("size_bytes"),
        damaged=Count("pk", filter=Q(damaged_at__isnull=False)),
    )
    return tuple(
        Shelf(
            store=row["store"],
            copies=row["copies"],
            size_bytes=row["size"] or 0,
            damaged=row["damaged"],
        )
        for row in found
    )


def served(*, days: int, now: datetime) -> Served:
    """Of the last ``days`` UTC days, today among them."""
    first = (now.astimezone(UTC) - timedelta(days=days - 1)).date()
    found = EgressDay.objects.filter(day__gte=first).aggregate(
        shown=Sum("shown_bytes"), sold=Sum("sold_bytes")
    )
    return Served(shown_bytes=found["shown"] or 0, sold_bytes=found["sold"] or 0)


def _appealed(decisions: QuerySet[Any, Any]) -> Queue:
    waiting = decisions.filter(
        appealed_at__isnull=False, answered_at__isnull=True, lifted_at__isnull=True
    )
    return _queue(waiting, "appealed_at")


def _queue(rows: QuerySet[Any, Any], column: str) -> Queue:
    found = rows.aggregate(count=Count("pk"), oldest=Min(column))
    return Queue(count=found["count"], oldest_at=found["oldest"])
