"""A host of somebody's own: one file over plain HTTP, by ranges and with CORS, in any mood."""

from __future__ import annotations

import re
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterator

MOODS = (
    "honest", "altered", "error_in_200", "forbidden", "broken", "slow_down", "truncated",
    "wrong_range", "hanging", "whole", "redirecting", "no_cors", "larger", "encoded", "gone",
)  # fmt: skip
ERROR_BODY = b"<?xml version='1.0'?><Error><Code>InternalError</Code></Error>"
_STATUS = {"forbidden": 403, "broken": 500, "slow_down": 503, "gone": 404}


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Whoever hung up knows why."""


class Host:
    """Serves ``body`` under any path, on a port of its own. ``asked`` counts what came."""

    def __init__(self, body: bytes, *, mood: str = "honest") -> None:
        self.body = body
        self.mood = mood
        self.asked = 0
        self.released = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/sealed.kim"

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _handler(host: Host) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_OPTIONS(self) -> None:
            self._head(204, {"Access-Control-Allow-Headers": "range", "Content-Length": "0"})

        def do_GET(self) -> None:
            host.asked += 1
            with suppress(OSError):
                self._answer()

        def _answer(self) -> None:
            mood = host.mood
            if mood == "hanging":
                host.released.wait(60)
                return
            if mood in _STATUS or mood == "error_in_200":
                self._head(_STATUS.get(mood, 200), {"Content-Length": str(len(ERROR_BODY))})
                self.wfile.write(ERROR_BODY)
                return
            if mood == "redirecting":
                self._head(302, {"Location": "http://127.0.0.1:1/", "Content-Length": "0"})
                return
            if mood == "whole":
                self._head(200, {"Content-Length": str(len(host.body))})
                self.wfile.write(host.body)
                return
            self._range(mood)

        def _range(self, mood: str) -> None:
            asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
            assert asked
            first, last = int(asked[1]), min(int(asked[2]), len(host.body) - 1)
            if mood == "wrong_range":
                first, last = max(0, first - 1), last - 1
            total = len(host.body) + (mood == "larger")
            headers = {
                "Content-Range": f"bytes {first}-{last}/{total}",
                "Content-Length": str(last + 1 - first),
            }
            if mood == "encoded":
                headers["Content-Encoding"] = "gzip"
            self._head(206, headers)
            data = host.body[first : last + 1]
            if mood == "altered":
                data = bytes(_altered(data, first))
            self.wfile.write(data[: len(data) // 2] if mood == "truncated" else data)
            self.close_connection = mood == "truncated"

        def _head(self, status: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            if host.mood != "no_cors":
                self.send_header("Access-Control-Allow-Origin", "*")
                self.send_header("Access-Control-Expose-Headers", "Content-Range")
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    return Handler


def _altered(data: bytes, first: int) -> Iterator[int]:
    """One byte of the first segment is another; header and index are as they should be."""
    at = 2**18 + 100
    return (byte ^ (first + place == at) for place, byte in enumerate(data))
