"""Keeping copies: bring a container to as many stores as wished, re-hash each copy, mend it.

One column drives it: ``Copy.wanted_at`` is when to look next, and pushed ahead it is the lease of
whoever is looking, so that two workers never do one copy twice. What is to be done follows from the
row: never verified or damaged, it is written anew from a good copy; otherwise it is re-hashed. Only
a copy whose every byte was compared with the committed index is ever served. A worker that dies is
missed after LEASE; parts that are in the store by then are not sent again.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Count, Q
from django.db.models.functions import Coalesce

from unlock import container, limits, sources, storage
from unlock.copies import LEASE, want
from unlock.errors import (
    ContainerError,
    Damaged,
    MultipartMissing,
    ObjectChanged,
    ObjectMissing,
    PartsRefused,
    StoreError,
    StoreUnavailable,
)
from unlock.models import Container, Copy

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

    from unlock.sources import Source
    from unlock.storage import Store, StoredPart

    Clock = Callable[[], datetime]

log = logging.getLogger(__name__)

RETRY: Final = timedelta(minutes=15)  # beyond LEASE, so that it does not look like one
RETRY_OWN: Final = timedelta(hours=6)  # a creator's own host that is gone
_BEAT: Final = timedelta(seconds=5)


class LeaseLost(Exception):
    """Another worker has this copy; what it does counts."""


@dataclass(slots=True)
class Lease:
    """The right to work on a copy. ``until`` names the holder."""

    copy_id: UUID
    until: datetime
    beaten_at: datetime
    clock: Clock

    def beat(self) -> None:
        """Raises LeaseLost."""
        now = self.clock()
        if now - self.beaten_at >= _BEAT:
            self._set(now + LEASE)
            self.until, self.beaten_at = now + LEASE, now

    def set(self, **columns: object) -> None:
        """Change the copy, if it is still ours. Raises LeaseLost."""
        self._set(self.until, **columns)

    def end(self, *, again_at: datetime | None, **columns: object) -> None:
        """Raises LeaseLost."""
        self._set(again_at, **columns)

    def _set(self, wanted_at: datetime | None, **columns: object) -> None:
        mine = Copy.objects.filter(id=self.copy_id, wanted_at=self.until)
        if not mine.update(wanted_at=wanted_at, **columns):
            raise LeaseLost


def plan(*, now: datetime, limit: int = 100) -> int:
    """Name a place for each copy that is missing, up to KIM_COPIES; how many were named."""
    names, writable = storage.names(), storage.writable()
    counted = Q(copies__url="", copies__store__in=names)
    lost_for_good = Q(copies__damaged_at__isnull=False) & ~Q(copies__store__in=writable)
    few = (
        Container.objects.filter(verified_at__isnull=False)
        .annotate(places=Count("copies", filter=counted & ~lost_for_good))
        .filter(places__lt=settings.KIM_COPIES)
        .order_by("verified_at")[:limit]
    )
    return sum(_place(held, now=now) for held in few)


def want_rehash(*, now: datetime, limit: int = 1) -> int:
    """Ask for the copies whose last re-hash is longest ago, once it is KIM_REHASH_DAYS old."""
    before = now - timedelta(days=settings.KIM_REHASH_DAYS)
    old = (
        Copy.objects.filter(wanted_at=None, verified_at__isnull=False)
        .annotate(seen_at=Coalesce("checked_at", "verified_at"))
        .filter(seen_at__lt=before)
        .order_by("seen_at")
    )
    return want(old.values_list("id", flat=True)[:limit], now=now)


def due(*, now: datetime, limit: int = 1) -> list[UUID]:
    """Copies to look at now: those that are missing or damaged before those to be read again."""
    waiting = Copy.objects.filter(wanted_at__lte=now, container__verified_at__isnull=False)
    is_missing = waiting.filter(Q(verified_at=None) | Q(damaged_at__isnull=False))
    first = list(is_missing.order_by("wanted_at").values_list("id", flat=True)[:limit])
    rest = waiting.exclude(id__in=first).order_by("wanted_at")
    return [*first, *rest.values_list("id", flat=True)[: limit - len(first)]]


def is_busy(*, now: datetime) -> bool:
    """Whether a copy is worked on now, or is a minute or two from its next try, which looks alike."""
    return Copy.objects.filter(wanted_at__gt=now, wanted_at__lte=now + LEASE).exists()


def tend(copy_id: UUID, *, clock: Clock) -> None:
    """Do what one copy needs. Safe to call twice and at once: the second finds nothing to do.

    Faults of stores are no errors here: the copy is tried again later, and the others are not
    touched by it.
    """
    lease = _take(copy_id, clock=clock)
    if lease is None:
        return
    copy = Copy.objects.select_related("container").get(id=copy_id)
    try:
        if copy.url:
            _tend_own(copy, lease)
        else:
            _tend_stored(copy, lease)
    except LeaseLost:
        log.info("copy %s is in other hands", copy_id)
    except StoreError as error:
        log.warning("copy %s in %s has to wait: %s", copy_id, copy.store, error.message)
        _give_back(lease, again_at=clock() + (RETRY_OWN if copy.url else RETRY))


def _take(copy_id: UUID, *, clock: Clock) -> Lease | None:
    now = clock()
    free = Copy.objects.filter(id=copy_id, container__verified_at__isnull=False)
    seen = free.filter(wanted_at__lte=now).values_list("wanted_at", flat=True).first()
    mine = Copy.objects.filter(id=copy_id, wanted_at=seen)
    if seen is None or not mine.update(wanted_at=now + LEASE):
        return None
    return Lease(copy_id, now + LEASE, now, clock)


def _give_back(lease: Lease, *, again_at: datetime) -> None:
    try:
        lease.end(again_at=again_at)
    except LeaseLost:
        return


def _place(held: Container, *, now: datetime) -> int:
    """Rows for the stores that have no copy yet, under the key of the first: twice is once."""
    rows = held.copies.filter(url="")
    first = rows.order_by("created_at").first()
    if first is None:
        return 0
    taken = set(rows.values_list("store", flat=True))
    sound = rows.filter(store__in=storage.names()).exclude(
        ~Q(store__in=storage.writable()), damaged_at__isnull=False
    )
    missing = max(0, settings.KIM_COPIES - sound.count())
    free = [name for name in storage.writable() if name not in taken]
    return sum(_name(held, store, first.object_key, now=now) for store in free[:missing])


def _name(held: Container, store: str, key: str, *, now: datetime) -> int:
    try:
        with transaction.atomic():
            Copy.objects.create(
                container=held,
                store=store,
                object_key=key,
                size_bytes=held.size_bytes,
                wanted_at=now,
                created_at=now,
            )
    except IntegrityError:
        return 0
    return 1


def _tend_stored(copy: Copy, lease: Lease) -> None:
    store = storage.get(copy.store)
    is_new = copy.verified_at is None or copy.damaged_at is not None
    if is_new and not _is_back(copy, store):
        if copy.store not in storage.writable():
            log.error("copy %s is damaged, and its store is read-only", copy.id)
            lease.end(again_at=None)
            return
        copy.etag = _fill(copy, store, lease)
        copy.verified_at = None
        lease.set(etag=copy.etag)
    pace = None if is_new else _Pace(settings.KIM_REHASH_MBIT)
    _compare(copy, sources.of(copy), lease, pace=pace)


def _tend_own(copy: Copy, lease: Lease) -> None:
    _compare(copy, sources.of(copy), lease, pace=_Pace(settings.KIM_REHASH_MBIT))


def _is_back(copy: Copy, store: Store) -> bool:
    """Whether the object that was once verified, or was just written, lies there as it was."""
    if not copy.etag:
        return False
    try:
        return store.head(copy.object_key) == storage.StoredObject(copy.size_bytes, copy.etag)
    except ObjectMissing:
        return False


def _compare(copy: Copy, source: Source, lease: Lease, *, pace: _Pace | None) -> None:
    """Every byte against the committed index, twice before it is called damaged; keep the result."""
    try:
        try:
            _read_through(copy, source, lease, pace=pace)
        except ContainerError as error:
            log.warning("copy %s: %s; reading it once more", copy.id, error.message)
            _read_through(copy, source, lease, pace=pace)
    except ContainerError as error:
        log.error("copy %s in %s is damaged: %s", copy.id, copy.store, error.message)  # noqa: TRY400
        _lose(copy, lease, is_other=True)
    except (ObjectMissing, ObjectChanged) as error:
        log.error("copy %s in %s is gone: %s", copy.id, copy.store, error.message)  # noqa: TRY400
        _lose(copy, lease, is_other=False)
    else:
        now = lease.clock()
        is_known = copy.verified_at is not None and copy.damaged_at is None
        columns = {} if is_known else {"verified_at": now}
        lease.end(again_at=None, checked_at=now, damaged_at=None, **columns)
    finally:
        source.close()


def _read_through(copy: Copy, source: Source, lease: Lease, *, pace: _Pace | None) -> None:
    """Raises ContainerError where the bytes are not those that were committed to."""
    held = copy.container
    core = container.CoreHeader.parse(bytes(held.core_header))
    index = container.parse_index(source.read(core.index_offset, core.index_bytes), core)
    if container.content_id(core, index.root).hex() != held.content_id:
        raise Damaged("The index is not the one that was committed to.")
    verifier = container.SegmentVerifier(core, index)
    for offset in range(0, core.total_bytes, storage.WINDOW_BYTES):
        window = source.read(offset, min(storage.WINDOW_BYTES, core.total_bytes - offset))
        verifier.feed(window)
        lease.beat()
        if pace is not None:
            pace.after(len(window))
    verifier.finish()


def _lose(copy: Copy, lease: Lease, *, is_other: bool) -> None:
    """Mark it, and ask for mending. ``is_other``: bytes are there and wrong, whatever the ETag says,
    so that the store's word alone does not bring it back.
    """
    now = lease.clock()
    was_new = copy.verified_at is None
    columns: dict[str, object] = {"damaged_at": now, "checked_at": now}
    if is_other:
        columns |= {"verified_at": None, "etag": ""}
        want(_others(copy).values_list("id", flat=True) if was_new else (), now=now)
    again_at: datetime | None = now + RETRY if was_new else now
    if copy.url:
        again_at = None if is_other else now + RETRY_OWN
    lease.end(again_at=again_at, **columns)
    if not _others(copy).exists():
        log.error(
            "container %s: no good copy is left in any store; its buyers cannot load it",
            copy.container_id,
        )


def _others(copy: Copy) -> QuerySet[Copy]:
    rows = Copy.objects.filter(container=copy.container_id, verified_at__isnull=False)
    return rows.filter(damaged_at=None).exclude(id=copy.id)


def _fill(copy: Copy, store: Store, lease: Lease) -> str:
    """Write it from good copies, in equal parts, going on with those that are there; its ETag.

    Raises StoreError (no good copy can be read, the store refused) and what writing raises.
    """
    key, size_bytes = copy.object_key, copy.size_bytes
    part_bytes = limits.part_bytes_for(size_bytes)
    transfer = _transfer(store, key)
    there = {part.number: part.size_bytes for part in _parts(store, key, transfer)}
    with sources.Good(copy) as good:
        for number in range(1, limits.count_parts(size_bytes, part_bytes) + 1):
            length = limits.size_of_part(number, size_bytes=size_bytes, part_bytes=part_bytes)
            if there.get(number) == length:
                continue
            data = good.read((number - 1) * part_bytes, length)
            store.put_part(key, transfer, number=number, data=data)
            lease.beat()
    # Unverified until every byte was read back: what is served meanwhile are the others.
    lease.set(verified_at=None)
    try:
        store.complete(key, transfer, store.list_parts(key, transfer))
    except (PartsRefused, MultipartMissing) as error:
        store.abort(key, transfer)
        raise StoreUnavailable("The store did not keep the parts.") from error
    return store.head(key).etag


def _transfer(store: Store, key: str) -> str:
    """The one that an earlier try began, or a new one."""
    try:
        found = store.find_multipart(key)
    except StoreUnavailable:
        raise
    except StoreError:  # a store that lists none: nothing is saved, nothing lost
        found = None
    return found or store.begin_multipart(key)


def _parts(store: Store, key: str, transfer: str) -> tuple[StoredPart, ...]:
    try:
        return store.list_parts(key, transfer)
    except MultipartMissing as error:
        raise StoreUnavailable("The store has just dropped the transfer.") from error


class _Pace:
    """Slows a reader down to ``mbit`` a second, so that checking never takes a buyer's line."""

    def __init__(self, mbit: int) -> None:
        self._bytes_per_second = mbit * 125_000
        self._began = time.monotonic()
        self._read_bytes = 0

    def after(self, size_bytes: int) -> None:
        self._read_bytes += size_bytes
        ahead = self._read_bytes / self._bytes_per_second - (time.monotonic() - self._began)
        if ahead > 0:
            time.sleep(min(ahead, 60.0))
