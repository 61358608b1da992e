"""What every ``Store`` promises, held against a real S3 server."""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.stores import ORIGIN, free_ports, send
from unlock.errors import (
    MultipartMissing,
    ObjectChanged,
    ObjectMissing,
    PartsRefused,
    StoreError,
    StoreUnavailable,
)
from unlock.storage import WINDOW_BYTES, S3Store, StoredPart

if TYPE_CHECKING:
    from unlock.storage import Store

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PART_BYTES = 5 * 1024 * 1024  # the least that S3 takes for any part but the last


@pytest.fixture
def key() -> str:
    return f"contract/{os.urandom(16).hex()}"


def put_part(store: Store, key: str, transfer: str, *, number: int, body: bytes) -> None:
    signed = store.sign_part(key, transfer, number=number, size_bytes=len(body), now=NOW)
    assert send(signed, "PUT", body=body).status == 200


def put_object(store: Store, key: str, *parts: bytes) -> str:
    """Upload and complete; the ETag."""
    transfer = store.begin_multipart(key)
    for number, body in enumerate(parts, start=1):
        put_part(store, key, transfer, number=number, body=body)
    store.complete(key, transfer, store.list_parts(key, transfer))
    return store.head(key).etag


def test_parts_sent_to_signed_addresses_become_one_object(store: Store, key: str) -> None:
    first, last = os.urandom(PART_BYTES), os.urandom(1000)

    etag = put_object(store, key, first, last)

    assert store.head(key).size_bytes == PART_BYTES + 1000
    whole = b"".join(store.stream(key, size_bytes=PART_BYTES + 1000, etag=etag))
    assert hashlib.sha256(whole).digest() == hashlib.sha256(first + last).digest()


def test_a_signed_part_lives_an_hour_by_the_time_that_was_given(store: Store, key: str) -> None:
    signed = store.sign_part(key, "any", number=1, size_bytes=10, now=NOW)

    assert signed.expires_at == NOW + timedelta(hours=1)
    assert signed.size_bytes == 10
    assert signed.headers == {}


@pytest.mark.parametrize("body", [b"12345", b"1234567", b""])
def test_a_part_of_another_length_than_signed_is_refused(
    store: Store, key: str, body: bytes
) -> None:
    transfer = store.begin_multipart(key)
    signed = store.sign_part(key, transfer, number=1, size_bytes=6, now=NOW)

    answer = send(signed, "PUT", body=body)

    assert answer.status == 403
    assert store.list_parts(key, transfer) == ()


def test_a_part_sent_again_is_listed_once(store: Store, key: str) -> None:
    transfer = store.begin_multipart(key)
    put_part(store, key, transfer, number=1, body=b"same")
    put_part(store, key, transfer, number=1, body=b"same")

    parts = store.list_parts(key, transfer)

    assert parts == (StoredPart(1, 4, hashlib.md5(b"same").hexdigest()),)  # noqa: S324


@pytest.mark.long
def test_a_part_sent_again_with_other_bytes_counts_as_it_was_sent_last(
    store: Store, key: str
) -> None:
    transfer = store.begin_multipart(key)
    put_part(store, key, transfer, number=1, body=b"old")
    time.sleep(1.1)  # a listing tells whole seconds only
    put_part(store, key, transfer, number=1, body=b"newer")

    parts = store.list_parts(key, transfer)
    store.complete(key, transfer, parts)

    assert parts == (StoredPart(1, 5, hashlib.md5(b"newer").hexdigest()),)  # noqa: S324
    etag = store.head(key).etag
    assert store.read_range(key, offset=0, size_bytes=5, etag=etag) == b"newer"


@pytest.mark.parametrize("page_parts", [1, 2, 3, 1000])
def test_parts_are_all_listed_once_and_in_order_whatever_a_page_holds(
    store: S3Store, key: str, page_parts: int
) -> None:
    transfer = store.begin_multipart(key)
    for number in (3, 1, 2, 2, 3, 3, 1, 4):
        put_part(store, key, transfer, number=number, body=b"x" * number)

    listed = S3Store(store.config, page_parts=page_parts).list_parts(key, transfer)

    assert [(part.number, part.size_bytes) for part in listed] == [(1, 1), (2, 2), (3, 3), (4, 4)]


def test_completing_from_parts_that_are_not_there_makes_no_object(store: Store, key: str) -> None:
    transfer = store.begin_multipart(key)
    put_part(store, key, transfer, number=1, body=b"here")

    with pytest.raises(PartsRefused):
        store.complete(key, transfer, [StoredPart(1, 4, "0" * 32)])

    with pytest.raises(ObjectMissing):
        store.head(key)


def test_completing_twice_leaves_the_object_as_it_is(store: Store, key: str) -> None:
    transfer = store.begin_multipart(key)
    put_part(store, key, transfer, number=1, body=b"once")
    parts = store.list_parts(key, transfer)
    store.complete(key, transfer, parts)
    made = store.head(key)

    with suppress(MultipartMissing):
        store.complete(key, transfer, parts)

    assert store.head(key) == made
    with pytest.raises(MultipartMissing):
        store.list_parts(key, transfer)


