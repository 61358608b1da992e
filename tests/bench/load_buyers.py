"""Buyers as a process of their own, on one thread: each looks, orders, pays, waits and fetches the key.

``python -m tests.bench.load_buyers`` with a plan of JSON on standard input; a JSON line on standard
output. A step's wait counts from when the buyer was due to take it, so that a server that stalls does
not slow the load down and look quick. Everything is asked by raw HTTP on kept connections.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable
from ipaddress import IPv4Address
from typing import Any
from uuid import UUID

from unlock import container

HEAD_SECONDS = 60
PAID_SECONDS = 180
BLOCK_SECONDS = 5.0
AGAIN_SECONDS = 0.5
STATES = ("PAID", "SEEN", "OPEN")


class Line:
    """One kept connection of one buyer, from an address of its own."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._source = str(IPv4Address(0x0A00_0000 + random.randrange(2**24)))
        self._pipe: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(
        self, method: str, path: str, body: object = None, *, claim: bytes = b""
    ) -> tuple[int, bytes]:
        """Status and body. A kept connection that the server closed meanwhile is dialled anew."""
        async with asyncio.timeout(HEAD_SECONDS):
            is_kept = self._pipe is not None
            try:
                return await self._ask(method, path, body, claim)
            except (OSError, EOFError):
                if not is_kept:
                    raise
                self._pipe = None
                return await self._ask(method, path, body, claim)

    async def follow(self, path: str, lost: Callable[[], None]) -> AsyncGenerator[str, None]:
        """The states that an event stream tells, as they come. One that ends is opened again, as a
        page does; ``lost`` counts it.
        """
        async with asyncio.timeout(PAID_SECONDS):
            while True:
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                try:
                    writer.write(self._head("GET", path, b"", b""))
                    while line := (await reader.readline()).decode():
                        if line.startswith("data: "):
                            yield next((state for state in STATES if f'"{state}"' in line), "")
                except OSError:
                    pass
                finally:
                    writer.transport.abort()
                lost()
                await asyncio.sleep(AGAIN_SECONDS)

    def close(self) -> None:
        if self._pipe is not None:
            self._pipe[1].transport.abort()

    async def _ask(self, method: str, path: str, body: object, claim: bytes) -> tuple[int, bytes]:
        if self._pipe is None:
            self._pipe = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._pipe
        data = b"" if body is None else json.dumps(body).encode()
        writer.write(self._head(method, path, data, claim) + data)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        status = int(head.split(b" ", 2)[1])
        if b"transfer-encoding: chunked" in head:
            return status, await _chunks(reader)
        length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        return status, await reader.readexactly(length)

    def _head(self, method: str, path: str, data: bytes, claim: bytes) -> bytes:
        lines = [
            f"{method} {path} HTTP/1.1",
            f"Host: 127.0.0.1:{self._port}",
            f"X-Forwarded-For: {self._source}",
        ]
        if data:
            lines += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
        if claim:
            lines.append(f"Authorization: Claim {container.encode_b64url(claim)}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    found = b""
    while size := int(await reader.readline(), 16):
        found += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readexactly(2)
    return found


class Load:
    """``plan``: ports, the file, and what is asked of it. ``waits``: seconds by step."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self._plan = plan
        self._port, self._file = int(plan["port"]), str(plan["file"])
        self._chain = int(plan["chain"])
        self._paying = asyncio.Lock()  # one wallet
        self._mined_at: float = 0.0
        self.waits: dict[str, list[float]] = defaultdict(list)
        self.failed: list[str] = []
        self.served = 0
        self.reopened = 0

    async def sales(self, buyers: int, seconds: float) -> None:
        """One buyer every ``seconds / buyers``; all at once where ``seconds`` is 0."""
        began = time.monotonic() + 0.2
        miner = asyncio.create_task(self._mine())
        try:
            due = (began + number * seconds / buyers for number in range(buyers))
            await asyncio.gather(*(self._safely(self._buy, at) for at in due))
        finally:
            miner.cancel()

    async def pages(self, lines: int, seconds: float) -> None:
        """The product page, again and again on so many connections."""
        until = time.monotonic() + seconds

        async def again(_: float) -> None:
            line = Line(self._port)
            while time.monotonic() < until:
                await self._timed("page again", time.monotonic(), line, "GET", f"/f/{self._file}")
            line.close()

        await asyncio.gather(*(self._safely(again, 0.0) for _ in range(lines)))

    async def _safely(self, act: Callable[[float], Awaitable[None]], at: float) -> None:
        try:
            await act(at)
        except Exception as error:  # noqa: BLE001 - counted and told
            self.failed.append(repr(error)[:200])

    async def _buy(self, at: float) -> None:
        await asyncio.sleep(max(0.0, at - time.monotonic()))
        line = Line(self._port)
        await self._timed("page", at, line, "GET", f"/f/{self._file}")
        await self._timed("offer", time.monotonic(), line, "GET", f"/api/v1/files/{self._file}/")
        seed = container.derive_seed(os.urandom(32), 0)
        claim, keys = container.derive_claim(seed), container.buyer_key_pair(seed)
        body = {"buyer_key": container.encode_b64url(keys.public_key)}
        path = f"/api/v1/files/{self._file}/purchases/"
        made = await self._timed("order", time.monotonic(), line, "POST", path, body, claim=claim)
        order = json.loads(made)
        purchase = order["id"]
        told = line.follow(f"/api/v1/purchases/{purchase}/events/", self._lose)
        await anext(told)  # the page is there when it is paid
        await self._pay(order["invoice"]["uri"])
        await self._wait_paid(told, time.monotonic())
        await self._fetch(line, claim, keys, purchase)
        line.close()

    def _lose(self) -> None:
        self.reopened += 1

    async def _wait_paid(self, told: AsyncGenerator[str, None], sent_at: float) -> None:
        """A block may come before anybody looked: then it is paid at once, and never seen."""
        is_seen = False
        async for state in told:
            if state == "SEEN" and not is_seen:
                is_seen = True
                self.waits["payment to seen"].append(time.monotonic() - sent_at)
            if state == "PAID":
                since = max(self._mined_at, sent_at)
                self.waits["block to paid"].append(time.monotonic() - since)
                break
        await told.aclose()

    async def _fetch(
        self, line: Line, claim: bytes, keys: container.KeyPair, purchase: str
    ) -> None:
        paid_at, path = time.monotonic(), f"/api/v1/purchases/{purchase}/release/"
        while True:
            asked_at = time.monotonic()
            status, said = await line.ask("POST", path, {}, claim=claim)
            if status == 200:
                break
            if status != 202 or time.monotonic() - paid_at > PAID_SECONDS:
                raise RuntimeError(f"release: {status}")
            await asyncio.sleep(0.05)
        self.waits["release, the call"].append(time.monotonic() - asked_at)
        self.waits["paid to key"].append(time.monotonic() - paid_at)
        answer = json.loads(said)
        secret = container.open_release(
            keys.private_key,
            container.decode_b64url(answer["sealed"], container.SEALED_BYTES),
            paid_file=UUID(self._file),
            purchase=UUID(purchase),
            content_id=bytes.fromhex(self._plan["content_id"]),
        )
        if container.hash_commitment(secret).hex() != self._plan["h_s"]:
            raise RuntimeError("another key")
        self.served += 1

    async def _timed(
        self,
        name: str,
        since: float,
        line: Line,
        method: str,
        path: str,
        body: object = None,
        *,
        claim: bytes = b"",
    ) -> bytes:
        status, said = await line.ask(method, path, body, claim=claim)
        if status not in (200, 201):
            raise RuntimeError(f"{name}: {status} {said[:120]!r}")
        self.waits[name].append(time.monotonic() - since)
        return said

    async def _pay(self, uri: str) -> None:
        async with self._paying:
            try:
                status, said = await Line(self._chain).ask("POST", "/api/pay", {"uri": uri})
            except (OSError, EOFError) as error:
                raise RuntimeError("the wallet hung up") from error
        if status != 200:
            raise RuntimeError(f"the wallet said {said[:120]!r}")

    async def _mine(self) -> None:
        while True:
            await asyncio.sleep(BLOCK_SECONDS)
            async with self._paying:
                await Line(self._chain).ask("POST", "/api/mine", {"blocks": 1})
                self._mined_at = time.monotonic()


async def _run(plan: dict[str, Any]) -> Load:
    load = Load(plan)
    if plan["what"] == "pages":
        await load.pages(int(plan["lines"]), float(plan["seconds"]))
    else:
        await load.sales(int(plan["buyers"]), float(plan["seconds"]))
    return load


def main() -> None:
    load = asyncio.run(_run(json.loads(sys.stdin.read())))
    said = {
        "waits": load.waits,
        "failed": load.failed,
        "served": load.served,
        "reopened": load.reopened,
    }
    sys.stdout.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    main()
