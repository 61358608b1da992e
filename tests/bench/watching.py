"""What watching costs while thousands wait, and how long a payer waits among them.

For each count of open invoices a real instance: the daemon subscribes from cold, a fresh process
sweeps them all, the worker sweeps again what did not change, the daemon idles, and some sales are
made. ``BENCH_OPEN`` ("1000,3000,10000"), ``BENCH_SALES`` (25).
"""

from __future__ import annotations

import json
import os
import sqlite3
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from kim.embedded import ROOT
from kim.stack import Stack, running
from tests.actors import Seller
from tests.bench import processes
from tests.bench.figures import p99
from tests.bench.instance import scratch
from tests.bench.latency import sell
from tests.e2e.conftest import make_stack
from tests.e2e.people import Devchain

PATIENCE_SECONDS = 240
IDLE_SECONDS = 30
CLOCKS = {"KIM_SWEEP_SECONDS": "30", "KIM_FORWARD_SECONDS": "60", "KIM_RATE_SECONDS": "60"}


def main() -> None:
    counts = [int(word) for word in os.environ.get("BENCH_OPEN", "1000,3000,10000").split(",")]
    sales = int(os.environ.get("BENCH_SALES", "25"))
    rows = []
    for count in counts:
        with scratch() as data, running(make_stack(data / "stack", environ=CLOCKS)) as stack:
            rows.append(measure(stack, count, sales))
    names = list(rows[0])
    print("| " + " | ".join(names) + " |\n|" + " --- |" * len(names))
    for row in rows:
        print("| " + " | ".join(row.values()) + " |")


def measure(stack: Stack, count: int, sales: int) -> dict[str, str]:
    chain = Devchain(stack.layout.devchain_port)
    maya = Seller(stack.layout.public_url, f"maya-{uuid.uuid4().hex[:8]}")
    maya.sign_up()
    offer = maya.publish(os.urandom(300_000), payout=chain.state()["address"])
    stack.kill("daemon")
    run(stack, "-m", "tests.bench.filling", str(count))

    row = {"open": f"{count:,}"}
    row["subscribed, s"] = f"{subscribe(stack, count):.1f}"
    row["first sweep, s"] = f"{swept_alone(stack, count):.1f}"
    row["sweep of no news, s"] = f"{swept(stack, count):.1f}"
    row["daemon, MB"] = f"{resident_mb(stack.children['daemon'].pid):.0f}"
    row["daemon idle, % of a core"] = f"{idle_percent(stack.children['daemon'].pid):.1f}"
    waits = [sell(stack, chain, offer) for _ in range(sales)]
    for name, words in (("seen", "broadcast to seen, s"), ("unlocked", "block to unlocked, s")):
        seconds = [each[name] for each in waits]
        row[words] = f"{statistics.median(seconds):.2f} (p99 {p99(seconds):.2f})"
    for name, figure in row.items():
        print(f"{name}: {figure}", flush=True)
    return row


def subscribe(stack: Stack, count: int) -> float:
    """Seconds from the start of the daemon's process until it is subscribed to all of them."""
    started_at = time.time()
    stack.spawn("daemon")
    until(lambda: beat(stack, "daemon").get("subscribed", 0) >= count, "the subscriptions")
    return datetime.fromisoformat(beat(stack, "daemon")["subscribed_at"]).timestamp() - started_at


def swept_alone(stack: Stack, count: int) -> float:
    """Seconds that a fresh process, which remembers nothing, takes for all of them."""
    stack.kill("worker")
    run(stack, "manage.py", "sweep_payments", "--all")
    detail = beat(stack, "sweep")
    stack.spawn("worker")
    if detail["looked"] < count:
        raise ValueError(f"only {detail['looked']} were looked at")
    return float(detail["seconds"])


def swept(stack: Stack, count: int) -> float:
    """Seconds that the worker's third sweep over all of them takes."""
    seconds: list[float] = []
    told = ""

    def is_done() -> bool:
        nonlocal told
        detail = beat(stack, "sweep")
        at = json.dumps(detail)
        if at != told and detail["looked"] >= count:
            seconds.append(detail["seconds"])
        told = at
        return len(seconds) >= 4

    until(is_done, "the worker's sweeps")
    return seconds[-1]


def idle_percent(pid: int) -> float:
    before = processes.tree_seconds(pid)
    time.sleep(IDLE_SECONDS)
    return 100 * (processes.tree_seconds(pid) - before) / IDLE_SECONDS


def resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def beat(stack: Stack, name: str) -> dict[str, Any]:
    """What the last heartbeat of that name said."""
    with sqlite3.connect(stack.layout.data / "kim.sqlite3", timeout=20) as database:
        query = "SELECT detail FROM payments_heartbeat WHERE name = ?"
        found = database.execute(query, (name,)).fetchone()
    return {} if found is None else dict(json.loads(found[0]))


def run(stack: Stack, *words: str) -> None:
    argv = (sys.executable, *words)
    subprocess.run(
        argv, cwd=ROOT, env=stack.environ("worker"), check=True, stdout=subprocess.DEVNULL
    )


def until(is_true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come in {PATIENCE_SECONDS} s")
        time.sleep(0.1)
