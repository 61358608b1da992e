"""The stores: every byte we read from or sign for an S3 bucket goes through here, and only here.

A ``Store`` knows keys, parts and ranges; it knows nothing of uploads or files. Signed requests carry
their limits inside the signature: a part's exact length, a range's exact bytes. Sources: AWS
Signature Version 4 (query), S3 API reference; what other servers do differently is in
docs/operations.md.
"""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings

from unlock.errors import (
    MultipartMissing,
    ObjectChanged,
    ObjectMissing,
    StoreError,
    StoreUnavailable,
)
from unlock.s3_clients import Patience, connect, told
from unlock.stores import SIGNED_FOR, SignedRequest, Store, StoreConfig, StoredObject, StoredPart

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime, timedelta

    from botocore.response import StreamingBody
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import PartTypeDef

__all__ = [
    "WINDOW_BYTES",
    "S3Store",
    "SignedRequest",
    "Store",
    "StoreConfig",
    "StoredObject",
    "StoredPart",
    "check_reachable",
    "get",
    "primary",
]

WINDOW_BYTES = 8 * 1024 * 1024  # one read of a stream: whole segments, flat memory
PIECE_BYTES = 64 * 1024
RANGE_SECONDS = 60.0  # for a window: a store with less than 140 kB/s is no store
READ_TRIES = 3
STALE_MULTIPART_DAYS = 7


