"""Upload and download through the product's pipeline, against the fastest plain way, in one page.

Each round measures plain and encrypted right after each other, so that the ratio is of neighbours;
what is reported is the median over the rounds. ``BENCH_MIB`` (256), ``BENCH_ROUNDS`` (5).
"""

from __future__ import annotations

import os
import statistics
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from tests.bench.figures import spread
from tests.bench.instance import instance, scratch, visit

MBIT = 400
GB = 1e9
Runs = dict[str, list[dict[str, Any]]]


def main() -> None:
    mib, rounds = (int(os.environ.get(f"BENCH_{n}", d)) for n, d in (("MIB", 256), ("ROUNDS", 5)))
    found = {}
    for name, mbit in (("paced", MBIT), ("unpaced", None)):
        print(f"# {name}, {mib} MiB, {rounds} rounds", flush=True)
        found[name] = measure(mbit=mbit, mib=mib, rounds=rounds)
        report(found[name])
    for name, runs in found.items():
        for way in ("upload", "download"):
            ratio = statistics.median(ratios(runs, way))
            extra = statistics.median(extras(runs, way))
            print(f"{way} {name} ratio {ratio:.2f} cpu_s_per_gb {extra:.1f}")


def measure(*, mbit: int | None, mib: int, rounds: int) -> Runs:
    runs: Runs = defaultdict(list)
    with scratch() as data, instance(data, mbit=mbit) as stack:
        for facts in visit(stack, data, f"/bench/page/transfer?mib={mib}&rounds={rounds}"):
            if "name" in facts:
                runs[facts["name"]].append(facts)
                print(told(facts), flush=True)
            else:
                print(facts, flush=True)
    return runs


def told(facts: dict[str, Any]) -> str:
    rate = facts["bytes"] / 1e6 / facts["seconds"]
    return (
        f"{facts['round']} {facts['name']:26} {facts['seconds']:6.2f} s {rate:6.1f} MB/s"
        f" browser {facts['cpu_s'] / facts['bytes'] * GB:5.2f} s/GB"
        f" longest task {facts['longest_task_ms']:.0f} ms, machine {facts['busy']:.2f} busy"
    )


def report(runs: Runs) -> None:
    for name, rows in runs.items():
        rates = [row["bytes"] / 1e6 / row["seconds"] for row in rows]
        costs = [row["cpu_s"] / row["bytes"] * GB for row in rows]
        print(f"{name:26} MB/s {spread(rates, digits=1)}  browser s/GB {spread(costs)}")
    for way in ("upload", "download"):
        print(f"{way} ratio {spread(ratios(runs, way))} extra s/GB {spread(extras(runs, way))}")
    discarded = runs["plain download, discarded"]
    against = [
        bare["seconds"] / ours["seconds"]
        for bare, ours in zip(discarded, runs["encrypted download"], strict=True)
    ]
    print(f"download ratio to a plain download that is thrown away {spread(against)}")


def ratios(runs: Runs, way: str) -> list[float]:
    """Speed through our pipeline over plain speed, round by round."""
    return [plain["seconds"] / ours["seconds"] for plain, ours in _pairs(runs, way)]


def extras(runs: Runs, way: str) -> list[float]:
    """Processor seconds of the browser for each GB, beyond plain."""
    return [
        (ours["cpu_s"] - plain["cpu_s"]) / ours["bytes"] * GB for plain, ours in _pairs(runs, way)
    ]


def _pairs(runs: Runs, way: str) -> Iterable[tuple[dict[str, Any], dict[str, Any]]]:
    return zip(runs[f"plain {way}"], runs[f"encrypted {way}"], strict=True)
