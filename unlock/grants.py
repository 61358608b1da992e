"""Grants: the other way to a release. One per purchase, counted under the paid file's lock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from unlock.errors import GrantsExhausted, PurchaseUnknown
from unlock.models import Grant, PaidFile, Purchase

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.contrib.auth.models import AbstractBaseUser

    from unlock.states import GrantKind


def give(
    purchase_id: UUID,
    kind: GrantKind,
    *,
    now: datetime,
    reason: str = "",
    granted_by: AbstractBaseUser | None = None,
    at_most: int | None = None,
) -> Grant:
    """Let a purchase open its file without a settled invoice; its key is owed from then on.

    A purchase that has a grant keeps it, and nothing moves. ``at_most`` bounds how many grants of
    this kind the paid file may have in all. Raises PurchaseUnknown, GrantsExhausted.
    """
    with transaction.atomic():
        # Parent before child: every count of a file's grants is made under the file's row.
        paid_file = PaidFile.objects.select_for_update().filter(purchases=purchase_id).first()
        if paid_file is None:
            raise PurchaseUnknown("There is no such purchase.")
        given = Grant.objects.filter(purchase=purchase_id).first()
        if given is not None:
            return given
        if at_most is not None and count(paid_file.id, kind) >= at_most:
            raise GrantsExhausted("All {at_most} grants of this kind are given.", at_most=at_most)
        Purchase.objects.filter(id=purchase_id).update(release_due_at=now)
        return Grant.objects.create(
            purchase_id=purchase_id,
            kind=kind,
            reason=reason,
            granted_by_id=None if granted_by is None else granted_by.pk,
            created_at=now,
        )


def count(paid_file_id: UUID, kind: GrantKind) -> int:
    """How many purchases of a file have a grant of this kind."""
    return Grant.objects.filter(purchase__paid_file=paid_file_id, kind=kind).count()
