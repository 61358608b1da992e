"""A sealed file behind an http(s) address, read by ranges (RFC 9110, section 14), as a file.

One answer is read on and on while the reads follow one another; a read elsewhere asks anew. What is
read is checked by the caller: here only its place, its length, and that it is still the same object.
"""

import http.client
import io
import re
from collections.abc import Callable
from typing import IO
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

_TIMEOUT_SECONDS = 30
_PAUSES_SECONDS = (0.5, 2.0, 8.0)
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})

Wait = Callable[[float], object]


class RemoteFailed(OSError):
    """The address does not give the bytes; ``strerror`` says why."""

    def __init__(self, why: str) -> None:
        super().__init__(0, why)


class _StaySafe(HTTPRedirectHandler):
    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: http.client.HTTPMessage,
        newurl: str,
    ) -> Request | None:  # fmt: skip
        if req.full_url.startswith("https:") and not newurl.startswith("https:"):
            raise RemoteFailed("the address leads from https to an unprotected one")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def is_address(text: str) -> bool:
    return text.startswith(("https://", "http://"))


class RemoteFile(io.RawIOBase):
    """Seekable, read only. Raises RemoteFailed when made or read; ``wait`` sleeps for seconds."""

    def __init__(self, url: str, wait: Wait) -> None:
        super().__init__()
        self._url = url
        self._wait = wait
        self._opener = build_opener(_StaySafe)
        self._answer: http.client.HTTPResponse | None = None
        self._answer_at = self._answer_end = self._at = 0
        self._etag = ""
        self.size_bytes = 0
        self._retried(0, 1)

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size_bytes}[whence]
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        """So many bytes, fewer at the object's end only."""
        end = self.size_bytes if size < 0 else min(self._at + size, self.size_bytes)
        raw = self._retried(self._at, end) if end > self._at else b""
        self._at += len(raw)
        return raw

    def close(self) -> None:
        self._drop()
        super().close()

    def _retried(self, start: int, end: int) -> bytes:
        for pause in (*_PAUSES_SECONDS, 0):
            try:
                return self._stretch(start, end)
            except RemoteFailed:
                self._drop()
                raise
            except (OSError, http.client.HTTPException) as error:
                self._drop()
                if not pause:
                    raise RemoteFailed(f"the address does not answer: {error}") from error
                self._wait(pause)
        raise RemoteFailed("the address does not answer")  # pragma: no cover - the loop ends above

    def _stretch(self, start: int, end: int) -> bytes:
        """From the answer that is open, where it stands here and goes that far; else from a new one."""
        answer = self._answer
        if answer is None or self._answer_at != start or self._answer_end < end:
            # A read that goes on where the last one ended is one of many: ask for all that follows.
            is_next = start == self._answer_at > 0
            self._drop()
            answer = self._ask(start, self.size_bytes if is_next else end)
        raw = answer.read(end - start)
        if len(raw) < end - start:
            raise http.client.IncompleteRead(raw, end - start - len(raw))
        self._answer_at = end
        return raw

    def _ask(self, start: int, end: int) -> http.client.HTTPResponse:
        asked = Request(self._url, headers={"Range": f"bytes={start}-{end - 1}"})  # noqa: S310 - see is_address
        try:
            answer: http.client.HTTPResponse = self._opener.open(asked, timeout=_TIMEOUT_SECONDS)
        except HTTPError as error:
            error.close()
            if error.code in _PASSING:
                raise
            raise RemoteFailed(f"the address answers {error.code} {error.reason}") from error
        self._answer, self._answer_end = answer, end
        found = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        if answer.status != 206 or found is None:
            raise RemoteFailed("the host behind the address does not give parts of a file")
        if (int(found[1]), int(found[2])) != (start, end - 1):
            raise RemoteFailed("the host gives other bytes than were asked for")
        self._check_same(int(found[3]), answer.headers.get("ETag", ""))
        return answer

    def _check_same(self, size_bytes: int, etag: str) -> None:
        if self.size_bytes and (size_bytes, etag) != (self.size_bytes, self._etag):
            raise RemoteFailed("the file behind the address was changed meanwhile")
        self.size_bytes, self._etag = size_bytes, etag

    def _drop(self) -> None:
        if self._answer is not None:
            self._answer.close()
            self._answer = None