class S3Store:
    """A ``Store`` over S3's HTTP API."""

    def __init__(self, config: StoreConfig, *, page_parts: int = 1000) -> None:
        self.name = config.name
        self.config = config
        self._page_parts = page_parts
        self._bucket = config.bucket

    def begin_multipart(self, key: str) -> str:
        with told():
            made = self._client.create_multipart_upload(
                Bucket=self._bucket, Key=key, ContentType="application/octet-stream"
            )
        return made["UploadId"]

    def sign_part(
        self, key: str, multipart_id: str, *, number: int, size_bytes: int, now: datetime
    ) -> SignedRequest:
        asked = {"UploadId": multipart_id, "PartNumber": number, "ContentLength": size_bytes}
        url = self._sign("upload_part", {"Key": key, **asked})
        return SignedRequest(
            url=url, headers={}, size_bytes=size_bytes, expires_at=now + SIGNED_FOR
        )

    def list_parts(self, key: str, multipart_id: str) -> tuple[StoredPart, ...]:
        # SeaweedFS lists every try of a part that was sent again; the last one written counts.
        newest: dict[int, tuple[datetime, StoredPart]] = {}
        for row in self._part_rows(key, multipart_id):
            part = StoredPart(row["PartNumber"], row["Size"], row["ETag"].strip('"'))
            known = newest.get(part.number)
            if known is None or row["LastModified"] >= known[0]:
                newest[part.number] = row["LastModified"], part
        return tuple(newest[number][1] for number in sorted(newest))

    def complete(self, key: str, multipart_id: str, parts: Iterable[StoredPart]) -> None:
        named = [{"PartNumber": part.number, "ETag": f'"{part.etag}"'} for part in parts]
        with told():
            made = self._client.complete_multipart_upload(
                Bucket=self._bucket,
                Key=key,
                UploadId=multipart_id,
                MultipartUpload={"Parts": named},  # type: ignore[typeddict-item]
            )
        # S3 may answer 200 with an error in the body; botocore raises for the known form of it,
        # and an answer that names no object is no success either.
        if not made.get("ETag"):
            raise StoreUnavailable("The store did not say that it finished the object.")

    def abort(self, key: str, multipart_id: str) -> None:
        try:
            with told():
                self._client.abort_multipart_upload(
                    Bucket=self._bucket, Key=key, UploadId=multipart_id
                )
        except MultipartMissing:
            return

    def head(self, key: str) -> StoredObject:
        with told():
            seen = self._asked.head_object(Bucket=self._bucket, Key=key)
        return StoredObject(seen["ContentLength"], seen["ETag"].strip('"'))

    def read_range(self, key: str, *, offset: int, size_bytes: int, etag: str) -> bytes:
        for tries_left in reversed(range(READ_TRIES)):
            try:
                return self._read_once(key, offset=offset, size_bytes=size_bytes, etag=etag)
            except StoreUnavailable:
                if not tries_left:
                    raise
        raise StoreUnavailable("The store could not be read.")

    def stream(self, key: str, *, size_bytes: int, etag: str, offset: int = 0) -> Iterator[bytes]:
        # Ranges instead of one long answer: a broken connection costs one window, not the object.
        for start in range(offset, size_bytes, WINDOW_BYTES):
            length = min(WINDOW_BYTES, size_bytes - start)
            yield self.read_range(key, offset=start, size_bytes=length, etag=etag)

    def sign_range(
        self,
        key: str,
        *,
        offset: int,
        size_bytes: int,
        now: datetime,
        good_for: timedelta = SIGNED_FOR,
    ) -> SignedRequest:
        asked = _range(offset, size_bytes)
        url = self._sign("get_object", {"Key": key, "Range": asked}, good_for=good_for)
        return SignedRequest(
            url=url,
            headers={"Range": asked},
            size_bytes=size_bytes,
            expires_at=now + good_for,
        )

    def sign_object(self, key: str, *, size_bytes: int, now: datetime) -> SignedRequest:
        answer = {
            "ResponseContentType": "application/octet-stream",
            "ResponseContentDisposition": 'attachment; filename="sealed.kim"',
        }
        url = self._sign("get_object", {"Key": key, **answer})
        return SignedRequest(
            url=url, headers={}, size_bytes=size_bytes, expires_at=now + SIGNED_FOR
        )

    def find_multipart(self, key: str) -> str | None:
        with told():
            page = self._client.list_multipart_uploads(Bucket=self._bucket, Prefix=key)
        found = [row for row in page.get("Uploads", []) if row.get("Key") == key]
        return found[-1]["UploadId"] if found else None

    def put_part(self, key: str, multipart_id: str, *, number: int, data: bytes) -> None:
        with told():
            self._client.upload_part(
                Bucket=self._bucket, Key=key, UploadId=multipart_id, PartNumber=number, Body=data
            )

    def put(self, key: str, data: bytes, *, sha256: str = "") -> None:
        checksum: dict[str, Any] = {"ChecksumSHA256": sha256} if sha256 else {}
        with told():
            self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=data,
                ContentType="application/octet-stream",
                **checksum,
            )

    def delete(self, key: str) -> None:
        with told():
            self._client.delete_object(Bucket=self._bucket, Key=key)

    def ensure_bucket(self, origins: Iterable[str]) -> None:
        try:
            with told():
                self._client.head_bucket(Bucket=self._bucket)
        except ObjectMissing:
            self._make_bucket()
        with told():
            self._client.put_bucket_cors(
                Bucket=self._bucket,
                CORSConfiguration={
                    "CORSRules": [
                        {
                            "AllowedOrigins": list(origins),
                            "AllowedMethods": ["GET", "PUT", "HEAD"],
                            "AllowedHeaders": ["content-type", "range", "if-match"],
                            "ExposeHeaders": [
                                "ETag",
                                "Content-Range",
                                "Content-Length",
                                "Accept-Ranges",
                            ],
                            "MaxAgeSeconds": 3600,
                        }
                    ]
                },
            )
        self._expire_stale_multiparts()

    def _make_bucket(self) -> None:
        with told():
            if self.config.region in {"", "us-east-1", "auto"}:
                self._client.create_bucket(Bucket=self._bucket)
            else:
                self._client.create_bucket(
                    Bucket=self._bucket,
                    CreateBucketConfiguration={
                        "LocationConstraint": self.config.region  # type: ignore[typeddict-item]
                    },
                )

    def _expire_stale_multiparts(self) -> None:
        """Ask the store to drop forgotten parts. Our own sweep does it too: not every store can."""
        rule = {
            "ID": "abort-stale-multiparts",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": STALE_MULTIPART_DAYS},
        }
        try:
            with told():
                self._client.put_bucket_lifecycle_configuration(
                    Bucket=self._bucket,
                    LifecycleConfiguration={"Rules": [rule]},  # type: ignore[list-item]
                )
        except StoreError:
            return

    def _part_rows(self, key: str, multipart_id: str) -> Iterator[PartTypeDef]:
        """Every row of the listing. The next page begins at a number, and may begin inside it: the
        last number of a page is therefore read again with the next, with all of its tries.
        """
        after = 0
        while True:
            with told():
                page = self._client.list_parts(
                    Bucket=self._bucket,
                    Key=key,
                    UploadId=multipart_id,
                    PartNumberMarker=after,
                    MaxParts=self._page_parts,
                )
            rows = page.get("Parts", [])
            if not page.get("IsTruncated") or not rows:
                yield from rows
                return
            cut = rows[-1]["PartNumber"]
            whole = [row for row in rows if row["PartNumber"] < cut] or rows
            yield from whole
            after = whole[-1]["PartNumber"]

    def _read_once(self, key: str, *, offset: int, size_bytes: int, etag: str) -> bytes:
        with told():
            answer = self._read.get_object(
                Bucket=self._bucket,
                Key=key,
                Range=_range(offset, size_bytes),
                IfMatch=f'"{etag}"',
            )
            # A store that ignores If-Match still names what it serves.
            if answer["ETag"].strip('"') != etag:
                raise ObjectChanged("The stored object is not the one that was checked.")
            # Not its own ``with``, which gives urllib3's answer, whose errors nobody translates.
            with closing(answer["Body"]) as body:
                data = _take(body, size_bytes)
        if len(data) != size_bytes:
            raise StoreUnavailable("The store sent other than the bytes it was asked for.")
        return data

    def _sign(
        self, method: str, asked: dict[str, object], *, good_for: timedelta = SIGNED_FOR
    ) -> str:
        return self._signer.generate_presigned_url(
            method,
            Params={"Bucket": self._bucket, **asked},
            ExpiresIn=int(good_for.total_seconds()),
        )

    @property
    def _client(self) -> S3Client:
        return connect(self.config, self.config.endpoint)

    @property
    def _asked(self) -> S3Client:
        return connect(self.config, self.config.endpoint, patience=Patience.ASK)

    @property
    def _read(self) -> S3Client:
        return connect(self.config, self.config.endpoint, patience=Patience.READ)

    @property
    def _signer(self) -> S3Client:
        """Signs for the address that browsers use; never sends anything."""
        return connect(self.config, self.config.public_endpoint)


