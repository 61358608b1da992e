"""Connections to every configured server, kept up in one event loop.

A ``Link`` is one server: at most one live session, reconnected with growing, jittered pauses, and
the tip it last told us (a hint: headers are checked elsewhere). ``LoopThread`` lets synchronous
code, a Celery task or a view, use them: one background loop per process.
"""

from __future__ import annotations

import asyncio
import logging
import random
import threading
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeVar

from payments import electrum_session
from payments.chain import ServerView
from payments.electrum_session import (
    CALL_SECONDS,
    REACHES_NODE,
    ServerSaidNo,
    Session,
    SessionClosed,
    name_of,
    operator_of,
)
from payments.electrum_standing import Standing
from payments.errors import ChainUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from payments.electrum_session import ServerAddress

log = logging.getLogger(__name__)

HEADER_BYTES: Final = 80
PAUSE_FIRST_SECONDS: Final = 1.0
PAUSE_MOST_SECONDS: Final = 60.0
JOIN_SECONDS: Final = 1.0  # how long a call waits for further servers when one is already up
FIRST_SECONDS: Final = 30.0
PATIENCE_SECONDS: Final = 2.0  # how long a call waits for a server that is resting
RUN_SECONDS: Final = 120.0
END_SECONDS: Final = 2.0
STEADY_SECONDS: Final = 10.0  # a session that lived this long may be replaced at once
NEVER_REFUSED: Final = frozenset(
    {
        "blockchain.scripthash.get_history",
        "blockchain.scripthash.subscribe",
        "blockchain.headers.subscribe",
        "blockchain.block.headers",
    }
)

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class ServerTip:
    """What a server calls its last block: nothing but a hint where to look."""

    height: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class Branch:
    """What became of a server's last block, at ``height``, once its headers were checked: the last
    height of its branch that is ours too. ``height`` itself, where it lies on our own chain.
    """

    height: int
    left_at: int


