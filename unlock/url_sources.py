"""Reading a copy at an address that a creator gave: by ranges, through the one guarded way out.

What a browser will need is asked for here as well: 206 with the exact range, the right total, and
CORS for our pages. No redirect is followed; name and address are checked at every connection.
"""

from __future__ import annotations

import http.client
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from django.conf import settings

from unlock import webhook_targets
from unlock.creator_errors import TargetRefused
from unlock.errors import ObjectChanged, ObjectMissing, StoreError, StoreUnavailable

if TYPE_CHECKING:
    import socket

    from unlock.webhook_targets import Target

WINDOW_SECONDS: Final = 60.0  # for one window; 8 MiB in a minute are 1.1 Mbit/s
_CHUNK: Final = 64 * 1024
_TRIES: Final = 3
_GONE: Final = frozenset({401, 403, 404, 410})


class UrlSource:
    """The bytes behind one address. Not thread-safe; ``close`` it."""

    def __init__(self, url: str, *, size_bytes: int, seconds: float = WINDOW_SECONDS) -> None:
        """Raises TargetRefused."""
        self._target = parse(url)
        self._size_bytes = size_bytes
        self._seconds = seconds
        self._open = ExitStack()
        self._line: http.client.HTTPConnection | None = None

    def read(self, offset: int, size_bytes: int) -> bytes:
        """Exactly these bytes. Raises ObjectMissing, ObjectChanged, StoreUnavailable, StoreError."""
        for tries_left in reversed(range(_TRIES)):
            try:
                return self._read_once(offset, size_bytes)
            except (OSError, http.client.HTTPException, StoreUnavailable) as error:
                self.close()
                if not tries_left:
                    raise StoreUnavailable("The address does not answer.") from error
            except TargetRefused as error:
                raise StoreError.after(error) from error
            except StoreError:
                self.close()
                raise
        raise StoreUnavailable("The address does not answer.")

    def close(self) -> None:
        self._open.close()
        self._line = None

    def _read_once(self, offset: int, size_bytes: int) -> bytes:
        deadline = time.monotonic() + self._seconds
        line = self._line or self._connect()
        asked = f"bytes={offset}-{offset + size_bytes - 1}"
        line.putrequest("GET", self._target.path, skip_host=True, skip_accept_encoding=True)
        for name, value in {
            "Host": self._target.authority,
            "Origin": settings.KIM_PUBLIC_URL,
            "Range": asked,
            "User-Agent": f"kim/{settings.KIM_VERSION}",
        }.items():
            line.putheader(name, value)
        line.endheaders()
        answer = line.getresponse()
        self._check(answer, f"bytes {offset}-{offset + size_bytes - 1}/{self._size_bytes}")
        return _body(answer, size_bytes, deadline=deadline)

    def _connect(self) -> http.client.HTTPConnection:
        seconds = min(self._seconds, webhook_targets.DEADLINE_SECONDS)
        line: socket.socket = self._open.enter_context(
            webhook_targets.connect(self._target, seconds=seconds)
        )
        line.settimeout(seconds)
        self._line = http.client.HTTPConnection(self._target.host, self._target.port)
        self._line.sock = line
        return self._line

    def _check(self, answer: http.client.HTTPResponse, expected_range: str) -> None:
        status = answer.status
        if status in _GONE:
            raise ObjectMissing("It answers {status}.", status=str(status))
        if 300 <= status < 400:
            raise StoreError("It redirects, which is not followed.")
        if status >= 500 or status == 429:
            raise StoreUnavailable("It answers {status}.", status=str(status))
        if status != 206:
            raise StoreError(
                "It does not answer ranges: {status} instead of 206.", status=str(status)
            )
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            raise StoreError("It changes the bytes on their way (Content-Encoding).")
        if answer.headers.get("Content-Range", "").strip() != expected_range:
            raise ObjectChanged("It answers another range, or the file there has another size.")
        allowed = answer.headers.get("Access-Control-Allow-Origin", "").strip()
        if allowed not in {"*", settings.KIM_PUBLIC_URL}:
            raise StoreError("It does not let our pages read it (CORS).")


def parse(url: str) -> Target:
    """https, without login or fragment; plain HTTP on one's own machine, with play money only.

    Raises TargetRefused.
    """
    target = webhook_targets.parse(url)
    if not target.is_tls and target.host not in {"127.0.0.1", "localhost"}:
        raise TargetRefused("The address must begin with https://.")
    return target


def _body(answer: http.client.HTTPResponse, size_bytes: int, *, deadline: float) -> bytes:
    read = bytearray()
    while len(read) < size_bytes:
        if time.monotonic() > deadline:
            raise TimeoutError
        chunk = answer.read(min(_CHUNK, size_bytes - len(read)))
        if not chunk:
            raise StoreUnavailable("It sent fewer bytes than it promised.")
        read += chunk
    return bytes(read)
