"""Removing a file so that nobody can fetch it any more, not even who bought it.

Nobody who paid is locked out: it is refused while there is a single buyer who paid, or is paying,
and was not paid back whole. Who got it for nothing loses it, and their page says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction

from payments import invoices, refunds
from unlock import files
from unlock.creator_errors import BuyersUnpaid, MoveRefused
from unlock.models import Erasure, Purchase
from unlock.states import FileState

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from unlock.models import Creator, PaidFile


@dataclass(frozen=True, slots=True)
class Owed:
    """``buyers`` paid, or are paying, and ``sat`` of it was not paid back."""

    buyers: int
    sat: int


def is_erased(paid_file: PaidFile) -> bool:
    return Erasure.objects.filter(paid_file=paid_file.pk).exists()


def owed(paid_file: PaidFile, *, now: datetime) -> Owed:
    """What buyers of this file paid and did not get back, as far as the chain showed it to us."""
    bought = Purchase.objects.filter(paid_file=paid_file.pk, is_proof=False)
    ids = [row for row in bought.values_list("invoice_id", flat=True) if row is not None]
    back = refunds.of(ids)
    left = [
        status.seen_sat - (back[key].paid_sat if key in back else 0)
        for key, status in invoices.statuses_of(ids, now=now).items()
    ]
    unpaid = [sat for sat in left if sat > 0]
    return Owed(buyers=len(unpaid), sat=sum(unpaid))


def erase(paid_file_id: UUID, *, creator: Creator, now: datetime) -> PaidFile:
    """Remove a file for everybody. Repeating it is no error.

    Raises FileMissing, MoveRefused (a draft is deleted instead), BuyersUnpaid; nothing moved then.
    """
    with transaction.atomic():
        paid_file = files.lock(paid_file_id, creator=creator)
        if paid_file.state == FileState.DRAFT:
            raise MoveRefused("A draft is deleted, not removed.")
        due = owed(paid_file, now=now)
        if due.buyers:
            raise BuyersUnpaid(
                "{buyers} of your buyers paid {sat} satoshis and were not paid back.",
                buyers=due.buyers,
                sat=due.sat,
            )
        if paid_file.state != FileState.REMOVED:
            files.remove(paid_file_id, creator=creator, now=now)
        Erasure.objects.get_or_create(paid_file_id=paid_file_id, defaults={"created_at": now})
    return files.find(paid_file_id)