class Link:
    """One server, with the session to it when there is one."""

    def __init__(self, address: ServerAddress, call_seconds: float = CALL_SECONDS) -> None:
        self.address = address
        self.name = name_of(address)
        self._call_seconds = call_seconds
        self.operator = operator_of(address)
        self.has_status = True  # scripthash.get_status, until it says otherwise
        self.tip: ServerTip | None = None
        self.branch: Branch | None = None  # of the tip that was checked last
        self.standing = Standing()
        self.is_sound = False  # this session's headers were checked and hold
        self.on_notice: Callable[[str, list[object]], None] | None = None
        self._session: Session | None = None
        self._pause_seconds = PAUSE_FIRST_SECONDS
        self._retry_at = 0.0
        self._opened_at = 0.0
        self._opening: asyncio.Task[None] | None = None
        self._unreached = ""
        self._heard_at: datetime | None = None

    @property
    def demoted(self) -> str:
        """Why its word does not count, in a sentence; "" while it does."""
        said = self.standing.reason(asyncio.get_running_loop().time())
        return said or ("" if self.is_live else self._unreached or "It is not connected.")

    @property
    def is_live(self) -> bool:
        return self._session is not None and not self._session.is_closed

    @property
    def wait_seconds(self) -> float:
        """How long until it may be tried again; negative when it may be now."""
        return self._retry_at - asyncio.get_running_loop().time()

    @property
    def session(self) -> Session:
        """The live session. Raises ``SessionClosed`` when there is none."""
        if self._session is None:
            raise SessionClosed(f"{self.name}: not connected")
        return self._session

    async def call(self, method: str, *params: object) -> object:
        """Ask this server. Raises ``SessionClosed`` and ``ServerSaidNo``."""
        clock = asyncio.get_running_loop().time
        asked_at = clock()
        try:
            answer = await self.session.call(method, *params, deadline_seconds=self._call_seconds)
        except ServerSaidNo:
            if method in NEVER_REFUSED:
                self.standing.note_refusal()
            raise
        self._heard_at = datetime.now(UTC)
        if method not in REACHES_NODE:
            self.standing.note_answer(clock() - asked_at)
        return answer

    def open(self) -> asyncio.Task[None] | None:
        """Start connecting, unless it is live, under way, or not yet time to try again."""
        # First: a link that is up but has not told its tip yet is still opening, for everybody.
        if self._opening is not None and not self._opening.done():
            return self._opening
        if self.is_live:
            return None
        now = asyncio.get_running_loop().time()
        if self._session is not None:
            self._bury(lived_seconds=now - self._opened_at)
        if now < self._retry_at:
            return None
        self._opening = asyncio.create_task(self._open(), name=f"electrum open {self.name}")
        return self._opening

    def close(self, why: str = "closed by us") -> None:
        """Drop the session, and do not come back at once: it was closed for a reason."""
        if self._session is not None and not self._session.is_closed:
            log.warning("electrum %s: %s", self.name, why)
            self._session.close(why)
            self._session = None
            self._note_break(why)
            self._wait_before_retry()

    def trust(self, doubt: str = "") -> None:
        """Its headers hold. With a ``doubt`` (a sentence) it is heard, but does not count."""
        self.standing.distrusted, self.is_sound = doubt, True

    def distrust(self, why: str) -> None:
        """Its headers do not hold: nothing it says is about our chain."""
        self.standing.distrusted, self.is_sound = f"Its headers are refused: {why}", False
        self.close(f"bad headers: {why}")

    def abandon(self) -> None:
        """Stop for good."""
        if self._opening is not None:
            self._opening.cancel()
        if self._session is not None:
            self._session.close()

    def view(self, best_height: int) -> ServerView:
        height = self.tip.height if self.tip else None
        return ServerView(
            name=self.name,
            operator=self.operator,
            is_live=self.is_live,
            tip_height=height,
            behind_blocks=max(0, best_height - height) if height is not None else 0,
            demoted=self.demoted,
            heard_at=self._heard_at,
            answered_ms=self.standing.answered_ms,
        )

    async def refresh_tip(self) -> ServerTip:
        """Ask for the tip anew (and keep being told of the next ones)."""
        self.tip = _tip_of(await self.call("blockchain.headers.subscribe"))
        return self.tip

    async def _open(self) -> None:
        try:
            session = await electrum_session.connect(self.address, call_seconds=self._call_seconds)
        except SessionClosed as error:
            log.info("electrum: %s", error)
            self._unreached = f"It cannot be reached: {error}."
            self._wait_before_retry()
            return
        self.is_sound = False
        session.on_notice = self._notice
        self._session = session
        self._opened_at = asyncio.get_running_loop().time()
        try:
            await self.refresh_tip()
        except (SessionClosed, ServerSaidNo, ValueError) as error:
            self.close(f"no usable tip: {error}")

    def _bury(self, *, lived_seconds: float) -> None:
        """The session died by itself. One that died young is a server that is not well."""
        if self._session is not None:
            self._note_break(self._session.why_closed)
        self._session = None
        if lived_seconds < STEADY_SECONDS:
            self._wait_before_retry()
        else:
            self._pause_seconds = PAUSE_FIRST_SECONDS

    def _note_break(self, why: str) -> None:
        self._unreached = f"Its connection ended: {why}."
        self.standing.note_break(asyncio.get_running_loop().time())

    def _wait_before_retry(self) -> None:
        pause_seconds = self._pause_seconds * random.uniform(0.5, 1.5)
        self._retry_at = asyncio.get_running_loop().time() + pause_seconds
        self._pause_seconds = min(self._pause_seconds * 2, PAUSE_MOST_SECONDS)

    def _notice(self, method: str, params: list[object]) -> None:
        self._heard_at = datetime.now(UTC)
        if method == "blockchain.headers.subscribe" and params:
            self.tip = _tip_of(params[0])
        if self.on_notice is not None:
            self.on_notice(method, params)


