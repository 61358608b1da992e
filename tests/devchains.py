"""A devchain process for tests: the real program, spoken to over its two ports."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kim.env import ElectrumServer

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 30


class Devchain:
    """One running chain. ``server`` is what ``KIM_ELECTRUM_SERVERS`` would hold of it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.electrum_port = 0
        self.http_port = 0
        self._process: subprocess.Popen[str] | None = None
        self.start()

    @property
    def server(self) -> ElectrumServer:
        return ElectrumServer("127.0.0.1", self.electrum_port, tls=False)

    def start(self) -> None:
        """Start, or start again on the same ports with the chain it had."""
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "devchain", "--data", str(self.directory)),
                *("--electrum-port", str(self.electrum_port), "--http-port", str(self.http_port)),
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.startswith("devchain ready"), line
        self.http_port = int(line.split("http://127.0.0.1:")[1].split("/")[0])
        self.electrum_port = int(line.split("electrum 127.0.0.1:")[1].split(":")[0])

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(timeout=START_SECONDS)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def ask(self, path: str, **body: Any) -> dict[str, Any]:
        """POST to the control port; GET without a body."""
        data = json.dumps(body).encode() if body or path != "/api/state" else None
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.http_port}{path}",
            data=data,
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                found: dict[str, Any] = json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path}: {error.read().decode()}") from error
        return found

    def pay(self, address: str, amount_sat: int, *, tokens: bool = False, **how: Any) -> str:
        """Pay from the wallet; the transaction's id. ``how``: ``parent``, ``hash_type``."""
        answer = self.ask("/api/pay", uri=address, amount_sat=amount_sat, tokens=tokens, **how)
        return str(answer["txid"])

    def mine(self, blocks: int = 1) -> None:
        self.ask("/api/mine", blocks=blocks)

    def reorg(self, depth: int, *, drop: tuple[str, ...] = ()) -> None:
        self.ask("/api/reorg", depth=depth, drop=list(drop))

    def evict(self, txid: str) -> None:
        self.ask("/api/evict", txid=txid)

    def double_spend(self, txid: str, *, mine: bool = False) -> None:
        self.ask("/api/double-spend", txid=txid, mine=mine)

    def new_address(self) -> str:
        return str(self.ask("/api/address", ok=True)["address"])

    @property
    def height(self) -> int:
        return int(self.ask("/api/state")["height"])


@contextmanager
def running(directory: Path) -> Iterator[Devchain]:
    chain = Devchain(directory)
    try:
        yield chain
    finally:
        if chain.is_running:
            chain.stop()


@pytest.fixture
def devchain(tmp_path: Path) -> Iterator[Devchain]:
    with running(tmp_path / "devchain") as chain:
        yield chain


def wait_until(is_true: Any, *, seconds: float = 10.0, what: str = "it") -> None:
    """Poll a condition, with a deadline."""
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.02)
