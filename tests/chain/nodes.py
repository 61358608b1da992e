"""The peer of the chain tests: a devchain process, or a real regtest node behind a real server.

The real ones are on this machine: ``KIM_TEST_ELECTRUM=127.0.0.1:port:t`` and
``KIM_TEST_NODE_RPC=http://user:password@127.0.0.1:port``. The node needs a wallet and ``txindex``.
"""

from __future__ import annotations

import base64
import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

from kim.env import ElectrumServer, electrum_servers
from tests.devchains import Devchain, wait_until
from tests.proxies import Proxy

Found = TypeVar("Found")
RIPE_HEIGHT = 130  # thirty coinbases that the node's wallet may spend
PRIORITY_SAT = 100_000_000
FEE_SAT = 1_000


class Peer(Protocol):
    """What the contract needs of either."""

    server: ElectrumServer

    @property
    def height(self) -> int: ...
    @property
    def tip(self) -> str: ...
    def new_address(self) -> str: ...
    def pay(self, address: str, amount_sat: int, *, tokens: bool = False) -> str: ...
    def mine(self, blocks: int = 1) -> None: ...
    def reorg_away(self, txid: str) -> None: ...
    def double_spend(self, txid: str) -> None: ...
    def go_away(self) -> None: ...
    def settled(self, look: Callable[[], Found], is_so: Callable[[Found], bool]) -> Found: ...


class DevchainPeer:
    """The simulated chain; what it did is visible at once."""

    def __init__(self, chain: Devchain) -> None:
        self._chain = chain
        self.server = chain.server
        self.new_address, self.pay, self.mine = chain.new_address, chain.pay, chain.mine
        self.double_spend = chain.double_spend

    @property
    def height(self) -> int:
        return self._chain.height

    @property
    def tip(self) -> str:
        return str(self._chain.ask("/api/state")["tip"])

    def reorg_away(self, txid: str) -> None:
        self._chain.reorg(1, drop=(txid,))

    def go_away(self) -> None:
        self._chain.stop()

    def settled(self, look: Callable[[], Found], is_so: Callable[[Found], bool]) -> Found:
        return _settled(look, is_so, seconds=5)


class NodePeer:
    """A Bitcoin Cash Node in regtest with a wallet, and Fulcrum in front of it."""

    def __init__(self, electrum_port: int, rpc_url: str) -> None:
        self._between = Proxy(electrum_port)  # what can go away while the server stays
        self.server = self._between.server
        self._url = urlsplit(rpc_url)
        if self.height < RIPE_HEIGHT:
            self.mine(RIPE_HEIGHT - self.height)

    @property
    def height(self) -> int:
        return int(self._call("getblockcount"))

    @property
    def tip(self) -> str:
        return str(self._call("getbestblockhash"))

    def new_address(self) -> str:
        return str(self._call("getnewaddress"))

    def pay(self, address: str, amount_sat: int, *, tokens: bool = False) -> str:
        if not tokens:
            return str(self._call("sendtoaddress", address, _bch(amount_sat)))
        # A new token is named after an output 0 that its first transaction spends.
        coin = next(
            each
            for each in self._call("listunspent")
            if each["vout"] == 0 and _sat(each["amount"]) > amount_sat + 2 * FEE_SAT
        )
        rest_sat = _sat(coin["amount"]) - amount_sat - FEE_SAT
        token = {"category": coin["txid"], "amount": "100"}
        outputs = {
            address: {"amount": _bch(amount_sat), "tokenData": token},
            self.new_address(): _bch(rest_sat),
        }
        place = {"txid": coin["txid"], "vout": 0}
        return str(self._call("sendrawtransaction", self._signed([place], outputs)))

    def mine(self, blocks: int = 1) -> None:
        self._call("generatetoaddress", blocks, self.new_address())

    def reorg_away(self, txid: str) -> None:
        """Undo the block of ``txid`` and what came after; build one more without ``txid``."""
        block = self._call("getrawtransaction", txid, True)["blockhash"]
        undone = self.height - int(self._call("getblockheader", block)["height"]) + 1
        self._call("invalidateblock", block)
        # This node cannot be told what to mine; it leaves out what seems to pay no fee.
        self._call("prioritisetransaction", txid, 0, -PRIORITY_SAT)
        self.mine(undone + 1)
        self._call("prioritisetransaction", txid, 0, PRIORITY_SAT)

    def double_spend(self, txid: str) -> None:
        """Sign the same inputs over to the wallet itself; the node refuses it, with a proof."""
        inputs = [
            {"txid": each["txid"], "vout": each["vout"]}
            for each in self._call("getrawtransaction", txid, True)["vin"]
        ]
        coins = [
            self._call("getrawtransaction", each["txid"], True)["vout"][each["vout"]]
            for each in inputs
        ]
        rest_sat = sum(_sat(coin["value"]) for coin in coins) - FEE_SAT
        second = self._signed(inputs, {self.new_address(): _bch(rest_sat)})
        try:
            self._call("sendrawtransaction", second)
        except RefusedByNode:
            return
        raise AssertionError("the node took both spends")

    def go_away(self) -> None:
        self._between.close()

    def settled(self, look: Callable[[], Found], is_so: Callable[[Found], bool]) -> Found:
        return _settled(look, is_so, seconds=30)

    def _signed(self, inputs: list[dict[str, Any]], outputs: dict[str, Any]) -> str:
        raw = self._call("createrawtransaction", inputs, outputs)
        signed = self._call("signrawtransactionwithwallet", raw)
        assert signed["complete"]
        return str(signed["hex"])

    def _call(self, method: str, *params: Any) -> Any:
        login = base64.b64encode(f"{self._url.username}:{self._url.password}".encode()).decode()
        request = urllib.request.Request(
            f"http://{self._url.hostname}:{self._url.port}/",
            data=json.dumps({"id": 1, "method": method, "params": params}).encode(),
            headers={"Authorization": f"Basic {login}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["result"]
        except urllib.error.HTTPError as error:
            raise RefusedByNode(f"{method}: {error.read().decode()}") from error


class RefusedByNode(Exception):
    """The node answered a call with an error; the text holds it."""


def _sat(amount_bch: float) -> int:
    return round(amount_bch * 100_000_000)


def _bch(amount_sat: int) -> str:
    return f"{amount_sat // 100_000_000}.{amount_sat % 100_000_000:08}"


def peer_of(directory: Path) -> Iterator[Peer]:
    """The real node when the environment names one, else a devchain in ``directory``."""
    server, rpc = os.environ.get("KIM_TEST_ELECTRUM"), os.environ.get("KIM_TEST_NODE_RPC")
    if server and rpc:
        node = NodePeer(electrum_servers("KIM_TEST_ELECTRUM")[0].port, rpc)
        try:
            yield node
        finally:
            node.go_away()
        return
    chain = Devchain(directory / "devchain")
    try:
        yield DevchainPeer(chain)
    finally:
        if chain.is_running:
            chain.stop()


def _settled(look: Callable[[], Found], is_so: Callable[[Found], bool], *, seconds: float) -> Found:
    """The first look that is as wanted; a server may lag a moment behind its node."""
    found: list[Found] = []

    def try_once() -> bool:
        found[:] = [look()]
        return is_so(found[0])

    wait_until(try_once, seconds=seconds, what="what the chain should show")
    return found[0]
