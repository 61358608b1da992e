"""The control port: what people and tests may do to the chain, as JSON, and the wallet page."""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from devchain import address
from devchain.errors import DevchainError, Malformed
from devchain.node import FIRST_BLOCKS, Node, address_of, parse_uri
from devchain.sighash import ALL_FORKID
from devchain.transaction import Transaction
from devchain.web import Request, Response, json_response

PAGE = Path(__file__).parent / "page"
PAGE_FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/wallet.css": ("wallet.css", "text/css; charset=utf-8"),
    "/wallet.js": ("wallet.js", "text/javascript; charset=utf-8"),
}
MAX_BLOCKS_AT_ONCE = 1_000
RECENT = 20
RECENT_BLOCKS = 200
TOKEN_OUTPUT_SAT = 1_000


class Control:
    """Callable as the handler of web.HttpServer. `automine_seconds` None is off."""

    def __init__(self, node: Node, automine_seconds: float | None = None) -> None:
        self.node = node
        self.automine_seconds = automine_seconds
        self.default_automine_seconds = automine_seconds or 5.0
        self.on_automine: Callable[[], None] = lambda: None
        self._verbs: dict[str, Callable[[dict[str, Any]], Any]] = {
            "/api/pay": self._pay,
            "/api/mine": self._mine,
            "/api/reorg": self._reorg,
            "/api/double-spend": self._double_spend,
            "/api/evict": self._evict,
            "/api/address": lambda _: {"address": self.node.new_address()},
            "/api/broadcast": self._broadcast,
            "/api/automine": self._automine,
        }

    def __call__(self, request: Request) -> Response:
        is_read = request.method == "GET"
        if request.path in PAGE_FILES and is_read:
            name, content_type = PAGE_FILES[request.path]
            return Response((PAGE / name).read_bytes(), content_type)
        if request.path == "/api/state" and is_read:
            with self.node.chain.lock:
                return json_response(self.state())
        if request.path not in {*self._verbs, *PAGE_FILES, "/api/state"}:
            raise DevchainError("not_found", "There is nothing here.", "See docs/devchain.md.", 404)
        if request.method != "POST" or request.path not in self._verbs:
            raise DevchainError(
                "wrong_method", "This path takes another method.", "See docs/devchain.md.", 405
            )
        return json_response(self._verbs[request.path](request.body))

    def state(self) -> dict[str, Any]:
        chain, coins = self.node.chain, self.node.coins().values()
        confirmed = sum(coin.output.value_sat for coin in coins if coin.height is not None)
        return {
            "network": "regtest",
            "height": chain.ledger.height,
            "tip": chain.ledger.tip.hash,
            "mempool": [
                {"txid": txid, "fee_sat": entry.fee_sat, "size_bytes": len(entry.transaction.raw)}
                for txid, entry in chain.mempool.entries.items()
            ],
            "double_spent": list(chain.proofs),
            "address": address_of(self.node.wallet.newest),
            "balance_sat": sum(coin.output.value_sat for coin in coins),
            "confirmed_sat": confirmed,
            "coins": len(coins),
            "recent": list(islice(self._payments(), RECENT)),
            "automine_seconds": self.automine_seconds,
        }

    def _payments(self) -> Iterator[dict[str, Any]]:
        """The wallet's payments, newest first; height 0 in the mempool. It pays by its output 0."""
        pool, ledger = self.node.chain.mempool, self.node.chain.ledger
        for entry in reversed(pool.entries.values()):
            if any(self.node.wallet.owns(coin.output) for coin in entry.spent.values()):
                yield payment(entry.transaction, 0)
        for height in range(
            ledger.height, max(FIRST_BLOCKS + 1, ledger.height - RECENT_BLOCKS), -1
        ):
            for each in ledger.blocks[height].transactions[1:]:
                spent = ledger.spent[height][each.inputs[0].outpoint]
                if self.node.wallet.owns(spent.output):
                    yield payment(each, height)

    def _pay(self, body: dict[str, Any]) -> dict[str, Any]:
        with_token = _flag(body, "tokens")
        locking, amount_sat = self._target(body)
        if "amount_sat" in body:
            amount_sat = _number(body, "amount_sat", at_least=1, at_most=21_000_000 * 100_000_000)
        if amount_sat is None:
            if not with_token:
                raise DevchainError(
                    "bad_amount", "The URI names no amount.", "Add ?amount=… in BCH, or amount_sat."
                )
            amount_sat = TOKEN_OUTPUT_SAT
        paid = self.node.pay(
            locking,
            amount_sat,
            with_token=with_token,
            with_parent=_flag(body, "parent"),
            hash_type=_number(body, "hash_type", at_least=0, at_most=255, default=ALL_FORKID),
        )
        return {"txid": paid.txid, "address": address_of(locking), "amount_sat": amount_sat}

    def _target(self, body: dict[str, Any]) -> tuple[bytes, int | None]:
        text = body.get("uri", body.get("address"))
        if not isinstance(text, str) or not text.strip():
            raise DevchainError(
                "no_uri", "Where should the money go?", 'Send {"uri": "bchreg:…?amount=…"}.'
            )
        try:
            return parse_uri(text)
        except Malformed as problem:
            hint = f"This wallet pays {address.PREFIX}: addresses only."
            raise DevchainError("bad_address", problem.message, hint) from problem

    def _mine(self, body: dict[str, Any]) -> dict[str, Any]:
        count = _number(body, "blocks", at_least=1, at_most=MAX_BLOCKS_AT_ONCE, default=1)
        hashes = self.node.chain.mine(count)
        return {"height": self.node.chain.ledger.height, "blocks": hashes}

    def _reorg(self, body: dict[str, Any]) -> dict[str, Any]:
        depth = _number(body, "depth", at_least=1, at_most=MAX_BLOCKS_AT_ONCE, default=1)
        drop = body.get("drop", [])
        if not isinstance(drop, list) or not all(isinstance(each, str) for each in drop):
            raise DevchainError(
                "bad_drop", "drop must be a list of transaction ids.", 'Send {"drop": ["…"]}.'
            )
        hashes = self.node.chain.reorg(depth, drop=frozenset(drop))
        return {"height": self.node.chain.ledger.height, "blocks": hashes}

    def _double_spend(self, body: dict[str, Any]) -> dict[str, Any]:
        txid, chain = _text(body, "txid"), self.node.chain
        second = self.node.double_spend(txid, mine=_flag(body, "mine"))
        has_second = chain.find(second.txid) is not None
        return {"txid": second.txid, "proof": txid in chain.proofs, "accepted": has_second}

    def _evict(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"evicted": self.node.chain.evict(_text(body, "txid"))}

    def _broadcast(self, body: dict[str, Any]) -> dict[str, Any]:
        try:
            raw = bytes.fromhex(_text(body, "raw"))
        except ValueError as problem:
            raise DevchainError(
                "malformed", "raw is not hex.", "Send the transaction as hex."
            ) from problem
        return {"txid": self.node.chain.submit(raw)}

    def _automine(self, body: dict[str, Any]) -> dict[str, Any]:
        """Turns mining by itself on or off."""
        self.automine_seconds = self.default_automine_seconds if _flag(body, "on") else None
        self.on_automine()
        return {"automine_seconds": self.automine_seconds}


def payment(transaction: Transaction, height: int) -> dict[str, Any]:
    first = transaction.outputs[0]
    place = {"address": address_of(first.locking), "amount_sat": first.value_sat}
    return {"txid": transaction.txid, "height": height, **place}


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise DevchainError(f"no_{name}", f"{name} is missing.", f'Send {{"{name}": "…"}}.')
    return value


def _flag(body: dict[str, Any], name: str) -> bool:
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise DevchainError(f"bad_{name}", f"{name} must be true or false.", "Send a JSON boolean.")
    return value


def _number(
    body: dict[str, Any], name: str, *, at_least: int, at_most: int, default: int | None = None
) -> int:
    value = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not at_least <= value <= at_most:
        raise DevchainError(
            f"bad_{name}",
            f"{name} must be a whole number from {at_least} to {at_most}.",
            "Send a JSON integer.",
        )
    return value
