"""Reports: anybody may say that a file should not be sold, and prove it with one segment of it.

A proof is the segment's row of the index, its Merkle path and its key: with them everybody can check
that this very piece belongs to what is sold, and opens to what a moderator sees. It opens nothing else.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidTag
from django.core.cache import cache
from django.db.models import Q
from django.views.decorators.debug import sensitive_variables
from redis.exceptions import RedisError

from payments.words import Words
from unlock import at_rest, committed, container, copies, files, limits, speech
from unlock.creator_errors import FileMissing
from unlock.errors import Damaged, StoreError
from unlock.models import Container, Report
from unlock.moderation_errors import (
    ProofUnreadable,
    ProofWrong,
    ReportInvalid,
    ReportMissing,
    ReportsEnough,
)
from unlock.states import FileState, ReportKind, ReportState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from unlock.container import CoreHeader
    from unlock.models import PaidFile

OPEN_MOST: Final = 200  # reports of one file that wait: more tell a moderator nothing new
A_DAY_FROM_ONE: Final = 3  # of one file, from one address
ROW_BYTES: Final = 64
PATH_MOST: Final = 64
NAME_MAX: Final = 200
WORK_MAX: Final = 1000
_DAY_SECONDS: Final = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """``row``: SHA-256 of the stored segment 32 || kc 32. ``key``: DEK of this segment alone."""

    content_id: str
    segment: int
    row: bytes
    path: tuple[bytes, ...]
    key: bytes

    def __repr__(self) -> str:
        return f"Proof(content_id={self.content_id!r}, segment={self.segment})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a reporter writes. ``source``: the address it comes from; counted, not kept."""

    kind: ReportKind
    text: str
    email: str = ""
    name: str = ""
    work: str = ""
    is_good_faith: bool = False
    proof: Proof | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """One segment. ``plain`` is None where the committed key does not open the committed bytes:
    then whoever sealed the file sold what opens to nothing.
    """

    segment: int
    plain: bytes | None


@sensitive_variables()
def make(paid_file_id: UUID, said: Said, *, now: datetime) -> Report:
    """Keep a report. Raises FileMissing (also for a draft), ReportInvalid, TextInvalid,
    LinkSecretInText, ProofWrong, ReportsEnough; nothing is kept then.
    """
    paid_file = files.find(paid_file_id)
    if paid_file.state == FileState.DRAFT:
        raise FileMissing("There is no such file.")
    row = Report(
        reference=secrets.token_urlsafe(18),
        paid_file=paid_file,
        kind=said.kind,
        text=limits.clean_report(said.text),
        email=said.email,
        language=speech.language(),
        name=limits.clean_report(said.name, most=NAME_MAX),
        work=limits.clean_report(said.work, most=WORK_MAX),
        is_good_faith=said.is_good_faith,
        content_id=paid_file.container.content_id if paid_file.container else "",
        created_at=now,
    )
    _check_words(row)
    if said.proof is not None:
        _attach(row, said.proof)
    _count(paid_file, said.source)
    row.save(force_insert=True)
    return row


def find(reference: str) -> Report:
    """By what its reporter was given. Raises ReportMissing."""
    row = Report.objects.select_related("paid_file").filter(reference=reference).first()
    if row is None:
        raise ReportMissing("There is no such report.")
    return row


@sensitive_variables()
def open_segment(report: Report, *, now: datetime) -> Opened:
    """The one segment that was proved, fetched and opened. Raises ProofUnreadable, ProofWrong."""
    if report.segment is None:
        raise ProofUnreadable("This report has no proof.")
    held = _content(report.paid_file, report.content_id)
    try:
        key = at_rest.unseal(bytes(report.sealed_key), bound=bound_to(report.id))
    except InvalidTag as error:
        raise ProofUnreadable("The key of the proof cannot be read.") from error
    row = bytes(report.proof)[:ROW_BYTES]
    core = committed.core_of(held)
    stored = _read(held, core, report.segment, row, now=now)
    is_final = core.is_final(report.segment)
    return Opened(
        report.segment, container.open_segment(key, report.segment, stored, is_final=is_final)
    )


