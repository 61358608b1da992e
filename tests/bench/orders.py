"""Buyers in a process of their own: orders at a rate or in turn, or open pages. One JSON line each.

``--rate``: a wait counts from when the order was due, so that a server that stalls cannot slow the
load down and look quick. ``--pages``: purchases on standard input; the pages stay until it ends.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import random
import sys
import threading
import time
from collections.abc import Callable
from ipaddress import IPv4Address

from tests.bench.figures import p95
from unlock import container

THREADS = 32  # enough for a second of stalls at fifty a second from two processes
OPENING_AT_ONCE = 50
FIRST_STATE_SECONDS = 60
IDLE_SECONDS = 3  # uvicorn hangs up on a line after five; browsers notice, and dial again

Stream = tuple[float, asyncio.StreamReader, asyncio.StreamWriter]  # seconds to its first state


class Orders:
    """What came of the orders of one process."""

    def __init__(self, port: int, file_id: str) -> None:
        self._port, self._path = port, f"/api/v1/files/{file_id}/purchases/"
        self._lock = threading.Lock()
        self._asked: list[tuple[str, str]] = []
        self.waits: list[float] = []
        self.purchases: list[str] = []
        self.failed = 0

    def _prepare(self, count: int) -> None:
        """Claims and keys, which a buyer's browser makes before the button."""
        for _ in range(count):
            seed = container.derive_seed(os.urandom(32), 0)
            claim = container.encode_b64url(container.derive_claim(seed))
            public_key = container.encode_b64url(container.buyer_key_pair(seed).public_key)
            self._asked.append((claim, public_key))

    def at_rate(self, rate: float, seconds: float) -> None:
        """One every ``1/rate`` seconds, whatever became of those before."""
        count = int(rate * seconds)
        self._prepare(count)
        started = time.monotonic() + 0.2
        numbers = iter(range(count))

        def next_due() -> float | None:
            with self._lock:
                number = next(numbers, None)
            return None if number is None else started + number / rate

        self._run(THREADS, next_due)

    def in_turn(self, buyers: int, seconds: float) -> None:
        """Each buyer again as soon as the last order is answered."""
        self._prepare(int(200 * seconds))
        until = time.monotonic() + seconds
        self._run(buyers, lambda: time.monotonic() if time.monotonic() < until else None)

    def _run(self, threads: int, next_due: Callable[[], float | None]) -> None:
        running = [threading.Thread(target=self._order, args=(next_due,)) for _ in range(threads)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()

    def _order(self, next_due: Callable[[], float | None]) -> None:
        line, used = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30), 0.0
        while (due := next_due()) is not None:
            time.sleep(max(0.0, due - time.monotonic()))
            if time.monotonic() - used > IDLE_SECONDS:
                line.close()
            with self._lock:
                if not self._asked:
                    return
                claim, public_key = self._asked.pop()
            made = self._post(line, claim, public_key)
            used = time.monotonic()
            waited = used - due
            with self._lock:
                if made:
                    self.waits.append(waited)
                    self.purchases.append(made)
                else:
                    self.failed += 1

    def _post(self, line: http.client.HTTPConnection, claim: str, public_key: str) -> str:
        headers = {
            "Content-Type": "application/json",
            "Authorization": f"Claim {claim}",
            "X-Forwarded-For": str(IPv4Address(0x0A00_0000 + random.randrange(2**24))),
        }
        try:
            line.request("POST", self._path, json.dumps({"buyer_key": public_key}), headers)
            answer = line.getresponse()
            said = answer.read()
        except (OSError, http.client.HTTPException):
            line.close()
            return ""
        return str(json.loads(said)["id"]) if answer.status == http.client.CREATED else ""


class Pages:
    """Open event streams of one process."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._opening = asyncio.Semaphore(OPENING_AT_ONCE)
        self._dropped = 0

    async def run(self, purchases: list[str]) -> None:
        """Open all, say so, hold them until standard input ends, and say how many were lost."""
        started = time.monotonic()
        opened = await asyncio.gather(*(self._open(each) for each in purchases))
        waits = [seconds for seconds, _, _ in opened]
        say({"open": len(waits), "took": time.monotonic() - started, "p95": p95(waits)})
        held = [asyncio.create_task(self._hold(reader)) for _, reader, _ in opened]
        await asyncio.to_thread(sys.stdin.read)
        say({"dropped": self._dropped})
        for each in held:
            each.cancel()

    async def _open(self, purchase: str) -> Stream:
        async with self._opening, asyncio.timeout(FIRST_STATE_SECONDS):
            started = time.monotonic()
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            path = f"/api/v1/purchases/{purchase}/events/"
            writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            await reader.readuntil(b"event: state\n")
            return time.monotonic() - started, reader, writer

    async def _hold(self, reader: asyncio.StreamReader) -> None:
        while await reader.read(65_536):
            pass
        self._dropped += 1


def say(facts: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.orders", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--file", default="")
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--rate", type=float, default=0)
    parser.add_argument("--buyers", type=float, default=0)
    parser.add_argument("--pages", action="store_true")
    given = parser.parse_args()
    if given.pages:
        asyncio.run(Pages(given.port).run(sys.stdin.readline().split()))
        return
    orders = Orders(given.port, given.file)
    if given.rate:
        orders.at_rate(given.rate, given.seconds)
    else:
        orders.in_turn(int(given.buyers), given.seconds)
    say({"waits": orders.waits, "purchases": orders.purchases, "failed": orders.failed})


if __name__ == "__main__":
    main()
