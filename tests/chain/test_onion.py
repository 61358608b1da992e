"""Servers with a .onion name: through a SOCKS5 proxy, by name, and never any other way."""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
from collections.abc import Awaitable, Callable

import pytest

from kim.env import ElectrumServer
from payments.electrum_session import Session, SessionClosed, connect

HOST = "kimkimkimkimkimkimkimkimkimkimkimkimkimkimkimkimkimkimkimkim.onion"


class Socks:
    """A small SOCKS5 proxy that leads every name to one Electrum server of its own."""

    def __init__(self, *, greeting: bytes = b"\x05\x00", reply: int = 0, bound: int = 1) -> None:
        self.names: list[tuple[bytes, int]] = []
        self.serving: list[asyncio.Task[None]] = []
        self._greeting, self._reply, self._bound = greeting, reply, bound

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.serving.append(task)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await self._talk(reader, writer)
        with contextlib.suppress(OSError):
            writer.close()
            await writer.wait_closed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readexactly(3) == b"\x05\x01\x00"
        writer.write(self._greeting)
        assert await reader.readexactly(4) == b"\x05\x01\x00\x03"
        name = await reader.readexactly((await reader.readexactly(1))[0])
        self.names.append((name, struct.unpack("!H", await reader.readexactly(2))[0]))
        address = {1: b"\0" * 4, 3: b"\x04here", 4: b"\0" * 16}.get(self._bound, b"")
        writer.write(bytes([5, self._reply, 0, self._bound]) + address + b"\0\0")
        while line := await reader.readline():
            question = json.loads(line)
            is_first = question["method"] == "server.version"
            result = ["hidden", "1.6"] if is_first else question["params"]
            writer.write(json.dumps({"id": question["id"], "result": result}).encode() + b"\n")
            await writer.drain()


def through(socks: Socks, work: Callable[[Session], Awaitable[None]], host: str = HOST) -> None:
    async def run() -> None:
        server = await asyncio.start_server(socks.serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            address = ElectrumServer(host, 50001, tls=False, socks=f"127.0.0.1:{port}")
            session = await connect(address)
            await work(session)
            session.close()
        finally:
            server.close()
            await asyncio.gather(*socks.serving)

    asyncio.run(run())


async def ask(session: Session) -> None:
    assert await session.call("x", 7) == [7]


async def never(_: Session) -> None:
    raise AssertionError


@pytest.mark.parametrize("bound", [1, 3, 4])
def test_the_name_goes_to_the_proxy_and_is_not_looked_up_here(bound: int) -> None:
    socks = Socks(bound=bound)
    through(socks, ask)
    assert socks.names == [(HOST.encode(), 50001)]


@pytest.mark.parametrize(
    ("socks", "said"),
    [
        (Socks(greeting=b"\x05\xff"), "wants a login"),
        (Socks(greeting=b"HT"), "wants a login, or is none"),
        (Socks(reply=4), "host unreachable"),
        (Socks(reply=99), "nonsense"),
        (Socks(bound=9), "nonsense"),
    ],
)
def test_a_proxy_that_cannot_is_a_server_that_cannot_be_reached(socks: Socks, said: str) -> None:
    with pytest.raises(SessionClosed, match=said):
        through(socks, never)


def test_without_a_proxy_an_onion_server_is_never_asked_for() -> None:
    async def run() -> None:
        for tls in (True, False):
            with pytest.raises(SessionClosed, match="needs KIM_SOCKS_PROXY"):
                await connect(ElectrumServer(HOST, 50001, tls=tls))

    asyncio.run(run())


def test_a_proxy_that_is_down_is_a_server_that_is_down() -> None:
    async def run() -> None:
        listener = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        listener.close()
        await listener.wait_closed()
        with pytest.raises(SessionClosed, match="ConnectionRefused"):
            await connect(ElectrumServer(HOST, 50001, tls=False, socks=f"127.0.0.1:{port}"))

    asyncio.run(run())


def test_plain_tcp_to_any_other_name_stays_refused() -> None:
    with pytest.raises(SessionClosed, match="loopback only"):
        through(Socks(), never, host="onion.example")
