"""What moderation forbids, asked wherever something goes on sale or is fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from payments import payouts
from unlock.models import Block, Measure
from unlock.moderation_errors import ContentBlocked, HeldBack, PayoutBlocked
from unlock.states import BlockKind, MeasureKind

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet

    from unlock.models import PaidFile


def is_closed(paid_file_id: UUID) -> bool:
    """Whether moderation removed the file with its copies: nobody may fetch it any more."""
    removed = in_force(paid_file_id).filter(kind=MeasureKind.REMOVE)
    return removed.filter(deletes_at__isnull=False).exists()


def removal_of(paid_file_id: UUID) -> Measure | None:
    """The decision by which the file was removed, while it is in force."""
    return in_force(paid_file_id).filter(kind=MeasureKind.REMOVE).first()


def in_force(paid_file_id: UUID) -> QuerySet[Measure]:
    return Measure.objects.filter(paid_file=paid_file_id, lifted_at=None)


def check_sale(paid_file: PaidFile) -> None:
    """Raises HeldBack, ContentBlocked, PayoutBlocked."""
    if in_force(paid_file.id).exists():
        raise HeldBack("This site took the file off sale.")
    if paid_file.container is not None:
        check_content(paid_file.container.content_id)
    payout = payouts.current(paid_file.creator_id)
    if payout is not None:
        check_payout(payout.shown)


def check_content(content_id: str) -> None:
    """Raises ContentBlocked. Sealing the same file again gives another ``content_id``."""
    if _is_blocked(BlockKind.CONTENT, content_id):
        raise ContentBlocked("This content was blocked.")


def check_payout(shown: str) -> None:
    """Raises PayoutBlocked. ``shown``: the address, or the xpub as payouts show it."""
    if _is_blocked(BlockKind.PAYOUT, shown):
        raise PayoutBlocked("This payout was blocked.")


def _is_blocked(kind: BlockKind, value: str) -> bool:
    return Block.objects.filter(kind=kind, value=value, lifted_at=None).exists()
