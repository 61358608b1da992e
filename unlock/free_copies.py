"""What is taken for nothing: free files, the first ones, gifts. Told to creators, and counted beside
their sales; what a creator or the staff gives by hand is neither.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import Max

from payments.words import Words
from unlock import notices, stock, webhooks
from unlock.models import Cursor, Grant
from unlock.states import NoticeKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet

CURSOR: Final = "grants"
BATCH: Final = 500
# A grant may be committed after a later one: what is younger is read again, and told once.
SETTLED_AFTER: Final = timedelta(minutes=2)
TOLD_WITHIN: Final = timedelta(minutes=10)  # before the first look; what is older is long over


def taken() -> QuerySet[Grant]:
    """All that ever were; a creator's own proof is none."""
    return Grant.objects.filter(
        kind__in=stock.COUNTED, purchase__invoice_id=None, purchase__is_proof=False
    )


def drain(*, now: datetime) -> int:
    """Tell of every grant that is new, once; how many were read. Safe to run twice."""
    _begin(now)
    with transaction.atomic():
        cursor = Cursor.objects.select_for_update().get(name=CURSOR)
        after, count, is_young = cursor.position, 0, False
        while rows := _read(after):
            _tell(rows, now=now)
            after, count = rows[-1].pk, count + len(rows)
            for row in rows:
                is_young = is_young or now - row.created_at <= SETTLED_AFTER
                cursor.position = cursor.position if is_young else row.pk
        cursor.save(update_fields=["position"])
    return count


def _begin(now: datetime) -> None:
    if Cursor.objects.filter(name=CURSOR).exists():
        return
    over = Grant.objects.filter(created_at__lt=now - TOLD_WITHIN).aggregate(last=Max("pk"))
    Cursor.objects.get_or_create(name=CURSOR, defaults={"position": over["last"] or 0})


def _read(after: int) -> list[Grant]:
    rows = taken().filter(pk__gt=after).order_by("pk")
    return list(rows.select_related("purchase__paid_file")[:BATCH])


def _tell(grants: Sequence[Grant], *, now: datetime) -> None:
    webhooks.enqueue_grants(grants, now=now)
    first = {f"{each.purchase.paid_file_id}:{each.created_at:%Y-%m-%d}": each for each in grants}
    for topic, grant in first.items():
        paid_file = grant.purchase.paid_file
        notices.tell(
            paid_file.creator_id,
            NoticeKind.TAKEN_FREE,
            topic=topic,
            text=Words.of("{name} was taken for free.", name=notices.name_of(paid_file.title)),
            purchase_id=grant.purchase_id,
            now=now,
        )
