"""How long a buyer waits: from the broadcast to "seen", from a block to "paid" and to the released key.

A real instance with its default clocks (a sweep a minute: what is measured is the push), a buyer who
follows the purchase's event stream like a page, and a wallet on the devchain. ``BENCH_SALES`` (25).
"""

from __future__ import annotations

import http.client
import json
import os
import statistics
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kim.stack import Stack, running
from tests.actors import Buyer, Offer, Refused, Seller
from tests.bench.figures import p95, spread
from tests.bench.instance import scratch
from tests.e2e.conftest import make_stack
from tests.e2e.people import Devchain

PATIENCE_SECONDS = 90
AGAIN_SECONDS = 0.05  # a page asks again for a key that is still being sealed after 0.3 s


class Events:
    """The purchase's server-sent events, as they come."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self._answer = answer

    def until(self, *states: str) -> dict[str, Any]:
        """Reads on until the invoice is in one of ``states``; the whole event."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            name, _, value = self._answer.readline().decode().partition(": ")
            if name == "data":
                event: dict[str, Any] = json.loads(value)
                if event["state"] in states:
                    return event
        raise TimeoutError(f"{states} did not come in {PATIENCE_SECONDS} s")


def main() -> None:
    sales = int(os.environ.get("BENCH_SALES", "25"))
    print(f"# {sales} sales", flush=True)
    slow = {"KIM_SWEEP_SECONDS": "60", "KIM_FORWARD_SECONDS": "60", "KIM_RATE_SECONDS": "60"}
    with scratch() as data, running(make_stack(data / "stack", environ=slow)) as stack:
        rows = list(_sell(stack, sales))
    for name in ("seen", "paid", "unlocked"):
        waits = [row[name] for row in rows]
        print(f"{name} {spread(waits, digits=3)}")
    for name in ("seen", "paid", "unlocked"):
        waits = [row[name] for row in rows]
        print(f"{name} median {statistics.median(waits):.3f} s p95 {p95(waits):.3f} s")


def _sell(stack: Stack, sales: int) -> Iterator[dict[str, float]]:
    """One after another; the chain is idle in between, as a real one mostly is."""
    chain = Devchain(stack.layout.devchain_port)
    maya = Seller(stack.layout.public_url, f"maya-{uuid.uuid4().hex[:8]}")
    maya.sign_up()
    offer = maya.publish(os.urandom(300_000), payout=chain.state()["address"])
    for number in range(1, sales + 1):
        row = sell(stack, chain, offer)
        told = ", ".join(f"{name} {seconds:.3f} s" for name, seconds in row.items())
        print(f"{number}: {told}", flush=True)
        yield row


def sell(stack: Stack, chain: Devchain, offer: Offer) -> dict[str, float]:
    """Seconds from just before the payment is made, and from just before the block is."""
    noor = Buyer(stack.layout.public_url, link_secret=offer.secrets.link_secret)
    uri = noor.order(offer)
    with follow(stack, noor.purchase) as events:
        events.until("OPEN")
        paid_at = time.monotonic()
        chain.pay(uri)
        events.until("SEEN")
        seen = time.monotonic() - paid_at
        mined_at = time.monotonic()
        chain.mine()
        events.until("PAID")
        paid = time.monotonic() - mined_at
    assert fetch_key(noor) == offer.secrets.release_secret
    return {"seen": seen, "paid": paid, "unlocked": time.monotonic() - mined_at}


def fetch_key(noor: Buyer) -> bytes:
    """Asks for the key as the page does, until the worker has sealed it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            path = f"purchases/{noor.purchase}/release/"
            if "sealed" in noor.api.call("POST", path, {}, claim=noor.claim):
                return noor.release()
        except Refused as error:
            if error.status != http.client.PAYMENT_REQUIRED:
                raise
        if time.monotonic() > deadline:
            raise TimeoutError("the key did not come")
        time.sleep(AGAIN_SECONDS)


@contextmanager
def follow(stack: Stack, purchase: uuid.UUID) -> Iterator[Events]:
    line = http.client.HTTPConnection("127.0.0.1", stack.layout.web_port, timeout=PATIENCE_SECONDS)
    try:
        line.request("GET", f"/api/v1/purchases/{purchase}/events/")
        answer = line.getresponse()
        if answer.status != http.client.OK:
            raise ConnectionError(f"the stream answered {answer.status}")
        yield Events(answer)
    finally:
        line.close()
