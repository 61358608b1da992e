"""A creator is shut out, told why, and may appeal once; nothing else opens to them by that.

Each act is one transaction: the deed, what the creator is told (by e-mail too, where they confirmed
an address), and its line in the audit log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db import transaction

from payments.words import Words
from unlock import creators, journal, limits, notices
from unlock.models import ClosedAccount, Creator, Suspension
from unlock.moderation import clean_reason
from unlock.moderation_errors import AppealRefused, ModerationRefused, ReasonMissing
from unlock.speech import mark
from unlock.states import Ground, NoticeKind

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from unlock.moderation import Ruling

APPEAL_LEAST: Final = 10
APPEAL_MAX: Final = 2000

_SUSPENDED: Final = mark("This site suspended your account: {said}")
_LIFTED: Final = mark("The suspension of your account was lifted: {said}")
_UPHELD: Final = mark("Your appeal was answered, and your account stays suspended: {said}")


def suspend(creator: Creator, ruling: Ruling, *, now: datetime) -> Suspension:
    """No login, nothing sold; who bought stays served. Twice is once. Raises ReasonMissing."""
    reason = clean_reason(ruling.reason)
    with transaction.atomic():
        locked = _lock(creator)
        if locked.suspended_at is None:  # what a version without these rows has lifted
            Suspension.objects.filter(creator=locked, lifted_at=None).update(lifted_at=now)
        row, is_new = Suspension.objects.get_or_create(
            creator=locked,
            lifted_at=None,
            defaults={
                "report": ruling.report,
                "ground": ruling.ground,
                "reason": reason,
                "decided_by": ruling.by,
                "created_at": now,
            },
        )
        creators.suspend(creator, now=now)
        journal.note(creator, "suspend", who=ruling.by, reason=reason, now=now)
        if is_new:
            _tell(row, _SUSPENDED, said=reason, now=now)
    return row


def reinstate(creator: Creator, *, by: str, reason: str, now: datetime) -> None:
    """Raises ReasonMissing, and ModerationRefused for an account that its creator closed."""
    said = clean_reason(reason)
    if ClosedAccount.objects.filter(creator=creator).exists():
        raise ModerationRefused("Its creator closed this account.")
    with transaction.atomic():
        row = Suspension.objects.filter(creator=_lock(creator), lifted_at=None).first()
        if row is not None:
            _lift(row, said=said, now=now)
        creators.reinstate(creator)
        journal.note(creator, "reinstate", who=by, reason=said, now=now)


def newest(creator: Creator) -> Suspension | None:
    """The one in force, or else the last one."""
    rows = Suspension.objects.filter(creator=creator)
    return rows.filter(lifted_at=None).first() or rows.order_by("-created_at").first()


def note_earlier(creator: Creator) -> None:
    """Whoever was suspended before there were rows gets one, without the reason: it was not
    written for them.
    """
    if creator.suspended_at is None:
        return
    Suspension.objects.get_or_create(
        creator=creator,
        lifted_at=None,
        defaults={"ground": Ground.TERMS, "created_at": creator.suspended_at},
    )


def appeal(creator: Creator, text: str, *, now: datetime) -> Suspension:
    """Once for each suspension. Raises AppealRefused, ReasonMissing, TextInvalid, LinkSecretInText."""
    clean = limits.clean_report(text, most=APPEAL_MAX)
    if len(clean) < APPEAL_LEAST:
        raise ReasonMissing("Say why the decision is wrong.", hint="A few words are enough.")
    with transaction.atomic():
        open_ones = Suspension.objects.select_for_update(of=("self",))
        row = open_ones.filter(creator=creator, lifted_at=None, appealed_at=None).first()
        if row is None:
            raise AppealRefused("There is nothing to appeal.")
        row.appeal, row.appealed_at = clean, now
        row.save(update_fields=["appeal", "appealed_at"])
        journal.note(creator, "appeal", who=str(creator), now=now)
    return row


def uphold(suspension_id: UUID, *, by: str, answer: str, now: datetime) -> Suspension:
    """The account stays suspended. Raises ReasonMissing, ModerationRefused."""
    with transaction.atomic():
        row = _answer(suspension_id, by=by, answer=answer, now=now)
        _tell(row, _UPHELD, said=row.answer, topic="answer", now=now)
    return row


def grant(suspension_id: UUID, *, by: str, answer: str, now: datetime) -> Suspension:
    """The creator comes back. Raises ReasonMissing, ModerationRefused."""
    with transaction.atomic():
        row = _answer(suspension_id, by=by, answer=answer, now=now)
        reinstate(row.creator, by=by, reason=row.answer[: limits.REASON_MAX], now=now)
    return row


def _answer(suspension_id: UUID, *, by: str, answer: str, now: datetime) -> Suspension:
    said = clean_reason(answer, most=limits.REASON_MAX)
    row = Suspension.objects.select_for_update(of=("self",)).get(pk=suspension_id)
    if row.appealed_at is None or row.answered_at is not None or row.lifted_at is not None:
        raise ModerationRefused("There is no appeal that waits.")
    row.answer, row.answered_at, row.answered_by = said, now, by
    row.save(update_fields=["answer", "answered_at", "answered_by"])
    journal.note(row.creator, "appeal answered", who=by, reason=said, now=now)
    return row


def _lock(creator: Creator) -> Creator:
    """Of two decisions at a time the second one sees the first."""
    return Creator.objects.select_for_update(of=("self",)).get(pk=creator.pk)


def _lift(row: Suspension, *, said: str, now: datetime) -> None:
    row.lifted_at = now
    row.save(update_fields=["lifted_at"])
    _tell(row, _LIFTED, said=said, topic="lifted", now=now)


def _tell(row: Suspension, pattern: str, *, said: str, topic: str = "", now: datetime) -> None:
    notices.tell(
        row.creator_id,
        NoticeKind.MODERATED,
        topic=f"{row.pk}:{topic}" if topic else str(row.pk),
        text=Words.of(pattern, said=said),
        now=now,
    )
