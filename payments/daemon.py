"""The push daemon: hears of payments and blocks at once, and wakes a worker. It decides nothing.

It subscribes to the scripts of open invoices and to headers on every server, and turns what it
hears into hints. With it dead everything still happens, at the next sweep; two of them only hint
twice. A subscription's *reply* is the level: after a reconnect, only what differs is hinted at.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import close_old_connections
from django.db.utils import DatabaseError
from django.utils import timezone
from redis import asyncio as redis_asyncio
from redis.exceptions import RedisError

from payments import addresses, hints, invoices, watcher
from payments.electrum_pool import Link, Pool
from payments.electrum_session import ServerSaidNo, SessionClosed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from payments.electrum_session import ServerAddress, Session

log = logging.getLogger(__name__)

BATCH: Final = 100
POLL_SECONDS: Final = 3.0
BEAT_SECONDS: Final = 5.0
RECONNECT_CHECK_SECONDS: Final = 0.5
BROKER_PAUSE_SECONDS: Final = 1.0
CANCEL_SECONDS: Final = 2.0

Result = TypeVar("Result")


class Daemon:
    """``await run()`` until ``stop()``."""

    def __init__(self, servers: Sequence[ServerAddress]) -> None:
        self._pool = Pool(servers, settings.KIM_ELECTRUM_TIMEOUT_SECONDS)
        self._watched: dict[str, UUID] = {}  # script hash → invoice
        self._status: dict[str, object] = {}  # script hash → the status last hinted at
        self._subscribed: dict[Session, set[str]] = {}
        self._block: list[object] = []
        self._hints: dict[tuple[str, ...], None] = {}  # to be sent, each once, in order
        self._hinted = asyncio.Event()
        self._changed = asyncio.Event()
        self._stopped = asyncio.Event()
        # One thread for the database and one for the broker: neither may hold up the other.
        self._database = ThreadPoolExecutor(1, "daemon-db")
        self._broker = ThreadPoolExecutor(1, "daemon-broker")
        for link in self._pool.links:
            link.on_notice = self._hear

    async def run(self) -> None:
        """Watch until stopped. A part that fails for good ends the daemon, loudly."""
        for task in ("payments.sweep", "payments.fetch_rates"):
            self._hint(task)  # beat would wait for its first interval
        parts = [
            asyncio.create_task(part(), name=part.__name__)
            for part in (
                self._keep_subscribed,
                self._learn_by_polling,
                self._learn_by_redis,
                self._send_hints,
                self._beat,
                self._stopped.wait,
            )
        ]
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
            await self._pool.close()
            self._database.shutdown(wait=False)
            self._broker.shutdown(wait=False)

    def stop(self) -> None:
        self._stopped.set()

    def _hear(self, method: str, params: list[object]) -> None:
        """A server's notification. It may come before the reply to its own subscription."""
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

    async def _keep_subscribed(self) -> None:
        """Keep every server connected and subscribed to what is watched."""
        while True:
            self._changed.clear()
            for link in self._pool.links:
                link.open()
            live = [link for link in self._pool.links if link.is_live]
            await asyncio.gather(*(self._subscribe(link) for link in live))
            self._subscribed = {s: w for s, w in self._subscribed.items() if not s.is_closed}
            try:
                await asyncio.wait_for(self._changed.wait(), RECONNECT_CHECK_SECONDS)
            except TimeoutError:
                continue

    async def _subscribe(self, link: Link) -> None:
        try:
            session = link.session
            if session not in self._subscribed:
                self._subscribed[session] = set()
                # Blocks may have come while nobody listened.
                self._hint("payments.follow_block")
            mine = self._subscribed[session]
            gone, new = mine - self._watched.keys(), list(self._watched.keys() - mine)
            for at in range(0, len(new), BATCH):
                batch = new[at : at + BATCH]
                asked = (session.call("blockchain.scripthash.subscribe", each) for each in batch)
                for scripthash, status in zip(batch, await asyncio.gather(*asked), strict=True):
                    mine.add(scripthash)
                    self._compare(scripthash, status)
            for scripthash in gone:
                await session.call("blockchain.scripthash.unsubscribe", scripthash)
                mine.discard(scripthash)
        except SessionClosed as error:
            log.warning("daemon: %s", error)
        except ServerSaidNo as error:
            link.close(f"subscription refused: {error}")

    async def _learn_by_polling(self) -> None:
        """The database is the truth about what to watch; Redis only tells sooner."""
        while True:
            try:
                self._watch_only(await self._in_database(_open_scripts))
            except DatabaseError as error:
                log.warning("daemon: database: %s", type(error).__name__)
            await asyncio.sleep(POLL_SECONDS)

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
        self._watched |= await self._in_database(lambda: _open_scripts(key))
        self._changed.set()

    def _watch_only(self, scripts: dict[str, UUID]) -> None:
        if scripts.keys() != self._watched.keys():
            self._watched = scripts
            self._status = {key: s for key, s in self._status.items() if key in scripts}
            self._changed.set()

    def _hint(self, task: str, *arguments: str) -> None:
        self._hints[task, *arguments] = None
        self._hinted.set()

    async def _send_hints(self) -> None:
        """A hint stays until the broker has it: its status counts as told from then on."""
        loop = asyncio.get_running_loop()
        while True:
            await self._hinted.wait()
            self._hinted.clear()
            while self._hints:
                hint = next(iter(self._hints))
                del self._hints[hint]
                if not await loop.run_in_executor(self._broker, partial(hints.send, *hint)):
                    self._hints.setdefault(hint)
                    await asyncio.sleep(BROKER_PAUSE_SECONDS)

    async def _beat(self) -> None:
        while True:
            detail: dict[str, object] = {
                "watched": len(self._watched),
                "servers": [link.name for link in self._pool.links if link.is_live],
            }
            try:
                await self._in_database(
                    partial(watcher.beat, watcher.DAEMON, now=timezone.now(), detail=detail)
                )
            except DatabaseError as error:
                log.warning("daemon: database: %s", type(error).__name__)
            await asyncio.sleep(BEAT_SECONDS)

    async def _in_database(self, work: Callable[[], Result]) -> Result:
        def run() -> Result:
            close_old_connections()
            return work()

        return await asyncio.get_running_loop().run_in_executor(self._database, run)


def _open_scripts(only: UUID | None = None) -> dict[str, UUID]:
    """Script hash → invoice, of all invoices in the hot tier."""
    rows = invoices.hot(timezone.now())
    if only is not None:
        rows = rows.filter(pk=only)
    return {
        addresses.scripthash(bytes.fromhex(script)): key
        for key, script in rows.values_list("pk", "address__script")
    }