class Pool:
    """All links. Lives in one event loop."""

    def __init__(
        self, servers: Sequence[ServerAddress], call_seconds: float = CALL_SECONDS
    ) -> None:
        self.links = tuple(Link(server, call_seconds) for server in servers)
        self._operators = len({link.operator for link in self.links})

    async def live(self) -> tuple[Link, ...]:
        """Every server that can be asked now, in the order of the settings, demoted ones last.

        Waits a moment for one that may be tried again very soon. Raises ``ChainUnavailable`` when
        there is none.
        """
        up = await self._open_all()
        if not up and (pause_seconds := self._next_try_seconds()) <= PATIENCE_SECONDS:
            await asyncio.sleep(pause_seconds)
            up = await self._open_all()
        if not up:
            raise ChainUnavailable("No Electrum server can be reached.")
        return tuple(sorted(up, key=lambda link: bool(link.demoted)))

    async def counting(self, links: Sequence[Link]) -> tuple[Link, ...]:
        """Those of ``links`` that must all agree before anything counts as gone or unused; none
        where too few are left to tell: two of two operators, where so many are configured.
        """
        lone = len(self.links) == 1
        good = [x for x in links if not x.demoted or (lone and not x.standing.distrusted)]
        is_enough = len(good) >= min(2, len(self.links)) and len(
            {link.operator for link in good}
        ) >= min(2, self._operators)
        return tuple(good) if is_enough else ()

    async def views(self, best_height: int | None = None) -> tuple[ServerView, ...]:
        """Every server as it stands; ``best_height`` is the highest told where we know no better."""
        told = max((link.tip.height for link in self.links if link.tip), default=0)
        return tuple(link.view(told if best_height is None else best_height) for link in self.links)

    async def _open_all(self) -> tuple[Link, ...]:
        opening = [task for link in self.links if (task := link.open()) is not None]
        while opening:
            seconds = JOIN_SECONDS if any(link.is_live for link in self.links) else FIRST_SECONDS
            done, waiting = await asyncio.wait(
                opening, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
            )
            opening = list(waiting) if done else []
        return tuple(link for link in self.links if link.is_live and link.tip is not None)

    def _next_try_seconds(self) -> float:
        return max(0.0, min(link.wait_seconds for link in self.links))

    async def close(self) -> None:
        """Give up every connection, and let their tasks end before the loop does."""
        for link in self.links:
            link.abandon()
        await asyncio.sleep(0)
        await asyncio.sleep(0)


class LoopThread:
    """An event loop in a daemon thread, for code that is not asynchronous."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="electrum", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[object, object, Result]) -> Result:
        """Run to the end and return; raises what ``work`` raises, or ``ChainUnavailable``."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(timeout=RUN_SECONDS)
        except (TimeoutError, CancelledError) as error:
            future.cancel()
            raise ChainUnavailable("The Electrum servers took too long.") from error

    def stop(self) -> None:
        """Stop the loop and free it, once every task in it has ended."""
        ending = asyncio.run_coroutine_threadsafe(_end_tasks(), self._loop)
        with suppress(TimeoutError, CancelledError):
            ending.result(timeout=END_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)
        if not self._thread.is_alive():
            self._loop.close()


async def _end_tasks() -> None:
    """Sockets close in the rounds after their tasks were cancelled; a stopped loop has none."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.sleep(0)


def _tip_of(answer: object) -> ServerTip:
    """Raises ValueError for anything that is not a height and a header."""
    if not isinstance(answer, dict):
        raise ValueError("tip is not an object")  # noqa: TRY004 - one error for a bad answer
    height, raw = answer.get("height"), answer.get("hex")
    if type(height) is not int or height < 0 or not isinstance(raw, str):
        raise ValueError("tip without height or header")
    header = bytes.fromhex(raw)
    if len(header) != HEADER_BYTES:
        raise ValueError("a header is 80 bytes")
    return ServerTip(height, header)
