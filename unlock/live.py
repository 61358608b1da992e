"""Live state of purchases: one board per process, one Redis subscription, any number of pages.

A page waits on the board; the board reads. Hints from Redis name what to read at once, and every
few seconds everything that is followed is read anyway, in a constant number of queries per batch:
a lost hint costs seconds, never a state. Told are states and amounts, nothing that names a buyer.
"""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID
from weakref import WeakKeyDictionary

from django.conf import settings
from django.db import DatabaseError, close_old_connections
from django.utils import timezone, translation
from redis import asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from payments import refunds
from unlock import hints, keys, wordings
from unlock.errors import PurchaseUnknown, TooManyStreams
from unlock.states import ReleaseState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
    from datetime import datetime

    from payments.refunds import RefundView
    from unlock.keys import Standing

log = logging.getLogger(__name__)

KEEPALIVE = timedelta(seconds=15)
STREAMS_PER_PURCHASE = 20
BATCH = 500
_CHANNELS = (hints.PURCHASE_CHANNEL, hints.INVOICE_CHANNEL, hints.FILE_CHANNEL)
_RECONNECT_SECONDS = 1.0
_RECONNECT_MAX_SECONDS = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveState:
    """What an open page is told; amounts in satoshi. ``state`` is None where nothing is owed.
    ``says``, ``tone``, ``notes`` and ``is_payable`` are those of ``wordings``.
    """

    state: str | None
    flags: tuple[str, ...]
    seen_sat: int
    confirmed_sat: int
    missing_sat: int
    due_sat: int
    over_sat: int
    depth: int
    confirmations: int
    instant_wait: str
    quote_until: datetime | None
    release: ReleaseState
    stale: bool
    says: str
    tone: str
    notes: tuple[str, ...]
    is_payable: bool
    is_withdrawn: bool


def state_of(standing: Standing, refund: RefundView | None, *, now: datetime) -> LiveState:
    """The public part of a standing."""
    invoice, said = standing.invoice, wordings.say(standing, refund, now=now)
    return LiveState(
        state=None if invoice is None else invoice.state.value,
        flags=() if invoice is None else invoice.flags,
        seen_sat=0 if invoice is None else invoice.seen_sat,
        confirmed_sat=0 if invoice is None else invoice.confirmed_sat,
        missing_sat=0 if invoice is None else invoice.missing_sat,
        due_sat=0 if invoice is None else invoice.due_sat,
        over_sat=0 if invoice is None else invoice.over_sat,
        depth=0 if invoice is None else invoice.depth,
        confirmations=0 if invoice is None else invoice.confirmations,
        instant_wait="" if invoice is None else invoice.instant_wait,
        quote_until=None if invoice is None else invoice.quote_until,
        release=standing.release_state,
        stale=False if invoice is None else invoice.stale,
        says=said.says,
        tone=said.tone,
        notes=said.notes,
        is_payable=said.is_payable,
        is_withdrawn=invoice is not None and invoice.is_withdrawn,
    )


@dataclass(frozen=True, slots=True)
class Sighting:
    """One purchase as the board last read it, in every language: pages of several follow it."""

    states: Mapping[str, LiveState]
    invoice_id: UUID | None
    file_id: UUID

    @property
    def state(self) -> LiveState:
        return self.states[settings.LANGUAGE_CODE]


def read(purchase_ids: Iterable[UUID]) -> dict[UUID, Sighting]:
    """What the board reads, in one of its threads; unknown ids are left out."""
    try:
        now = timezone.now()
        found = keys.standings_of(purchase_ids, now=now)
        bought = {key: standing.purchase for key, standing in found.items()}
        owed = refunds.of(filter(None, (row.invoice_id for row in bought.values())))
        return {
            key: Sighting(
                _states_of(standing, _of(owed, bought[key].invoice_id), now=now),
                bought[key].invoice_id,
                bought[key].paid_file_id,
            )
            for key, standing in found.items()
        }
    finally:
        close_old_connections()  # the thread outlives the read, and no request ends in it


def _states_of(
    standing: Standing, refund: RefundView | None, *, now: datetime
) -> dict[str, LiveState]:
    states = {}
    for language, _ in settings.LANGUAGES:
        with translation.override(language):
            states[language] = state_of(standing, refund, now=now)
    return states


def _of(owed: dict[UUID, RefundView], invoice_id: UUID | None) -> RefundView | None:
    return None if invoice_id is None else owed.get(invoice_id)


@dataclass(slots=True)
class _Followed:
    """A purchase that at least one page follows."""

    sighting: Sighting
    streams: set[asyncio.Event] = field(default_factory=set)


