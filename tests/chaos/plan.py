"""What goes wrong, when and for how long: drawn from a seed, so that a run can be run again."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

OURS = (
    "web-1", "web-2", "worker-1", "worker-2", "releaser", "verifier", "outbox",
    "beat-1", "beat-2", "daemon", "standby",
)  # fmt: skip
SERVERS = ("redis", "postgres", "s3", "devchain")
LINES = ("web", "redis", "postgres", "s3", "electrum")
LONGEST_SECONDS = 4.0


class Kind(StrEnum):
    KILL = "kill -9"
    RESTART = "restart"
    PAUSE = "SIGSTOP"
    CUT = "cut"  # every connection ends, none is taken
    SILENCE = "silence"  # connections stay, and no byte passes
    EMPTY = "kill -9 and its files are gone"  # Redis alone: it is an alarm clock, never a memory


PROCESS_KINDS = (Kind.KILL, Kind.KILL, Kind.RESTART, Kind.PAUSE)
LINE_KINDS = (Kind.CUT, Kind.SILENCE)


@dataclass(frozen=True)
class Fault:
    """``at`` seconds after the start; lifted ``lasts`` seconds later."""

    at_seconds: float
    lasts_seconds: float
    kind: Kind
    target: str

    def __str__(self) -> str:
        return f"{self.at_seconds:7.1f} s  {self.kind} {self.target} for {self.lasts_seconds:.1f} s"


def draw(seed: int, *, seconds: float, pause_seconds: float) -> list[Fault]:
    """Faults about every ``pause_seconds``. One target has one fault at a time; two targets may be
    struck together. Targets come in rounds, so that a long run strikes each as often as any other.
    """
    chance = random.Random(seed)
    free_at: dict[str, float] = {}
    found: list[Fault] = []
    at = chance.uniform(0, pause_seconds)
    for target, kinds in _rounds(chance):
        if at >= seconds:
            return found
        lasts = round(chance.uniform(0.1, LONGEST_SECONDS), 1)
        begins = max(at, free_at.get(target, 0.0))
        found.append(Fault(round(begins, 1), lasts, chance.choice(kinds), target))
        free_at[target] = begins + lasts + 1
        at += chance.uniform(0, 2 * pause_seconds)
    return found


def _rounds(chance: random.Random) -> Iterator[tuple[str, Sequence[Kind]]]:
    all_of: list[tuple[str, Sequence[Kind]]] = [(name, PROCESS_KINDS) for name in OURS + SERVERS]
    all_of += [(f"{name} line", LINE_KINDS) for name in LINES]
    all_of += [("redis", (Kind.EMPTY,))]
    while True:
        chance.shuffle(all_of)
        yield from all_of
