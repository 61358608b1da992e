"""Uploads against a real store: what is accepted, what is verified, and what a crash leaves."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.stores import free_ports, send
from tests.unlock.creating import (
    NOW,
    begin,
    creator,
    seal,
    send_parts,
    store_parts,
    upload_whole,
    verified_upload,
)
from unlock import container, limits, storage, uploads, verification
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
from unlock.errors import MultipartMissing, NotAContainer, ObjectMissing, StoreUnavailable
from unlock.models import Container, Copy, Upload
from unlock.states import UploadState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django.fixtures import Settings

    from unlock.models import Creator
    from unlock.storage import S3Store

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("configured_store")]


@pytest.fixture
def maya() -> Creator:
    return creator("maya")


def advance(upload: Upload) -> UploadState | None:
    state = verification.advance(upload.id, clock=lambda: NOW)
    upload.refresh_from_db()
    return state


# --- beginning ----------------------------------------------------------------------------------


def test_an_upload_begins_with_equal_parts_and_a_nameless_place(maya: Creator) -> None:
    sealed = seal(os.urandom(9 * 1024 * 1024))

    upload = begin(maya, sealed)

    assert (upload.part_bytes, upload.part_count) == (8 * 1024 * 1024, 2)
    assert upload.state == UploadState.OPEN
    assert upload.container.size_bytes == len(sealed.body)
    assert upload.container.payload_bytes == 9 * 1024 * 1024
    assert upload.copy.object_key.startswith("containers/")
    assert len(upload.copy.object_key) == len("containers/") + 32
    assert str(upload.id).replace("-", "") not in upload.copy.object_key


def test_beginning_twice_is_the_same_upload(maya: Creator) -> None:
    sealed = seal()

    first, second = begin(maya, sealed), begin(maya, sealed)

    assert first.id == second.id
    assert Container.objects.count() == Copy.objects.count() == 1


def test_a_size_that_the_header_does_not_promise_begins_nothing(maya: Creator) -> None:
    sealed = seal()

    with pytest.raises(SizeMismatch):
        uploads.begin(
            maya, size_bytes=len(sealed.body) + 1, core_header=sealed.core_header, now=NOW
        )

    assert not Upload.objects.exists()


def test_what_is_not_a_container_begins_nothing(maya: Creator) -> None:
    with pytest.raises(NotAContainer):
        uploads.begin(maya, size_bytes=128, core_header=b"PK\3\4" + bytes(124), now=NOW)

    assert not Upload.objects.exists()


def test_a_file_over_the_limit_begins_nothing_and_one_at_the_limit_does(
    maya: Creator, settings: Settings
) -> None:
    settings.KIM_MAX_FILE_BYTES = 100

    begin(maya, seal(b"x" * 100))
    with pytest.raises(FileTooLarge):
        begin(maya, seal(b"x" * 101))

    assert Upload.objects.count() == 1


def test_nobody_opens_uploads_without_end(maya: Creator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "OPEN_UPLOADS_MAX", 2)
    begin(maya, seal())
    begin(maya, seal())

    with pytest.raises(TooManyUploads):
        begin(maya, seal())

    begin(creator("noor"), seal())
    assert Upload.objects.filter(creator=maya).count() == 2


def test_a_container_is_not_uploaded_again_once_it_was_given_up(maya: Creator) -> None:
    sealed = seal()
    uploads.abort(begin(maya, sealed), now=NOW)

    with pytest.raises(UploadKnown):
        begin(maya, sealed)


def test_the_same_container_of_another_creator_is_another_upload(maya: Creator) -> None:
    sealed = seal()

    assert begin(maya, sealed).id != begin(creator("eve"), sealed).id


# --- parts --------------------------------------------------------------------------------------


def test_each_part_is_signed_with_its_exact_length(maya: Creator) -> None:
    sealed = seal(os.urandom(9 * 1024 * 1024))
    upload = begin(maya, sealed)

    signed = uploads.sign_parts(upload, [2, 1, 2], now=NOW)

    last_bytes = len(sealed.body) - 8 * 1024 * 1024
    assert [(number, request.size_bytes) for number, request in signed] == [
        (1, 8 * 1024 * 1024),
        (2, last_bytes),
    ]
    too_long = send(signed[1][1], "PUT", body=b"x" * (last_bytes + 1))
    assert too_long.status == 403


@pytest.mark.parametrize("numbers", [[], [0], [3], list(range(1, 22))])
def test_other_numbers_than_the_parts_are_not_signed(maya: Creator, numbers: list[int]) -> None:
    upload = begin(maya, seal(os.urandom(9 * 1024 * 1024)))

    with pytest.raises(PartNumberInvalid):
        uploads.sign_parts(upload, numbers, now=NOW)


def test_a_closed_upload_signs_nothing(maya: Creator) -> None:
    upload = begin(maya, seal())
    uploads.abort(upload, now=NOW)

    with pytest.raises(UploadClosed):
        uploads.sign_parts(upload, [1], now=NOW)


def test_signing_is_a_sign_of_life(maya: Creator) -> None:
    upload = begin(maya, seal())

    uploads.sign_parts(upload, [1], now=NOW + timedelta(days=3))

    upload.refresh_from_db()
    assert upload.touched_at == NOW + timedelta(days=3)


def test_what_the_store_holds_is_told_while_the_upload_is_open(maya: Creator) -> None:
    sealed = seal(os.urandom(9 * 1024 * 1024))
    upload = begin(maya, sealed)
    assert uploads.list_parts(upload) == ()

    send_parts(upload, sealed, 2)

    assert [(part.number, part.size_bytes) for part in uploads.list_parts(upload)] == [
        (2, len(sealed.body) - 8 * 1024 * 1024)
    ]


def test_an_upload_of_another_creator_is_not_there(maya: Creator) -> None:
    upload = begin(maya, seal())

    with pytest.raises(UploadMissing):
        uploads.find(upload.id, creator=creator("eve"))

    assert uploads.find(upload.id, creator=maya) == upload


# --- completing ---------------------------------------------------------------------------------


def test_a_missing_part_is_named_and_the_upload_stays_open(maya: Creator) -> None:
    sealed = seal(os.urandom(9 * 1024 * 1024))
    upload = begin(maya, sealed)
    send_parts(upload, sealed, 1)

    with pytest.raises(PartsMissing, match=r"1 parts .*: 2\."):
        uploads.complete(upload, content_id=sealed.content_id, now=NOW)

    upload.refresh_from_db()
    assert upload.state == UploadState.OPEN
    assert upload.claimed_content_id == ""
    send_parts(upload, sealed, 2)
    assert uploads.complete(upload, content_id=sealed.content_id, now=NOW)


def test_completing_twice_is_accepted_once(maya: Creator) -> None:
    sealed = seal()
    upload = upload_whole(maya, sealed)

    assert uploads.complete(upload, content_id=sealed.content_id, now=NOW) is False

    assert upload.state == UploadState.COMPLETING
    assert upload.container.content_id == sealed.content_id


def test_a_page_that_is_behind_is_told_that_the_upload_was_accepted(
    maya: Creator, store: S3Store
) -> None:
    sealed = seal()
    upload = begin(maya, sealed)
    send_parts(upload, sealed)
    looking, completing = (uploads.find(upload.id, creator=maya) for _ in range(2))
    assert uploads.complete(upload, content_id=sealed.content_id, now=NOW)

    assert uploads.complete(completing, content_id=sealed.content_id, now=NOW) is False

    store.complete(
        upload.copy.object_key,
        upload.multipart_id,
        store.list_parts(upload.copy.object_key, upload.multipart_id),
    )
    assert uploads.list_parts(looking) == ()
    assert looking.state == UploadState.COMPLETING


def test_completing_as_other_content_afterwards_is_refused(maya: Creator) -> None:
    upload = upload_whole(maya, seal())

    with pytest.raises(UploadClosed):
        uploads.complete(upload, content_id="0" * 64, now=NOW)


def test_an_accepted_upload_cannot_be_given_up(maya: Creator) -> None:
    sealed = seal()
    upload = upload_whole(maya, sealed)

    with pytest.raises(UploadClosed):
        uploads.abort(upload, now=NOW)

    assert store_parts(upload) == [1]
    assert advance(upload) == UploadState.VERIFIED


# --- verifying ----------------------------------------------------------------------------------


def test_a_whole_upload_is_verified_byte_by_byte(maya: Creator, store: S3Store) -> None:
    sealed = seal(os.urandom(9 * 1024 * 1024))
    upload = upload_whole(maya, sealed)

    assert advance(upload) == UploadState.VERIFIED

    held, copy = Container.objects.get(), Copy.objects.get()
    assert held.verified_at == copy.verified_at == NOW
    assert held.content_id == sealed.content_id
    assert copy.etag == store.head(copy.object_key).etag
    assert upload.verified_bytes == len(sealed.body)
    assert (upload.error_code, upload.multipart_id, upload.leased_until) == ("", "", None)
    whole = b"".join(store.stream(copy.object_key, size_bytes=len(sealed.body), etag=copy.etag))
    assert whole == sealed.body


@pytest.mark.parametrize(
    ("place", "code"),
    [
        ("core", "content_mismatch"),
        ("tlv", "damaged"),
        ("segment", "damaged"),
        ("index", "damaged"),
    ],
)
def test_a_single_wrong_bit_fails_the_upload_and_leaves_nothing(
    maya: Creator, store: S3Store, place: str, code: str
) -> None:
    sealed = seal(os.urandom(600_000))
    core = sealed.packed.core
    at = {
        "core": 70,
        "tlv": core.header_bytes - 1,
        "segment": core.header_bytes + 300_000,
        "index": core.index_offset + 40,
    }[place]
    body = bytearray(sealed.body)
    body[at] ^= 1
    upload = upload_whole(maya, replace(sealed, body=bytes(body)))

    assert advance(upload) == UploadState.FAILED

    assert upload.error_code == code
    assert Container.objects.get().verified_at is None
    assert Copy.objects.get().verified_at is None
    with pytest.raises(ObjectMissing):
        store.head(upload.copy.object_key)


class Misreading(storage.S3Store):
    """A real store behind a cable that flips one bit of the first whole read, and no other."""

    reads = 0

    def stream(self, key: str, *, size_bytes: int, etag: str, offset: int = 0) -> Iterator[bytes]:
        self.reads += 1
        flip = self.reads == 1
        for window in super().stream(key, size_bytes=size_bytes, etag=etag, offset=offset):
            yield bytes([window[0] ^ 1]) + window[1:] if flip else window
            flip = False


def test_one_bad_read_gives_no_upload_up(
    maya: Creator, store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = upload_whole(maya, seal())
    misreading = Misreading(store.config)
    monkeypatch.setattr(storage, "get", lambda name: misreading)

    assert advance(upload) == UploadState.VERIFIED
    assert misreading.reads == 2


def test_whole_bytes_under_another_content_id_fail(maya: Creator) -> None:
    sealed = seal()
    upload = begin(maya, sealed)
    send_parts(upload, sealed)
    uploads.complete(upload, content_id="0" * 64, now=NOW)

    assert advance(upload) == UploadState.FAILED
    assert upload.error_code == "content_mismatch"


def test_an_object_that_was_replaced_while_it_was_checked_fails(
    maya: Creator, store: S3Store
) -> None:
    sealed = seal()
    upload = upload_whole(maya, sealed)
    uploads.move(upload.id, UploadState.COMPLETING, UploadState.VERIFYING)
    Copy.objects.update(etag="0" * 32 + "-1")
    store.complete(
        upload.copy.object_key,
        upload.multipart_id,
        store.list_parts(upload.copy.object_key, upload.multipart_id),
    )

    assert advance(upload) == UploadState.FAILED
    assert upload.error_code == "object_changed"


def test_an_upload_without_all_of_its_parts_is_not_finished(maya: Creator) -> None:
    sealed = seal(os.urandom(9 * 1024 * 1024))
    upload = begin(maya, sealed)
    send_parts(upload, sealed, 1)
    uploads.move(upload.id, UploadState.OPEN, UploadState.COMPLETING)

    assert advance(upload) == UploadState.FAILED
    assert upload.error_code == "parts_missing"


def test_an_object_of_another_size_is_not_taken_for_the_upload(
    maya: Creator, store: S3Store
) -> None:
    sealed = seal(os.urandom(9 * 1024 * 1024))
    upload = begin(maya, sealed)
    send_parts(upload, sealed, 1)
    key, transfer = upload.copy.object_key, upload.multipart_id
    store.complete(key, transfer, store.list_parts(key, transfer))
    uploads.move(upload.id, UploadState.OPEN, UploadState.COMPLETING)

    assert advance(upload) == UploadState.FAILED
    assert upload.error_code == "size_mismatch"


def test_progress_is_told_while_the_object_is_read(maya: Creator) -> None:
    sealed = seal(os.urandom(17 * 1024 * 1024))
    upload = upload_whole(maya, sealed)
    seen: list[int] = []

    def clock() -> object:
        seen.append(Upload.objects.get(id=upload.id).verified_bytes)
        return NOW + timedelta(seconds=3 * len(seen))

    verification.advance(upload.id, clock=clock)  # type: ignore[arg-type]

    window = storage.WINDOW_BYTES
    assert [size for size in seen if size] == [window, 2 * window, len(sealed.body)]


# --- crashes and the sweep ----------------------------------------------------------------------


def test_a_worker_that_died_after_the_store_had_completed_is_resumed(
    maya: Creator, store: S3Store
) -> None:
    upload = upload_whole(maya, seal())
    parts = store.list_parts(upload.copy.object_key, upload.multipart_id)
    store.complete(upload.copy.object_key, upload.multipart_id, parts)

    assert advance(upload) == UploadState.VERIFIED


def test_a_worker_that_died_while_hashing_is_resumed_by_the_sweep(maya: Creator) -> None:
    upload = upload_whole(maya, seal())
    Upload.objects.update(leased_until=NOW + timedelta(minutes=2))
    assert verification.advance(upload.id, clock=lambda: NOW) is None
    assert verification.waiting(now=NOW + timedelta(minutes=1)) == []

    later = NOW + timedelta(minutes=3)
    assert verification.waiting(now=later) == [upload.id]

    assert verification.advance(upload.id, clock=lambda: later) == UploadState.VERIFIED
    assert verification.waiting(now=later + timedelta(hours=1)) == []


def test_a_lost_hint_is_made_good_by_the_sweep_once_in_a_while(maya: Creator) -> None:
    upload = upload_whole(maya, seal())

    later = NOW + timedelta(minutes=3)
    assert verification.waiting(now=later) == [upload.id]
    verification.touch(upload.id, now=later)

    assert verification.waiting(now=later + timedelta(seconds=20)) == []
    assert verification.waiting(now=later + timedelta(seconds=40)) == [upload.id]


def test_a_store_that_is_down_fails_nothing(
    maya: Creator, store: S3Store, settings: Settings
) -> None:
    upload = upload_whole(maya, seal())
    dead = f"http://127.0.0.1:{free_ports(1)[0]}"
    settings.KIM_STORES = (replace(store.config, endpoint=dead),)  # type: ignore[type-var]

    with pytest.raises(StoreUnavailable):
        verification.advance(upload.id, clock=lambda: NOW)

    upload.refresh_from_db()
    assert (upload.state, upload.error_code) == (UploadState.COMPLETING, "")
    assert upload.leased_until is not None  # the store may have begun; whoever comes next knows
    assert upload.leased_until < NOW
    settings.KIM_STORES = (store.config,)
    assert advance(upload) == UploadState.VERIFIED


def test_a_transfer_that_the_store_dropped_is_told_and_fails_for_good(
    maya: Creator, store: S3Store
) -> None:
    sealed = seal()
    open_one, accepted = begin(maya, sealed), upload_whole(maya, seal())
    for upload in (open_one, accepted):
        store.abort(upload.copy.object_key, upload.multipart_id)

    with pytest.raises(UploadExpired):
        uploads.complete(open_one, content_id=sealed.content_id, now=NOW)

    assert advance(accepted) == UploadState.FAILED
    assert accepted.error_code == "upload_expired"


def test_what_a_twin_finds_missing_while_the_store_joins_the_parts_fails_nothing(
    maya: Creator, store: S3Store
) -> None:
    """The first worker still waits for the store when its lease runs out: neither end shows yet."""
    upload = upload_whole(maya, seal())
    key, transfer = upload.copy.object_key, upload.multipart_id
    Upload.objects.update(leased_until=NOW - timedelta(seconds=1))
    Upload.objects.update(multipart_id="gone-while-joining")

    assert advance(upload) == UploadState.COMPLETING
    assert (upload.error_code, upload.leased_until) == ("", NOW - timedelta(seconds=1))

    store.complete(key, transfer, store.list_parts(key, transfer))
    later = NOW + timedelta(minutes=1)
    assert verification.waiting(now=later) == [upload.id]
    assert verification.advance(upload.id, clock=lambda: later) == UploadState.VERIFIED


def test_what_is_missing_long_after_is_missing(maya: Creator) -> None:
    upload = upload_whole(maya, seal())
    Upload.objects.update(leased_until=NOW - timedelta(minutes=6), multipart_id="gone")

    assert advance(upload) == UploadState.FAILED
    assert upload.error_code == "upload_expired"


def test_a_worker_that_lost_its_lease_takes_it_from_nobody(maya: Creator) -> None:
    upload = upload_whole(maya, seal(os.urandom(17 * 1024 * 1024)))
    theirs = NOW + timedelta(hours=1)
    reads = 0

    def clock() -> datetime:
        nonlocal reads
        reads += 1
        if reads == 2:  # another worker has taken it meanwhile
            Upload.objects.update(leased_until=theirs)
        return NOW + timedelta(seconds=3 * reads)

    assert verification.advance(upload.id, clock=clock) == UploadState.VERIFIED

    upload.refresh_from_db()
    assert upload.leased_until == theirs


def test_an_object_named_by_a_late_twin_is_not_taken(maya: Creator, store: S3Store) -> None:
    upload = upload_whole(maya, seal())
    late = Upload.objects.select_related("container", "copy").get(id=upload.id)
    assert advance(upload) == UploadState.VERIFIED
    etag = Copy.objects.get().etag
    Copy.objects.update(etag="of-the-verified-object")

    core = container.CoreHeader.parse(bytes(late.container.core_header))
    verification._finish(late, store, core)

    assert etag != "of-the-verified-object"
    assert Copy.objects.get().etag == "of-the-verified-object"


def test_verifying_again_changes_nothing(maya: Creator) -> None:
    upload = verified_upload(maya, seal())

    assert verification.advance(upload.id, clock=lambda: NOW + timedelta(days=1)) is None

    assert Container.objects.get().verified_at == NOW


def test_a_second_workers_failure_does_not_undo_a_verified_upload(maya: Creator) -> None:
    upload = upload_whole(maya, seal())
    stalled = Upload.objects.select_related("container", "copy").get(id=upload.id)
    assert advance(upload) == UploadState.VERIFIED

    verification._fail(stalled, "damaged", "late news", now=NOW)

    upload.refresh_from_db()
    assert (upload.state, upload.error_code) == (UploadState.VERIFIED, "")


# --- giving up ----------------------------------------------------------------------------------


def test_giving_up_removes_the_parts_and_twice_is_no_error(maya: Creator, store: S3Store) -> None:
    sealed = seal()
    upload = begin(maya, sealed)
    send_parts(upload, sealed)
    key, transfer = upload.copy.object_key, upload.multipart_id

    uploads.abort(upload, now=NOW)
    uploads.abort(upload, now=NOW)

    upload.refresh_from_db()
    assert upload.state == UploadState.ABORTED
    with pytest.raises(MultipartMissing):
        store.list_parts(key, transfer)


def test_parts_that_could_not_be_removed_are_removed_by_the_sweep(
    maya: Creator, store: S3Store, settings: Settings
) -> None:
    sealed = seal()
    upload = begin(maya, sealed)
    send_parts(upload, sealed)
    key, transfer = upload.copy.object_key, upload.multipart_id
    dead = f"http://127.0.0.1:{free_ports(1)[0]}"
    settings.KIM_STORES = (replace(store.config, endpoint=dead),)  # type: ignore[type-var]

    uploads.abort(upload, now=NOW)

    assert Upload.objects.get().state == UploadState.ABORTED
    assert len(store.list_parts(key, transfer)) == 1
    settings.KIM_STORES = (store.config,)
    uploads.abort_stale(now=NOW)
    with pytest.raises(MultipartMissing):
        store.list_parts(key, transfer)


def test_parts_in_a_store_that_nobody_configured_any_more_stop_no_sweep(maya: Creator) -> None:
    gone, stale = begin(maya, seal()), begin(maya, seal())
    uploads.move(gone.id, UploadState.OPEN, UploadState.ABORTED)
    Copy.objects.filter(id=gone.copy_id).update(store="closed")
    uploads.move(stale.id, UploadState.OPEN, UploadState.ABORTED)

    uploads.abort_stale(now=NOW)

    assert Upload.objects.get(id=gone.id).multipart_id != ""
    assert Upload.objects.get(id=stale.id).multipart_id == ""


def test_only_what_nobody_touched_for_long_is_given_up_by_the_sweep(
    maya: Creator, settings: Settings
) -> None:
    settings.KIM_UPLOAD_STALE_HOURS = 24
    fresh, stale = begin(maya, seal()), begin(maya, seal())
    accepted = upload_whole(maya, seal())
    Upload.objects.filter(id__in=(stale.id, accepted.id)).update(
        touched_at=NOW - timedelta(hours=25)
    )

    assert uploads.abort_stale(now=NOW) == 1

    states = {row.id: row.state for row in Upload.objects.all()}
    assert states == {
        fresh.id: UploadState.OPEN,
        stale.id: UploadState.ABORTED,
        accepted.id: UploadState.COMPLETING,
    }
    assert Upload.objects.get(id=stale.id).error_code == "upload_expired"


def test_parts_left_by_a_crash_while_giving_up_are_cleared_by_the_sweep(
    maya: Creator, store: S3Store
) -> None:
    sealed = seal()
    upload = begin(maya, sealed)
    send_parts(upload, sealed)
    key, transfer = upload.copy.object_key, upload.multipart_id
    uploads.move(upload.id, UploadState.OPEN, UploadState.ABORTED)

    uploads.abort_stale(now=NOW)

    with pytest.raises(MultipartMissing):
        store.list_parts(key, transfer)
    assert Upload.objects.get().multipart_id == ""


def test_the_sweep_never_removes_what_was_verified(maya: Creator, store: S3Store) -> None:
    upload = verified_upload(maya, seal())
    uploads.move(upload.id, UploadState.VERIFIED, UploadState.FAILED)

    uploads.abort_stale(now=NOW + timedelta(days=365))

    assert store.head(upload.copy.object_key).size_bytes == upload.container.size_bytes


def test_a_state_moves_only_along_the_table(maya: Creator) -> None:
    upload = begin(maya, seal())

    with pytest.raises(ValueError, match="is no move"):
        uploads.move(upload.id, UploadState.OPEN, UploadState.VERIFIED)

    assert uploads.move(upload.id, UploadState.COMPLETING, UploadState.VERIFYING) is False
    upload.refresh_from_db()
    assert upload.state == UploadState.OPEN


def test_header_and_segments_are_whole_segments_of_a_window() -> None:
    assert storage.WINDOW_BYTES % (1 << container.SEG_LOG2) == 0
    assert all(size % (1 << container.SEG_LOG2) == 0 for size in limits.PART_BYTES)