class Board:
    """Who follows what, in one event loop. Use ``board()``; tests make their own."""

    def __init__(
        self, *, redis_url: str, reread: timedelta, keepalive: timedelta = KEEPALIVE
    ) -> None:
        self._redis_url = redis_url
        self._reread_seconds = reread.total_seconds()
        self._keepalive_seconds = keepalive.total_seconds()
        self._followed: dict[UUID, _Followed] = {}
        self._by_invoice: dict[UUID, UUID] = {}
        self._dirty: set[UUID] = set()
        self._wake = asyncio.Event()
        self._pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="live")
        self._tasks: list[asyncio.Task[None]] = []

    async def first(self, purchase_id: UUID) -> Sighting:
        """The purchase now. Raises PurchaseUnknown, TooManyStreams: before a stream begins."""
        followed = self._followed.get(purchase_id)
        if followed is not None and len(followed.streams) >= STREAMS_PER_PURCHASE:
            raise TooManyStreams(
                "{streams_per_purchase} pages follow this purchase already.",
                streams_per_purchase=STREAMS_PER_PURCHASE,
            )
        found = await self._read([purchase_id])
        if purchase_id not in found:
            raise PurchaseUnknown("There is no such purchase.")
        return found[purchase_id]

    async def follow(
        self, purchase_id: UUID, first: Sighting, *, language: str = settings.LANGUAGE_CODE
    ) -> AsyncIterator[LiveState | None]:
        """Yield ``first``, then every change; None whenever it was quiet for the keepalive."""
        with self._join(purchase_id, first) as (followed, changed):
            told: LiveState | None = None
            while True:
                changed.clear()
                if followed.sighting.states[language] != told:
                    told = followed.sighting.states[language]
                    yield told
                    continue
                try:
                    async with asyncio.timeout(self._keepalive_seconds):
                        await changed.wait()
                except TimeoutError:
                    yield None

    def close(self) -> None:
        """Stop reading; the loop that made the board must still run."""
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()
        self._pool.shutdown(wait=False)

    @contextmanager
    def _join(
        self, purchase_id: UUID, first: Sighting
    ) -> Iterator[tuple[_Followed, asyncio.Event]]:
        if not self._tasks:
            self._tasks = [asyncio.create_task(run()) for run in (self._listen, self._reread)]
        followed = self._followed.setdefault(purchase_id, _Followed(first))
        if first.invoice_id is not None:
            self._by_invoice[first.invoice_id] = purchase_id
        changed = asyncio.Event()
        followed.streams.add(changed)
        # Something may have happened between the first read and now, when nobody took hints for it.
        self._mark(purchase_id)
        try:
            yield followed, changed
        finally:
            followed.streams.discard(changed)
            if not followed.streams:
                self._followed.pop(purchase_id, None)
                if first.invoice_id is not None:
                    self._by_invoice.pop(first.invoice_id, None)

    def _mark(self, purchase_id: UUID) -> None:
        self._dirty.add(purchase_id)
        self._wake.set()

    async def _reread(self) -> None:
        """Read what hints named at once, and everything when the interval is over."""
        due = time.monotonic() + self._reread_seconds
        while True:
            try:
                async with asyncio.timeout(max(0.0, due - time.monotonic())):
                    await self._wake.wait()
            except TimeoutError:
                due = time.monotonic() + self._reread_seconds
                self._dirty.update(self._followed)
            self._wake.clear()
            named = [key for key in self._dirty if key in self._followed]
            self._dirty.clear()
            for start in range(0, len(named), BATCH):
                await self._read_batch(named[start : start + BATCH])

    async def _read_batch(self, purchase_ids: list[UUID]) -> None:
        try:
            found = await self._read(purchase_ids)
        except DatabaseError as error:
            log.warning("live states could not be read: %s", type(error).__name__)
            return
        except Exception:  # one purchase that cannot be read must not silence all pages for good
            log.exception("live states could not be read")
            return
        for key, sighting in found.items():
            followed = self._followed.get(key)
            if followed is not None and followed.sighting != sighting:
                followed.sighting = sighting
                for changed in followed.streams:
                    changed.set()

    async def _read(self, purchase_ids: list[UUID]) -> dict[UUID, Sighting]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, read, purchase_ids)

    async def _listen(self) -> None:
        """Take hints for as long as the loop lives; without Redis the interval does the work."""
        wait_seconds = _RECONNECT_SECONDS
        while True:
            try:
                async with (
                    # No retries inside: a connection made anew behind our back would hide that
                    # hints were missed.
                    redis.Redis.from_url(
                        self._redis_url,
                        health_check_interval=30,
                        retry=Retry(NoBackoff(), retries=0),
                    ) as client,
                    client.pubsub(ignore_subscribe_messages=True) as hinted,
                ):
                    await hinted.psubscribe(*(f"{channel}*" for channel in _CHANNELS))
                    self._dirty.update(self._followed)  # hints were missed while it was down
                    self._wake.set()
                    wait_seconds = _RECONNECT_SECONDS
                    async for message in hinted.listen():
                        self._take(message["channel"].decode())
            except (RedisError, OSError) as error:
                log.warning("no live hints from Redis: %s", type(error).__name__)
            await asyncio.sleep(wait_seconds)
            wait_seconds = min(wait_seconds * 2, _RECONNECT_MAX_SECONDS)

    def _take(self, channel: str) -> None:
        prefix, _, name = channel.rpartition(":")
        try:
            key = UUID(name)
        except ValueError:
            return
        if f"{prefix}:" == hints.FILE_CHANNEL:
            for purchase_id, followed in self._followed.items():
                if followed.sighting.file_id == key:
                    self._mark(purchase_id)
            return
        known = self._by_invoice.get(key) if f"{prefix}:" == hints.INVOICE_CHANNEL else key
        if known in self._followed:
            self._mark(known)


_boards: WeakKeyDictionary[asyncio.AbstractEventLoop, Board] = WeakKeyDictionary()


def board() -> Board:
    """The board of this event loop: one per web process."""
    loop = asyncio.get_running_loop()
    if loop not in _boards:
        _boards[loop] = Board(
            redis_url=settings.KIM_REDIS_URL,
            reread=timedelta(seconds=settings.KIM_LIVE_REREAD_SECONDS),
        )
    return _boards[loop]
