"""A change of where the money goes, once files are on sale: asked for, told, and done a day later.

Whoever took over a browser can ask for one; the creator is told at once, by e-mail as well, and stops
it from any browser that is signed in. Open invoices keep their payout in any case. The sweep applies
what is due. What waits is sealed at rest, as payouts are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import transaction

from payments import payouts
from payments.errors import ServiceError
from payments.words import Words
from unlock import at_rest, container, notices
from unlock.models import Creator, PaidFile, PayoutChange
from unlock.speech import mark
from unlock.states import NoticeKind

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

AT_ONCE: Final = 100  # changes that one sweep applies

_ASKED: Final = mark(
    "Your payout is to become {payout} on {moment}. If that was not you, stop it in your settings,"
    " and change your password."
)
_STOPPED: Final = mark("The change of your payout was stopped.")
_APPLIED: Final = mark(
    "Your payout is {payout} now. Download your key file again: it lacks this one."
)
_REFUSED: Final = mark("Your payout stays as it is. {why}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """``shown`` as a payout is shown: an xpub shortened."""

    id: UUID
    shown: str
    asked_at: datetime
    due_at: datetime


def must_wait(creator: Creator) -> bool:
    """Whether anything was ever published: before that there is no income to lead astray."""
    if settings.KIM_PAYOUT_WAIT_SECONDS == 0:
        return False
    return PaidFile.objects.filter(creator=creator, published_at__isnull=False).exists()


def ask(creator: Creator, value: str, *, now: datetime) -> Waiting:
    """Let a change wait; one that waits already is stopped. The same value again keeps its time.

    Raises what ``payouts.inspect`` does.
    """
    shown = payouts.inspect(value).shown
    with transaction.atomic():
        _lock(creator)
        before = _open_of(creator).first()
        if before is not None and _unseal(before) == value:
            return _waiting(before)
        _open_of(creator).update(stopped_at=now, value="")
        due_at = now + timedelta(seconds=settings.KIM_PAYOUT_WAIT_SECONDS)
        row = PayoutChange(creator=creator, asked_at=now, due_at=due_at)
        row.value = _seal(row.id, value)
        row.save()
        text = Words(_ASKED, {"payout": shown, "moment": due_at})
        _tell(row, "asked", text, now=now)
    return _waiting(row)


def waiting(creator: Creator) -> Waiting | None:
    row = _open_of(creator).first()
    return None if row is None else _waiting(row)


def stop(creator: Creator, *, now: datetime) -> bool:
    """Whether one was stopped. None that waits is no error."""
    with transaction.atomic():
        _lock(creator)
        row = _open_of(creator).first()
        if row is None:
            return False
        _close(row, stopped_at=now)
        _tell(row, "stopped", Words(_STOPPED), now=now)
    return True


def apply_due(*, now: datetime) -> int:
    """Apply what is due, each in a transaction of its own; how many. Twice at once does no harm."""
    due = PayoutChange.objects.filter(applied_at=None, stopped_at=None, due_at__lte=now)
    rows = due.filter(creator__suspended_at=None).order_by("due_at").values_list("pk", "creator_id")
    return sum(_apply(pk, creator_id, now=now) for pk, creator_id in rows[:AT_ONCE])


def _apply(change_id: UUID, creator_id: UUID, *, now: datetime) -> bool:
    """A value that is refused by now (it became an order's address, say) is stopped, and told."""
    with transaction.atomic():
        Creator.objects.select_for_update().get(pk=creator_id)
        row = PayoutChange.objects.filter(pk=change_id, applied_at=None, stopped_at=None).first()
        if row is None:
            return False
        value = _unseal(row)
        try:
            with transaction.atomic():
                _close(row, applied_at=now)
                shown = payouts.inspect(value).shown
                _tell(row, "applied", Words(_APPLIED, {"payout": shown}), now=now)
                # Last: after a lock of payments none of ours is taken (docs/locking.md).
                payouts.set_current(creator_id, value, now=now)
        except ServiceError as error:
            _close(row, stopped_at=now)
            _tell(row, "refused", Words(_REFUSED, {"why": error.words}), now=now)
            return False
    return True


def _close(row: PayoutChange, **at: datetime) -> None:
    PayoutChange.objects.filter(pk=row.pk).update(value="", **at)


def _open_of(creator: Creator) -> QuerySet[PayoutChange]:
    return PayoutChange.objects.filter(creator=creator, applied_at=None, stopped_at=None)


def _lock(creator: Creator) -> None:
    Creator.objects.select_for_update().get(pk=creator.pk)


def _waiting(row: PayoutChange) -> Waiting:
    shown = payouts.inspect(_unseal(row)).shown
    return Waiting(id=row.id, shown=shown, asked_at=row.asked_at, due_at=row.due_at)


def _tell(row: PayoutChange, what: str, text: Words, *, now: datetime) -> None:
    topic = f"{row.id}:{what}"
    notices.tell(row.creator_id, NoticeKind.PAYOUT_WAITS, topic=topic, text=text, now=now)


def _seal(change_id: UUID, value: str) -> str:
    """In base64url, as the column is text."""
    return container.encode_b64url(at_rest.seal(value.encode(), bound=bound_to(change_id)))


def _unseal(row: PayoutChange) -> str:
    sealed = container.decode_b64url(row.value)
    return at_rest.unseal(sealed, bound=bound_to(row.id)).decode()


def bound_to(change_id: UUID) -> bytes:
    return b"kim payout change" + change_id.bytes
