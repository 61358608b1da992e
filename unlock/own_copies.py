"""Addresses that creators add: the same sealed file on a host of their own.

Each is tried while its creator waits, re-hashed whole before any buyer is sent there, and again
every month. The server keeps the address and never the reason somebody gave it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db import IntegrityError, transaction

from unlock import container, copies
from unlock.creator_errors import (
    CopyMissing,
    CopyUrlRefused,
    TargetRefused,
    TooManyCopies,
    UploadNotVerified,
)
from unlock.errors import StoreError
from unlock.models import Copy
from unlock.states import CopyState
from unlock.url_sources import UrlSource

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from unlock.models import Container, PaidFile

OWN_MAX: Final = 5  # addresses of one file
STORE_NAME: Final = "url"  # in Copy.store; no store may be called so
_TRY_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One copy as its creator sees it. ``host`` is a store's name, or where the address leads;
    ``address`` gives all its bytes for an hour, where it was asked for.
    """

    id: UUID
    kind: str
    host: str
    url: str
    state: CopyState
    size_bytes: int
    verified_at: datetime | None
    checked_at: datetime | None
    address: str = ""


def places(paid_file: PaidFile) -> list[Place]:
    """All copies of a file's content, the first place first."""
    rows = Copy.objects.filter(container=paid_file.container_id).order_by("created_at")
    return [_place(copy) for copy in rows] if paid_file.container_id else []


def add(paid_file: PaidFile, url: str, *, now: datetime) -> Place:
    """Keep an address after looking at its first bytes; adding it twice is no error.

    Raises UploadNotVerified, CopyUrlRefused with the reason, TooManyCopies.
    """
    held = paid_file.container
    if held is None or held.verified_at is None:
        raise UploadNotVerified("The upload is not finished and checked yet.")
    known = Copy.objects.filter(store=STORE_NAME, object_key=_key(held, url)).first()
    if known is not None:
        return _place(known)
    if Copy.objects.filter(container=held).exclude(url="").count() >= OWN_MAX:
        raise TooManyCopies("{own_max} addresses are kept for a file.", own_max=OWN_MAX)
    _try(held, url)
    return _place(_insert(held, url, now=now))


def remove(paid_file: PaidFile, copy_id: UUID) -> None:
    """Forget an address; nothing is done to the file that lies there. Raises CopyMissing."""
    rows = Copy.objects.filter(id=copy_id, container=paid_file.container_id).exclude(url="")
    if not rows.delete()[0]:
        raise CopyMissing("There is no such address.")


def state_of(copy: Copy) -> CopyState:
    if copy.damaged_at is not None:
        return CopyState.DAMAGED
    return CopyState.CHECKING if copy.verified_at is None else CopyState.GOOD


def _place(copy: Copy) -> Place:
    return Place(
        id=copy.id,
        kind="url" if copy.url else "store",
        host=copies.origin_of(copy.url).partition("//")[2] if copy.url else copy.store,
        url=copy.url,
        state=state_of(copy),
        size_bytes=copy.size_bytes,
        verified_at=copy.verified_at,
        checked_at=copy.checked_at or copy.verified_at,
    )


def _try(held: Container, url: str) -> None:
    """Size, ranges, CORS and the first 128 bytes: what can be told in seconds."""
    try:
        source = UrlSource(url, size_bytes=held.size_bytes, seconds=_TRY_SECONDS)
        try:
            head = source.read(0, container.CORE_BYTES)
        finally:
            source.close()
    except (TargetRefused, StoreError) as error:
        raise CopyUrlRefused.after(error) from error
    if head != bytes(held.core_header):
        raise CopyUrlRefused("Another file lies there.")


def _insert(held: Container, url: str, *, now: datetime) -> Copy:
    key = _key(held, url)
    try:
        with transaction.atomic():
            return Copy.objects.create(
                container=held,
                store=STORE_NAME,
                object_key=key,
                url=url,
                size_bytes=held.size_bytes,
                wanted_at=now,
                created_at=now,
            )
    except IntegrityError:  # a double click: the other call won
        return Copy.objects.get(store=STORE_NAME, object_key=key)


def _key(held: Container, url: str) -> str:
    return hashlib.sha256(f"{held.id} {url}".encode()).hexdigest()
