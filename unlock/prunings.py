"""What creators were told long ago is forgotten: old webhook messages and old notices.

Nothing that is still to be delivered: a message that waits stays, whatever its age, and so does a
notice that nobody has read and no e-mail has brought. A trouble that still lasts after that time is
told again, because what said so is gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.db.models import Q

from unlock.models import Delivery, Notice
from unlock.states import DeliveryState

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

BATCH: Final = 500  # rows in one transaction: nobody waits behind a prune
ENDED: Final = (DeliveryState.DELIVERED, DeliveryState.GIVEN_UP, DeliveryState.DROPPED)


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many rows went."""

    deliveries: int
    notices: int


def prune(*, now: datetime) -> Pruned:
    """Forget what is older than ``KIM_KEEP_MESSAGES_DAYS``. Twice at once does no harm."""
    before = now - timedelta(days=settings.KIM_KEEP_MESSAGES_DAYS)
    # One that was sent again goes after the one that says so.
    ended = Delivery.objects.filter(
        Q(leased_until=None) | Q(leased_until__lt=now),
        state__in=ENDED,
        created_at__lt=before,
        again__isnull=True,
    )
    told = Notice.objects.filter(
        Q(read_at__isnull=False) | Q(mailed_at__isnull=False),
        created_at__lt=before,
        mail_due_at=None,
    )
    return Pruned(deliveries=_delete(ended), notices=_delete(told))


def _delete(rows: QuerySet[Any]) -> int:
    count = 0
    while ids := list(rows.values_list("pk", flat=True)[:BATCH]):
        # Asked again as it is deleted: "send again" may have been pressed meanwhile.
        deleted, _ = rows.filter(pk__in=ids).delete()
        count += deleted
        if not deleted:
            break
    return count
