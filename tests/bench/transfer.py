"""Upload and download through the product's pipeline, against the fastest plain way, in one page.

Each round measures plain and encrypted right after each other, so that the ratio is of neighbours;
what is reported is the median over the rounds. ``BENCH_MIB`` (256), ``BENCH_ROUNDS`` (5).
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterable
from typing import Any

from tests.bench.figures import spread
from tests.bench.instance import instance, scratch, visit

MBIT = 400
GB = 1e9
Runs = dict[str, list[dict[str, Any]]]


def main() -> None:
    mib = int(os.environ.get("BENCH_MIB", "256"))
    rounds = int(os.environ.get("BENCH_ROUNDS", "5"))
    found: dict[str, Runs] = {}
    for name, mbit in (("paced", MBIT), ("unpaced", None)):
        print(f"# {name}, {mib} MiB, {rounds} rounds", flush=True)
        found[name] = measure(mbit=mbit, mib=mib, rounds=rounds)
        summarize(found[name])
        compare(found[name])
    for name, runs in found.items():
        for way in ("upload", "download"):
            ratio = statistics.median(ratios(runs, way))
            extra = statistics.median(extras(runs, way))
            print(f"{way} {name} ratio {ratio:.2f} cpu_s_per_gb {extra:.1f}")


def measure(*, mbit: int | None, mib: int, rounds: int) -> Runs:
    runs: Runs = {}
    with scratch() as data, instance(data, mbit=mbit) as stack:
        for facts in visit(stack, data, f"/bench/page/transfer?mib={mib}&rounds={rounds}"):
            runs.setdefault(facts["name"], []).append(facts)
            print(told(facts), flush=True)
    return runs


def told(facts: dict[str, Any]) -> str:
    """One run: how fast, what the browser's processor did for it, and how busy the machine was."""
    return (
        f"{facts['round']} {facts['name']:26} {facts['seconds']:6.2f} s {rate(facts):6.1f} MB/s"
        f" browser {cost(facts):5.2f} s/GB, longest task {facts['longest_task_ms']:.0f} ms,"
        f" {facts['busy']:.2f} processors busy"
    )


def summarize(runs: Runs) -> None:
    for name, rows in runs.items():
        rates, costs = [rate(row) for row in rows], [cost(row) for row in rows]
        print(f"{name:26} MB/s {spread(rates, digits=1)} browser s/GB {spread(costs)}")


def compare(runs: Runs) -> None:
    for way in ("upload", "download"):
        print(f"{way} ratio {spread(ratios(runs, way))} extra s/GB {spread(extras(runs, way))}")
    thrown_away = ratios(runs, "download", against="plain download, discarded")
    print(f"download ratio to a plain one whose bytes are thrown away {spread(thrown_away)}")


def rate(facts: dict[str, Any]) -> float:
    """MB/s of payload."""
    return float(facts["bytes"] / 1e6 / facts["seconds"])


def cost(facts: dict[str, Any]) -> float:
    """Processor seconds of the browser's processes for each GB of payload."""
    return float(facts["cpu_s"] / facts["bytes"] * GB)


def ratios(runs: Runs, way: str, *, against: str = "") -> list[float]:
    """Speed through our pipeline over plain speed, round by round."""
    return [rate(ours) / rate(plain) for plain, ours in _pairs(runs, way, against)]


def extras(runs: Runs, way: str) -> list[float]:
    """Processor seconds for each GB beyond plain, round by round."""
    return [cost(ours) - cost(plain) for plain, ours in _pairs(runs, way)]


def _pairs(runs: Runs, way: str, against: str = "") -> Iterable[tuple[Any, Any]]:
    return zip(runs[against or f"plain {way}"], runs[f"encrypted {way}"], strict=True)
