"""The stores: every byte we read from or sign for an S3 bucket goes through here, and only here.

A ``Store`` knows keys, parts and ranges; it knows nothing of uploads or files. Signed requests carry
their limits inside the signature: a part's exact length, a range's exact bytes. Sources: AWS
Signature Version 4 (query), S3 API reference; what other servers do differently is in
docs/operations.md.
"""

from __future__ import annotations

import functools
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings

from unlock.errors import (
    MultipartMissing,
    ObjectChanged,
    ObjectMissing,
    PartsRefused,
    StoreError,
    StoreUnavailable,
)
from unlock.stores import SignedRequest, Store, StoreConfig, StoredObject, StoredPart

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

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
SIGNED_FOR = timedelta(hours=1)
CONNECT_TIMEOUT_SECONDS = 5
READ_TIMEOUT_SECONDS = 60
PROBE_TIMEOUT_SECONDS = 2
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
        with _told():
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
        with _told():
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
            with _told():
                self._client.abort_multipart_upload(
                    Bucket=self._bucket, Key=key, UploadId=multipart_id
                )
        except MultipartMissing:
            return

    def head(self, key: str) -> StoredObject:
        with _told():
            seen = self._client.head_object(Bucket=self._bucket, Key=key)
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

    def sign_range(self, key: str, *, offset: int, size_bytes: int, now: datetime) -> SignedRequest:
        asked = _range(offset, size_bytes)
        url = self._sign("get_object", {"Key": key, "Range": asked})
        return SignedRequest(
            url=url,
            headers={"Range": asked},
            size_bytes=size_bytes,
            expires_at=now + SIGNED_FOR,
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

    def put(self, key: str, data: bytes) -> None:
        with _told():
            self._client.put_object(
                Bucket=self._bucket, Key=key, Body=data, ContentType="application/octet-stream"
            )

    def delete(self, key: str) -> None:
        with _told():
            self._client.delete_object(Bucket=self._bucket, Key=key)

    def ensure_bucket(self, origins: Iterable[str]) -> None:
        try:
            with _told():
                self._client.head_bucket(Bucket=self._bucket)
        except ObjectMissing:
            self._make_bucket()
        with _told():
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
        with _told():
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
            with _told():
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
            with _told():
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
        with _told():
            answer = self._client.get_object(
                Bucket=self._bucket,
                Key=key,
                Range=_range(offset, size_bytes),
                IfMatch=f'"{etag}"',
            )
            # A store that ignores If-Match still names what it serves.
            if answer["ETag"].strip('"') != etag:
                raise ObjectChanged("The stored object is not the one that was checked.")
            with answer["Body"] as body:
                data = body.read(size_bytes + 1)
        if len(data) != size_bytes:
            raise StoreUnavailable("The store sent fewer bytes than it was asked for.")
        return data

    def _sign(self, method: str, asked: dict[str, object]) -> str:
        return self._signer.generate_presigned_url(
            method,
            Params={"Bucket": self._bucket, **asked},
            ExpiresIn=int(SIGNED_FOR.total_seconds()),
        )

    @property
    def _client(self) -> S3Client:
        return _connect(self.config, self.config.endpoint)

    @property
    def _signer(self) -> S3Client:
        """Signs for the address that browsers use; never sends anything."""
        return _connect(self.config, self.config.public_endpoint)


def get(name: str) -> Store:
    """The store called ``name`` in KIM_STORES. Raises StoreError for a name nobody configured."""
    for config in _configured():
        if config.name == name:
            return S3Store(config)
    raise StoreError(f"No store is called {name}.")


def primary() -> Store:
    """The store that takes new uploads: the first of KIM_STORES."""
    return S3Store(_configured()[0])


def check_reachable() -> None:
    """For readiness: every bucket answers within two seconds. Raises StoreError."""
    for config in _configured():
        with _told():
            client = _connect(config, config.endpoint, is_patient=False)
            client.head_bucket(Bucket=config.bucket)


def _configured() -> tuple[StoreConfig, ...]:
    stores: tuple[StoreConfig, ...] = settings.KIM_STORES
    return stores


def _range(offset: int, size_bytes: int) -> str:
    return f"bytes={offset}-{offset + size_bytes - 1}"


def _connect(config: StoreConfig, endpoint: str, *, is_patient: bool = True) -> S3Client:
    """One client per place and process: building one takes a tenth of a second."""
    keys = (config.access_key, config.secret_key)
    return _build(endpoint, config.region, keys, is_patient=is_patient)


@functools.cache
def _build(endpoint: str, region: str, keys: tuple[str, str], *, is_patient: bool) -> S3Client:
    import boto3
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=endpoint or None,
        region_name=region or None,
        aws_access_key_id=keys[0],
        aws_secret_access_key=keys[1],
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path" if endpoint else "auto"},
            connect_timeout=CONNECT_TIMEOUT_SECONDS if is_patient else PROBE_TIMEOUT_SECONDS,
            read_timeout=READ_TIMEOUT_SECONDS if is_patient else PROBE_TIMEOUT_SECONDS,
            retries={"mode": "standard", "max_attempts": 3 if is_patient else 1},
            # Newer botocore adds checksums that other stores refuse and that a browser cannot send.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


# A missing bucket is not among them: it says nothing about an object, and somebody will mend it.
_REFUSALS: dict[str, type[StoreError]] = {
    "404": ObjectMissing,
    "NoSuchKey": ObjectMissing,
    "NoSuchUpload": MultipartMissing,
    "412": ObjectChanged,
    "PreconditionFailed": ObjectChanged,
    "InvalidPart": PartsRefused,
    "InvalidPartOrder": PartsRefused,
    "EntityTooSmall": PartsRefused,
}


@contextmanager
def _told() -> Iterator[None]:
    """Turn botocore's errors into ours: what the store refused, and what may be tried again."""
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in _REFUSALS:
            raise _REFUSALS[code](f"The store answered {code}.") from error
        if status >= 500 or code in {"SlowDown", "RequestTimeout"}:
            raise StoreUnavailable(f"The store answered {code or status}.") from error
        raise StoreError(f"The store refused: {code or status}.") from error
    except (HTTPClientError, BotoCoreError, OSError) as error:
        raise StoreUnavailable("The store could not be reached.") from error
