"""Money on the true chain: paid by the devchain's wallet, and read past every line that may be cut.

The wallet's own answer may be lost. What lies at an address is asked of the chain, and only what is
missing is paid.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import socket
import threading
from collections.abc import Iterator

from devchain import transaction
from kim.embedded import Layout
from payments import addresses
from payments.states import Network
from tests.actors import Unreached, until
from tests.e2e.people import Devchain

ANSWER_SECONDS = 10.0
PAY_SECONDS = 120.0


class Wallet:
    def __init__(self, layout: Layout) -> None:
        self._devchain = Devchain(layout.devchain_port)
        self._electrum_port = layout.electrum_port
        self._one_at_a_time = threading.Lock()  # two payments at once would take the same coins

    def top_up(self, address: str, wanted_sat: int) -> int:
        """Pays until at least ``wanted_sat`` lie at the address; how much does."""

        def paid() -> int | None:
            has_sat = self.received_sat(address)
            if has_sat >= wanted_sat:
                return has_sat
            self.call("/api/pay", uri=address, amount_sat=wanted_sat - has_sat)
            return None

        return until(paid, seconds=PAY_SECONDS)

    def received_sat(self, address: str) -> int:
        """What was ever paid to the address, in the pool or a block. Raises Unreached."""
        return sum(value for _, value, _ in self.payments(address))

    def payments(self, address: str) -> list[tuple[str, int, int]]:
        """(txid, satoshis, height) of every output to the address; height 0 in the pool."""
        script = addresses.parse(address, Network.REGTEST).script
        name = hashlib.sha256(script).digest()[::-1].hex()
        try:
            return list(self._outputs(script, name))
        except (OSError, ValueError) as error:
            raise Unreached(type(error).__name__) from error

    def mine(self, blocks: int = 1) -> None:
        self.call("/api/mine", blocks=blocks)

    def address(self) -> str:
        return str(self.call("/api/address")["address"])

    def call(self, path: str, **body: object) -> dict[str, object]:
        """Raises Unreached."""
        try:
            with self._one_at_a_time:
                return self._devchain.call(path, **body)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unreached(type(error).__name__) from error

    def _outputs(self, script: bytes, name: str) -> Iterator[tuple[str, int, int]]:
        with (
            socket.create_connection(("127.0.0.1", self._electrum_port), ANSWER_SECONDS) as line,
            line.makefile("rwb") as pipe,
        ):

            def ask(method: str, *params: object) -> object:
                asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
                pipe.write(json.dumps(asked).encode() + b"\n")
                pipe.flush()
                return json.loads(pipe.readline())["result"]

            ask("server.version", "chaos", "1.5")
            history = ask("blockchain.scripthash.get_history", name)
            assert isinstance(history, list)
            for row in history:
                raw = bytes.fromhex(str(ask("blockchain.transaction.get", row["tx_hash"])))
                for output in transaction.parse(raw).outputs:
                    if output.locking == script:
                        yield row["tx_hash"], output.value_sat, max(0, row["height"])
