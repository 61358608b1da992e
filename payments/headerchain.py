"""Our own chain of headers: starts at a checkpoint, takes what servers send, keeps the most work.

No server is believed: every header is held to ``payments.headers``. Several servers may offer
different branches; the one with the most work stays, and ``Extension`` tells how deep it cut, so
that depths and proofs above the fork are looked at again. Pure: whoever owns it stores ``raw``.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from statistics import median_low
from typing import TYPE_CHECKING, Final

from payments import headers
from payments.chain import Tip
from payments.errors import BadHeaders, HeadersDetached, HeadersEarly
from payments.headers import HEADER_BYTES, Header

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from payments.states import Network

BATCH: Final = 2_016  # headers a server sends per call, and the span difficulty is judged over
BOUND: Final = 8  # times easier than the checkpoint or the recent median, and we stop settling
STALE_AFTER: Final = timedelta(hours=2)  # warn: P(no block) = 6e-6
HELD_AFTER: Final = timedelta(hours=6)  # stop settling


@dataclass(frozen=True, slots=True)
class Extension:
    """What ``extend`` changed: headers above ``fork_height`` are new; ``removed`` of ours went."""

    fork_height: int
    added: int
    removed: int


class HeaderChain:
    """The most-work chain since the checkpoint, 80 bytes a header."""

    def __init__(self, network: Network) -> None:
        self._rules = headers.RULES[network]
        self._raw = bytearray()
        self._doubted: list[int] = []

    @classmethod
    def load(cls, network: Network, raw: bytes, *, now: datetime) -> HeaderChain:
        """Take up a stored chain, checking all of it again. Raises ``BadHeaders``."""
        chain = cls(network)
        for start in range(0, len(raw), BATCH * HEADER_BYTES):
            chain.extend(chain.height + 1, raw[start : start + BATCH * HEADER_BYTES], now=now)
        return chain

    @property
    def base_height(self) -> int:
        """The checkpoint's height: where a server is asked first."""
        return self._rules.checkpoint_height

    @property
    def height(self) -> int:
        """The tip's height; one below the checkpoint while nothing is known."""
        return self.base_height + len(self._raw) // HEADER_BYTES - 1

    def tip(self) -> Tip:
        """The last block. Raises ``BadHeaders`` while nothing is known."""
        header = self.header_at(self.height)
        if header is None:
            raise BadHeaders("No header of the chain is known yet.")
        return Tip(self.height, header.hash, header.time)

    def header_at(self, height: int) -> Header | None:
        """Our header at ``height``, or None outside what we have."""
        if not self.base_height <= height <= self.height:
            return None
        at = (height - self.base_height) * HEADER_BYTES
        return headers.parse(bytes(self._raw[at : at + HEADER_BYTES]))

    def raw_from(self, height: int) -> bytes:
        """The bytes of our headers from ``height`` up, to be stored."""
        return bytes(self._raw[max(0, height - self.base_height) * HEADER_BYTES :])

    def prove(self, txid: str, *, height: int, branch: Sequence[bytes], position: int) -> Header:
        """The header whose block contains ``txid``. Raises ``BadProof``, or ``HeadersDetached``
        when our chain does not reach ``height`` yet.
        """
        header = self.header_at(height)
        if header is None:
            raise HeadersDetached("Our chain has no header {height}.", height=height)
        headers.check_merkle(txid, branch, position, header)
        return header

    def extend(self, start_height: int, raw: bytes, *, now: datetime) -> Extension:
        """Take headers from a server, the first of which stands at ``start_height``.

        What we have is passed over. A branch is taken only if it has more work than what it would
        replace. Raises ``HeadersDetached`` when the first header follows none of ours (ask for
        earlier ones), ``HeadersEarly`` (offer what is before it), ``BadHeaders`` when any header
        breaks a rule; nothing is taken then.
        """
        offered = [
            headers.parse(raw[at : at + HEADER_BYTES]) for at in range(0, len(raw), HEADER_BYTES)
        ]
        known = sum(1 for _ in self._shared(start_height, offered))
        fork_height, branch = start_height + known - 1, offered[known:]
        if not branch:
            return Extension(fork_height, 0, 0)
        self._check(fork_height, branch, now=now)
        ours = [self._header(height) for height in range(fork_height + 1, self.height + 1)]
        if ours and _work(branch) <= _work(ours):
            return Extension(fork_height, 0, 0)
        self._replace(fork_height, branch, raw[known * HEADER_BYTES :])
        return Extension(fork_height, len(branch), len(ours))

    def is_stale(self, now: datetime) -> bool:
        """Whether buyers should be warned: no block for two hours (mainnet only)."""
        return self._is_older(STALE_AFTER, now)

    def is_held(self, now: datetime) -> bool:
        """Whether nothing may settle: no block for six hours, or blocks too easy to be believed.

        A doubt ends with its branch, or 2,016 blocks after the last header that raised one. Should
        the hash power really fall to an eighth, only a newer checkpoint ends it: an alarm.
        """
        in_doubt = bool(self._doubted) and self.height - self._doubted[-1] < BATCH
        return in_doubt or self._is_older(HELD_AFTER, now)

    def _is_older(self, limit: timedelta, now: datetime) -> bool:
        tip = self.header_at(self.height)
        return tip is None or (self._rules.is_bounded and now - tip.time > limit)

    def _shared(self, start_height: int, offered: list[Header]) -> Iterator[Header]:
        for height, header in enumerate(offered, start_height):
            ours = self.header_at(height)
            if ours is None or ours.hash != header.hash:
                return
            yield header

    def _check(self, fork_height: int, branch: list[Header], *, now: datetime) -> None:
        if fork_height < self.base_height:
            self._check_checkpoint(fork_height + 1, branch[0])
            fork_height, prev, branch = fork_height + 1, branch[0], branch[1:]
            times = deque([prev.time_seconds], maxlen=headers.MEDIAN_SPAN)
        else:
            prev, times = self._context(fork_height, branch[0])
        latest = int(now.timestamp()) + headers.MAX_FUTURE_SECONDS
        for height, header in enumerate(branch, fork_height + 1):
            headers.check(header, height=height, prev=prev, times=tuple(times), rules=self._rules)
            if header.time_seconds > latest:
                raise HeadersEarly(
                    "Block {height} lies more than two hours in our future.", height=height
                )
            times.append(header.time_seconds)
            prev = header

    def _check_checkpoint(self, height: int, header: Header) -> None:
        if height != self.base_height or header.hash != self._rules.checkpoint_hash:
            raise BadHeaders("This is another chain: our checkpoint is not in it.")

    def _context(self, fork_height: int, first: Header) -> tuple[Header, deque[int]]:
        if fork_height > self.height or self._header(fork_height).hash != first.prev_hash:
            raise HeadersDetached("Header {height} follows none of ours.", height=fork_height + 1)
        oldest = max(self.base_height, fork_height - headers.MEDIAN_SPAN + 1)
        ancestors = [self._header(height) for height in range(oldest, fork_height + 1)]
        times = deque((each.time_seconds for each in ancestors), maxlen=headers.MEDIAN_SPAN)
        return ancestors[-1], times

    def _replace(self, fork_height: int, branch: list[Header], raw: bytes) -> None:
        del self._raw[(fork_height + 1 - self.base_height) * HEADER_BYTES :]
        del self._doubted[bisect_left(self._doubted, fork_height + 1) :]
        bound = self._bound(branch[0]) if self._rules.is_bounded else None
        self._raw += raw
        for height, header in enumerate(branch, fork_height + 1):
            if bound is not None and headers.target_of(header.bits) > bound:
                self._doubted.append(height)

    def _bound(self, first: Header) -> int:
        """The easiest target to be believed, from what we had before this batch came.

        Doubted headers do not count, or a forger's easy blocks would become the measure.
        """
        doubted = frozenset(self._doubted)
        known = range(self.height, self.base_height - 1, -1)
        recent = islice((height for height in known if height not in doubted), BATCH)
        targets = [self._target(height) for height in recent]
        start = self._target(self.base_height) if targets else headers.target_of(first.bits)
        return BOUND * max(start, median_low(targets or [0]))

    def _target(self, height: int) -> int:
        at = (height - self.base_height) * HEADER_BYTES + headers.BITS_AT
        return headers.target_of(int.from_bytes(self._raw[at : at + 4], "little"))

    def _header(self, height: int) -> Header:
        """Our header at a height that we have."""
        at = (height - self.base_height) * HEADER_BYTES
        return headers.parse(bytes(self._raw[at : at + HEADER_BYTES]))


def _work(branch: list[Header]) -> int:
    return sum(headers.work_of(header.bits) for header in branch)
