"""How one server behaved of late, and whether its word counts.

A server that is *demoted* is still asked what it sees (one honest server is enough to see a
payment), but comes last for bytes and proofs, and its word is not needed for what is gone or
unused. It is taken back as soon as it behaves. Pure: ``now`` is seconds on any steady clock.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

LoopSeconds = float  # seconds of the event loop's own clock

LAG_BLOCKS: Final = 2
LAG_SECONDS: Final = 20 * 60.0
FROZEN_SECONDS: Final = 60.0  # so long may a mempool differ from the others'
SETTLE_SECONDS: Final = 10.0  # from a server's own "I have it" to its history
FORGET_SECONDS: Final = 600.0  # what nobody looked at so long says nothing any more
MOST_BREAKS: Final = 3  # connections that broke off within FORGET_SECONDS
SLOW_SECONDS: Final = 5.0
MEASURED: Final = 20  # answers
LEAST_MEASURED: Final = 5
MOST_REFUSED_PERCENT: Final = 25
MOST_OWED: Final = 100


@dataclass(slots=True)
class _Owed:
    """A transaction that others show in the mempool and this server does not; ``script`` is whose
    history it is in, ``raw`` its bytes.
    """

    script: bytes
    raw: bytes
    since: LoopSeconds
    seen: LoopSeconds
    is_offered: bool = False
    held_since: LoopSeconds | None = None  # it said itself that it has it


class Standing:
    """One server's record. One loop only."""

    def __init__(self) -> None:
        self.distrusted = ""  # bad headers, or another chain: until it shows good ones
        self.behind_blocks = 0
        self._behind_since: LoopSeconds | None = None
        self._breaks: deque[LoopSeconds] = deque(maxlen=MOST_BREAKS)
        self._seconds: deque[LoopSeconds] = deque(maxlen=MEASURED)
        self._refused: deque[bool] = deque(maxlen=MEASURED)
        self._owed: dict[str, _Owed] = {}

    def reason(self, now: LoopSeconds) -> str:
        """Why it is demoted, in one sentence; "" while its word counts."""
        return (
            self.distrusted
            or self._lag(now)
            or self._frozen(now)
            or self._broken(now)
            or self._refusing()
            or self._slow()
        )

    @property
    def answered_ms(self) -> int | None:
        """The median of the last answers."""
        return round(1_000 * median(self._seconds)) if self._seconds else None

    def note_answer(self, seconds: LoopSeconds) -> None:
        self._seconds.append(seconds)
        self._refused.append(False)

    def note_refusal(self) -> None:
        """An error where a well server gives an answer."""
        self._refused.append(True)

    def note_break(self, now: LoopSeconds) -> None:
        """The connection broke off, or had to be cut."""
        self._breaks.append(now)

    def note_tip(self, behind_blocks: int, now: LoopSeconds) -> None:
        """How far its tip is behind our best chain; a branch with less work counts as one."""
        self.behind_blocks = behind_blocks
        if behind_blocks == 0:
            self._behind_since = None
        elif self._behind_since is None:
            self._behind_since = now

    def note_mempool(
        self, shown: Mapping[str, bool], now: LoopSeconds, *, of: tuple[bytes, Mapping[str, bytes]]
    ) -> None:
        """What others show in the mempool, and whether this server does too. ``of``: the script
        asked about, and the transactions' bytes as far as they are known.
        """
        script, raws = of
        for txid, is_shown in shown.items():
            if is_shown:
                self._owed.pop(txid, None)
            elif txid in self._owed:
                self._owed[txid].seen = now
            elif txid in raws and len(self._owed) < MOST_OWED:
                self._owed[txid] = _Owed(script, raws[txid], now, now)
        old = [txid for txid, owed in self._owed.items() if now - owed.seen > FORGET_SECONDS]
        for txid in old:
            del self._owed[txid]

    def forget(self, txid: str) -> None:
        """Nobody shows this in the mempool any more."""
        self._owed.pop(txid, None)

    def overdue(self, now: LoopSeconds) -> dict[str, bytes]:
        """What it should have shown long ago and was not yet offered: bytes by id."""
        return {
            txid: owed.raw
            for txid, owed in self._owed.items()
            if not owed.is_offered and now - owed.since >= FROZEN_SECONDS
        }

    def held(self, now: LoopSeconds) -> dict[str, bytes]:
        """What it has by its own word: time to look again whether it shows it. Script by id."""
        return {
            txid: owed.script
            for txid, owed in self._owed.items()
            if owed.held_since is not None
            and now - max(owed.seen, owed.held_since) >= SETTLE_SECONDS
        }

    def note_offer(self, txid: str, *, is_held: bool, now: LoopSeconds) -> None:
        """It was offered the transaction. A refusal clears it: others may have made that one up."""
        owed = self._owed.get(txid)
        if owed is not None:
            owed.is_offered, owed.held_since = True, now if is_held else None

    def _lag(self, now: LoopSeconds) -> str:
        if self.behind_blocks >= LAG_BLOCKS:
            return f"It is {self.behind_blocks} blocks behind the best chain."
        if self._behind_since is not None and now - self._behind_since >= LAG_SECONDS:
            minutes = int((now - self._behind_since) // 60)
            return f"It has been behind the best chain for {minutes} minutes."
        return ""

    def _frozen(self, now: LoopSeconds) -> str:
        for owed in self._owed.values():
            if owed.held_since is not None and owed.seen - owed.held_since >= SETTLE_SECONDS:
                seconds = int(now - owed.since)
                return (
                    "Its mempool stands still: it has a payment that another server showed "
                    f"{seconds} seconds ago, and does not show it."
                )
        return ""

    def _broken(self, now: LoopSeconds) -> str:
        if len(self._breaks) == MOST_BREAKS and now - self._breaks[0] <= FORGET_SECONDS:
            return f"Its connection broke off {MOST_BREAKS} times within ten minutes."
        return ""

    def _refusing(self) -> str:
        refused = sum(self._refused)
        asked = len(self._refused)
        if asked >= LEAST_MEASURED and 100 * refused > MOST_REFUSED_PERCENT * asked:
            return f"It refused {refused} of the last {asked} questions."
        return ""

    def _slow(self) -> str:
        if len(self._seconds) >= LEAST_MEASURED and median(self._seconds) > SLOW_SECONDS:
            return f"It takes {median(self._seconds):.0f} seconds to answer."
        return ""
