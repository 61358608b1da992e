"""Moderation: what staff decide about reports, files and creators, and what creators answer.

Each act is one transaction: the deed, what its creator is told, and its line in the audit log. Who
paid is served further, unless a file is removed with its copies; then what still comes goes back.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q

from payments import payouts
from payments.words import Words
from unlock import account_sessions, files, holds, journal, limits, notices, storage, withdrawals
from unlock.errors import StoreError
from unlock.models import (
    Block,
    Container,
    Copy,
    Creator,
    Erasure,
    Measure,
    PaidFile,
    Report,
    Upload,
)
from unlock.moderation_errors import AppealRefused, ModerationRefused, ReasonMissing
from unlock.speech import mark
from unlock.states import (
    BlockKind,
    FileState,
    Ground,
    MeasureKind,
    NoticeKind,
    ReportState,
    UploadState,
)

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.db.models import Model

log = logging.getLogger(__name__)

_PAUSED: Final = mark("This site took “{title}” off sale: {said}")
_REMOVED: Final = mark("This site removed “{title}”: {said}")
_LIFTED: Final = mark(
    "The decision about “{title}” was lifted: {said} You can sell it again on your files page."
)
_ANSWERED: Final = mark("Your appeal about “{title}” was answered: {said}")

DELETED: Final = "moderated"  # Upload.error_code of what was deleted


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """Who decides, and why. ``reason`` is public; ``report`` is what led to it."""

    by: str
    reason: str
    ground: Ground = Ground.TERMS
    report: Report | None = None
    is_strike: bool = True


def strikes_of(creator_id: UUID) -> int:
    """Decisions in force against a creator's files that count."""
    return Measure.objects.filter(
        paid_file__creator=creator_id, is_strike=True, lifted_at=None
    ).count()


def pause(paid_file_id: UUID, ruling: Ruling, *, now: datetime) -> Measure:
    """Take a file off sale until this is lifted; its creator cannot resume it.

    Raises ReasonMissing, MoveRefused, FileMissing.
    """
    reason = clean_reason(ruling.reason)
    with transaction.atomic():
        paid_file = files.pause(paid_file_id)
        made = _measure(paid_file, MeasureKind.PAUSE, ruling, now=now)
        _tell(made, _PAUSED, now=now, said=reason)
        journal.note(paid_file, "pause", who=ruling.by, reason=reason, now=now)
    return made


def remove(paid_file_id: UUID, ruling: Ruling, *, deletes: bool, now: datetime) -> Measure:
    """Take a file off for good; what is paid from now on goes back.

    ``deletes``: nobody fetches it any more, and its copies are deleted after the grace. Raises
    ReasonMissing, MoveRefused, FileMissing.
    """
    reason = clean_reason(ruling.reason)
    with transaction.atomic():
        paid_file = files.remove(paid_file_id, reason=reason, now=now)
        if paid_file.removed_reason != reason:  # its creator had removed it before
            PaidFile.objects.filter(pk=paid_file.pk).update(removed_reason=reason)
            withdrawals.of_file(paid_file, now=now)
        _lift(holds.in_force(paid_file.pk).filter(kind=MeasureKind.PAUSE).first(), now=now)
        made = _measure(paid_file, MeasureKind.REMOVE, ruling, now=now)
        if deletes and made.deletes_at is None:
            made.deletes_at = now + timedelta(hours=settings.KIM_TAKEDOWN_GRACE_HOURS)
            made.save(update_fields=["deletes_at"])
        _tell(made, _REMOVED, now=now, said=reason)
        verb = "remove and delete" if deletes else "remove"
        journal.note(paid_file, verb, who=ruling.by, reason=reason, now=now)
    return made


def restore(measure_id: UUID, *, by: str, reason: str, now: datetime) -> PaidFile:
    """Lift a decision. What was removed is paused then, for its creator to sell again.

    Raises ReasonMissing, ModerationRefused (lifted already; its copies are deleted).
    """
    reason = clean_reason(reason)
    with transaction.atomic():
        row = Measure.objects.select_for_update().get(pk=measure_id)
        if row.lifted_at is not None or row.deleted_at is not None:
            raise ModerationRefused("It was lifted before, or the stored copies are deleted.")
        paid_file = files.lock(row.paid_file_id, creator=None)
        _lift(row, now=now)
        is_erased = Erasure.objects.filter(paid_file=paid_file.pk).exists()
        if row.kind == MeasureKind.REMOVE and not is_erased:
            paid_file.state, paid_file.removed_reason = FileState.PAUSED, ""
            paid_file.save(update_fields=["state", "removed_reason"])
        _tell(row, _LIFTED, now=now, topic="lifted", said=reason)
        journal.note(paid_file, "restore", who=by, reason=reason, now=now)
    return paid_file


