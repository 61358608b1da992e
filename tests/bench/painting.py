"""When the product page first paints on a slow phone, and what has come over the wire by then.

Chromium's own throttle makes its processor four times as slow, set before the page is opened; the
figures are the page's own (performance entries). Each round is a first visit, with nothing kept.
``BENCH_ROUNDS`` (5).
"""

from __future__ import annotations

import os
import statistics
import uuid

from playwright.sync_api import Browser, expect, sync_playwright

from tests.actors import Seller
from tests.bench.instance import scratch
from tests.e2e.conftest import CHROMIUM, FLAGS
from tests.e2e.people import Devchain, by
from tests.stacks import make_stack, running

SLOWER = 4
PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
WIRE = """[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
  .reduce((sum, entry) => sum + entry.transferSize, 0)"""


def main() -> None:
    rounds = int(os.environ.get("BENCH_ROUNDS", "5"))
    with scratch() as data, running(make_stack(data / "stack")) as stack, sync_playwright() as play:
        maya = Seller(stack.layout.public_url, f"maya-{uuid.uuid4().hex[:8]}")
        maya.sign_up()
        payout = Devchain(stack.layout.devchain_port).state()["address"]
        link = stack.layout.public_url + maya.publish(os.urandom(300_000), payout=payout).path
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        visit(browser, link)  # the server's own first time
        found = [visit(browser, link) for _ in range(rounds)]
    painted = sorted(seconds for seconds, _ in found)
    print(
        f"first paint of the product page, processor {SLOWER} times slower: median"
        f" {statistics.median(painted):.2f} s ({painted[0]:.2f}-{painted[-1]:.2f}); aim 1 s;"
        f" over the wire until Buy can be pressed {max(size for _, size in found) / 1000:.1f} kB;"
        " aim 100 kB"
    )


def visit(browser: Browser, link: str) -> tuple[float, int]:
    """Seconds until something is painted, and bytes until Buy can be pressed."""
    context = browser.new_context(viewport={"width": 390, "height": 664})
    page = context.new_page()
    line = context.new_cdp_session(page)
    line.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    page.goto(link)
    expect(by(page, "buy")).to_be_enabled(timeout=30_000)
    found = page.evaluate(PAINT) / 1000, page.evaluate(WIRE)
    context.close()
    return found
