"""Uploads, from the creator's side: begin, sign parts, report, complete, abort.

The bytes go from the browser to the store; this server signs, counts and compares. What a worker
does after ``complete`` stands in ``verification``. States change by compare-and-set only: whoever
changes no row was second, and finds the work done.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import IntegrityError, transaction

from unlock import container, instances, limits, quotas, storage
from unlock.creator_errors import (
    FileTooLarge,
    PartNumberInvalid,
    PartsMissing,
    SizeMismatch,
    TooManyUploads,
    UploadClosed,
    UploadExpired,
    UploadKnown,
    UploadMissing,
)
from unlock.errors import MultipartMissing, StoreError
from unlock.models import Container, Copy, Creator, Upload
from unlock.moderation_errors import QuotaReached
from unlock.speech import mark
from unlock.states import UPLOAD_MOVES, UploadState

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from unlock.storage import SignedRequest, StoredPart

_NAMED_PARTS = 20


def begin(creator: Creator, *, size_bytes: int, core_header: bytes, now: datetime) -> Upload:
    """Start the transfer of one container. Repeating it gives the same open upload.

    Raises what ``CoreHeader.parse`` raises, SizeMismatch, FileTooLarge, TooManyUploads, QuotaReached,
    InstanceClosing, UploadKnown and StoreUnavailable.
    """
    core = container.CoreHeader.parse(core_header)
    if core.total_bytes != size_bytes:
        raise SizeMismatch(
            "The header promises {total_bytes} bytes, not {size_bytes}.",
            total_bytes=core.total_bytes,
            size_bytes=size_bytes,
        )
    if core.payload_bytes > settings.KIM_MAX_FILE_BYTES:
        raise FileTooLarge(
            "The limit is {most} bytes.",
            most=settings.KIM_MAX_FILE_BYTES,
        )
    known = _known(creator, core)
    if known is not None:
        return known
    instances.check_open()
    if Upload.objects.filter(creator=creator, state=UploadState.OPEN).count() >= (
        limits.OPEN_UPLOADS_MAX
    ):
        raise TooManyUploads("{open} uploads are open.", open=limits.OPEN_UPLOADS_MAX)
    quotas.check(creator, size_bytes)
    return _create(creator, core, now=now)


def find(upload_id: UUID, *, creator: Creator) -> Upload:
    """Raises UploadMissing, also for somebody else's."""
    upload = (
        Upload.objects.select_related("container", "copy")
        .filter(id=upload_id, creator=creator)
        .first()
    )
    if upload is None:
        raise UploadMissing("There is no such upload.")
    return upload


def sign_parts(
    upload: Upload, numbers: Iterable[int], *, now: datetime
) -> tuple[tuple[int, SignedRequest], ...]:
    """Sign a PUT for each of at most 20 parts. Raises UploadClosed, PartNumberInvalid."""
    wanted = sorted(set(numbers))
    if not wanted or len(wanted) > limits.PRESIGN_BATCH:
        raise PartNumberInvalid(
            "Between 1 and {most} parts are signed at a time.",
            most=limits.PRESIGN_BATCH,
        )
    if wanted[0] < 1 or wanted[-1] > upload.part_count:
        raise PartNumberInvalid(
            "The parts are numbered 1 to {part_count}.", part_count=upload.part_count
        )
    if not Upload.objects.filter(id=upload.id, state=UploadState.OPEN).update(touched_at=now):
        raise UploadClosed("The upload is {state}.", state=upload.state)
    store = storage.get(upload.copy.store)
    return tuple(
        (
            number,
            store.sign_part(
                upload.copy.object_key,
                upload.multipart_id,
                number=number,
                size_bytes=_size_of(upload, number),
                now=now,
            ),
        )
        for number in wanted
    )


def list_parts(upload: Upload) -> tuple[StoredPart, ...]:
    """What the store holds of an open upload; nothing once it is closed. Raises UploadExpired."""
    if upload.state != UploadState.OPEN:
        return ()
    try:
        return storage.get(upload.copy.store).list_parts(
            upload.copy.object_key, upload.multipart_id
        )
    except MultipartMissing as error:
        upload.refresh_from_db()
        if upload.state != UploadState.OPEN:  # completed or aborted in this moment
            return ()
        raise UploadExpired("The store no longer knows this upload.") from error


def resumable_parts(
    upload: Upload, *, after: int, limit: int
) -> tuple[tuple[StoredPart, ...], bool]:
    """One page of what the store holds, from the part behind ``after``, and whether it is the last.

    Raises UploadClosed for an upload that takes no more parts, UploadExpired.
    """
    if upload.state != UploadState.OPEN:
        raise UploadClosed("The upload is {state}.", state=upload.state)
    following = tuple(part for part in list_parts(upload) if part.number > after)
    return following[:limit], len(following) <= limit


def complete(upload: Upload, *, content_id: str, now: datetime) -> bool:
    """Accept the upload: from here on the worker finishes it, whatever dies in between.

    1. Every part is there, with exactly its size; otherwise PartsMissing, and it stays open.
    2. Compare-and-set to ``completing``. True if this call did it, False if one before did.

    Raises UploadClosed if it was closed, or completed as another ``content_id``; UploadExpired.
    """
    if upload.state == UploadState.OPEN:
        wrong = wrong_parts(upload, list_parts(upload))
        upload.refresh_from_db()
        if wrong and upload.state == UploadState.OPEN:
            shown = ", ".join(map(str, wrong[:_NAMED_PARTS]))
            raise PartsMissing(
                "{count} parts are missing or of the wrong size: {shown}.",
                count=len(wrong),
                shown=shown,
            )
        if _accept(upload, content_id=content_id, now=now):
            return True
    upload.refresh_from_db()
    is_repeat = upload.claimed_content_id == content_id and upload.state != UploadState.ABORTED
    if not is_repeat:
        raise UploadClosed("The upload is {state}.", state=upload.state)
    return False