def dismiss(report_id: UUID, *, by: str, statement: str, now: datetime) -> Report:
    """Nothing is done to the file. Raises ReasonMissing, ModerationRefused."""
    return _decide(report_id, ReportState.DISMISSED, by=by, statement=statement, now=now)


def act(report_id: UUID, *, by: str, statement: str, now: datetime) -> Report:
    """Something was done; the reporter reads what and why. Raises ReasonMissing, ModerationRefused."""
    return _decide(report_id, ReportState.ACTED, by=by, statement=statement, now=now)


def block_content(paid_file: PaidFile, ruling: Ruling, *, now: datetime) -> Block:
    """These very bytes are not published again. The same file, sealed anew, is another content.

    Raises ReasonMissing, ModerationRefused.
    """
    if paid_file.container is None or not paid_file.container.content_id:
        raise ModerationRefused("The file has no content.")
    return _block(BlockKind.CONTENT, paid_file.container.content_id, ruling, now=now)


def block_payout(creator: Creator, ruling: Ruling, *, now: datetime) -> Block:
    """Nothing is published for this creator's payout any more, whoever has it, and what its creator
    sells is taken off sale. Raises ReasonMissing, ModerationRefused.
    """
    payout = payouts.current(creator.id)
    if payout is None:
        raise ModerationRefused("The creator has no payout.")
    with transaction.atomic():
        made = _block(BlockKind.PAYOUT, payout.shown, ruling, now=now)
        on_sale = PaidFile.objects.filter(creator=creator, state=FileState.PUBLISHED)
        for paid_file_id in list(on_sale.values_list("id", flat=True)):
            pause(paid_file_id, ruling, now=now)
    return made


def unblock(block_id: int, *, by: str, now: datetime) -> None:
    """Lifting what is lifted is no error."""
    with transaction.atomic():
        row = Block.objects.select_for_update().get(pk=block_id)
        if row.lifted_at is None:
            row.lifted_at = now
            row.save(update_fields=["lifted_at"])
            journal.note(row, "unblock", who=by, now=now)


def sign_out(creator: Creator, *, by: str, reason: str, now: datetime) -> int:
    """End every session of a creator's; how many. Their password and tokens stay. Raises ReasonMissing."""
    said = clean_reason(reason)
    with transaction.atomic():
        ended = account_sessions.end_others(creator, None, now=now)
        journal.note(creator, "sign out", who=by, reason=said, now=now)
    return ended


def of_creator(creator: Creator) -> list[Measure]:
    """What was decided about a creator's files, newest first."""
    rows = Measure.objects.filter(paid_file__creator=creator).select_related("paid_file")
    return list(rows.order_by("-created_at")[:100])


def appeal(creator: Creator, measure_id: UUID, text: str, *, now: datetime) -> Measure:
    """Once for each decision. Raises AppealRefused, ReasonMissing, TextInvalid, LinkSecretInText."""
    clean = limits.clean_report(text)
    if len(clean) < 10:
        raise ReasonMissing("Say why the decision is wrong.", hint="A few words are enough.")
    with transaction.atomic():
        row = (
            Measure.objects.select_for_update(of=("self",))
            .filter(pk=measure_id, paid_file__creator=creator, lifted_at=None, appealed_at=None)
            .first()
        )
        if row is None:
            raise AppealRefused("There is nothing to appeal.")
        row.appeal, row.appealed_at = clean, now
        row.save(update_fields=["appeal", "appealed_at"])
        journal.note(row.paid_file, "appeal", who=str(creator), now=now)
    return row


def refuse_appeal(measure_id: UUID, *, by: str, answer: str, now: datetime) -> Measure:
    """The decision stands. Raises ReasonMissing, ModerationRefused."""
    return _answer(measure_id, by=by, answer=answer, now=now)


def grant_appeal(measure_id: UUID, *, by: str, answer: str, now: datetime) -> Measure:
    """The decision is lifted. Raises ReasonMissing, ModerationRefused, also once copies are gone."""
    with transaction.atomic():
        row = _answer(measure_id, by=by, answer=answer, now=now)
        restore(measure_id, by=by, reason=answer[: limits.REASON_MAX], now=now)
    return row


def delete_due(*, now: datetime, limit: int = 20) -> int:
    """Delete the copies of what was removed once its grace is over; how many files. Repeatable."""
    due = Measure.objects.filter(
        kind=MeasureKind.REMOVE, deletes_at__lte=now, deleted_at=None, lifted_at=None
    )
    return sum(_delete(row, now=now) for row in due.select_related("paid_file")[:limit])


