"""All five exchanges on one port of this machine: right, wrong, slow or silent, as a test says."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from django.test import override_settings

ALL = ("kraken", "bitstamp", "coinbase", "coingecko", "bitpay")


def body_of(source: str, path: str, usd: str, eur: str) -> object:
    """What each exchange answers, in its own shape."""
    return {
        "kraken": {"error": [], "result": {"BCHUSD": {"c": [usd, "1"]}, "BCHEUR": {"c": [eur]}}},
        "bitstamp": {"last": usd if "usd" in path else eur, "bid": "1"},
        "coinbase": {"data": {"currency": "BCH", "rates": {"USD": usd, "EUR": eur, "BCH": "1"}}},
        "coingecko": {"bitcoin-cash": {"usd": float(usd), "eur": float(eur)}},
        "bitpay": {
            "data": [
                {"code": "BCH", "name": "Bitcoin Cash", "rate": 1},
                {"code": "USD", "name": "US Dollar", "rate": float(usd)},
                {"code": "EUR", "name": "Euro", "rate": float(eur)},
            ]
        },
    }[source]


class Exchanges:
    """All exchanges on one port, as ``KIM_RATE_BASE_URL`` sees them."""

    def __init__(self) -> None:
        self.says: dict[str, Any] = {}
        self.slow: dict[str, float] = {}
        self.drips: set[str] = set()  # sources that send a byte now and then, for ever
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                source = self.path.split("/")[1]
                outer.asked.append(source)
                time.sleep(outer.slow.get(source, 0))
                if source in outer.drips:
                    outer.drip(self.wfile.write)
                    return
                status, body = outer.answer(source, self.path)
                with contextlib.suppress(OSError):  # whoever asked has given up
                    self.send_response(status)
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def answer(self, source: str, path: str) -> tuple[int, bytes]:
        said = self.says.get(source, ("400.00", "350.00"))
        if isinstance(said, dict):  # coinbase's whole table
            rates = {"data": {"currency": "BCH", "rates": said}}
            return 200, json.dumps(rates).encode()
        if isinstance(said, bytes):
            return 200, said
        if isinstance(said, int):
            return said, b""
        return 200, json.dumps(body_of(source, path, *said)).encode()

    def drip(self, write: Callable[[bytes], object]) -> None:
        with contextlib.suppress(OSError):
            write(b"HTTP/1.0 200 OK\r\n")
            for _ in range(2_000):
                write(b"X")
                time.sleep(0.02)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextlib.contextmanager
def running() -> Iterator[Exchanges]:
    """Exchanges that the app asks from now on."""
    found = Exchanges()
    with override_settings(KIM_RATE_BASE_URL=found.url, KIM_RATE_SOURCES=ALL):
        yield found
    found.close()
