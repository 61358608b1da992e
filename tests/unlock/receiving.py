"""A merchant's server, as a real one on loopback: keeps what came, answers as it is told."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answering = Callable[["Call"], int]


@dataclass(frozen=True)
class Call:
    path: str
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.raw)
        return told

    def is_signed_with(self, secret: str) -> bool:
        """Written apart from the product, by docs/webhooks.md."""
        parts = dict(part.split("=", 1) for part in self.headers["X-Kim-Signature"].split(","))
        signed = f"{parts['t']}.".encode() + self.raw
        mine = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
        return hmac.compare_digest(mine, parts["v1"])


@dataclass
class Receiver:
    port: int
    answer: Answering = lambda call: 200
    calls: list[Call] = field(default_factory=list)
    arrived: threading.Condition = field(default_factory=threading.Condition)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/kim"

    def told(self) -> list[str]:
        return [call.body["type"] for call in self.calls]

    def wait_for(self, count: int, *, seconds: float = 20) -> None:
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.calls) >= count, timeout=seconds)


@contextlib.contextmanager
def receiver(answer: Answering = lambda call: 200, *, tls: str = "") -> Iterator[Receiver]:
    """``tls``: path of a PEM file with key and certificate."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            size = int(self.headers["Content-Length"])
            call = Call(self.path, dict(self.headers), self.rfile.read(size))
            with mine.arrived:
                mine.calls.append(call)
                mine.arrived.notify_all()
            status = mine.answer(call)
            with contextlib.suppress(OSError):
                self.send_response(status)
                self.send_header("Content-Length", "0")
                if 300 <= status < 400:
                    self.send_header("Location", f"http://127.0.0.1:{mine.port}/elsewhere")
                self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *args: Any) -> None:
            pass  # a client that went away, or refused our certificate

    server = Server(("127.0.0.1", 0), Handler)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    mine = Receiver(server.server_address[1], answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield mine
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@contextlib.contextmanager
def raw_peer(say: Callable[[socket.socket, threading.Event], None]) -> Iterator[int]:
    """A TCP peer that does to each connection what ``say`` does; gives its port."""
    listening = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                line, _ = listening.accept()
                threading.Thread(target=one, args=(line,), daemon=True).start()

    def one(line: socket.socket) -> None:
        with contextlib.suppress(OSError), line:
            line.recv(65536)
            say(line, stop)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        stop.set()
        with contextlib.suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(5)