def _delete(row: Measure, *, now: datetime) -> bool:
    """Rows first say that nothing is there, then the objects go; what fails is tried again."""
    of_file = Q(paid_file=row.paid_file) | Q(versions__paid_file=row.paid_file)
    held = list(Container.objects.filter(of_file).values_list("id", flat=True).distinct())
    with transaction.atomic():
        if Measure.objects.select_for_update().get(pk=row.pk).lifted_at is not None:
            return False
        Container.objects.filter(id__in=held).update(verified_at=None)
        Copy.objects.filter(container__in=held).update(verified_at=None, wanted_at=None)
        Upload.objects.filter(container__in=held, state=UploadState.VERIFIED).update(
            state=UploadState.FAILED, error_code=DELETED, touched_at=now
        )
    for copy in Copy.objects.filter(container__in=held, url=""):
        try:
            storage.get(copy.store).delete(copy.object_key)
        except StoreError as error:
            log.warning("copy %s cannot be deleted yet: %s", copy.id, error.code)
            return False
    with transaction.atomic():
        Copy.objects.filter(container__in=held).exclude(url="").delete()
        if Measure.objects.filter(pk=row.pk, deleted_at=None).update(deleted_at=now):
            journal.note(row.paid_file, "copies deleted", who=journal.SYSTEM, now=now)
    return True


def _measure(paid_file: PaidFile, kind: MeasureKind, ruling: Ruling, *, now: datetime) -> Measure:
    """The decision in force, or a new one. The file is locked by the deed before."""
    known = holds.in_force(paid_file.pk).filter(kind=kind).first()
    if known is not None:
        return known
    return Measure.objects.create(
        paid_file=paid_file,
        report=ruling.report,
        kind=kind,
        ground=ruling.ground,
        reason=clean_reason(ruling.reason),
        is_strike=ruling.is_strike,
        decided_by=ruling.by,
        created_at=now,
    )


def _lift(row: Measure | None, *, now: datetime) -> None:
    if row is not None:
        row.lifted_at = now
        row.save(update_fields=["lifted_at"])


def _decide(
    report_id: UUID, state: ReportState, *, by: str, statement: str, now: datetime
) -> Report:
    said = clean_reason(statement, most=limits.STATEMENT_MAX)
    with transaction.atomic():
        row = Report.objects.select_for_update().get(pk=report_id)
        if row.state != ReportState.OPEN:
            raise ModerationRefused("This report was {state} already.", state=row.state)
        row.state, row.statement, row.decided_at, row.decided_by = state, said, now, by
        row.mail_due_at = now if row.email else None
        row.save(update_fields=["state", "statement", "decided_at", "decided_by", "mail_due_at"])
        journal.note(row, str(state), who=by, reason=said, now=now)
    return row


def _answer(measure_id: UUID, *, by: str, answer: str, now: datetime) -> Measure:
    said = clean_reason(answer, most=limits.STATEMENT_MAX)
    with transaction.atomic():
        row = Measure.objects.select_for_update().get(pk=measure_id)
        if row.appealed_at is None or row.answered_at is not None:
            raise ModerationRefused("There is no appeal that waits.")
        row.answer, row.answered_at, row.answered_by = said, now, by
        row.save(update_fields=["answer", "answered_at", "answered_by"])
        _tell(row, _ANSWERED, now=now, topic="answer", said=said)
        journal.note(row.paid_file, "appeal answered", who=by, reason=said, now=now)
    return row


def _block(kind: BlockKind, value: str, ruling: Ruling, *, now: datetime) -> Block:
    reason = clean_reason(ruling.reason)
    try:
        with transaction.atomic():
            made = Block.objects.create(
                kind=kind, value=value, reason=reason, decided_by=ruling.by, created_at=now
            )
            journal.note(made, f"block {kind}", who=ruling.by, reason=reason, now=now)
    except IntegrityError as error:
        raise ModerationRefused("It is blocked already.") from error
    return made


def _tell(row: Measure, pattern: str, *, now: datetime, said: str, topic: str = "") -> None:
    notices.tell(
        row.paid_file.creator_id,
        NoticeKind.MODERATED,
        topic=f"{row.pk}:{topic}" if topic else str(row.pk),
        text=Words.of(pattern, title=_title(row.paid_file), said=said),
        now=now,
    )


def clean_reason(text: str, *, most: int = limits.REASON_MAX) -> str:
    """Raises ReasonMissing."""
    clean = " ".join(limits.clean_report(text).split())[:most]
    if not clean:
        raise ReasonMissing("A decision needs a reason.")
    return clean


def _title(subject: Model) -> str:
    return str(subject)[: notices.TITLE_MAX]
