"""An Electrum server that says whatever a test wants: any headers, histories and proofs."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from kim.env import ElectrumServer
from payments import addresses, headers, transactions

TIP = "blockchain.headers.subscribe"


class MadeUp:
    """Serves ``headers`` from height 0 on, and what was put into its books. Change them at will."""

    def __init__(self, raw_headers: Sequence[bytes], *, operator: str = "") -> None:
        self.headers = list(raw_headers)
        self.operator = operator
        self.histories: dict[str, list[dict[str, Any]]] = {}
        self.raws: dict[str, bytes] = {}
        self.merkles: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def server(self) -> ElectrumServer:
        port = self._listener.getsockname()[1]
        return ElectrumServer("127.0.0.1", port, tls=False, operator=self.operator)

    def show(self, script: bytes, raw: bytes, *, height: int) -> str:
        """Put a transaction into the history of ``script``, alone in its block if it is in one."""
        txid = transactions.txid_of(raw)
        self.raws[txid] = raw
        row = {"tx_hash": txid, "height": height}
        self.histories.setdefault(addresses.scripthash(script), []).append(row)
        self.merkles[txid] = {"merkle": [], "pos": 0, "block_height": height}
        return txid

    def close(self) -> None:
        for each in (self._listener, *self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._open.append(client)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError, ValueError), client.makefile("rb") as lines:
            for line in lines:
                question = json.loads(line)
                self.asked.append(question["method"])
                answer: dict[str, Any] = {"id": question["id"]}
                try:
                    answer["result"] = self._answer(question["method"], question["params"])
                except KeyError as missing:
                    answer["error"] = {"code": 1, "message": f"No such thing: {missing}"}
                client.sendall(json.dumps(answer).encode() + b"\n")

    def _answer(self, method: str, params: list[Any]) -> Any:
        if method == "blockchain.block.headers":
            start, count = params
            return {"headers": [raw.hex() for raw in self.headers[start : start + count]]}
        if method == "blockchain.scripthash.get_history":
            return self.histories.get(params[0], [])
        if method == "blockchain.transaction.get":
            return self.raws[params[0]].hex()
        if method == "blockchain.transaction.get_merkle":
            return self.merkles[params[0]]
        return {
            "server.version": ["made up", "1.6"],
            "server.ping": None,
            "blockchain.transaction.dsproof.get": None,
            TIP: {"height": len(self.headers) - 1, "hex": self.headers[-1].hex()},
        }[method]


def paying(script: bytes, amount_sat: int) -> bytes:
    """A transaction that pays ``script``, and that no node would take: its input is nobody's."""
    return (
        b"\x02\x00\x00\x00\x01"
        + b"\x11" * 32
        + b"\x00" * 4
        + b"\x00"
        + b"\xff" * 4
        + b"\x01"
        + amount_sat.to_bytes(8, "little")
        + bytes([len(script)])
        + script
        + b"\x00" * 4
    )


def block_of(raw_tx: bytes) -> bytes:
    """The merkle root of a block that holds nothing but this."""
    return bytes.fromhex(transactions.txid_of(raw_tx))[::-1]


def grow(
    chain: Sequence[bytes],
    times: Sequence[int],
    *,
    rules: headers.Rules,
    roots: dict[int, bytes] | None = None,
) -> list[bytes]:
    """``chain`` (from height 0) and one header more for each time, mined as ``rules`` ask."""
    grown = list(chain)
    for time_seconds in times:
        height = len(grown)
        prev = headers.parse(grown[-1])
        bits = headers.next_bits(prev, prev_height=height - 1, at=time_seconds, rules=rules)
        root = (roots or {}).get(height, bytes([height % 251]) * 32)
        grown.append(_mined(prev.hash, root, time_seconds, bits))
    return grown


def _mined(prev_hash: bytes, root: bytes, time_seconds: int, bits: int) -> bytes:
    start = b"\x00\x00\x00\x20" + prev_hash + root + time_seconds.to_bytes(4, "little")
    target = headers.target_of(bits)
    for nonce in range(2**32):
        raw = start + bits.to_bytes(4, "little") + nonce.to_bytes(4, "little")
        if int.from_bytes(headers.parse(raw).hash, "little") <= target:
            return raw
    raise AssertionError
