"""Copies: where a container lies, and whether what lies there is still what was verified.

``wanted_at`` of a copy is when somebody should look at it next; ``unlock.mending`` does. Stores are
asked at the same time, so that one that is away costs seconds and not the others' answers.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from django.db.models import F, Q

from unlock import storage
from unlock.errors import CopiesDamaged, CopyUnavailable, ObjectMissing, StoreError
from unlock.models import Copy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

    from payments.errors import ServiceError
    from unlock.storage import Store, StoredObject

log = logging.getLogger(__name__)

LEASE: Final = timedelta(minutes=5)  # of a worker; longer than one part takes, with its retries
ANSWER_SECONDS: Final = 3.0  # for all, once one answered
PATIENCE_SECONDS: Final = 60.0  # while none did
COMPLAINT_PAUSE: Final = timedelta(hours=1)  # a copy is not read again for every complaint
_askers = ThreadPoolExecutor(max_workers=32, thread_name_prefix="head")


def served(container_id: UUID, *, now: datetime) -> Iterator[tuple[Copy, Store]]:
    """The stores' copies to read from, oldest first: verified, and by the store's word unchanged.

    One that is gone or has another size or ETag is marked damaged and left out; a store that does
    not answer is left out this time. One that is back as it was verified is served again: a store
    that was set up wrongly for an hour must lock no buyer out for good.
    """
    copies = Copy.objects.filter(container=container_id, verified_at__isnull=False, url="")
    rows = list(copies.order_by(F("damaged_at").asc(nulls_first=True), "created_at"))
    patience = 0.0 if own(container_id) else PATIENCE_SECONDS
    for copy, seen in _look(rows, patience_seconds=patience):
        if isinstance(seen, StoreError):
            log.warning("copy %s cannot be read: %s", copy.id, seen.code)
            continue
        if seen != storage.StoredObject(copy.size_bytes, copy.etag):
            log.error("copy %s is not the object that was verified", copy.id)
            Copy.objects.filter(id=copy.id, damaged_at=None).update(damaged_at=now)
            want([copy.id], now=now)
            continue
        if copy.damaged_at is not None:
            log.warning("copy %s is the object that was verified again", copy.id)
            Copy.objects.filter(id=copy.id).update(damaged_at=None)
        yield copy, storage.get(copy.store)


def own(container_id: UUID) -> list[Copy]:
    """The creator's own addresses whose every byte was compared, and still held when last looked at."""
    rows = good().filter(container=container_id)
    return list(rows.exclude(url="").order_by("created_at"))


def good() -> QuerySet[Copy]:
    """All whose every byte was compared, and that were still so when last looked at."""
    return Copy.objects.filter(verified_at__isnull=False, damaged_at=None)


def refusal(container_id: UUID) -> ServiceError:
    """Why there is nothing to read: no copy can be reached now, or none is good any more.

    The second is for good as far as anybody knows, and reason enough for a buyer's claim.
    """
    if good().filter(container=container_id).exists():
        return CopyUnavailable("The stored file cannot be reached now.")
    return CopiesDamaged("Every stored copy of this file is damaged or gone.")


def origins(container_id: UUID | None) -> frozenset[str]:
    """The hosts that a page about this container may fetch from: those of its verified copies."""
    if container_id is None:
        return frozenset()
    rows = Copy.objects.filter(container=container_id, verified_at__isnull=False)
    stores: set[str] = set()
    hosts: set[str] = set()
    for store, url in rows.values_list("store", "url"):
        if url:
            hosts.add(origin_of(url))
        else:
            stores.add(store)
    return storage.origins(stores) | hosts


def origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def want(copy_ids: Iterable[UUID], *, now: datetime) -> int:
    """Ask for a look soon, unless one is under way; a try that was put off is due at once."""
    idle = Q(wanted_at=None) | Q(wanted_at__gt=now + LEASE)
    return Copy.objects.filter(idle, id__in=list(copy_ids)).update(wanted_at=now)


def complain(copy_id: UUID, container_id: UUID, *, now: datetime) -> bool:
    """A buyer's page got other bytes from it: it is re-hashed soon, at most once an hour.

    A complaint proves nothing and changes nothing else. Whether it led to a look.
    """
    copy = Copy.objects.filter(
        id=copy_id, container=container_id, verified_at__isnull=False
    ).first()
    if copy is None or (copy.checked_at and copy.checked_at > now - COMPLAINT_PAUSE):
        return False
    log.warning("copy %s in %s is said to serve other bytes", copy.id, copy.store)
    return bool(want([copy.id], now=now))


def _look(
    rows: list[Copy], *, patience_seconds: float
) -> Iterator[tuple[Copy, StoredObject | StoreError | None]]:
    """Each copy with what its store says of it, in order; a store that is too late said nothing."""
    if len(rows) == 1 and patience_seconds:
        yield rows[0], _head(rows[0].store, rows[0].object_key)
        return
    asked = {copy.id: _askers.submit(_head, copy.store, copy.object_key) for copy in rows}
    done, late = wait(asked.values(), timeout=ANSWER_SECONDS)
    if late and all(isinstance(each.result(), StoreError) for each in done):
        wait(late, timeout=patience_seconds)
    for copy in rows:
        answer = asked[copy.id]
        yield copy, answer.result() if answer.done() else StoreError("It does not answer in time.")


def _head(store: str, key: str) -> StoredObject | StoreError | None:
    """None: there is no such object. Runs beside others, and touches no database."""
    try:
        return storage.get(store).head(key)
    except ObjectMissing:
        return None
    except StoreError as error:
        return error