def check(core: CoreHeader, proof: Proof) -> None:
    """Raise ProofWrong unless row and path lead to the content_id, and the key is the committed one."""
    try:
        root = container.root_from(core, proof.segment, proof.row, proof.path)
    except Damaged as error:
        raise ProofWrong.after(error) from error
    if container.content_id(core, root).hex() != proof.content_id:
        raise ProofWrong("The path does not lead to what is sold.")
    if container.key_commitment(core.file_id, proof.segment, proof.key) != proof.row[32:]:
        raise ProofWrong("The key is not the one that was committed for this segment.")


def _attach(row: Report, proof: Proof) -> None:
    held = _content(row.paid_file, proof.content_id)
    check(committed.core_of(held), proof)
    row.content_id, row.segment = proof.content_id, proof.segment
    row.proof = proof.row + b"".join(proof.path)
    row.sealed_key = at_rest.seal(proof.key, bound=bound_to(row.id))


def _content(paid_file: PaidFile, content_id: str) -> Container:
    """What this file sells, or a version of it sold. Raises ProofWrong."""
    named = Q(paid_file=paid_file) | Q(versions__paid_file=paid_file)
    held = Container.objects.filter(named, content_id=content_id).distinct().first()
    if held is None or not content_id:
        raise ProofWrong("This file never sold that content.")
    return held


def _read(held: Container, core: CoreHeader, segment: int, row: bytes, *, now: datetime) -> bytes:
    """The stored bytes of one segment, from the first copy that gives them as they were committed."""
    offset, size_bytes = core.segment_range(segment)
    for copy, store in copies.served(held.id, now=now):
        try:
            stored = store.read_range(
                copy.object_key, offset=offset, size_bytes=size_bytes, etag=copy.etag
            )
        except StoreError:
            continue
        if hashlib.sha256(stored).digest() == row[:32]:
            return stored
    raise ProofUnreadable("No copy of the file gives this piece any more.")


def _check_words(row: Report) -> None:
    if row.kind != ReportKind.RIGHTS and len(row.text) < 10:
        raise ReportInvalid("Say what is wrong with the file.")
    if row.kind != ReportKind.RIGHTS:
        row.name = row.work = ""
        row.is_good_faith = False
        return
    missing = [
        what
        for what, is_there in (
            (Words("your name"), row.name),
            (Words("an e-mail address"), row.email),
            (Words("the work"), row.work),
            (Words("why its sale here is not allowed"), len(row.text) >= 10),
            (Words("that you say so in good faith"), row.is_good_faith),
        )
        if not is_there
    ]
    if missing:
        raise ReportInvalid(
            "A notice of a rights holder needs {missing}.", missing=Words.listed(missing)
        )


def _count(paid_file: PaidFile, source: str) -> None:
    """Raises ReportsEnough."""
    waiting = Report.objects.filter(paid_file=paid_file, state=ReportState.OPEN).count()
    if waiting >= OPEN_MOST:
        raise ReportsEnough("{waiting} reports of this file wait already.", waiting=waiting)
    key = f"reports:{paid_file.id}:{source}"
    try:
        cache.add(key, 0, _DAY_SECONDS)
        count = cache.incr(key)
    except (RedisError, ValueError):  # losing Redis must not silence anybody
        return
    if count > A_DAY_FROM_ONE:
        raise ReportsEnough("You reported this file often enough for one day.")


def bound_to(report_id: UUID) -> bytes:
    """What a proof's key is sealed with, so that it opens in its own row alone."""
    return b"report" + report_id.bytes


def split_path(raw: bytes) -> Sequence[bytes]:
    """The hashes of a path as it is stored or sent, 32 bytes each. Raises ProofWrong."""
    if len(raw) % 32 or len(raw) > PATH_MOST * 32:
        raise ProofWrong("A path is made of hashes of 32 bytes each.")
    return tuple(raw[at : at + 32] for at in range(0, len(raw), 32))
