"""Where bytes of a container are read from by the server: a store's copy, or a creator's address."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol, Self

from unlock import storage
from unlock.creator_errors import TargetRefused
from unlock.errors import StoreError, StoreUnavailable
from unlock.models import Copy
from unlock.url_sources import UrlSource

if TYPE_CHECKING:
    from types import TracebackType

    from unlock.storage import Store

log = logging.getLogger(__name__)


class Source(Protocol):
    """One place. ``read`` gives exactly the bytes asked for, or raises a StoreError."""

    def read(self, offset: int, size_bytes: int) -> bytes: ...
    def close(self) -> None: ...


class StoreSource:
    """One object, under the ETag it had when it was verified."""

    def __init__(self, store: Store, copy: Copy) -> None:
        self._store = store
        self._copy = copy

    def read(self, offset: int, size_bytes: int) -> bytes:
        key, etag = self._copy.object_key, self._copy.etag
        return self._store.read_range(key, offset=offset, size_bytes=size_bytes, etag=etag)

    def close(self) -> None:
        """Nothing is kept open."""


def of(copy: Copy) -> Source:
    """Raises StoreError for a store nobody configured, or an address that is not allowed (any more)."""
    if not copy.url:
        return StoreSource(storage.get(copy.store), copy)
    try:
        return UrlSource(copy.url, size_bytes=copy.size_bytes)
    except TargetRefused as error:
        raise StoreError.after(error) from error


class Good:
    """All good copies of a container but one, as one source: when one fails, the next goes on."""

    def __init__(self, but: Copy) -> None:
        rows = Copy.objects.filter(container=but.container_id, verified_at__isnull=False)
        good = rows.filter(damaged_at=None).exclude(id=but.id).order_by("url", "created_at")
        self._left = list(good)
        self._source: Source | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._close()

    def read(self, offset: int, size_bytes: int) -> bytes:
        """Raises StoreUnavailable once none is left."""
        while True:
            try:
                self._source = self._source or of(self._next())
                return self._source.read(offset, size_bytes)
            except _NoneLeft:
                raise StoreUnavailable("No good copy can be read now.") from None
            except StoreError as error:
                log.warning("a copy could not be read: %s", error.code)
                self._close()

    def _next(self) -> Copy:
        if not self._left:
            raise _NoneLeft
        return self._left.pop(0)

    def _close(self) -> None:
        if self._source is not None:
            self._source.close()
            self._source = None


class _NoneLeft(Exception):
    """Every copy was tried."""
