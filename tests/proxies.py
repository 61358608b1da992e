"""A TCP proxy in front of an Electrum server that can be told to lie, to stall, or to cut lines."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from kim.env import ElectrumServer

Alter = Callable[[str, list[Any], Any], Any]  # method, params, result → result
Bend = Callable[[str, bytes], bytes | None]  # method, line → what is sent instead


class Proxy:
    """Passes lines through; ``alter`` changes results, ``bend`` the raw bytes of an answer (None:
    it never comes). ``operator`` is who seems to run it.
    """

    def __init__(self, port: int, *, operator: str = "") -> None:
        self._target = port
        self.operator = operator
        self.alter: Alter = lambda _method, _params, result: result
        self.bend: Bend = lambda _method, line: line
        self.delay_seconds = 0.0  # before every answer
        self.connections = 0
        self.asked: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._port: int = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []
        self._clients: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def server(self) -> ElectrumServer:
        return ElectrumServer("127.0.0.1", self._port, tls=False, operator=self.operator)

    def be_honest(self) -> None:
        """From now on it passes on what the server says."""
        self.alter = lambda _method, _params, result: result
        self.bend = lambda _method, line: line

    def send_last(self, part: bytes) -> None:
        """Send this to every client, and hang up."""
        for each in self._clients:
            with _quiet():
                each.sendall(part)
        self.hang_up()

    def hang_up(self) -> None:
        """Cut every connection; new ones are taken."""
        for each in self._sockets:
            with _quiet():
                each.shutdown(socket.SHUT_RDWR)
        self._sockets.clear()
        self._clients.clear()

    def close(self) -> None:
        _cut(self._listener)  # not only closed: a thread that waits in accept would take one more
        self.hang_up()

    def _accept(self) -> None:
        with _quiet():
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                server = socket.create_connection(("127.0.0.1", self._target))
                self._sockets += [client, server]
                self._clients.append(client)
                questions: dict[int, tuple[str, list[Any]]] = {}
                for work in (self._ask, self._answer):
                    threading.Thread(
                        target=work, args=(client, server, questions), daemon=True
                    ).start()

    def _ask(self, client: socket.socket, server: socket.socket, questions: dict[int, Any]) -> None:
        with _quiet(), client.makefile("rb") as lines:
            for line in lines:
                message = json.loads(line)
                questions[message["id"]] = (message["method"], message["params"])
                self.asked.append(message["method"])
                server.sendall(line)
        _cut(server)

    def _answer(
        self, client: socket.socket, server: socket.socket, questions: dict[int, Any]
    ) -> None:
        with _quiet(), server.makefile("rb") as lines:
            for line in lines:
                message = json.loads(line)
                method = message.get("method", "")
                if "id" in message:
                    method, params = questions[message["id"]]
                    if "result" in message:
                        message["result"] = self.alter(method, params, message["result"])
                        line = json.dumps(message).encode() + b"\n"  # noqa: PLW2901
                bent = self.bend(method, line)
                if self.delay_seconds:
                    time.sleep(self.delay_seconds)
                if bent is not None:
                    client.sendall(bent)
        _cut(client)


class _quiet:  # noqa: N801 - reads as a word
    """Sockets that are closed under a thread's feet are how these threads end."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        return kind is not None and issubclass(kind, OSError | ValueError | KeyError)


def _cut(each: socket.socket) -> None:
    with _quiet():
        each.shutdown(socket.SHUT_RDWR)
    with _quiet():
        each.close()
