"""What a store is, to those who use one: its place, its parts and objects, its verbs. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime


SIGNED_FOR: Final = timedelta(hours=1)


class StoreConfig(Protocol):
    """Where one bucket is. ``public_endpoint`` is how browsers reach it; it may equal ``endpoint``."""

    @property
    def name(self) -> str: ...
    @property
    def endpoint(self) -> str: ...
    @property
    def public_endpoint(self) -> str: ...
    @property
    def bucket(self) -> str: ...
    @property
    def region(self) -> str: ...
    @property
    def access_key(self) -> str: ...
    @property
    def secret_key(self) -> str: ...
    @property
    def is_path_style(self) -> bool: ...
    @property
    def is_read_only(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class StoredPart:
    """One part as the store lists it."""

    number: int
    size_bytes: int
    etag: str


@dataclass(frozen=True, slots=True)
class StoredObject:
    """A finished object: its size, and the name the store gives to these very bytes."""

    size_bytes: int
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """A request that anybody may send until ``expires_at``, exactly as signed, headers included."""

    url: str
    headers: dict[str, str]
    size_bytes: int
    expires_at: datetime


class Store(Protocol):
    """One bucket. Any method may raise StoreUnavailable (try again) or StoreError (it refused)."""

    name: str

    def begin_multipart(self, key: str) -> str:
        """Start a multipart transfer; return the store's id of it."""

    def sign_part(
        self, key: str, multipart_id: str, *, number: int, size_bytes: int, now: datetime
    ) -> SignedRequest:
        """A PUT of part ``number`` (from 1). A body of any other length is refused by the store."""

    def list_parts(self, key: str, multipart_id: str) -> tuple[StoredPart, ...]:
        """Every part there is, in order. Raises MultipartMissing."""

    def complete(self, key: str, multipart_id: str, parts: Iterable[StoredPart]) -> None:
        """Make the object out of the parts. Raises MultipartMissing, PartsRefused.

        Again after it worked, a store says either nothing or MultipartMissing; the object stays.
        """

    def abort(self, key: str, multipart_id: str) -> None:
        """Throw the parts away. Aborting what is not there is not an error."""

    def head(self, key: str) -> StoredObject:
        """Size and ETag. Raises ObjectMissing."""

    def read_range(self, key: str, *, offset: int, size_bytes: int, etag: str) -> bytes:
        """Exactly these bytes of the object named by ``etag``. Raises ObjectMissing, ObjectChanged."""

    def stream(self, key: str, *, size_bytes: int, etag: str, offset: int = 0) -> Iterator[bytes]:
        """The object from ``offset`` to its end, in windows of WINDOW_BYTES; raises as read_range."""

    def sign_range(
        self,
        key: str,
        *,
        offset: int,
        size_bytes: int,
        now: datetime,
        good_for: timedelta = SIGNED_FOR,
    ) -> SignedRequest:
        """A GET of exactly this range; any other range is refused by the store."""

    def sign_object(self, key: str, *, size_bytes: int, now: datetime) -> SignedRequest:
        """A GET of the whole object, as a nameless download."""

    def find_multipart(self, key: str) -> str | None:
        """The store's id of an unfinished transfer of ``key``, the newest; None if it knows none."""

    def put_part(self, key: str, multipart_id: str, *, number: int, data: bytes) -> None:
        """Send one part ourselves. Raises MultipartMissing."""

    def put(self, key: str, data: bytes, *, sha256: str = "") -> None:
        """Write a small object whole; it replaces the one that was there. ``sha256`` in base64 goes
        along for the store to compare, which not every store does.
        """

    def delete(self, key: str) -> None:
        """Remove the object. Removing what is not there is not an error."""

    def ensure_bucket(self, origins: Iterable[str]) -> None:
        """Make the bucket if need be, and let pages of ``origins`` reach it. Repeatable."""
