"""High-water marks: how far every payout has counted, to be kept outside the database.

A restored backup would hand out indices a second time, to a second buyer, while the first may
still pay. Whoever keeps the marks (``unlock.marks``: an object in the bucket) gives them back after
a restore; from then on no index below them is handed out again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db import transaction

from payments import covenants
from payments.models import Payout
from payments.states import PayoutKind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

# The marks may be a moment old, and a forwarder's number costs nothing. A recovery knows of it.
JUMP: Final = covenants.RECOVERY_JUMP
MOST: Final = 2**31 - 1


def marks() -> dict[str, int]:
    """Payout id → the number that it would hand out next. No secrets."""
    rows = Payout.objects.filter(next_index__gt=0).values_list("id", "next_index")
    return {str(payout_id): next_index for payout_id, next_index in rows}


def is_behind(known: Mapping[str, int]) -> bool:
    """Whether this database has forgotten what it handed out: a backup was restored."""
    here = marks()
    ours = {str(each) for each in Payout.objects.values_list("id", flat=True)}
    return any(name in ours and here.get(name, 0) < mark for name, mark in known.items())


def heed_marks(known: Mapping[str, int], *, now: datetime) -> int:
    """Move every payout that lies behind its mark beyond it; how many were moved.

    A forwarder's counter jumps 10,000 further. An xpub cannot jump, because wallets look only a few
    addresses ahead: it goes on at its mark, and hands out forwarders until its owner confirms the
    gap. Repeatable; marks of payouts that are not here are left alone.
    """
    moved = 0
    for row_id, next_index in Payout.objects.values_list("id", "next_index"):
        mark = known.get(str(row_id), 0)
        if next_index >= mark:
            continue
        with transaction.atomic():
            row = Payout.objects.select_for_update(no_key=True).get(pk=row_id)
            if row.next_index >= mark:
                continue
            moved += 1
            if row.kind == PayoutKind.XPUB:
                row.next_index, row.gap_unsure_at, row.scanned_at = mark, now, None
            else:
                row.next_index = min(mark + JUMP, MOST)
            row.save(update_fields=["next_index", "gap_unsure_at", "scanned_at"])
    return moved