def abort(upload: Upload, *, now: datetime) -> None:
    """Give an open upload up. Aborting twice is no error. Raises UploadClosed once it is accepted."""
    if move(upload.id, UploadState.OPEN, UploadState.ABORTED, touched_at=now):
        upload.refresh_from_db()
        clean(upload)
        return
    upload.refresh_from_db()
    if upload.state not in {UploadState.ABORTED, UploadState.FAILED}:
        raise UploadClosed("The upload is {state}.", state=upload.state)


def abort_stale(*, now: datetime, limit: int = 200) -> int:
    """The sweep: give up what nobody touched for long, and clear what a crash left behind."""
    stale_at = now - timedelta(hours=settings.KIM_UPLOAD_STALE_HOURS)
    stale = Upload.objects.filter(state=UploadState.OPEN, touched_at__lt=stale_at)
    reason = {
        "error_code": UploadExpired.code,
        "error_message": mark("Nothing came for too long."),
        "touched_at": now,
    }
    aborted = sum(
        move(upload_id, UploadState.OPEN, UploadState.ABORTED, **reason)
        for upload_id in stale.values_list("id", flat=True)[:limit]
    )
    over = Upload.objects.filter(state__in=(UploadState.ABORTED, UploadState.FAILED))
    for upload in over.exclude(multipart_id="").select_related("copy")[:limit]:
        clean(upload)
    return aborted


def clean(upload: Upload) -> None:
    """Remove what an aborted or failed upload left in the store; if it cannot now, the sweep will.

    An emptied ``multipart_id`` says that it is done. A verified upload has none either, so what was
    sold is never removed here.
    """
    if not upload.multipart_id:
        return
    try:
        store = storage.get(upload.copy.store)
        store.abort(upload.copy.object_key, upload.multipart_id)
        store.delete(upload.copy.object_key)
    except StoreError:
        return
    Upload.objects.filter(id=upload.id).update(multipart_id="")


def wrong_parts(upload: Upload, parts: Iterable[StoredPart]) -> list[int]:
    """Numbers of the parts that are missing, or not exactly as long as they must be."""
    sizes = {part.number: part.size_bytes for part in parts}
    numbers = range(1, upload.part_count + 1)
    return [number for number in numbers if sizes.get(number) != _size_of(upload, number)]


def move(upload_id: UUID, old: UploadState, new: UploadState, **columns: object) -> bool:
    """The one door between states. False: somebody else moved it first."""
    if new not in UPLOAD_MOVES[old]:
        raise ValueError(f"{old} to {new} is no move.")
    return Upload.objects.filter(id=upload_id, state=old).update(state=new, **columns) == 1


def _known(creator: Creator, core: container.CoreHeader) -> Upload | None:
    """The open upload of this very container: the answer to an earlier call was lost."""
    upload = (
        Upload.objects.select_related("container", "copy")
        .filter(creator=creator, container__file_id=core.file_id)
        .first()
    )
    if upload is None:
        return None
    if upload.state != UploadState.OPEN or bytes(upload.container.core_header) != core.raw:
        raise UploadKnown("This container was uploaded before.")
    return upload


def _create(creator: Creator, core: container.CoreHeader, *, now: datetime) -> Upload:
    store = storage.primary()
    key = f"containers/{uuid.uuid4().hex}"
    # Store first, rows second: a crash in between leaves a transfer without a byte, which costs
    # nothing and which the bucket's own rule ends; a row without a transfer could never be used.
    multipart_id = store.begin_multipart(key)
    try:
        with transaction.atomic():
            # Two calls at once: the second one counts the first.
            Creator.objects.select_for_update().get(pk=creator.pk)
            quotas.check(creator, core.total_bytes)
            return _insert(creator, core, place=(store.name, key, multipart_id), now=now)
    except QuotaReached:
        store.abort(key, multipart_id)
        raise
    except IntegrityError:
        store.abort(key, multipart_id)
        known = _known(creator, core)  # a double click: the other call won
        if known is None:
            raise
        return known


def _insert(
    creator: Creator, core: container.CoreHeader, *, place: tuple[str, str, str], now: datetime
) -> Upload:
    store_name, key, multipart_id = place
    size_bytes = core.total_bytes
    part_bytes = limits.part_bytes_for(size_bytes)
    held = Container.objects.create(
        creator=creator,
        core_header=core.raw,
        file_id=core.file_id,
        size_bytes=size_bytes,
        payload_bytes=core.payload_bytes,
        segments=core.segments,
        created_at=now,
    )
    return Upload.objects.create(
        creator=creator,
        container=held,
        copy=Copy.objects.create(
            container=held,
            store=store_name,
            object_key=key,
            size_bytes=size_bytes,
            created_at=now,
        ),
        multipart_id=multipart_id,
        part_bytes=part_bytes,
        part_count=limits.count_parts(size_bytes, part_bytes),
        created_at=now,
        touched_at=now,
    )


def _accept(upload: Upload, *, content_id: str, now: datetime) -> bool:
    with transaction.atomic():
        columns = {"claimed_content_id": content_id, "touched_at": now}
        if not move(upload.id, UploadState.OPEN, UploadState.COMPLETING, **columns):
            return False
        Container.objects.filter(id=upload.container_id).update(content_id=content_id)
    upload.refresh_from_db()
    return True


def _size_of(upload: Upload, number: int) -> int:
    size_bytes = upload.container.size_bytes
    return limits.size_of_part(number, size_bytes=size_bytes, part_bytes=upload.part_bytes)
