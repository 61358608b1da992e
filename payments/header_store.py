"""Our own header chain, kept in memory by each process and stored so that it survives restarts.

Every process checks every header itself, stored ones too; a store that two processes wrote into
from different branches is read as far as it holds, and the rest is asked for again.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.utils import timezone

from payments import headers
from payments.errors import (
    BadHeaders,
    ChainUnavailable,
    HeadersDetached,
    HeadersEarly,
    HeadersMoved,
)
from payments.headerchain import BATCH, HeaderChain
from payments.headers import HEADER_BYTES, Header
from payments.models import HeaderPage

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from payments.chain import Tip
    from payments.states import Network

log = logging.getLogger(__name__)

FIRST_STEP_BACK: Final = 10  # a reorg is at most this deep, nearly always
MOST_BRANCH: Final = 10 * BATCH  # headers of another branch that are looked at; ten weeks


class StoredHeaders:
    """``payments.electrum.HeaderBook`` on the database. May be used from many threads."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._loaded: HeaderChain | None = None
        self._lock = threading.RLock()
        # Tips of branches with no more work than ours, and the last height that both have.
        self._refused: dict[bytes, int] = {}

    def tip(self) -> Tip:
        """The tip of our own chain. Raises ``ChainUnavailable`` while nothing is known."""
        try:
            with self._lock:
                return self._chain().tip()
        except BadHeaders as error:
            raise ChainUnavailable("No block header is known yet.") from error

    def at(self, height: int) -> Header | None:
        with self._lock:
            return self._chain().header_at(height)

    def is_held(self, now: datetime) -> bool:
        """Whether nothing may settle now: a stale tip, or blocks too easy to be believed."""
        with self._lock:
            return self._chain().is_held(now)

    def is_stale(self, now: datetime) -> bool:
        """Whether people should be told that no block was seen for long."""
        with self._lock:
            return self._chain().is_stale(now)

    def catch_up(
        self, height: int, raw: bytes, fetch: Callable[[int, int], bytes], *, now: datetime
    ) -> int:
        """Learn what a server has up to its tip, ``raw`` at ``height``; the last height of that
        branch that is ours too: ``height``, unless the branch was checked and not taken. Raises
        ``BadHeaders``, and ``HeadersMoved`` when what it gives does not end in that tip.

        ``fetch(start, count)`` asks that server. The lock is not held while it does.
        """
        tip_hash = headers.parse(raw).hash
        if self._left_at(height, tip_hash) is None:
            self._take(height, raw, now=now)  # a block more than ours, nearly always
        if self._left_at(height, tip_hash) is None:
            self._learn(height, tip_hash, fetch, now=now)
        left_at = self._left_at(height, tip_hash)
        if left_at is None:
            raise HeadersMoved("The server's headers do not end in the block that it tells of.")
        return left_at

    def _left_at(self, height: int, tip_hash: bytes) -> int | None:
        """Where the branch that ends in this block leaves our chain; None: it is not known."""
        with self._lock:
            return height if self._has(height, tip_hash) else self._refused.get(tip_hash)

    def _learn(
        self, height: int, tip_hash: bytes, fetch: Callable[[int, int], bytes], *, now: datetime
    ) -> None:
        start, got = self._find_fork(height, fetch, now=now)
        while not self._has(height, tip_hash):
            reached = start + len(got) // HEADER_BYTES - 1
            last_hash = headers.parse(got[-HEADER_BYTES:]).hash
            if reached >= height:
                # Only what was looked at is refused: a server may tell of another's block, and
                # give one of its own.
                if last_hash == tip_hash:
                    self._refused[tip_hash] = self._fork_of(start, got)
                return
            if self._has(reached, last_hash):
                start, got = reached + 1, b""
            # Not taken (yet): a branch is judged by all of its work, so it is offered from its root.
            got += _fetch(fetch, reached + 1, height)
            if len(got) > MOST_BRANCH * HEADER_BYTES:
                raise BadHeaders("The server's headers leave ours too far back.")
            if not self._take(start, got, now=now):
                return  # the server has changed its mind meanwhile; the next look asks again

    def _find_fork(
        self, height: int, fetch: Callable[[int, int], bytes], *, now: datetime
    ) -> tuple[int, bytes]:
        """A batch of the server's headers that follows from ours, and where it starts. Offered."""
        back = 0
        while True:
            with self._lock:
                base, ours = self._chain().base_height, self._chain().height
            start = max(base, min(ours + 1, height) - back)
            got = _fetch(fetch, start, height)
            if self._take(start, got, now=now):
                return start, got
            if start == base:
                raise BadHeaders("The server's headers do not follow from our checkpoint.")
            back = max(FIRST_STEP_BACK, back * 4)

    def _fork_of(self, start: int, raw: bytes) -> int:
        """The last height at which these headers, the first at ``start``, are ours too."""
        for at in range(0, len(raw), HEADER_BYTES):
            height = start + at // HEADER_BYTES
            if not self._has(height, headers.parse(raw[at : at + HEADER_BYTES]).hash):
                return height - 1
        return start + len(raw) // HEADER_BYTES - 1

    def _has(self, height: int, block_hash: bytes) -> bool:
        with self._lock:
            ours = self._chain().header_at(height)
        return ours is not None and ours.hash == block_hash

    def _take(self, start: int, raw: bytes, *, now: datetime) -> bool:
        """Offer headers to our chain; False when the first of them follows none of ours. Those
        before one that comes too early are taken; it is raised all the same.
        """
        with self._lock:
            chain = self._chain()
            try:
                extension = chain.extend(start, raw, now=now)
            except HeadersDetached:
                return False
            except HeadersEarly as error:
                if error.height > start:
                    self._take(start, raw[: (error.height - start) * HEADER_BYTES], now=now)
                raise
            if extension.added:
                self._refused.clear()
                if extension.removed:
                    log.warning("reorg: %d blocks replaced", extension.removed)
                self._store(chain, extension.fork_height + 1)
        return True

    def _chain(self) -> HeaderChain:
        if self._loaded is None:
            self._loaded = _load(self._network)
        return self._loaded

    def _store(self, chain: HeaderChain, from_height: int) -> None:
        """Write the pages that changed; what another process wrote is overwritten, or the same."""
        page = max(0, from_height - chain.base_height) // BATCH
        start = chain.base_height + page * BATCH
        raw = chain.raw_from(start)
        with transaction.atomic():
            HeaderPage.objects.filter(start_height__gt=chain.height).delete()
            for at in range(0, len(raw), BATCH * HEADER_BYTES):
                HeaderPage.objects.update_or_create(
                    start_height=start + at // HEADER_BYTES,
                    defaults={"raw": raw[at : at + BATCH * HEADER_BYTES]},
                )


def _fetch(fetch: Callable[[int, int], bytes], start: int, height: int) -> bytes:
    got = fetch(start, BATCH)[: max(0, height - start + 1) * HEADER_BYTES]
    if not got:
        raise BadHeaders("The server stops giving headers before its tip.")
    return got


def _load(network: Network) -> HeaderChain:
    chain = HeaderChain(network)
    pages = HeaderPage.objects.filter(start_height__gte=chain.base_height).order_by("start_height")
    for page in pages:
        try:
            chain.extend(page.start_height, bytes(page.raw), now=timezone.now())
        except (BadHeaders, HeadersDetached) as error:
            log.warning("stored headers from %d on are dropped: %s", page.start_height, error)
            break
    return chain
