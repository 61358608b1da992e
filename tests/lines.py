"""A client of Electrum servers that knows nothing but lines of JSON: for looking at bare answers."""

from __future__ import annotations

import json
import socket
from typing import Any


class Client:
    """A line-by-line client; notifications that come between are kept."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=15)
        self.lines = self.socket.makefile("rb")
        self.notifications: list[dict[str, Any]] = []
        self.next_id = 0

    def send(self, message: object) -> None:
        self.socket.sendall(json.dumps(message).encode() + b"\n")

    def receive(self) -> Any:
        line = self.lines.readline()
        if not line:
            raise ConnectionError("closed")
        return json.loads(line)

    def ask(self, method: str, *params: Any) -> dict[str, Any]:
        self.next_id += 1
        self.send({"jsonrpc": "2.0", "id": self.next_id, "method": method, "params": params})
        while True:
            answer: dict[str, Any] = self.receive()
            if "method" not in answer:
                assert answer["id"] == self.next_id
                return answer
            self.notifications.append(answer)

    def call(self, method: str, *params: Any) -> Any:
        answer = self.ask(method, *params)
        assert "error" not in answer, answer
        return answer["result"]

    def error(self, method: str, *params: Any) -> tuple[int, str]:
        error = self.ask(method, *params)["error"]
        return error["code"], error["message"]

    def notified(self, method: str) -> Any:
        while True:
            for each in self.notifications:
                if each["method"] == method:
                    self.notifications.remove(each)
                    return each["params"]
            self.notifications.append(self.receive())

    def quiet(self) -> bool:
        """True if nothing but the pong comes back."""
        self.call("server.ping")
        return not self.notifications

    def close(self) -> None:
        self.lines.close()
        self.socket.close()
