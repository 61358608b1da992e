"""Where the time goes: each step of the pipeline alone, in the same kind of browser and page.

``BENCH_MIB`` (256), ``BENCH_ROUNDS`` (5).
"""

from __future__ import annotations

import os

from tests.bench.instance import instance, scratch, visit
from tests.bench.transfer import Runs, summarize, told


def main() -> None:
    mib = int(os.environ.get("BENCH_MIB", "256"))
    rounds = int(os.environ.get("BENCH_ROUNDS", "5"))
    print(f"# {mib} MiB, {rounds} rounds", flush=True)
    runs: Runs = {}
    with scratch() as data, instance(data) as stack:
        for facts in visit(stack, data, f"/bench/page/stages?mib={mib}&rounds={rounds}"):
            runs.setdefault(facts["name"], []).append(facts)
            print(told(facts), flush=True)
    summarize(runs)