def test_an_aborted_transfer_takes_no_parts_and_aborting_twice_is_no_error(
    store: Store, key: str
) -> None:
    transfer = store.begin_multipart(key)
    signed = store.sign_part(key, transfer, number=1, size_bytes=2, now=NOW)

    store.abort(key, transfer)
    store.abort(key, transfer)

    assert send(signed, "PUT", body=b"no").status == 404
    with pytest.raises(MultipartMissing):
        store.list_parts(key, transfer)


def test_a_range_is_read_exactly(store: Store, key: str) -> None:
    etag = put_object(store, key, b"0123456789")

    assert store.read_range(key, offset=0, size_bytes=1, etag=etag) == b"0"
    assert store.read_range(key, offset=3, size_bytes=4, etag=etag) == b"3456"
    assert store.read_range(key, offset=9, size_bytes=1, etag=etag) == b"9"


def test_reading_under_another_etag_is_refused(store: Store, key: str) -> None:
    etag = put_object(store, key, b"the first bytes")
    put_object(store, key, b"other bytes now")

    with pytest.raises(ObjectChanged):
        store.read_range(key, offset=0, size_bytes=3, etag=etag)


def test_a_range_beyond_the_end_is_never_taken_for_the_bytes(store: Store, key: str) -> None:
    etag = put_object(store, key, b"short")

    with pytest.raises(StoreError):
        store.read_range(key, offset=3, size_bytes=9, etag=etag)


def test_a_stream_comes_in_windows_and_may_start_in_the_middle(store: Store, key: str) -> None:
    body = os.urandom(WINDOW_BYTES + 3)
    etag = put_object(store, key, body)

    windows = list(store.stream(key, size_bytes=len(body), etag=etag))
    rest = list(store.stream(key, size_bytes=len(body), etag=etag, offset=WINDOW_BYTES))

    assert [len(window) for window in windows] == [WINDOW_BYTES, 3]
    assert b"".join(windows) == body
    assert rest == [body[WINDOW_BYTES:]]


def test_a_signed_range_gives_its_bytes_and_no_others(store: Store, key: str) -> None:
    put_object(store, key, b"0123456789")
    signed = store.sign_range(key, offset=2, size_bytes=3, now=NOW)

    exact = send(signed, "GET")
    wider = send(signed, "GET", headers={"Range": "bytes=0-9"})
    whole = send(signed, "GET", headers={})

    assert (exact.status, exact.body, signed.headers) == (206, b"234", {"Range": "bytes=2-4"})
    assert (wider.status, whole.status) == (403, 403)


def test_a_signed_object_is_a_nameless_download(store: Store, key: str) -> None:
    put_object(store, key, b"<script>")

    answer = send(store.sign_object(key, size_bytes=8, now=NOW), "GET")

    assert (answer.status, answer.body) == (200, b"<script>")
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="sealed.kim"'


def test_nothing_is_read_without_a_signature(store: Store, key: str) -> None:
    put_object(store, key, b"sealed")
    signed = store.sign_object(key, size_bytes=6, now=NOW)
    bare = replace(signed, url=signed.url.partition("?")[0])

    assert send(bare, "GET").status == 403


def test_pages_of_our_origin_may_read_answers_and_refusals_and_others_may_not(
    store: Store, key: str
) -> None:
    put_object(store, key, b"0123456789")
    signed = store.sign_range(key, offset=0, size_bytes=4, now=NOW)

    ours = send(signed, "GET")
    refused = send(signed, "GET", headers={"Range": "bytes=0-9"})
    theirs = send(signed, "GET", headers={**signed.headers, "Origin": "https://eve.example"})

    assert ours.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "ETag" in ours.headers["Access-Control-Expose-Headers"]
    assert refused.status == 403
    assert refused.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "Access-Control-Allow-Origin" not in theirs.headers


def test_a_removed_object_is_gone_and_removing_it_twice_is_no_error(store: Store, key: str) -> None:
    put_object(store, key, b"gone soon")

    store.delete(key)
    store.delete(key)

    with pytest.raises(ObjectMissing):
        store.head(key)


def test_making_the_bucket_twice_is_no_error(store: Store) -> None:
    store.ensure_bucket([ORIGIN])
    store.ensure_bucket([ORIGIN])


def test_a_store_that_does_not_answer_is_told_from_one_that_refuses(store: S3Store) -> None:
    dead = f"http://127.0.0.1:{free_ports(1)[0]}"

    with pytest.raises(StoreUnavailable):
        S3Store(replace(store.config, endpoint=dead)).head("any")  # type: ignore[type-var]
    with pytest.raises(StoreError) as refused:
        S3Store(replace(store.config, secret_key="wrong")).head("any")  # type: ignore[type-var]

    assert not isinstance(refused.value, StoreUnavailable)


def test_a_stores_secret_is_not_in_what_it_says_of_itself(store: S3Store) -> None:
    assert store.config.secret_key not in repr(store)
