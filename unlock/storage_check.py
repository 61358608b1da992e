"""Prove that a bucket does what uploads and downloads lean on, by doing it as a browser would.

The requests go to ``public_endpoint`` with the site's origin. What a store does not enforce is
found here, and not by a creator or a buyer.
"""

from __future__ import annotations

import base64
import os
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from unlock.errors import MultipartMissing, ObjectChanged, StoreError, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from unlock.storage import SignedRequest, Store

PART_BYTES = 5 * 1024 * 1024  # the least that S3 takes for any part but the last
LAST_BYTES = 1000
SIZES = (PART_BYTES, PART_BYTES, LAST_BYTES)  # all equal but the last: some stores demand it
EXPIRY_SECONDS = 1
_PATIENCE_SECONDS = 10
_TIMEOUT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was tried; ``problem`` is empty if it held. Without what is not ``is_needed``
    everything works, a little slower or with one safety net less.
    """

    claim: str
    problem: str = ""
    is_needed: bool = True


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Trial:
    """A bucket under test. ``origin`` is the address of our pages, ``now`` the time for expiry."""

    store: Store
    origin: str
    now: datetime

    def run(self) -> Iterator[Finding]:
        """Try everything, in the order in which one thing needs the other; clean up at the end."""
        key = f"check/{os.urandom(16).hex()}"
        with _try("an upload of equal parts is listed and becomes one object") as found:
            etag = self._upload(key)
        yield from found
        if found[0].problem:
            return
        tries: tuple[tuple[str, Callable[[], None]], ...] = (
            ("a part of another length than signed is refused", self._refuse_length),
            ("a range is read under its ETag, and under no other", lambda: self._read(key, etag)),
            ("a signed range gives its bytes and no others", lambda: self._range(key)),
            ("a signed address ends when it says", lambda: self._expire(key)),
            ("a transfer that was given up is gone", self._abort),
            ("nothing is read without a signature", lambda: self._bare(key)),
            ("our pages may send parts", lambda: self._preflight("PUT", "content-type")),
            ("our pages may ask for ranges", lambda: self._preflight("GET", "range")),
            ("our pages may read ETag and Content-Range", lambda: self._expose(key)),
        )
        for claim, attempt in tries:
            with _try(claim) as found:
                attempt()
            yield from found
        extras: tuple[tuple[str, Callable[[], None]], ...] = (
            ("a transfer that broke off is found again", self._find),
            ("a body of another checksum is refused", self._checksum),
        )
        for claim, attempt in extras:
            with _try(claim, is_needed=False) as found:
                attempt()
            yield from found
        with _try("an object is removed") as found:
            self.store.delete(key)
        yield from found

    def _upload(self, key: str) -> str:
        transfer = self.store.begin_multipart(key)
        for number, size_bytes in enumerate(SIZES, start=1):
            signed = self.store.sign_part(
                key, transfer, number=number, size_bytes=size_bytes, now=self.now
            )
            answer = self._send(signed, "PUT", body=bytes([number]) * size_bytes)
            _expect(answer.status, 200, f"part {number} was answered with")
        parts = self.store.list_parts(key, transfer)
        sizes = [part.size_bytes for part in parts]
        _expect(sizes, list(SIZES), "the store lists parts of")
        self.store.complete(key, transfer, parts)
        seen = self.store.head(key)
        _expect(seen.size_bytes, sum(SIZES), "the object has a size of")
        return seen.etag

    def _expire(self, key: str) -> None:
        """An address for a second, asked until it is refused."""
        signed = self.store.sign_range(
            key,
            offset=0,
            size_bytes=1,
            now=self.now,
            good_for=timedelta(seconds=EXPIRY_SECONDS),
        )
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while (status := self._send(signed, "GET").status) == 206:
            if time.monotonic() > deadline:
                raise _Unlike("an address for a second still works after ten")
            time.sleep(0.2)
        _expect(status // 100, 4, "an old address was answered with a status of hundreds")

    def _abort(self) -> None:
        key = f"check/{os.urandom(16).hex()}"
        transfer = self.store.begin_multipart(key)
        self.store.abort(key, transfer)
        try:
            left = self.store.list_parts(key, transfer)
        except MultipartMissing:
            return
        _expect(left, (), "after giving it up the store lists")

    def _find(self) -> None:
        key = f"check/{os.urandom(16).hex()}"
        transfer = self.store.begin_multipart(key)
        try:
            _expect(self.store.find_multipart(key), transfer, "the store names the transfer")
        finally:
            self.store.abort(key, transfer)

    def _checksum(self) -> None:
        key = f"check/{os.urandom(16).hex()}"
        wrong = base64.b64encode(bytes(32)).decode()
        try:
            self.store.put(key, b"x", sha256=wrong)
        except StoreUnavailable:
            raise
        except StoreError:
            return
        self.store.delete(key)
        raise _Unlike("it was taken")

    def _refuse_length(self) -> None:
        key = f"check/{os.urandom(16).hex()}"
        transfer = self.store.begin_multipart(key)
        try:
            signed = self.store.sign_part(key, transfer, number=1, size_bytes=10, now=self.now)
            answer = self._send(signed, "PUT", body=b"x" * 11)
            _expect(answer.status, 403, "a longer part was answered with")
        finally:
            self.store.abort(key, transfer)

    def _read(self, key: str, etag: str) -> None:
        read = self.store.read_range(key, offset=PART_BYTES - 1, size_bytes=2, etag=etag)
        _expect(read, b"\1\2", "the bytes across two parts are")
        try:
            self.store.read_range(key, offset=0, size_bytes=1, etag="0" * 32 + "-2")
        except ObjectChanged:
            return
        raise _Unlike("a read under another ETag was served")

    def _range(self, key: str) -> None:
        signed = self.store.sign_range(key, offset=0, size_bytes=4, now=self.now)
        exact = self._send(signed, "GET")
        _expect((exact.status, exact.body), (206, b"\1" * 4), "the range was answered with")
        wider = self._send(signed, "GET", headers={"Range": "bytes=0-9"})
        _expect(wider.status, 403, "another range was answered with")
        whole = self._send(signed, "GET", headers={})
        _expect(whole.status, 403, "the whole object was answered with")

    def _bare(self, key: str) -> None:
        signed = self.store.sign_object(key, size_bytes=PART_BYTES + LAST_BYTES, now=self.now)
        answer = self._request(signed.url.partition("?")[0], "GET")
        _expect(answer.status, 403, "an unsigned read was answered with")

    def _preflight(self, method: str, header: str) -> None:
        signed = self.store.sign_range("check/any", offset=0, size_bytes=1, now=self.now)
        asked = {
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": header,
        }
        answer = self._request(signed.url, "OPTIONS", headers=asked)
        _expect(answer.status // 100, 2, "the preflight was answered with the hundreds")
        allowed = answer.headers.get("access-control-allow-origin", "nothing")
        if allowed not in {self.origin, "*"}:
            raise _Unlike(f"the bucket's CORS allows {allowed}, not {self.origin}")

    def _expose(self, key: str) -> None:
        signed = self.store.sign_range(key, offset=0, size_bytes=1, now=self.now)
        exposed = self._send(signed, "GET").headers.get("access-control-expose-headers", "")
        names = {name.strip().lower() for name in exposed.split(",")}
        missing = {"etag", "content-range"} - names
        if missing:
            raise _Unlike(f"the bucket's CORS does not expose {', '.join(sorted(missing))}")

    def _send(
        self,
        signed: SignedRequest,
        method: str,
        *,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> _Answer:
        carried = signed.headers if headers is None else headers
        return self._request(signed.url, method, body=body, headers=carried)

    def _request(
        self,
        url: str,
        method: str,
        *,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> _Answer:
        carried = {"Origin": self.origin, **(headers or {})}
        request = urllib.request.Request(url, data=body, method=method, headers=carried)  # noqa: S310 - the URL is one that we signed
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310
                return _Answer(answer.status, answer.read(), _lower(answer.headers.items()))
        except urllib.error.HTTPError as error:
            with error:
                return _Answer(error.code, b"", _lower(error.headers.items()))


class _Unlike(Exception):
    """The store did something else."""


def _expect(seen: object, expected: object, what: str) -> None:
    if seen != expected:
        raise _Unlike(f"{what} {seen!r} instead of {expected!r}")


@contextmanager
def _try(claim: str, *, is_needed: bool = True) -> Iterator[list[Finding]]:
    """The finding stands in the list afterwards, whatever happened inside."""
    found: list[Finding] = []
    try:
        yield found
    except _Unlike as error:
        found.append(Finding(claim, str(error), is_needed))
    except StoreError as error:
        found.append(Finding(claim, error.message, is_needed))
    except OSError as error:
        found.append(Finding(claim, f"the store cannot be reached: {error}", is_needed))
    else:
        found.append(Finding(claim, "", is_needed))


def _lower(items: list[tuple[str, str]]) -> dict[str, str]:
    return {name.lower(): value for name, value in items}
