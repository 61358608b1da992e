"""What a buyer holds, looked up by claims alone: the library page, and B on a new device.

Only hashes of claims come here. A look-up costs the same whatever is found: one query for the
purchases, and a constant number for all that is told of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db.models import Q

from payments import refunds
from unlock import keys, wordings
from unlock.errors import PurchaseUnknown
from unlock.models import Cover, Purchase
from unlock.states import FileState, GrantKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from uuid import UUID

    from payments.refunds import RefundView
    from unlock.keys import Standing
    from unlock.wordings import Said

MOST: Final = 20  # claims in one look-up


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One purchase as its buyer's library shows it. ``at`` is the place of its claim in the asking;
    ``cover`` the SHA-256 of the file's picture, "" for none.
    """

    at: int
    purchase: Purchase
    standing: Standing
    refund: RefundView | None
    said: Said
    cover: str


def held_by(claim_hashes: Sequence[bytes], *, now: datetime) -> tuple[Held, ...]:
    """The purchases of these claims, in the order of the asking; unknown claims are left out.

    A creator's self-tests are none: they were never bought.
    """
    places = {claim_hash: at for at, claim_hash in reversed(list(enumerate(claim_hashes)))}
    rows = Purchase.objects.select_related("paid_file__creator__user", "paid_file__container")
    rows = rows.filter(claim_hash__in=list(places))
    bought = {
        row.id: row for row in rows.filter(Q(grant=None) | ~Q(grant__kind=GrantKind.SELFTEST))
    }
    standings = keys.standings_of(bought, now=now)
    owed = refunds.of(filter(None, (row.invoice_id for row in bought.values())))
    covers = _covers(bought.values())
    found = []
    for row in bought.values():
        standing = standings[row.id]
        refund = None if row.invoice_id is None else owed.get(row.invoice_id)
        found.append(
            Held(
                at=places[bytes(row.claim_hash)],
                purchase=row,
                standing=standing,
                refund=refund,
                said=wordings.say(standing, refund, now=now),
                cover=covers.get(row.paid_file_id, ""),
            )
        )
    return tuple(sorted(found, key=lambda each: each.at))


def claimed(claim_hash: bytes) -> Purchase:
    """The one purchase of a claim. Raises PurchaseUnknown."""
    found = Purchase.objects.filter(claim_hash=claim_hash).first()
    if found is None:
        raise PurchaseUnknown("No purchase has this claim.")
    return found


def keep_note(purchase: Purchase, note: bytes) -> None:
    """L for the buyer's other devices, sealed under the purchase's seed. The newest rules."""
    Purchase.objects.filter(id=purchase.id).update(note=note)


def _covers(bought: Iterable[Purchase]) -> dict[UUID, str]:
    shown = [
        row.paid_file_id
        for row in bought
        if row.paid_file.state in (FileState.PUBLISHED, FileState.PAUSED)
    ]
    # A list of titles is no gate: what asks for a word of assent first shows no picture here.
    rows = Cover.objects.filter(paid_file__in=shown).exclude(paid_file__showcase__is_adult=True)
    return dict(rows.values_list("paid_file_id", "sha256"))
