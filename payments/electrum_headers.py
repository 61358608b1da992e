"""Bringing our header chain up to what the servers have. Only servers whose headers hold are asked
anything else: another chain's histories say nothing about payments.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Protocol

from payments import electrum_calls, headers
from payments.errors import BadHeaders, ChainUnavailable, HeadersEarly

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from payments.chain import Tip
    from payments.electrum_pool import Link, LoopThread
    from payments.headers import Header

log = logging.getLogger(__name__)

CATCH_UP_SECONDS: Final = 20.0


class HeaderBook(Protocol):
    """Our own header chain, as it is kept. ``catch_up`` raises ``BadHeaders``."""

    def tip(self) -> Tip: ...
    def at(self, height: int) -> Header | None: ...
    def forked_at(self, block_hash: bytes) -> int | None: ...
    def catch_up(
        self, height: int, raw: bytes, fetch: Callable[[int, int], bytes], *, now: datetime
    ) -> None: ...


class HeaderFollower:
    """``follow`` from any thread; one at a time asks, the others go on with what is known."""

    def __init__(self, book: HeaderBook, loop: LoopThread) -> None:
        self._book = book
        self._loop = loop
        self._asking = threading.Lock()

    def follow(self, links: Sequence[Link], reach: int = 0) -> tuple[Link, ...]:
        """Learn every server's headers, and where each stands; those whose headers hold.

        ``reach`` is a height that somebody named: whoever does not tell of it is asked again.
        """
        if self._asking.acquire(timeout=CATCH_UP_SECONDS):
            try:
                for link in links:
                    self._learn(link, reach)
            finally:
                self._asking.release()
        try:
            self._measure(links)
        except ChainUnavailable:
            log.warning("electrum: no header is known yet")
        return tuple(link for link in links if link.is_live and link.is_sound)

    def firm_height(self, links: Sequence[Link], tip: Tip) -> int:
        """The last of our blocks up to ``tip`` that none of these servers contradicts.

        One does whose own branch is true and no shorter than ours: which of the two will stand,
        nobody knows before the next block. A server that is merely behind contradicts nothing.
        """
        shown = [link.tip for link in links if link.is_live and link.is_sound and link.tip]
        forks = [
            self._book.forked_at(headers.parse(each.raw).hash)
            for each in shown
            if each.height >= tip.height
        ]
        return min((height for height in forks if height is not None), default=tip.height)

    def _learn(self, link: Link, reach: int) -> None:
        try:
            if link.tip is not None and link.tip.height < reach:
                # It knows a block that it has not told us of yet.
                self._loop.run(electrum_calls.quietly(link, link.refresh_tip()))
            if link.tip is not None:
                self._book.catch_up(
                    link.tip.height, link.tip.raw, self._fetcher(link), now=datetime.now(UTC)
                )
            self._loop.run(_trust(link))
        except HeadersEarly as error:
            # Its clock or ours: its headers are good as far as they go, and so is what it shows.
            log.warning("electrum %s: %s", link.name, error.message)
            self._loop.run(_trust(link, doubt=f"{error.message} {error.hint}"))
        except BadHeaders as error:
            self._loop.run(_distrust(link, error.message))

    def _fetcher(self, link: Link) -> Callable[[int, int], bytes]:
        def fetch(start: int, count: int) -> bytes:
            """Up to ``count`` headers from ``start`` on. Raises ``BadHeaders`` if it cannot."""
            raw = self._loop.run(
                electrum_calls.quietly(link, electrum_calls.headers_of(link, start, count))
            )
            if raw is None:
                raise BadHeaders("It does not give its headers.")
            return raw

        return fetch

    def _measure(self, links: Sequence[Link]) -> None:
        """Note how far each is behind. Whoever is, is asked anew: a notice may have been lost."""
        if behind := [link for link in links if link.is_live and self._behind(link)]:
            self._loop.run(electrum_calls.refresh_tips(behind))
        self._loop.run(_note_tips([(link, self._behind(link)) for link in links]))

    def _behind(self, link: Link) -> int:
        """Blocks that its tip lies behind ours; 1 for one beside our chain that is not shorter."""
        if link.tip is None:
            return 0
        ours = self._book.tip()
        if link.tip.height > ours.height:
            return 0  # not learned yet
        header = self._book.at(link.tip.height)
        is_ours = header is not None and header.hash == headers.parse(link.tip.raw).hash
        return ours.height - link.tip.height or int(not is_ours)


async def _note_tips(behind: Sequence[tuple[Link, int]]) -> None:
    now = asyncio.get_running_loop().time()
    for link, blocks in behind:
        link.standing.note_tip(blocks, now)


async def _trust(link: Link, doubt: str = "") -> None:
    link.trust(doubt)


async def _distrust(link: Link, why: str) -> None:
    link.distrust(why)
