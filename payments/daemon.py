"""The push daemon: hears of payments and blocks at once, and wakes a worker. It decides nothing.

It subscribes to the scripts of open invoices and to headers on every server, and turns what it
hears into hints. With it dead everything still happens, at the next sweep. A second one listens as
well, and hints only once the first one's lease has run out; both hinting would only look twice.
A subscription's *reply* is the level: after a reconnect, only what differs is hinted at.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import close_old_connections
from django.db.models import Max
from django.db.utils import DatabaseError
from django.utils import timezone
from redis import asyncio as redis_asyncio
from redis.exceptions import RedisError

from payments import addresses, events, heartbeats, hints, tiers
from payments.electrum_pool import Link, Pool
from payments.electrum_session import ServerSaidNo, SessionClosed
from payments.models import Event, Invoice

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from django.db.models import QuerySet

    from payments.electrum_session import ServerAddress, Session

log = logging.getLogger(__name__)

BATCH: Final = 100
POLL_SECONDS: Final = 3.0
RELOAD_SECONDS: Final = 600.0  # time alone takes invoices off the list; nothing tells of that
EVENTS: Final = 500
BEAT_SECONDS: Final = 2.5
LEASE: Final = timedelta(seconds=8)  # a dead daemon's place is taken within LEASE + BEAT_SECONDS
KEPT_SECONDS: Final = 60.0  # what a standby heard and the other may not have hinted at
RECONNECT_CHECK_SECONDS: Final = 0.5
BROKER_PAUSE_SECONDS: Final = 1.0
CANCEL_SECONDS: Final = 2.0

Result = TypeVar("Result")
Hint = tuple[str, ...]  # a task's name and its arguments


class _Following:
    """What one session is subscribed to, and as of which version of the list."""

    def __init__(self) -> None:
        self.scripts: set[str] = set()
        self.version = -1


class Daemon:
    """``await run()`` until ``stop()``."""

    def __init__(self, servers: Sequence[ServerAddress]) -> None:
        self._pool = Pool(servers, settings.KIM_ELECTRUM_TIMEOUT_SECONDS)
        self._watched: dict[str, UUID] = {}  # script hash → invoice
        self._version = 0  # of ``_watched``
        self._cursor: int | None = None  # the last event that ``_watched`` knows of
        self._status: dict[str, object] = {}  # script hash → the status last hinted at
        self._changed = {link: asyncio.Event() for link in self._pool.links}
        self._block: list[object] = []
        self._pushed_at: datetime | None = None
        self._subscribed: dict[Link, set[str]] = {}
        self._subscribed_at: datetime | None = None  # when a server last had the whole list
        self._hints: dict[Hint, float] = {}  # to be sent, each once, in order; heard at seconds
        self._hinted = asyncio.Event()
        self._stopped = asyncio.Event()
        holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._lease = heartbeats.Lease(heartbeats.DAEMON, holder, lasts=LEASE)
        # One thread for the database and one for the broker: neither may hold up the other.
        self._database = ThreadPoolExecutor(1, "daemon-db")
        self._broker = ThreadPoolExecutor(1, "daemon-broker")
        for link in self._pool.links:
            link.on_notice = self._hear

    async def run(self) -> None:
        """Watch until stopped. A part that fails for good ends the daemon, loudly."""
        works = [
            *(self._keep_subscribed(link) for link in self._pool.links),
            *(self._learn_by_polling(), self._learn_by_redis()),
            *(self._send_hints(), self._beat(), self._wait_for_stop()),
        ]
        parts = [asyncio.create_task(work) for work in works]
        try:
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            for part in done:
                part.result()
        finally:
            for part in parts:
                part.cancel()
            # Not for ever: a client that is just connecting may swallow the first cancellation;
            # whatever is left is cancelled once more when the loop ends.
            await asyncio.wait(parts, timeout=CANCEL_SECONDS)
            await self._give_up()

    def stop(self) -> None:
        self._stopped.set()

    async def _wait_for_stop(self) -> None:
        await self._stopped.wait()

    async def _give_up(self) -> None:
        """Leave nothing behind, and the lease to whoever is next."""
        await self._pool.close()
        try:
            async with asyncio.timeout(CANCEL_SECONDS):
                await self._in_database(self._lease.release)
        except (DatabaseError, TimeoutError):
            log.warning("daemon: the lease ends by itself")
        self._database.shutdown(wait=False)
        self._broker.shutdown(wait=False)

    def _hear(self, method: str, params: list[object]) -> None:
        """A server's notification. It may come before the reply to its own subscription."""
        self._pushed_at = timezone.now()
        if method == "blockchain.headers.subscribe" and params != self._block:
            self._block = params  # several servers tell of the same one
            self._hint("payments.follow_block")
        elif method == "blockchain.scripthash.subscribe" and len(params) == 2:
            self._compare(str(params[0]), params[1])

    def _compare(self, scripthash: str, status: object) -> None:
        invoice_id = self._watched.get(scripthash)
        if invoice_id is not None and self._status.get(scripthash) != status:
            self._status[scripthash] = status
            self._hint("payments.reconcile", str(invoice_id))

    async def _keep_subscribed(self, link: Link) -> None:
        """Keep one server connected and subscribed to what is watched; a slow one delays no other."""
        changed = self._changed[link]
        session: Session | None = None
        following = _Following()
        while True:
            changed.clear()
            link.open()
            if link.is_live:
                if session is not link.session:
                    session, following = link.session, _Following()
                    self._subscribed[link] = following.scripts
                    # Blocks may have come while nobody listened.
                    self._hint("payments.follow_block")
                await self._subscribe(link, session, following)
            try:
                await asyncio.wait_for(changed.wait(), RECONNECT_CHECK_SECONDS)
            except TimeoutError:
                continue

    async def _subscribe(self, link: Link, session: Session, following: _Following) -> None:
        if following.version == self._version:
            return
        version, mine = self._version, following.scripts
        gone, new = list(mine - self._watched.keys()), list(self._watched.keys() - mine)
        try:
            for at in range(0, len(new), BATCH):
                batch = new[at : at + BATCH]
                asked = (session.call("blockchain.scripthash.subscribe", each) for each in batch)
                for scripthash, status in zip(batch, await asyncio.gather(*asked), strict=True):
                    mine.add(scripthash)
                    self._compare(scripthash, status)
            for at in range(0, len(gone), BATCH):
                batch = gone[at : at + BATCH]
                asked = (session.call("blockchain.scripthash.unsubscribe", each) for each in batch)
                await asyncio.gather(*asked)
                mine.difference_update(batch)
            following.version = version
            self._subscribed_at = timezone.now()
        except SessionClosed as error:
            log.warning("daemon: %s", error)
        except ServerSaidNo as error:
            link.close(f"subscription refused: {error}")

    async def _learn_by_polling(self) -> None:
        """The database is the truth about what to watch; Redis only tells sooner.

        Everything is read at the start and now and then; in between only what had an event.
        """
        reload_at = 0.0
        while True:
            try:
                if self._cursor is None or time.monotonic() >= reload_at:
                    # The cursor first: what happens meanwhile is read again, and nothing missed.
                    self._cursor = await self._in_database(_last_position)
                    before = dict(self._watched)
                    self._watch(await self._in_database(_hot_scripts), instead_of=before)
                    reload_at = time.monotonic() + RELOAD_SECONDS
                else:
                    await self._learn_events()
            except DatabaseError as error:
                log.warning("daemon: database: %s", type(error).__name__)
            await asyncio.sleep(POLL_SECONDS)

    async def _learn_events(self) -> None:
        while told := await self._in_database(partial(events.after, self._cursor or 0, EVENTS)):
            ids = {event.invoice_id for event in told}
            hot = await self._in_database(partial(_hot_scripts, ids))
            before = await self._in_database(partial(_scripts_of, ids))
            self._watch(hot, instead_of=before)
            self._cursor = told[-1].position

    def _watch(self, hot: Mapping[str, UUID], *, instead_of: Mapping[str, UUID]) -> None:
        """Watch ``hot``, and nothing else of ``instead_of``."""
        new = hot.keys() - self._watched.keys()
        gone = (instead_of.keys() - hot.keys()) & self._watched.keys()
        if not new and not gone:
            return
        for scripthash in gone:
            del self._watched[scripthash]
            self._status.pop(scripthash, None)
        self._watched |= hot
        self._version += 1
        for changed in self._changed.values():
            changed.set()

    async def _learn_by_redis(self) -> None:
        while True:
            try:
                await self._listen()
            except (RedisError, OSError, DatabaseError) as error:
                log.warning("daemon: %s; polling goes on", type(error).__name__)
            await asyncio.sleep(POLL_SECONDS)

    async def _listen(self) -> None:
        client = redis_asyncio.Redis.from_url(settings.KIM_REDIS_URL, socket_connect_timeout=2)
        try:
            async with client.pubsub() as channel:
                await channel.subscribe(hints.WATCH_CHANNEL)
                async for message in channel.listen():
                    if message["type"] == "message":
                        await self._watch_also(str(message["data"], "ascii"))
        finally:
            await client.aclose()

    async def _watch_also(self, invoice_id: str) -> None:
        try:
            key = UUID(invoice_id)
        except ValueError:
            return
        self._watch(await self._in_database(partial(_hot_scripts, {key})), instead_of={})

    def _hint(self, task: str, *arguments: str) -> None:
        self._hints[task, *arguments] = time.monotonic()
        self._hinted.set()

    async def _send_hints(self) -> None:
        """A hint stays until the broker has it: its status counts as told from then on."""
        loop = asyncio.get_running_loop()
        while True:
            await self._hinted.wait()
            self._hinted.clear()
            while self._hints and self._lease.is_held:
                hint, heard = next(iter(self._hints.items()))
                del self._hints[hint]
                if not await loop.run_in_executor(self._broker, partial(hints.send, *hint)):
                    self._hints.setdefault(hint, heard)
                    await asyncio.sleep(BROKER_PAUSE_SECONDS)

    async def _beat(self) -> None:
        """Show a sign of life, and hold the lease or wait for it."""
        while True:
            was_held = self._lease.is_held
            try:
                await self._in_database(self._show)
            except DatabaseError as error:
                log.warning("daemon: database: %s", type(error).__name__)
            if self._lease.is_held and not was_held:
                log.info("daemon: this one hints now")
                for hint in (("payments.sweep", "all"), ("payments.fetch_rates",)):
                    self._hint(*hint)  # beat would wait for its first interval
            elif self._lease.is_held:
                self._hinted.set()  # should the lease have been lost for a moment
            else:
                oldest = time.monotonic() - KEPT_SECONDS
                self._hints = {hint: at for hint, at in self._hints.items() if at > oldest}
            await asyncio.sleep(BEAT_SECONDS)

    def _show(self) -> None:
        detail: dict[str, object] = {
            "watched": len(self._watched),
            "subscribed": max((len(each) for each in self._subscribed.values()), default=0),
            "subscribed_at": _text(self._subscribed_at),
            "servers": [link.name for link in self._pool.links if link.is_live],
            "pushed_at": _text(self._pushed_at),
        }
        now = timezone.now()
        if not self._lease.hold(now=now, steady_seconds=time.monotonic(), detail=detail):
            heartbeats.beat(heartbeats.STANDBY, now=now, detail=detail)

    async def _in_database(self, work: Callable[[], Result]) -> Result:
        def run() -> Result:
            close_old_connections()
            return work()

        return await asyncio.get_running_loop().run_in_executor(self._database, run)


def _text(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat()


def _last_position() -> int:
    return int(Event.objects.aggregate(last=Max("position"))["last"] or 0)


def _hot_scripts(only: Collection[UUID] | None = None) -> dict[str, UUID]:
    """Script hash → invoice, of all invoices in the hot tier, or of those among ``only``."""
    rows = tiers.rows_of(tiers.Tier.HOT, timezone.now())
    return _by_hash(rows if only is None else rows.filter(pk__in=only))


def _scripts_of(ids: Collection[UUID]) -> dict[str, UUID]:
    return _by_hash(Invoice.objects.filter(pk__in=ids))


def _by_hash(rows: QuerySet[Invoice]) -> dict[str, UUID]:
    return {
        addresses.scripthash(bytes.fromhex(script)): key
        for key, script in rows.values_list("pk", "address__script")
    }
