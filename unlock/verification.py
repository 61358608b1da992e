"""What a worker does with an accepted upload: finish it in the store, then check every byte.

Each step may be cut off anywhere and is taken again by the sweep. A store that does not answer is
waited for; bytes that are not what was promised end the upload as failed, with the reason kept.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q

from unlock import container, storage, uploads
from unlock.creator_errors import ContentMismatch, PartsMissing, SizeMismatch, UploadExpired
from unlock.errors import (
    ContainerError,
    Damaged,
    MultipartMissing,
    ObjectChanged,
    ObjectMissing,
    PartsRefused,
    StoreError,
)
from unlock.models import Container, Copy, Upload
from unlock.states import UploadState

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

    from unlock.storage import Store, StoredObject

    Clock = Callable[[], datetime]

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=30)  # a worker that died is missed after this; a slow read costs a twin
BEAT = timedelta(seconds=2)
STORE_PATIENCE = timedelta(minutes=5)  # longer than one request to a store lasts with its retries
_WORKING = (UploadState.COMPLETING, UploadState.VERIFYING)
# The upload's own fault, or its end: trying again would find the same. Anything else is retried.
_FINAL = (
    ContainerError,
    ContentMismatch,
    ObjectChanged,
    ObjectMissing,
    PartsMissing,
    PartsRefused,
    SizeMismatch,
    UploadExpired,
)


def advance(upload_id: UUID, *, clock: Clock) -> UploadState | None:
    """Take an accepted upload as far as it goes; the state it reached, None if there is nothing to do.

    Runs twice safely: one worker at a time holds the lease, and only the holder's last step counts.
    Raises StoreUnavailable and other StoreErrors that say nothing about the upload; it is resumed.
    """
    lease = _lease(upload_id, now=clock())
    if lease is None:
        return None
    upload = Upload.objects.select_related("container", "copy").get(id=upload_id)
    try:
        _advance(upload, lease, clock=clock)
    except _FINAL as error:
        if upload.state == UploadState.COMPLETING and lease.may_have_twin:
            lease.give_back(now=None)
            log.warning("upload %s: %s, while another worker may be at it", upload_id, error.code)
        else:
            _fail(upload, error.code, error.message, now=clock())
    except StoreError:
        if upload.state == UploadState.COMPLETING:
            lease.give_back(now=clock())
        raise
    finally:
        lease.end()
    upload.refresh_from_db()
    return UploadState(upload.state)


def waiting(*, now: datetime, limit: int = 100) -> list[UUID]:
    """Accepted uploads that nobody works on: the hint was lost, or the worker died."""
    idle = Upload.objects.filter(_unleased(now), state__in=_WORKING, touched_at__lt=now - LEASE)
    return list(idle.order_by("touched_at").values_list("id", flat=True)[:limit])


def touch(upload_id: UUID, *, now: datetime) -> None:
    """Note that a worker was asked: the sweep asks once in a while, not each time it looks."""
    Upload.objects.filter(id=upload_id).update(touched_at=now)


@dataclass(slots=True)
class _Lease:
    """The right to work on an upload. ``until`` names the holder: who lost it frees nobody's.

    ``may_have_twin``: the lease before this one was not ended in order. Its holder, or the store by
    itself, may still be joining the parts, and what is missing or changed then proves nothing.
    """

    upload_id: UUID
    until: datetime
    before: datetime | None
    may_have_twin: bool

    def beat(self, *, now: datetime, **columns: object) -> None:
        columns |= {"touched_at": now, "leased_until": now + LEASE}
        if self._mine().update(**columns):
            self.until = now + LEASE

    def give_back(self, *, now: datetime | None) -> None:
        """Let the next worker try; it knows from the lease that this one's end was in doubt, as
        from ``now`` on, or as before.
        """
        doubted = self.before if now is None else now - LEASE
        self._mine().update(leased_until=doubted)

    def end(self) -> None:
        self._mine().update(leased_until=None)

    def _mine(self) -> QuerySet[Upload]:
        return Upload.objects.filter(id=self.upload_id, leased_until=self.until)


def _lease(upload_id: UUID, *, now: datetime) -> _Lease | None:
    free = Upload.objects.filter(_unleased(now), id=upload_id, state__in=_WORKING)
    before = free.values_list("leased_until", flat=True).first()
    taken = free.filter(leased_until=before).update(leased_until=now + LEASE, touched_at=now)
    if not taken:
        return None
    may_have_twin = before is not None and before > now - STORE_PATIENCE
    return _Lease(upload_id, now + LEASE, before, may_have_twin)


def _unleased(now: datetime) -> Q:
    return Q(leased_until__isnull=True) | Q(leased_until__lt=now)


def _advance(upload: Upload, lease: _Lease, *, clock: Clock) -> None:
    store = storage.get(upload.copy.store)
    core = container.CoreHeader.parse(bytes(upload.container.core_header))
    if upload.state == UploadState.COMPLETING:
        _finish(upload, store, core)
        upload.refresh_from_db()
    if upload.state == UploadState.VERIFYING:
        _rehash(upload, store, core, lease, clock=clock)


def _finish(upload: Upload, store: Store, core: container.CoreHeader) -> None:
    """From parts to an object whose header and index are those that were announced.

    1. Complete from the parts that the store lists, if they are all there with exact sizes.
    2. Compare the object's size, its first 128 bytes, and the content_id of header and index.
    3. Keep its ETag: every later read names it.
    """
    _complete(upload, store)
    seen = _head(upload, store)
    if seen.size_bytes != core.total_bytes:
        raise SizeMismatch("The stored object has {size_bytes} bytes.", size_bytes=seen.size_bytes)
    _check_header(upload, store, core, etag=seen.etag)
    _read_index(upload, store, core, etag=seen.etag)
    with transaction.atomic():
        # Only with the move: a late twin must not name another object than the one being checked.
        if uploads.move(upload.id, UploadState.COMPLETING, UploadState.VERIFYING):
            Copy.objects.filter(id=upload.copy_id).update(etag=seen.etag)


def _complete(upload: Upload, store: Store) -> None:
    key = upload.copy.object_key
    try:
        parts = store.list_parts(key, upload.multipart_id)
        if uploads.wrong_parts(upload, parts):
            raise PartsMissing("The parts were changed while the upload was being finished.")
        store.complete(key, upload.multipart_id, parts)
    except MultipartMissing:
        # An earlier run completed it and died, or the store dropped it: the object will tell.
        return


def _head(upload: Upload, store: Store) -> StoredObject:
    try:
        return store.head(upload.copy.object_key)
    except ObjectMissing as error:
        raise UploadExpired("The store no longer knows this upload.") from error


def _check_header(upload: Upload, store: Store, core: container.CoreHeader, *, etag: str) -> None:
    header = store.read_range(
        upload.copy.object_key, offset=0, size_bytes=core.header_bytes, etag=etag
    )
    if header[: container.CORE_BYTES] != core.raw:
        raise ContentMismatch("The stored object has another header than was announced.")
    container.parse_tlvs(header[container.CORE_BYTES :], core)


def _read_index(
    upload: Upload, store: Store, core: container.CoreHeader, *, etag: str
) -> container.Index:
    raw = store.read_range(
        upload.copy.object_key, offset=core.index_offset, size_bytes=core.index_bytes, etag=etag
    )
    index = container.parse_index(raw, core)
    if container.content_id(core, index.root).hex() != upload.claimed_content_id:
        raise ContentMismatch("The stored object is not the content that was announced.")
    return index


def _rehash(
    upload: Upload, store: Store, core: container.CoreHeader, lease: _Lease, *, clock: Clock
) -> None:
    """Compare every segment with the index; an upload is not given up for one bad read.

    What is called damaged is removed for good, so it must have been so twice, end to end.
    """
    try:
        _read_through(upload, store, core, lease, clock=clock)
    except Damaged as error:
        log.warning("upload %s: %s; reading it once more", upload.id, error.code)
        _read_through(upload, store, core, lease, clock=clock)
    _pass(upload, now=clock())


def _read_through(
    upload: Upload, store: Store, core: container.CoreHeader, lease: _Lease, *, clock: Clock
) -> None:
    copy = Copy.objects.get(id=upload.copy_id)
    index = _read_index(upload, store, core, etag=copy.etag)
    verifier = container.SegmentVerifier(core, index)
    beaten_at = clock()
    for window in store.stream(copy.object_key, size_bytes=core.total_bytes, etag=copy.etag):
        verifier.feed(window)
        now = clock()
        if now - beaten_at >= BEAT:
            lease.beat(now=now, verified_bytes=verifier.at_bytes)
            beaten_at = now
    verifier.finish()


def _pass(upload: Upload, *, now: datetime) -> None:
    with transaction.atomic():
        columns = {
            "verified_bytes": upload.container.size_bytes,
            "multipart_id": "",
            "touched_at": now,
        }
        if uploads.move(upload.id, UploadState.VERIFYING, UploadState.VERIFIED, **columns):
            Copy.objects.filter(id=upload.copy_id).update(verified_at=now)
            Container.objects.filter(id=upload.container_id).update(verified_at=now)


def _fail(upload: Upload, code: str, message: str, *, now: datetime) -> None:
    columns = {"error_code": code, "error_message": message[:300], "touched_at": now}
    # From the state this worker saw: whatever another one reached in the meantime stands.
    if uploads.move(upload.id, UploadState(upload.state), UploadState.FAILED, **columns):
        uploads.clean(upload)
