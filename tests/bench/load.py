"""Buyers by the thousand through the real stack on PostgreSQL, and what they cost: for docs/benchmarks.md.

``BENCH_BUYERS`` (2000) in ``BENCH_MINUTES`` (10); then fifty at once; then the product page alone on
sixteen connections. The buyers are one process beside the stack, on the same processors; a block comes
every five seconds. ``BENCH_WEB`` (2) web processes. ``BENCH_IDLE_MINUTES`` (0): memory afterwards.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from kim.embedded import ROOT
from kim.stack import Stack, running
from tests import postgres
from tests.actors import Offer, Seller
from tests.bench import processes
from tests.bench.figures import p95, p99
from tests.bench.instance import scratch
from tests.bench.opening import OPEN_TO_ALL
from tests.e2e.people import Devchain
from tests.stacks import make_stack
from unlock import container

CLOCKS = {"KIM_SWEEP_SECONDS": "60", "KIM_FORWARD_SECONDS": "60", "KIM_RATE_SECONDS": "60"}
AT_ONCE = 50
PAGE_LINES = 16
PAGE_SECONDS = 20
SETTLE_SECONDS = 20
SAMPLE_SECONDS = 5.0


def main() -> None:
    buyers = int(os.environ.get("BENCH_BUYERS", "2000"))
    seconds = 60 * float(os.environ.get("BENCH_MINUTES", "10"))
    idle = 60 * float(os.environ.get("BENCH_IDLE_MINUTES", "0"))
    environ = {**CLOCKS, **OPEN_TO_ALL, "WEB_CONCURRENCY": os.environ.get("BENCH_WEB", "2")}
    with ExitStack() as closing:
        data = closing.enter_context(scratch())
        environ["KIM_DATABASE_URL"] = closing.enter_context(postgres.cluster(is_durable=True))
        stack = closing.enter_context(running(make_stack(data / "stack", environ=environ)))
        roots = {name: child.pid for name, child in stack.children.items()}
        roots["postgres"] = postgres.pid_of(environ["KIM_DATABASE_URL"])
        bench = Bench(stack, roots)
        time.sleep(SETTLE_SECONDS)
        bench.tell_memory("idle, before")
        bench.drive("warm", what="sales", buyers=20, seconds=5)
        name = f"{buyers} buyers in {seconds / 60:g} min"
        bench.drive(name, what="sales", buyers=buyers, seconds=seconds)
        bench.drive(f"{AT_ONCE} at once", what="sales", buyers=AT_ONCE, seconds=0)
        bench.drive("the product page", what="pages", lines=PAGE_LINES, seconds=PAGE_SECONDS)
        time.sleep(max(SETTLE_SECONDS, idle))
        bench.tell_memory("idle, after")


class Bench:
    """One stack with one file for sale. ``drive`` prints the rows of one load.

    ``roots``: pids by name, whose processes and all below them are counted.
    """

    def __init__(self, stack: Stack, roots: dict[str, int]) -> None:
        self._stack = stack
        self._roots = roots
        self._offer = _publish(stack)

    def tell_memory(self, name: str) -> None:
        each = {part: processes.tree_bytes(pid) / 1e6 for part, pid in self._roots.items()}
        parts = ", ".join(f"{part} {size:.0f}" for part, size in each.items())
        print(f"memory, {name}: {sum(each.values()):.0f} MB PSS ({parts})", flush=True)

    def drive(self, name: str, **asked: object) -> None:
        busy = {part: processes.tree_seconds(pid) for part, pid in self._roots.items()}
        began = time.monotonic()
        with self._memory() as sizes:
            said = self._drivers_words(asked)
        took = time.monotonic() - began
        counts = f"{said['served']} served, {len(said['failed'])} failed"
        print(f"\n{name}: {took:.0f} s, {counts}, {said['reopened']} streams opened again")
        for reason in said["failed"][:5]:
            print(f"  {reason}")
        print("| step | count | p50, ms | p95, ms | p99, ms | most, ms |\n" + "|---" * 6 + "|")
        for step, waits in said["waits"].items():
            figures = (statistics.median(waits), p95(waits), p99(waits), max(waits))
            shown = " | ".join(f"{1000 * each:.0f}" for each in figures)
            print(f"| {step} | {len(waits)} ({len(waits) / took:.1f}/s) | {shown} |")
        self._tell_cost(busy, said, sizes)

    def _tell_cost(self, busy: dict[str, float], said: dict[str, Any], sizes: list[float]) -> None:
        count = said["served"] or max(map(len, said["waits"].values()), default=1)
        each = {
            part: 1000 * (processes.tree_seconds(pid) - busy[part]) / count
            for part, pid in self._roots.items()
        }
        parts = ", ".join(f"{part} {cost:.1f}" for part, cost in each.items() if cost >= 0.05)
        print(f"processor: {sum(each.values()):.1f} ms each ({parts})")
        quarter = max(1, len(sizes) // 4)
        first, last = statistics.mean(sizes[:quarter]), statistics.mean(sizes[-quarter:])
        print(
            f"memory: most {max(sizes):.0f} MB PSS, first quarter {first:.0f}, last {last:.0f}",
            flush=True,
        )

    def _drivers_words(self, asked: dict[str, object]) -> dict[str, Any]:
        offer = self._offer
        plan = {
            **asked,
            "port": self._stack.layout.web_port,
            "chain": self._stack.layout.devchain_port,
            "file": str(offer.file_id),
            "content_id": offer.content_id.hex(),
            "h_s": container.hash_commitment(offer.secrets.release_secret).hex(),
        }
        done = subprocess.run(
            (sys.executable, "-m", "tests.bench.load_buyers"),
            cwd=ROOT,
            input=json.dumps(plan),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])
        said: dict[str, Any] = json.loads(done.stdout)
        return said

    @contextmanager
    def _memory(self) -> Iterator[list[float]]:
        """PSS of all processes together, in MB, every few seconds."""
        sizes: list[float] = []
        over = threading.Event()

        def look() -> None:
            while True:
                sizes.append(sum(map(processes.tree_bytes, self._roots.values())) / 1e6)
                if over.wait(SAMPLE_SECONDS):
                    return

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield sizes
        finally:
            over.set()
            thread.join()


def _publish(stack: Stack) -> Offer:
    chain = Devchain(stack.layout.devchain_port)
    maya = Seller(stack.layout.public_url, f"maya-{uuid.uuid4().hex[:8]}")
    maya.sign_up()
    return maya.publish(os.urandom(300_000), payout=chain.state()["address"])


if __name__ == "__main__":
    main()
