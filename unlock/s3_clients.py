"""How S3 is spoken: one client per place and process, its time-outs, and its errors as ours."""

from __future__ import annotations

import functools
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

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

CONNECT_TIMEOUT_SECONDS = 5
READ_TIMEOUT_SECONDS = 60
PROBE_TIMEOUT_SECONDS = 2


def connect(config: StoreConfig, endpoint: str, *, is_patient: bool = True) -> S3Client:
    """One client per place and process: building one takes a tenth of a second."""
    keys = (config.access_key, config.secret_key)
    style: Style = "path" if config.is_path_style or not endpoint else "virtual"
    return _build(endpoint, config.region, keys, style=style, is_patient=is_patient)


@functools.cache
def _build(
    endpoint: str, region: str, keys: tuple[str, str], *, style: Style, is_patient: bool
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
def told() -> Iterator[None]:
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
