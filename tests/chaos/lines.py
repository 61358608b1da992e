"""A TCP line between two parts of the town that can be cut or can fall silent.

One thread with an event loop carries all of them. A line with several targets tries the next one
when one does not take it, as the reverse proxy of an instance does.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine
from typing import Any

CHUNK_BYTES = 65_536
START_SECONDS = 10


class Line:
    """``port`` to one of ``targets``. Its switches may be thrown from any thread."""

    def __init__(self, port: int, *targets: int) -> None:
        self.port = port
        self._targets = targets
        self._turn = 0
        self._is_cut = False
        self._flows = asyncio.Event()
        self._flows.set()
        self._writers: set[asyncio.StreamWriter] = set()
        _LOOP.call(self._listen())

    def cut(self) -> None:
        """Every connection ends, and no new one is carried."""
        _LOOP.call(self._cut())

    def silence(self) -> None:
        """Connections stay and new ones are taken; no byte passes."""
        _LOOP.call(self._silence())

    def mend(self) -> None:
        _LOOP.call(self._mend())

    async def _listen(self) -> None:
        await asyncio.start_server(self._carry, "127.0.0.1", self.port)

    async def _cut(self) -> None:
        self._is_cut = True
        for writer in list(self._writers):
            writer.transport.abort()

    async def _silence(self) -> None:
        self._flows.clear()

    async def _mend(self) -> None:
        self._is_cut = False
        self._flows.set()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            other = None if self._is_cut else await self._dial()
            if other is None:
                writer.transport.abort()
                return
            self._writers |= {writer, other[1]}
            try:
                await asyncio.gather(self._pass(reader, other[1]), self._pass(other[0], writer))
            finally:
                self._writers -= {writer, other[1]}
                writer.transport.abort()
                other[1].transport.abort()

    async def _dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        self._turn += 1
        for step in range(len(self._targets)):
            target = self._targets[(self._turn + step) % len(self._targets)]
            with contextlib.suppress(OSError):
                return await asyncio.open_connection("127.0.0.1", target)
        return None

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(CHUNK_BYTES):
                await self._flows.wait()
                writer.write(chunk)
                await writer.drain()
            writer.write_eof()


class _Loop:
    """The one event loop, started with the first line."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def call(self, work: Coroutine[Any, Any, None]) -> None:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=self._loop.run_forever, daemon=True).start()
        asyncio.run_coroutine_threadsafe(work, self._loop).result(START_SECONDS)


_LOOP = _Loop()
