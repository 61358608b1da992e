"""One connection to one Electrum Cash server (protocol 1.5 or 1.6), and its rules.

Framing is aiorpcX's; the rules around it are docs/payments.md 2.4: unique ids, one reader, a
deadline for every request, and **any** time-out, unreadable line or answer nobody asked for closes
the socket for good, so that no late answer can ever be taken for the answer to another question.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import ipaddress
import itertools
import json
import ssl
from typing import TYPE_CHECKING, Final, Protocol

from aiorpcx import NewlineFramer

from payments.electrum_socks import ONION, dial

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_LINE_BYTES: Final = 16_000_000  # the longest history that Fulcrum gives, 125,000 rows, fits
CONNECT_SECONDS: Final = 10.0
CALL_SECONDS: Final = 15.0
PING_EVERY_SECONDS: Final = 60.0
PING_SECONDS: Final = 20.0
IN_FLIGHT: Final = 100  # requests in one go; Fulcrum allows 345 per address over all connections
RAW_IN_FLIGHT: Final = 20  # calls that reach the node behind the server
PROTOCOLS: Final = ("1.5", "1.6")
REACHES_NODE: Final = frozenset({"blockchain.transaction.get", "blockchain.transaction.broadcast"})


class ServerAddress(Protocol):
    """What ``KIM_ELECTRUM_SERVERS`` holds of each server. ``pin`` is the SHA-256 of its
    certificate in hex, or "" to ask the system's CAs; plain TCP goes to loopback only, or to a
    .onion name, which is reached through ``socks`` (host:port) and never any other way.
    """

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def tls(self) -> bool: ...
    @property
    def pin(self) -> str | None: ...
    @property
    def operator(self) -> str | None: ...
    @property
    def socks(self) -> str: ...


class SessionClosed(Exception):
    """The connection is over, or never came about; nothing more will be read from it."""


class ServerSaidNo(Exception):
    """A well-formed JSON-RPC error; the connection lives on."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{message[:300]} ({code})")
        self.code = code


def name_of(server: ServerAddress) -> str:
    """How logs and rows call a server."""
    return f"{server.host}:{server.port}"


def operator_of(server: ServerAddress) -> str:
    """Who runs it; a server without an operator counts by its host."""
    return server.operator or server.host


