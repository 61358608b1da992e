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
from payments.electrum_pool import Branch
from payments.errors import BadHeaders, ChainUnavailable, HeadersEarly, HeadersMoved

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from payments.chain import Tip
    from payments.electrum_pool import Link, LoopThread
    from payments.headers import Header

log = logging.getLogger(__name__)

CATCH_UP_SECONDS: Final = 20.0
TRIES: Final = 3  # a new block may come between a server's tip and its headers, not every time


class HeaderBook(Protocol):
    """Our own header chain, as it is kept. ``catch_up`` tells the last height of the server's branch
    that is ours too, and raises ``BadHeaders``.
    """

    def tip(self) -> Tip: ...
    def at(self, height: int) -> Header | None: ...
    def catch_up(
        self, height: int, raw: bytes, fetch: Callable[[int, int], bytes], *, now: datetime
    ) -> int: ...


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
                for link in filter(_is_heard, links):  # the last may have moved our chain
                    self._learn(link, 0)
            finally:
                self._asking.release()
        try:
            self._measure(links)
        except ChainUnavailable:
            log.warning("electrum: no header is known yet")
        return tuple(filter(_is_heard, links))

    def firm_height(self, links: Sequence[Link], tip: Tip) -> int:
        """The last of our blocks up to ``tip`` that none of these servers contradicts.

        One does whose own branch is true and no shorter than ours: which of the two will stand,
        nobody knows before the next block. A server that is merely behind contradicts nothing.
        Whatever a server told of since its headers were checked is nobody's word yet.
        """
        shown = [link.branch for link in filter(_is_heard, links)]
        forks = [each.left_at for each in shown if each is not None and each.height >= tip.height]
        return min([tip.height, *forks])

    def _learn(self, link: Link, reach: int) -> None:
        try:
            if link.tip is not None and link.tip.height < reach:
                # It knows a block that it has not told us of yet.
                self._loop.run(electrum_calls.quietly(link, link.refresh_tip()))
            link.branch = self._branch_of(link)
            self._loop.run(_trust(link))
        except HeadersEarly as error:
            link.branch = None
            # Its clock or ours: its headers are good as far as they go, and so is what it shows.
            log.warning("electrum %s: %s", link.name, error.message)
            self._loop.run(_trust(link, doubt=f"{error.message} {error.hint}"))
        except BadHeaders as error:
            self._loop.run(_distrust(link, error.message))

    def _branch_of(self, link: Link) -> Branch | None:
        """Learn a server's headers up to the last block that it tells of; None while it told of
        none. Raises ``BadHeaders``.
        """
        tip, tries = link.tip, TRIES
        while tip is not None:
            try:
                left_at = self._book.catch_up(
                    tip.height, tip.raw, self._fetcher(link), now=datetime.now(UTC)
                )
            except HeadersMoved:
                tries -= 1
                if tries == 0:
                    raise
                self._loop.run(electrum_calls.quietly(link, link.refresh_tip()))
                tip = link.tip
            else:
                return Branch(tip.height, left_at)
        return None

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


def _is_heard(link: Link) -> bool:
    return link.is_live and link.is_sound


async def _note_tips(behind: Sequence[tuple[Link, int]]) -> None:
    now = asyncio.get_running_loop().time()
    for link, blocks in behind:
        link.standing.note_tip(blocks, now)


async def _trust(link: Link, doubt: str = "") -> None:
    link.trust(doubt)


async def _distrust(link: Link, why: str) -> None:
    link.distrust(why)