def get(name: str) -> Store:
    """The store called ``name`` in KIM_STORES. Raises StoreError for a name nobody configured."""
    for config in _configured():
        if config.name == name:
            return S3Store(config)
    raise StoreError("No store is called {name}.", name=name)


def primary() -> Store:
    """The store that takes new uploads: the first of KIM_STORES."""
    return S3Store(_configured()[0])


def check_reachable() -> None:
    """For readiness: the bucket that takes uploads answers within two seconds. Raises StoreError.

    The others hold copies: one that is away is missed by nobody but the task that mends copies.
    """
    config = _configured()[0]
    with told():
        client = connect(config, config.endpoint, patience=Patience.PROBE)
        client.head_bucket(Bucket=config.bucket)


def writable() -> tuple[str, ...]:
    """Names of the stores that take containers, the first of them uploads."""
    return tuple(config.name for config in _configured() if not config.is_read_only)


def names() -> tuple[str, ...]:
    """Names of all stores, in the order of KIM_STORES."""
    return tuple(config.name for config in _configured())


def origins(stores: Iterable[str] | None = None) -> frozenset[str]:
    """Where browsers fetch from the stores of these names, or from all: as a policy lists it."""
    wanted = None if stores is None else set(stores)
    return frozenset(
        _origin(config.endpoint, config.public_endpoint, config.bucket, config.is_path_style)
        for config in _configured()
        if wanted is None or config.name in wanted
    )


def _configured() -> tuple[StoreConfig, ...]:
    stores: tuple[StoreConfig, ...] = settings.KIM_STORES
    return stores


def _origin(endpoint: str, public: str, bucket: str, is_path_style: bool) -> str:  # noqa: FBT001
    """Scheme, host and port of what we sign."""
    parts = urlsplit(public or endpoint)
    is_in_path = is_path_style or parts.hostname in {"127.0.0.1", "localhost"}
    host = parts.netloc if is_in_path else f"{bucket}.{parts.netloc}"
    return f"{parts.scheme}://{host}"


def _take(body: StreamingBody, size_bytes: int) -> bytes:
    """The whole answer, and a byte more if there is one. Raises StoreUnavailable for one that never
    falls silent and never ends either.
    """
    until = time.monotonic() + RANGE_SECONDS * max(1.0, size_bytes / WINDOW_BYTES)
    taken = bytearray()
    while len(taken) <= size_bytes:
        piece = body.read(min(PIECE_BYTES, size_bytes + 1 - len(taken)))
        if not piece:
            break
        taken += piece
        if time.monotonic() > until:
            raise StoreUnavailable("The store sends too slowly.")
    return bytes(taken)


def _range(offset: int, size_bytes: int) -> str:
    return f"bytes={offset}-{offset + size_bytes - 1}"
