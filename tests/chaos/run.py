"""One run: the town comes up, people live in it, things break, all is mended, and all is counted."""

from __future__ import annotations

import heapq
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from kim.env import StoreConfig
from tests.chaos import checks, plan
from tests.chaos.cast import Cast
from tests.chaos.plan import Fault
from tests.chaos.town import Town
from tests.chaos.wallet import Wallet

FINISH_SECONDS = 240.0
LOOK_SECONDS = 0.2


@dataclass
class Outcome:
    """What happened, in numbers, and what is wrong."""

    seed: int
    seconds: float = 0.0
    settled_seconds: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    died: Counter[str] = field(default_factory=Counter)  # by themselves, of what was done to others
    uploads: int = 0
    gave_up: int = 0
    purchases: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def table(self) -> str:
        faults = ", ".join(f"{name} {count}" for name, count in sorted(self.faults.items()))
        lines = [
            f"seed {self.seed}, {self.seconds:.0f} s of faults",
            f"at rest and checked after {self.settled_seconds:.0f} s more",
            f"faults: {self.faults.total()}  {faults}",
            f"ended by themselves: {dict(self.died)}",
            f"uploads acknowledged: {self.uploads}",
            f"gave up under faults and began anew: {self.gave_up}",
            f"purchases: {self.purchases.total()}  {dict(self.purchases)}",
            f"wrong: {len(self.wrong)}",
            *self.wrong,
        ]
        return "\n".join(lines)


def run(
    directory: Path,
    *,
    seed: int,
    seconds: float,
    pause_seconds: float = 1.5,
    people: int = 9,
    say: Callable[[str], None] = print,
) -> Outcome:
    outcome = Outcome(seed, seconds)
    town = Town(directory)
    try:
        town.start()
        wallet = Wallet(town.layout)
        cast = Cast(town.layout.public_url, wallet, seed=seed, people=people)
        cast.start()
        try:
            _break(
                town, plan.draw(seed, seconds=seconds, pause_seconds=pause_seconds), outcome, say
            )
        finally:
            cast.stop()
            began = time.monotonic()
            town.settle()
            cast.wait(seconds=FINISH_SECONDS)
        outcome.wrong = list(
            checks.everything(
                cast.book,
                database_url=town.database_url,
                wallet=wallet,
                store=_store(town),
                look_at_forwards=lambda: town.run_now("payments.rebroadcast"),
            )
        )
        cast.end()
        outcome.settled_seconds = time.monotonic() - began
        outcome.uploads = len(cast.book.uploads)
        outcome.gave_up = cast.book.gave_up
        outcome.purchases = Counter(sale.way.value for sale in cast.book.sales)
    finally:
        town.stop()
    return outcome


def _break(town: Town, faults: list[Fault], outcome: Outcome, say: Callable[[str], None]) -> None:
    """Strikes and lifts, in the order of their times; whoever died of it is started again."""
    began = time.monotonic()
    struck: set[str] = set()
    due = [(fault.at_seconds, number, True) for number, fault in enumerate(faults)]
    heapq.heapify(due)
    while due:
        at, number, is_strike = heapq.heappop(due)
        while (left := began + at - time.monotonic()) > 0:
            time.sleep(min(left, LOOK_SECONDS))
            outcome.died.update(town.raise_the_dead())
        fault = faults[number]
        if is_strike and fault.target in struck:  # the machine is slow, and we are behind the plan
            heapq.heappush(due, (at + LOOK_SECONDS, number, True))
        elif is_strike:
            say(str(fault))
            struck.add(fault.target)
            town.strike(fault)
            outcome.faults[f"{fault.kind} {fault.target}"] += 1
            lift_at = time.monotonic() - began + fault.lasts_seconds
            heapq.heappush(due, (lift_at, number, False))
        else:
            town.lift(fault)
            struck.remove(fault.target)


def _store(town: Town) -> StoreConfig:
    endpoint = f"http://127.0.0.1:{town.layout.s3_port}"
    secrets = town.stack.secrets
    return StoreConfig(
        name="main",
        endpoint=endpoint,
        public_endpoint=endpoint,
        bucket="kim",
        region="us-east-1",
        access_key=secrets["KIM_S3_ACCESS_KEY"],
        secret_key=secrets["KIM_S3_SECRET_KEY"],
    )
