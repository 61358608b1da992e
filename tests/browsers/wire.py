"""The client's side of a WebSocket (RFC 6455), as far as a browser on this machine needs it.

Text messages, whole or in fragments, pings and the end. No compression, no TLS.
"""

from __future__ import annotations

import base64
import os
import socket
import struct

CONTINUED, TEXT, CLOSE, PING, PONG = 0x0, 0x1, 0x8, 0x9, 0xA
FINAL = 0x80
MASKED = 0x80


class Ended(ConnectionError):
    """The browser closed the connection, or died."""


class Wire:
    """One connection. Not for two threads at once."""

    def __init__(self, port: int, path: str, *, seconds: float) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=seconds)
        key = base64.b64encode(os.urandom(16)).decode()
        self._socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        self._file = self._socket.makefile("rb")
        status = self._file.readline()
        while self._file.readline().strip():
            pass
        if b" 101 " not in status:
            raise Ended(f"no WebSocket at {path}: {status!r}")

    def send(self, text: str) -> None:
        self._send(TEXT, text.encode())

    def receive(self, *, seconds: float) -> str:
        """The next message; raises ``TimeoutError`` or :class:`Ended`."""
        self._socket.settimeout(seconds)
        whole = b""
        while True:
            head, body = self._frame()
            kind = head & 0x0F
            if kind == CLOSE:
                raise Ended("the browser closed the connection")
            if kind == PING:
                self._send(PONG, body)
            elif kind in (TEXT, CONTINUED):
                whole += body
                if head & FINAL:
                    return whole.decode()

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def _frame(self) -> tuple[int, bytes]:
        head, length = self._exactly(2)
        if length == 126:
            (length,) = struct.unpack(">H", self._exactly(2))
        elif length == 127:
            (length,) = struct.unpack(">Q", self._exactly(8))
        return head, self._exactly(length)

    def _exactly(self, size: int) -> bytes:
        read = self._file.read(size)
        if len(read) < size:
            raise Ended("the browser is gone")
        return read

    def _send(self, kind: int, body: bytes) -> None:
        size = len(body)
        if size < 126:
            head = struct.pack(">BB", FINAL | kind, MASKED | size)
        elif size < 2**16:
            head = struct.pack(">BBH", FINAL | kind, MASKED | 126, size)
        else:
            head = struct.pack(">BBQ", FINAL | kind, MASKED | 127, size)
        mask = os.urandom(4)
        whole = (mask * (size // 4 + 1))[:size]
        masked = int.from_bytes(body) ^ int.from_bytes(whole)
        self._socket.sendall(head + mask + masked.to_bytes(size))
