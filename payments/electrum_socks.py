"""Reaching a .onion server: SOCKS5 without a login (RFC 1928), through a proxy on this machine.

The name is sent to the proxy as it is; it is never looked up here.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Final

ONION: Final = ".onion"
_REPLIES: Final = {
    1: "general failure",
    2: "not allowed",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "time to live expired",
    7: "command not supported",
    8: "address type not supported",
}
_BOUND_BYTES: Final = {1: 4, 4: 16}  # IPv4 and IPv6; a name tells its own length


async def dial(proxy: str, host: str, port: int) -> socket.socket:
    """A socket to ``host`` through ``proxy`` (host:port). Raises ``OSError``."""
    loop = asyncio.get_running_loop()
    via, _, via_port = proxy.rpartition(":")
    found = await loop.getaddrinfo(via.strip("[]"), int(via_port), type=socket.SOCK_STREAM)
    family, kind, protocol, _, address = found[0]
    wire = socket.socket(family, kind, protocol)
    try:
        wire.settimeout(0)
        await loop.sock_connect(wire, address)
        await _greet(loop, wire)
        await _ask(loop, wire, host.encode("ascii"), port)
    except BaseException:
        wire.close()
        raise
    return wire


async def _greet(loop: asyncio.AbstractEventLoop, wire: socket.socket) -> None:
    await loop.sock_sendall(wire, b"\x05\x01\x00")
    if await _read(loop, wire, 2) != b"\x05\x00":
        raise OSError("the SOCKS proxy wants a login, or is none")


async def _ask(
    loop: asyncio.AbstractEventLoop, wire: socket.socket, host: bytes, port: int
) -> None:
    request = b"\x05\x01\x00\x03" + bytes([len(host)]) + host + port.to_bytes(2, "big")
    await loop.sock_sendall(wire, request)
    version, reply, _, kind = await _read(loop, wire, 4)
    if version != 5 or reply:
        raise OSError(f"the SOCKS proxy says: {_REPLIES.get(reply, 'nonsense')}")
    if kind == 3:
        length = (await _read(loop, wire, 1))[0]
    elif kind in _BOUND_BYTES:
        length = _BOUND_BYTES[kind]
    else:
        raise OSError("the SOCKS proxy speaks nonsense")
    await _read(loop, wire, length + 2)


async def _read(loop: asyncio.AbstractEventLoop, wire: socket.socket, count: int) -> bytes:
    """Exactly so many bytes: what follows them belongs to the server."""
    got = b""
    while len(got) < count:
        more = await loop.sock_recv(wire, count - len(got))
        if not more:
            raise OSError("the SOCKS proxy hung up")
        got += more
    return got
