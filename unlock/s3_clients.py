"""How S3 is spoken: one client per place and process, its time-outs, and its errors as ours."""

from __future__ import annotations

import functools
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Literal

from unlock.errors import (
    MultipartMissing,
    ObjectChanged,
    ObjectMissing,
    PartsRefused,
    StoreError,
    StoreUnavailable,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_s3 import S3Client

    from unlock.stores import StoreConfig

Style = Literal["path", "virtual"]


class Patience(StrEnum):
    """What is asked of a store, and therefore how long it may take."""

    PROBE = "probe"  # is it there: readiness waits for it
    ASK = "ask"  # what it has under a key: people wait for it
    READ = "read"  # a range; the reader tries again itself
    WRITE = "write"  # a part, or the joining of ten thousand


@dataclass(frozen=True, slots=True)
class Limits:
    """``silence_seconds``: without a byte, after which a try is given up."""

    connect_seconds: float
    silence_seconds: float
    tries: int


# A store that takes connections and says nothing costs at most tries * silence. All of it is shorter
# than the leases of those who wait (verification.STORE_PATIENCE, copies.LEASE).
LIMITS: Final[dict[Patience, Limits]] = {
    Patience.PROBE: Limits(2, 2, tries=1),
    Patience.ASK: Limits(5, 10, tries=2),
    Patience.READ: Limits(5, 20, tries=1),
    Patience.WRITE: Limits(5, 60, tries=3),
}


def connect(config: StoreConfig, endpoint: str, *, patience: Patience = Patience.WRITE) -> S3Client:
    """One client per place, patience and process: building one takes a tenth of a second."""
    keys = (config.access_key, config.secret_key)
    style: Style = "path" if config.is_path_style or not endpoint else "virtual"
    return _build(endpoint, config.region, keys, style=style, limits=LIMITS[patience])


@functools.cache
def _build(
    endpoint: str, region: str, keys: tuple[str, str], *, style: Style, limits: Limits
) -> S3Client:
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
            s3={"addressing_style": style},
            connect_timeout=limits.connect_seconds,
            read_timeout=limits.silence_seconds,
            retries={"mode": "standard", "max_attempts": limits.tries},
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
def told() -> Iterator[None]:
    """Turn botocore's errors into ours: what the store refused, and what may be tried again."""
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in _REFUSALS:
            raise _REFUSALS[code]("The store answered {answer}.", answer=code) from error
        if status >= 500 or code in {"SlowDown", "RequestTimeout"}:
            raise StoreUnavailable(
                "The store answered {answer}.", answer=code or str(status)
            ) from error
        raise StoreError("The store refused: {answer}.", answer=code or str(status)) from error
    except (HTTPClientError, BotoCoreError, OSError) as error:
        raise StoreUnavailable("The store could not be reached.") from error
