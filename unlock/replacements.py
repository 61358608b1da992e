"""Replacing what a file sells: another content under the same link, or the same under a new link.

What is to come is staged beside what is on sale, tested like a first publication, and put in its
place in one transaction under the file's lock: there is no moment without something to sell. Orders
that are open then stay orders of what they were made for.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import Max
from django.views.decorators.debug import sensitive_variables

from unlock import audits, container, files, hints, holds, limits, samples, sealing_keys, versions
from unlock.creator_errors import (
    ContainerTaken,
    LinkMoved,
    MoveRefused,
    ReplacementMissing,
    SecretMismatch,
    SelftestMissing,
    UploadClosed,
    UploadMissing,
    UploadNotVerified,
)
from unlock.models import Container, Grant, KeyRelease, PaidFile, Purchase, Upload, Version
from unlock.states import FileState, GrantKind, UploadState

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

    from unlock.models import Creator

LINKS_MOST: Final = 50  # links of one file, the leaked ones too
_DELETED: Final = "draft_deleted"  # as of a draft's upload: unlock.orphans
_ON_SALE: Final = (FileState.PUBLISHED, FileState.PAUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """The server's share under one link. ``meta_link`` is the description sealed under that link,
    empty where the stored object's own is.
    """

    link_generation: int
    generation: int
    wrapped_key: bytes
    h_s: str
    release_secret: bytes
    meta_link: bytes = b""

    def __repr__(self) -> str:
        return f"Key(link_generation={self.link_generation}, generation={self.generation})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """``upload`` None: the same content under the next link. ``keys``: for the link that buyers get
    from then on; with ``is_for_earlier`` for every older link as well.
    """

    upload: UUID | None
    note: str
    is_for_earlier: bool
    keys: tuple[Key, ...]


@sensitive_variables()
def stage(paid_file_id: UUID, wanted: Wanted, *, creator: Creator, now: datetime) -> PaidFile:
    """Keep what is to come, in place of what was staged before; its picture. Twice is once.

    Raises FileMissing, MoveRefused, UploadMissing, UploadClosed, UploadNotVerified, ContainerTaken,
    SecretMismatch, LinkMoved, TextInvalid; nothing moved then.
    """
    note = limits.clean_note(wanted.note)
    for key in wanted.keys:
        if not hmac.compare_digest(container.hash_commitment(key.release_secret).hex(), key.h_s):
            raise SecretMismatch("The secret does not fit its commitment.")
    with transaction.atomic():
        paid_file = _lock(paid_file_id, creator)
        present = _present(paid_file, now=now)
        held = _content(paid_file, wanted.upload)
        is_new = held.id != paid_file.container_id
        _check_links(wanted, link_generation=present.link_generation, is_new=is_new)
        facts = {"note": note, "is_for_earlier": wanted.is_for_earlier and is_new}
        if _is_staged(paid_file, held, wanted):
            versions.staged(paid_file).update(**facts)
            return versions.candidate(paid_file)
        _forget(paid_file, keeps=held.id, now=now)
        _check_generations(paid_file, wanted)
        newest = present.link_generation if is_new else present.link_generation + 1
        for key in wanted.keys:
            _add(
                paid_file,
                key,
                held=held,
                number=present.number + is_new,
                is_main=key.link_generation == newest,
                created_at=now,
                **facts,
            )
        return versions.candidate(paid_file)


def unstage(paid_file_id: UUID, *, creator: Creator, now: datetime) -> None:
    """Forget what was staged; what is on sale stays. Twice is no error. Raises FileMissing."""
    with transaction.atomic():
        _forget(files.lock(paid_file_id, creator=creator), keeps=None, now=now)


def publish(
    paid_file_id: UUID,
    *,
    creator: Creator,
    is_tested: Callable[[PaidFile], bool],
    now: datetime,
) -> PaidFile:
    """Put what is staged in the place of what is on sale. Repeating it is no error.

    ``is_tested`` as of ``files.publish``. Raises FileMissing, MoveRefused, ReplacementMissing,
    UploadNotVerified, AuditMissing, SelftestMissing; what is on sale stays on sale then.
    """
    with transaction.atomic():
        paid_file = _lock(paid_file_id, creator)
        row = versions.staged(paid_file).filter(is_main=True).select_related("container").first()
        if row is None:
            if is_tested(paid_file):  # the answer to an earlier call was lost
                return paid_file
            raise ReplacementMissing("Nothing is waiting to take this file's place.")
        if row.container.verified_at is None:
            raise UploadNotVerified("The upload is not finished and checked yet.")
        holds.check_content(row.container.content_id)
        audits.check(row.container)
        if not is_tested(versions.picture(paid_file, row)):
            raise SelftestMissing("The download was not tested with this content.")
        _swap(paid_file, row, now=now)
    return paid_file


def _swap(paid_file: PaidFile, row: Version, *, now: datetime) -> None:
    if row.container_id != paid_file.container_id:
        samples.drop(paid_file)  # its keys open nothing of the other content
    paid_file.container = row.container
    paid_file.generation, paid_file.h_s = row.generation, row.h_s
    paid_file.wrapped_key, paid_file.s_sealed = row.wrapped_key, row.s_sealed
    paid_file.save(update_fields=["container", "generation", "h_s", "wrapped_key", "s_sealed"])
    versions.staged(paid_file).update(published_at=now)
    hints.file_changed(paid_file.id)


def _lock(paid_file_id: UUID, creator: Creator) -> PaidFile:
    paid_file = files.lock(paid_file_id, creator=creator)
    if paid_file.state not in _ON_SALE:
        raise MoveRefused("A file that is {state} cannot be replaced.", state=paid_file.state)
    return paid_file


def _present(paid_file: PaidFile, *, now: datetime) -> Version:
    """The row of what is on sale; made at the first replacement."""
    found = versions.rows(paid_file.id).filter(generation=paid_file.generation).first()
    if found is not None:
        return found
    return Version.objects.create(
        paid_file=paid_file,
        container=Container.objects.get(paid_file=paid_file),
        number=1,
        link_generation=paid_file.generation,
        generation=paid_file.generation,
        wrapped_key=paid_file.wrapped_key,
        h_s=paid_file.h_s,
        s_sealed=paid_file.s_sealed,
        published_at=paid_file.published_at or now,
        created_at=paid_file.created_at,
    )


def _content(paid_file: PaidFile, upload_id: UUID | None) -> Container:
    """What is to be sold, under its lock: nobody else takes it or clears it away meanwhile."""
    if upload_id is None:
        return Container.objects.select_for_update().get(paid_file=paid_file)
    upload = Upload.objects.filter(id=upload_id, creator_id=paid_file.creator_id).first()
    if upload is None:
        raise UploadMissing("There is no such upload.")
    if upload.state in (UploadState.FAILED, UploadState.ABORTED):
        raise UploadClosed("The upload is {state}.", state=upload.state)
    held = Container.objects.select_for_update().get(id=upload.container_id)
    if held.verified_at is None:
        raise UploadNotVerified("The upload is not finished and checked yet.")
    used = versions.files_with(held.id).exclude(id=paid_file.id).exists()
    before = versions.rows(paid_file.id).filter(container=held, published_at__isnull=False)
    if used or before.exists():
        raise ContainerTaken("This upload belongs to a file already.")
    return held


def _check_links(wanted: Wanted, *, link_generation: int, is_new: bool) -> None:
    """Raises LinkMoved unless there is one key for each link that needs one."""
    newest = link_generation if is_new else link_generation + 1
    needed = range(newest + 1) if is_new and wanted.is_for_earlier else [newest]
    if sorted(key.link_generation for key in wanted.keys) != list(needed):
        raise LinkMoved("Keys are needed for the links {links}.", links=", ".join(map(str, needed)))
    if newest >= LINKS_MOST:
        raise MoveRefused("A file has at most {links_most} links.", links_most=LINKS_MOST)
    if not is_new and not wanted.keys[0].meta_link:
        raise LinkMoved("A new link needs the description sealed under it.")


def _check_generations(paid_file: PaidFile, wanted: Wanted) -> None:
    """Every S is a fresh one. Raises LinkMoved."""
    last = versions.rows(paid_file.id).aggregate(last=Max("generation"))["last"]
    fresh = {key.generation for key in wanted.keys}
    if len(fresh) != len(wanted.keys) or min(fresh) <= last:
        raise LinkMoved("Generations up to {last} were used before.", last=last)


def _is_staged(paid_file: PaidFile, held: Container, wanted: Wanted) -> bool:
    there = {
        (row.link_generation, row.generation, row.h_s, bytes(row.wrapped_key), bytes(row.meta_link))
        for row in versions.staged(paid_file).filter(container=held)
    }
    given = {
        (key.link_generation, key.generation, key.h_s, key.wrapped_key, key.meta_link)
        for key in wanted.keys
    }
    return bool(there) and there == given


@sensitive_variables()
def _add(paid_file: PaidFile, key: Key, *, held: Container, **facts: object) -> None:
    sealed = sealing_keys.seal_deposit(
        paid_file=paid_file.id,
        content_id=bytes.fromhex(held.content_id),
        release_secret=key.release_secret,
    )
    Version.objects.create(
        paid_file=paid_file,
        container=held,
        link_generation=key.link_generation,
        generation=key.generation,
        wrapped_key=key.wrapped_key,
        h_s=key.h_s,
        s_sealed=sealed,
        meta_link=key.meta_link,
        **facts,
    )


def _forget(paid_file: PaidFile, *, keeps: UUID | None, now: datetime) -> None:
    """Under the file's lock: what was staged goes, with its self-tests; its bytes a day later."""
    rows = list(versions.staged(paid_file))
    if not rows:
        return
    tests = Purchase.objects.filter(
        paid_file=paid_file,
        generation__in=[row.generation for row in rows],
        invoice_id__isnull=True,
        grant__kind=GrantKind.SELFTEST,
    )
    ids = list(tests.values_list("id", flat=True))
    KeyRelease.objects.filter(purchase__in=ids).delete()
    Grant.objects.filter(purchase__in=ids).delete()
    Purchase.objects.filter(id__in=ids).delete()
    versions.staged(paid_file).delete()
    left = {row.container_id for row in rows} - {paid_file.container_id, keeps}
    Upload.objects.filter(container__in=left).update(error_code=_DELETED, touched_at=now)