class Session:
    """A live connection. Make one with ``connect``; when ``is_closed``, throw it away."""

    def __init__(self, server: ServerAddress, wire: _Wire) -> None:
        self.server = server
        self.name = name_of(server)
        self.on_notice: Callable[[str, list[object]], None] | None = None
        self.closed = asyncio.Event()
        self._wire = wire
        self._why_closed = ""
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[object]] = {}
        self._slots = asyncio.Semaphore(IN_FLIGHT)
        self._node_slots = asyncio.Semaphore(RAW_IN_FLIGHT)
        self._tasks = [
            asyncio.create_task(self._read(), name=f"electrum read {self.name}"),
            asyncio.create_task(self._keep_alive(), name=f"electrum ping {self.name}"),
        ]

    @property
    def why_closed(self) -> str:
        return self._why_closed

    @property
    def is_closed(self) -> bool:
        return self.closed.is_set()

    async def call(
        self, method: str, *params: object, deadline_seconds: float = CALL_SECONDS
    ) -> object:
        """Ask, and wait for the answer to this very question.

        Raises ``ServerSaidNo`` for an error answer, ``SessionClosed`` for everything else.
        """
        if method in REACHES_NODE:
            async with self._node_slots, self._slots:
                return await self._ask(method, params, deadline_seconds)
        async with self._slots:
            return await self._ask(method, params, deadline_seconds)

    def close(self, why: str = "closed by us") -> None:
        """Close at once, and fail every open question."""
        if self.is_closed:
            return
        self._why_closed = why
        self.closed.set()
        self._wire.abort()
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(SessionClosed(f"{self.name}: {why}"))
        self._waiting.clear()
        current = asyncio.current_task()
        for task in self._tasks:
            if task is not current:
                task.cancel()

    async def _ask(self, method: str, params: tuple[object, ...], seconds: float) -> object:
        if self.is_closed:
            raise SessionClosed(f"{self.name}: {self._why_closed}")
        number = next(self._ids)
        future: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        self._wire.send({"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)})
        try:
            async with asyncio.timeout(seconds):
                return await future
        except TimeoutError as error:
            self.close(f"no answer to {method} within {seconds:g} s")
            raise SessionClosed(f"{self.name}: {self._why_closed}") from error

    async def _read(self) -> None:
        try:
            while True:
                self._take(await self._wire.framer.receive_message())
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, this stream is not to be trusted
            self.close(f"{type(error).__name__}: {error}"[:200])

    def _take(self, line: bytes) -> None:
        """Hand one line to whoever asked for it. Raises ValueError when nobody did."""
        if len(line) > MAX_LINE_BYTES:
            raise ValueError("line over 16 MB")
        message = json.loads(line)
        if not isinstance(message, dict):
            raise ValueError("neither answer nor notification")  # noqa: TRY004 - a framing error
        if "method" in message:
            self._notice(message)
            return
        number = message.get("id")
        if type(number) is not int or number not in self._waiting:
            raise ValueError("an answer nobody asked for")
        if message.get("error") is None and "result" not in message:
            raise ValueError("an answer without result or error")
        future = self._waiting.pop(number)
        if future.done():  # whoever asked has gone away; the deadline of the others still stands
            return
        if message.get("error") is None:
            future.set_result(message["result"])
        else:
            future.set_exception(_error_of(message["error"]))

    def _notice(self, message: dict[str, object]) -> None:
        method, params = message["method"], message.get("params")
        if not isinstance(method, str) or not isinstance(params, list):
            raise ValueError("malformed notification")  # noqa: TRY004 - a framing error
        if self.on_notice is not None:
            self.on_notice(method, params)

    async def _keep_alive(self) -> None:
        """Servers close after ten minutes of silence, and a dead peer must be noticed sooner."""
        with contextlib.suppress(SessionClosed, ServerSaidNo):
            while True:
                await asyncio.sleep(PING_EVERY_SECONDS)
                await self.call("server.ping", deadline_seconds=PING_SECONDS)
        self.close("ping refused")


async def connect(server: ServerAddress, *, call_seconds: float = CALL_SECONDS) -> Session:
    """A connection that agreed on a protocol version. Raises ``SessionClosed``.

    ``server.version`` must be the first message: only the first one counts, and below 1.5 there is
    no token data.
    """
    name = name_of(server)
    is_onion = server.host.endswith(ONION)
    if not server.tls and not is_onion and not _is_loopback(server.host):
        raise SessionClosed(f"{name}: plain TCP is allowed to loopback only")
    if is_onion and not server.socks:
        raise SessionClosed(f"{name}: a .onion server needs KIM_SOCKS_PROXY")
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            wire = await _open(server, is_onion=is_onion)
    except (OSError, TimeoutError, ValueError) as error:
        raise SessionClosed(f"{name}: {type(error).__name__}: {error}") from error
    if server.tls and server.pin and not wire.is_pinned(server.pin):
        wire.abort()
        raise SessionClosed(f"{name}: the certificate is not the pinned one")
    session = Session(server, wire)
    try:
        answer = await session.call(
            "server.version", "kim", list(PROTOCOLS), deadline_seconds=call_seconds
        )
    except ServerSaidNo as error:
        session.close("version refused")
        raise SessionClosed(f"{name}: {error}") from error
    if not (isinstance(answer, list) and len(answer) == 2 and str(answer[1])[:3] in PROTOCOLS):
        session.close("speaks another protocol")
        raise SessionClosed(f"{name}: speaks another protocol")
    return session


async def _open(server: ServerAddress, *, is_onion: bool) -> _Wire:
    loop = asyncio.get_running_loop()
    context, hostname = _context(server), server.host if server.tls else None
    if is_onion:
        through = await dial(server.socks, server.host, server.port)
        _, wire = await loop.create_connection(
            _Wire, sock=through, ssl=context, server_hostname=hostname
        )
    else:
        _, wire = await loop.create_connection(
            _Wire, server.host, server.port, ssl=context, server_hostname=hostname
        )
    return wire


class _Wire(asyncio.Protocol):
    """Bytes in and out, cut into lines by aiorpcX's framer."""

    def __init__(self) -> None:
        self.framer = NewlineFramer(MAX_LINE_BYTES)
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        self.framer.received_bytes(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.framer.fail(exc or ConnectionError("closed by the server"))

    def send(self, message: dict[str, object]) -> None:
        if self._transport is not None:
            self._transport.write(self.framer.frame(json.dumps(message).encode()))

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def is_pinned(self, pin: str) -> bool:
        """Whether the server's certificate has this SHA-256 (hex)."""
        tls = self._transport.get_extra_info("ssl_object") if self._transport else None
        certificate = tls.getpeercert(binary_form=True) if tls is not None else None
        found = hashlib.sha256(certificate or b"").hexdigest()
        return hmac.compare_digest(found, pin.lower().replace(":", ""))


def _context(server: ServerAddress) -> ssl.SSLContext | None:
    if not server.tls:
        return None
    context = ssl.create_default_context()
    if server.pin:  # the pin is checked after the handshake, and is stronger than any CA
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _error_of(error: object) -> ServerSaidNo:
    if isinstance(error, dict):
        code = error.get("code")
        return ServerSaidNo(code if isinstance(code, int) else 0, str(error.get("message", "")))
    return ServerSaidNo(0, str(error))
