"""Opening purchases under load, and thousands of live pages: real HTTP against a real stack on PostgreSQL.

Buyers are processes of their own (``tests.bench.orders``) that share the machine with the stack.
First a fixed rate, where a wait counts from the moment a buyer should have pressed Buy; then as
fast as some buyers can in turn; then live pages of the purchases so made on the one web process.
``BENCH_SECONDS`` (30), ``BENCH_RATE`` (50 a second), ``BENCH_PAGES`` (2000), ``BENCH_PRICE`` (EUR).
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kim.embedded import ROOT
from kim.stack import Stack, running
from tests import postgres
from tests.actors import Buyer, Offer, Seller
from tests.bench import processes
from tests.bench.figures import p95, p99
from tests.bench.instance import scratch
from tests.bench.latency import follow
from tests.e2e.conftest import make_stack
from tests.e2e.people import Devchain

PATIENCE_SECONDS = 120
ANSWERS = 25  # sales paid while the pages are open
ALONGSIDE_RATE = 10  # purchases a second while the pages are open
CLOCKS = {"KIM_SWEEP_SECONDS": "60", "KIM_FORWARD_SECONDS": "60", "KIM_RATE_SECONDS": "60"}
OPEN_TO_ALL = {
    "KIM_RATE_PURCHASE": "1000000/minute",
    "KIM_RATE_ANY": "1000000/minute",
    "KIM_PURCHASES_OPEN_PER_IP": "1000000",
    "KIM_TRUSTED_PROXIES": "1",  # each order comes from an address of its own
}


def main() -> None:
    seconds = int(os.environ.get("BENCH_SECONDS", "30"))
    rate = int(os.environ.get("BENCH_RATE", "50"))
    pages = int(os.environ.get("BENCH_PAGES", "2000"))
    with scratch() as data, postgres.cluster(is_durable=True) as url:
        environ = {**CLOCKS, **OPEN_TO_ALL, "KIM_DATABASE_URL": url}
        with running(make_stack(data / "stack", environ=environ)) as stack:
            chain, offer = _offer(stack)
            ordering(stack, offer, "warm", seconds=5, rate=10)
            made = ordering(stack, offer, f"{rate} a second", seconds=seconds, rate=rate)
            made += ordering(stack, offer, "8 buyers in turn", seconds=seconds, buyers=8)
            if len(made) < pages:
                made += ordering(stack, offer, "for the pages", seconds=pages // rate, rate=rate)
            following(stack, chain, offer, made[:pages])


def ordering(stack: Stack, offer: Offer, name: str, **asked: int) -> list[str]:
    """Drive orders from two processes, print what they waited; the purchases."""
    web = stack.children["web"].pid
    busy = processes.tree_seconds(web)
    drivers = [_driver(stack, offer, _share(asked, of=2)) for _ in range(2)]
    said = [json.loads(driver.communicate(timeout=600)[0]) for driver in drivers]
    waits = [wait for each in said for wait in each["waits"]]
    failed = sum(each["failed"] for each in said)
    cpu = (processes.tree_seconds(web) - busy) / max(1, len(waits))
    print(
        f"open, {name}: {len(waits)} ({len(waits) / asked['seconds']:.1f}/s), {failed} failed,"
        f" p50 {1000 * statistics.median(waits):.0f} ms p95 {1000 * p95(waits):.0f} ms"
        f" p99 {1000 * p99(waits):.0f} ms, web {1000 * cpu:.1f} ms of processor each",
        flush=True,
    )
    return [purchase for each in said for purchase in each["purchases"]]


def following(stack: Stack, chain: Devchain, offer: Offer, purchases: Sequence[str]) -> None:
    """Live pages on every purchase; what they cost, and how others fare beside them."""
    web = stack.children["web"].pid
    before = resident_mb(web)
    pages = _pages(stack, purchases)
    try:
        opened = json.loads(_line(pages))
        held = resident_mb(web) - before
        print(
            f"live pages: {opened['open']} open in {opened['took']:.1f} s"
            f" (p95 {1000 * opened['p95']:.0f} ms to the first state), {held:.0f} MB,"
            f" {1000 * held / len(purchases):.0f} kB each",
            flush=True,
        )
        busy, at = processes.tree_seconds(web), time.monotonic()
        time.sleep(20)
        share = 100 * (processes.tree_seconds(web) - busy) / (time.monotonic() - at)
        print(f"live pages: web process {share:.1f} % of a core while nothing happens", flush=True)
        ordering(stack, offer, "beside the pages", seconds=20, rate=ALONGSIDE_RATE)
        waits = [_seen(stack, chain, offer) for _ in range(ANSWERS)]
        print(
            f"seen beside the pages: median {statistics.median(waits):.3f} s p99 {p99(waits):.3f} s"
        )
        pages.stdin.close()  # type: ignore[union-attr]
        print(f"live pages: {json.loads(_line(pages))['dropped']} dropped", flush=True)
    finally:
        pages.kill()
        pages.wait()


def _seen(stack: Stack, chain: Devchain, offer: Offer) -> float:
    noor = Buyer(stack.layout.public_url, link_secret=offer.secrets.link_secret)
    uri = noor.order(offer)
    with follow(stack, noor.purchase) as events:
        events.until("OPEN")
        paid_at = time.monotonic()
        chain.pay(uri)
        events.until("SEEN")
        return time.monotonic() - paid_at


def _offer(stack: Stack) -> tuple[Devchain, Offer]:
    chain = Devchain(stack.layout.devchain_port)
    maya = Seller(stack.layout.public_url, f"maya-{uuid.uuid4().hex[:8]}")
    maya.sign_up()
    currency = os.environ.get("BENCH_PRICE", "EUR")
    amount = "0.0002" if currency == "BCH" else "1.00"
    payout = chain.state()["address"]
    return chain, maya.publish(os.urandom(300_000), amount=amount, currency=currency, payout=payout)


def _share(asked: Mapping[str, int], *, of: int) -> dict[str, float]:
    split = {name: asked[name] / of for name in ("rate", "buyers") if name in asked}
    return {**split, "seconds": asked["seconds"]}


def _driver(stack: Stack, offer: Offer, asked: Mapping[str, float]) -> subprocess.Popen[str]:
    words = ("--port", str(stack.layout.web_port), "--file", str(offer.file_id))
    numbers = (word for name, value in asked.items() for word in (f"--{name}", str(value)))
    argv = (sys.executable, "-m", "tests.bench.orders", *words, *numbers)
    return subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def _pages(stack: Stack, purchases: Sequence[str]) -> subprocess.Popen[str]:
    argv = (sys.executable, "-m", "tests.bench.orders", "--port", str(stack.layout.web_port))
    pages = subprocess.Popen(
        (*argv, "--pages"), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert pages.stdin is not None
    pages.stdin.write(" ".join(purchases) + "\n")
    pages.stdin.flush()
    return pages


def _line(process: subprocess.Popen[Any]) -> str:
    assert process.stdout is not None
    return str(process.stdout.readline())


def resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
