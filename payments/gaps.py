"""The gap of an xpub: how many addresses in a row were handed out and not paid.

A wallet stops looking after some unused addresses in a row (20 in Electron Cash), so money beyond
would not show there. Before that happens the payout falls back to forwarders, whose money arrives
at one fixed address of the same wallet; a shop never stops (docs/payments.md, "Addresses").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db.models import Max, Min

from payments import seals
from payments.errors import PayoutMissing
from payments.models import Address, Payout
from payments.states import OutputChain, PayoutKind

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

GAP_LIMIT: Final = 15  # unpaid addresses in a row, from which on forwarders are handed out
WALLET_LIMIT: Final = 20  # where wallets stop looking, unless they are told otherwise


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """How an xpub in force stands. ``last_used`` is the highest index that was paid, None before the
    first; ``unsure_at`` says since when, after a restored backup, nobody knows what was handed out;
    ``advice`` is what to enter in Electron Cash's console, "" while the wallet sees everything.
    """

    payout_id: UUID
    shown: str
    gap: int
    last_used: int | None
    next_index: int
    unsure_at: datetime | None
    is_falling_back: bool
    advice: str


def gap_of(payout_id: UUID) -> int:
    """Addresses handed out after the last paid one; 0 for an address payout. Raises
    ``PayoutMissing``.
    """
    row = Payout.objects.filter(pk=payout_id).first()
    if row is None:
        raise PayoutMissing("There is no such payout.")
    return 0 if row.kind != PayoutKind.XPUB else _read(row).gap


def gaps(owner: UUID) -> tuple[Gap, ...]:
    """Of the owner's xpub in force; empty for an address."""
    rows = Payout.objects.filter(owner=owner, kind=PayoutKind.XPUB, retired_at=None)
    return tuple(_read(row) for row in rows)


def is_too_wide(row: Payout) -> bool:
    """Whether this xpub should hand out no further address of its own now."""
    return row.gap_unsure_at is not None or _read(row).gap >= GAP_LIMIT


def confirm_gap(owner: UUID, *, now: datetime) -> None:
    """The creator looked: the wallet shows everything, so the xpub hands out its own addresses
    again. What the wallet used meanwhile is skipped at the next sale. Repeatable.
    """
    del now
    unsure = Payout.objects.filter(owner=owner, gap_unsure_at__isnull=False)
    unsure.update(gap_unsure_at=None, scanned_at=None)


def kin(row: Payout) -> list[Payout]:
    """The owner's rows of the very same xpub, retired ones too: they share their indices."""
    alike = Payout.objects.filter(
        owner=row.owner, kind=PayoutKind.XPUB, network=row.network, shown=row.shown
    )
    secret = seals.unseal(row)
    return [each for each in alike if seals.unseal(each) == secret]


def _read(row: Payout) -> Gap:
    family = kin(row)
    issued = Address.objects.filter(payout__in=family)
    paid = issued.filter(invoice__outputs__chain__in=[OutputChain.MEMPOOL, OutputChain.BLOCK])
    last_used = paid.aggregate(last=Max("index"))["last"]
    first = issued.aggregate(first=Min("index"))["first"]
    next_index = max(each.next_index for each in family)
    before = first - 1 if last_used is None and first is not None else last_used
    gap = 0 if before is None else max(0, next_index - 1 - before)
    return Gap(
        payout_id=row.id,
        shown=row.shown,
        gap=gap,
        last_used=last_used,
        next_index=next_index,
        unsure_at=row.gap_unsure_at,
        is_falling_back=row.gap_unsure_at is not None or gap >= GAP_LIMIT,
        advice=_advice(gap) if gap >= GAP_LIMIT or row.gap_unsure_at else "",
    )


def _advice(gap: int) -> str:
    """Room for what is out, and for as much again as a wallet leaves by itself; in tens."""
    return f"wallet.change_gap_limit({-(-(gap + 2 * WALLET_LIMIT) // 10) * 10})"
