"""Files that were paid and could not be opened, told by the buyer's page with the step that failed.

Nobody here could check it: neither the key nor the bytes arrive. So it is a claim: buyer, creator
and staff read the same words, and the creator decides whether money goes back.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from payments import refunds
from payments.words import Words
from unlock import keys, notices, speech
from unlock.errors import NotPaid
from unlock.models import Failure, Purchase
from unlock.speech import mark
from unlock.states import NoticeKind

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from unlock.models import Creator

MOST: Final = 100
_DETAIL_MAX: Final = 300


class Step(StrEnum):
    """Where it failed, in the order of opening."""

    OPEN = "open"
    DIRECTORY = "directory"
    SEGMENT = "segment"
    FILE = "file"


class Code(StrEnum):
    """What was wrong; names of the container's refusals, and of a store that has no such bytes."""

    WRONG_KEY = "wrong_key"
    FORGED = "forged"
    DAMAGED = "damaged"
    TRUNCATED = "truncated"
    BAD_DIRECTORY = "bad_directory"
    STORE_UNREADABLE = "store_unreadable"
    COPIES_DAMAGED = "copies_damaged"


_STEPS: Final = {
    Step.OPEN: mark("Unlocking the file"),
    Step.DIRECTORY: mark("Reading the list of files"),
    Step.SEGMENT: mark("Opening the bytes"),
    Step.FILE: mark("Comparing a file with the list"),
}
_CODES: Final = {
    Code.WRONG_KEY: mark("the key that was released does not open what is stored"),
    Code.FORGED: mark("it does not hold what was promised when it was sealed"),
    Code.DAMAGED: mark("the stored bytes are not those that were sold"),
    Code.TRUNCATED: mark("bytes are missing at the end"),
    Code.BAD_DIRECTORY: mark("the list of its files is not sound"),
    Code.STORE_UNREADABLE: mark("no copy of it has these bytes any more"),
    Code.COPIES_DAMAGED: mark("every copy of it is damaged or gone"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a buyer's page says. ``segment`` is the first bad one, where one is known."""

    step: Step
    code: Code
    segment: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureView:
    """One failure, in words. ``note`` says how it was settled, once ``closed_at`` is set."""

    purchase_id: UUID
    step: Step
    code: Code
    segment: int | None
    says: str
    note: str
    created_at: datetime
    closed_at: datetime | None


def note(purchase: Purchase, told: Told, *, now: datetime) -> FailureView:
    """Write a failure down and tell the creator; once per step and code. Raises ``NotPaid``."""
    if not keys.standing_of(purchase.id, now=now).is_open:
        raise NotPaid("What is not paid cannot have failed.")
    row, is_new = Failure.objects.get_or_create(
        purchase=purchase,
        step=told.step,
        code=told.code,
        defaults={"segment": told.segment, "created_at": now},
    )
    if is_new and not purchase.is_proof:
        title = purchase.paid_file.title
        notices.tell(
            purchase.paid_file.creator_id,
            NoticeKind.REFUND_DUE,
            topic=f"{purchase.id}:{told.step}:{told.code}",
            text=Words.of(
                "A buyer of “{title}” paid and cannot open it. {why}",
                title=title[: notices.TITLE_MAX],
                why=_words(row),
            ),
            purchase_id=purchase.id,
            now=now,
        )
    return _view(row)


def of(purchase_id: UUID) -> tuple[FailureView, ...]:
    """All of one purchase, the oldest first."""
    rows = Failure.objects.filter(purchase=purchase_id).order_by("created_at", "pk")
    return tuple(_view(row) for row in rows)


def open_of(creator_id: UUID) -> tuple[FailureView, ...]:
    """What waits for a creator's decision, one per purchase, the oldest first: no money is owed
    back for it yet, and it was not settled in another way.
    """
    rows = (
        Failure.objects.filter(
            closed_at=None, purchase__is_proof=False, purchase__paid_file__creator=creator_id
        )
        .select_related("purchase")
        .order_by("created_at", "pk")[:MOST]
    )
    first: dict[UUID, Failure] = {}
    for row in rows:
        first.setdefault(row.purchase_id, row)
    owed = _repaid(row.purchase for row in first.values())
    return tuple(_view(row) for row in first.values() if row.purchase_id not in owed)


def is_open(purchase: Purchase) -> bool:
    """Whether this purchase's creator still has to decide."""
    waits = Failure.objects.filter(purchase=purchase, closed_at=None).exists()
    return waits and purchase.id not in _repaid([purchase])


def close(creator: Creator, purchase_id: UUID, *, note: str, now: datetime) -> int:
    """Settled in another way, which the buyer reads; how many failures that closes."""
    return Failure.objects.filter(
        purchase=purchase_id, purchase__paid_file__creator=creator, closed_at=None
    ).update(closed_at=now, detail=note.strip()[:_DETAIL_MAX])


def _repaid(bought: Iterable[Purchase]) -> set[UUID]:
    """Purchases with a refund, open or closed: its own task and notes tell the rest."""
    of_invoice = {row.invoice_id: row.id for row in bought if row.invoice_id is not None}
    return {of_invoice[invoice_id] for invoice_id in refunds.of(of_invoice)}


def _words(row: Failure) -> Words:
    step, why = Words(_STEPS[Step(row.step)]), Words(_CODES[Code(row.code)])
    if row.segment is None:
        return Words.of("{step} failed: {why}.", step=step, why=why)
    return Words.of(
        "{step} failed (at segment {segment}): {why}.", step=step, segment=row.segment, why=why
    )


def _view(row: Failure) -> FailureView:
    return FailureView(
        purchase_id=row.purchase_id,
        step=Step(row.step),
        code=Code(row.code),
        segment=row.segment,
        says=speech.tell(_words(row)),
        note=row.detail,
        created_at=row.created_at,
        closed_at=row.closed_at,
    )
