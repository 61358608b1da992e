"""The peer of the chain tests: a devchain process, or a real regtest node behind a real server."""

from __future__ import annotations

import base64
import json
import os
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

from kim.env import ElectrumServer, electrum_servers
from tests.devchains import Devchain, wait_until

Found = TypeVar("Found")


class Peer(Protocol):
    """What the contract needs of either."""

    server: ElectrumServer

    @property
    def height(self) -> int: ...
    def new_address(self) -> str: ...
    def pay(self, address: str, amount_sat: int) -> str: ...
    def mine(self, blocks: int = 1) -> None: ...
    def reorg_away(self, txid: str) -> None: ...
    def go_away(self) -> None: ...
    def settled(self, look: Callable[[], Found], is_so: Callable[[Found], bool]) -> Found: ...


class DevchainPeer:
    """The simulated chain; what it did is visible at once."""

    def __init__(self, chain: Devchain) -> None:
        self._chain = chain
        self.server = chain.server
        self.new_address, self.pay, self.mine = chain.new_address, chain.pay, chain.mine

    @property
    def height(self) -> int:
        return self._chain.height

    def reorg_away(self, txid: str) -> None:
        self._chain.reorg(1, drop=(txid,))

    def go_away(self) -> None:
        self._chain.stop()

    def settled(self, look: Callable[[], Found], is_so: Callable[[Found], bool]) -> Found:
        return _settled(look, is_so, seconds=5)


class NodePeer:
    """A Bitcoin Cash Node in regtest with a wallet, and Fulcrum in front of it."""

    def __init__(self, server: ElectrumServer, rpc_url: str) -> None:
        self.server = server
        self._url = urlsplit(rpc_url)
        if self.height < 101:
            self.mine(101 - self.height)

    @property
    def height(self) -> int:
        return int(self._call("getblockcount"))

    def new_address(self) -> str:
        return str(self._call("getnewaddress"))

    def pay(self, address: str, amount_sat: int) -> str:
        return str(self._call("sendtoaddress", address, f"{amount_sat / 100_000_000:.8f}"))

    def mine(self, blocks: int = 1) -> None:
        self._call("generatetoaddress", blocks, self.new_address())

    def reorg_away(self, txid: str) -> None:
        """Undo the last block, and build two others without its transactions."""
        del txid
        self._call("invalidateblock", self._call("getbestblockhash"))
        for _ in range(2):
            self._call("generateblock", self.new_address(), [])

    def go_away(self) -> None:
        self.server = ElectrumServer("127.0.0.1", 1, tls=False)

    def settled(self, look: Callable[[], Found], is_so: Callable[[Found], bool]) -> Found:
        return _settled(look, is_so, seconds=30)

    def _call(self, method: str, *params: Any) -> Any:
        login = base64.b64encode(f"{self._url.username}:{self._url.password}".encode()).decode()
        request = urllib.request.Request(
            f"http://{self._url.hostname}:{self._url.port}/",
            data=json.dumps({"id": 1, "method": method, "params": params}).encode(),
            headers={"Authorization": f"Basic {login}"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["result"]


def peer_of(directory: Path) -> Iterator[Peer]:
    """The real node when the environment names one, else a devchain in ``directory``."""
    server, rpc = os.environ.get("KIM_TEST_ELECTRUM"), os.environ.get("KIM_TEST_NODE_RPC")
    if server and rpc:
        yield NodePeer(electrum_servers("KIM_TEST_ELECTRUM")[0], rpc)
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
