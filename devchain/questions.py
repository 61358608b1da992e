"""The Electrum Cash methods that only ask: plain values out of the chain, errors in Fulcrum's words.

Protocol: https://electrum-cash-protocol.readthedocs.io, versions 1.5 and 1.6. Wording and quirks
were read from Fulcrum's sources; a client that works here works there.
"""

from collections.abc import Callable, Iterable
from typing import Any

from devchain.block import merkle_branch
from devchain.chain import Chain
from devchain.dsproof import Proof
from devchain.encoding import sha256
from devchain.errors import DevchainError
from devchain.ledger import Coin
from devchain.transaction import Token

BAD_REQUEST, DAEMON_ERROR = 1, 2
INVALID_REQUEST, UNKNOWN_METHOD, INVALID_PARAMS = -32600, -32601, -32602
MAX_HEADERS = 2016
NUMBER = "expected non-negative numeric value < 1000000000"
UNKNOWN_TRANSACTION = (
    "daemon error: DaemonError({'code': -5, 'message': 'No such mempool or blockchain transaction."
    " Use gettransaction for wallet transactions.'})"
)


class RpcError(Exception):
    def __init__(self, message: str, code: int = BAD_REQUEST, *, closes: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.closes = closes


class Questions:
    """Answers for one chain."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.table: dict[str, tuple[int, int, Callable[..., Any]]] = {
            "blockchain.block.header": (1, 2, self.block_header),
            "blockchain.estimatefee": (1, 2, lambda *_: 0.00001),
            "blockchain.headers.get_tip": (0, 0, self.tip),
            "blockchain.relayfee": (0, 0, lambda: 0.00001),
            "blockchain.scripthash.get_balance": (1, 2, self.balance),
            "blockchain.scripthash.get_first_use": (1, 1, self.first_use),
            "blockchain.scripthash.get_history": (1, 3, self.history),
            "blockchain.scripthash.get_mempool": (1, 1, self.in_mempool),
            "blockchain.scripthash.get_status": (1, 1, self.status),
            "blockchain.scripthash.listunspent": (1, 2, self.unspent),
            "blockchain.transaction.broadcast": (1, 1, self.broadcast),
            "blockchain.transaction.dsproof.get": (1, 1, self.proof),
            "blockchain.transaction.dsproof.list": (0, 0, self.proven),
            "blockchain.transaction.get": (1, 2, self.transaction),
            "blockchain.transaction.get_confirmed_blockhash": (1, 2, self.confirmed_in),
            "blockchain.transaction.get_height": (1, 1, self.height),
            "blockchain.transaction.get_merkle": (1, 2, self.merkle),
            "blockchain.transaction.id_from_pos": (2, 3, self.id_from_pos),
            "blockchain.utxo.get_info": (2, 2, self.utxo),
            "mempool.get_fee_histogram": (0, 0, list),
            "mempool.get_info": (0, 0, self.mempool_info),
        }

    # Headers ----------------------------------------------------------------------------------

    def tip(self) -> dict[str, Any]:
        ledger = self.chain.ledger
        return {"height": ledger.height, "hex": ledger.tip.raw.hex()}

    def block_header(self, height: Any, checkpoint: Any = 0) -> Any:
        blocks = self.chain.ledger.blocks
        height = _height(height)
        checkpoint = self._checkpoint(height, checkpoint)
        if height >= len(blocks):
            raise RpcError(f"Height {height} is out of range")
        raw = blocks[height].header.raw.hex()
        return {"header": raw, **self._header_proof(height, checkpoint)} if checkpoint else raw

    def block_headers(
        self, version: str, start: Any, count: Any, checkpoint: Any = 0
    ) -> dict[str, Any]:
        """A list of headers since protocol 1.6, one long hex string before."""
        start, count = _height(start), _natural(count, "Invalid count")
        headers = [
            block.header.raw.hex()
            for block in self.chain.ledger.blocks[start:][: min(count, MAX_HEADERS)]
        ]
        answer: dict[str, Any] = {"count": len(headers), "max": MAX_HEADERS}
        answer |= {"headers": headers} if version == "1.6" else {"hex": "".join(headers)}
        if headers:
            last = start + len(headers) - 1
            checkpoint = self._checkpoint(last, checkpoint, "header height + (count - 1)")
            answer |= self._header_proof(last, checkpoint) if checkpoint else {}
        return answer

    # Scripts ----------------------------------------------------------------------------------

    def status(self, scripthash: Any) -> str | None:
        """SHA-256 over `txid:height:` of the whole history; None where there is none."""
        items = self.history(scripthash)
        if not items:
            return None
        return sha256(
            "".join(f"{each['tx_hash']}:{each['height']}:" for each in items).encode()
        ).hex()

    def history(self, scripthash: Any, start: Any = 0, end: Any = -1) -> list[dict[str, Any]]:
        """Confirmed in block order, then the mempool. `end` is exclusive; -1 is no end."""
        key = read_hash(scripthash, "Invalid scripthash")
        start = _natural(start, "Bad from_height argument", INVALID_PARAMS)
        end = end if end == -1 else _natural(end, "Bad to_height argument", INVALID_PARAMS)
        if -1 < end < start:
            raise RpcError("Bad to_height argument", INVALID_PARAMS)
        places = self.chain.ledger.places
        found = [
            {"tx_hash": txid, "height": places[txid].height}
            for txid in self.chain.ledger.history.get(key, ())
            if places[txid].height >= start and (end == -1 or places[txid].height < end)
        ]
        return found + (self.in_mempool(key) if end == -1 else [])

    def in_mempool(self, scripthash: Any) -> list[dict[str, Any]]:
        """Canonical order of protocol 1.6: height 0 before -1, then by id."""
        pool = self.chain.mempool
        txids = pool.by_script.get(read_hash(scripthash, "Invalid scripthash"), {})
        found = [
            {
                "tx_hash": txid,
                "height": -1 if pool.has_unconfirmed_parent(txid) else 0,
                "fee": pool.entries[txid].fee_sat,
            }
            for txid in txids
        ]
        return sorted(found, key=lambda each: (-int(str(each["height"])), each["tx_hash"]))

    def unspent(self, scripthash: Any, tokens: Any = "include_tokens") -> list[dict[str, Any]]:
        key = read_hash(scripthash, "Invalid scripthash")
        keep = _token_filter(tokens)
        coins = {each: coin for each, coin in self.chain.coins_of(key).items() if keep(coin)}
        return [
            {
                "tx_hash": txid,
                "tx_pos": index,
                "height": coin.height or 0,
                "value": coin.output.value_sat,
                **_token_data(coin.output.token),
            }
            for (txid, index), coin in coins.items()
        ]

    def balance(self, scripthash: Any, tokens: Any = "include_tokens") -> dict[str, int]:
        key, keep = read_hash(scripthash, "Invalid scripthash"), _token_filter(tokens)
        confirmed = _sum(self.chain.ledger.coins_by_script.get(key, {}).values(), keep)
        everything = _sum(self.chain.coins_of(key).values(), keep)
        return {"confirmed": confirmed, "unconfirmed": everything - confirmed}

    def first_use(self, scripthash: Any) -> dict[str, Any] | None:
        items = self.history(scripthash)
        if not items:
            return None
        height = max(items[0]["height"], 0)
        block_hash = self.chain.ledger.blocks[height].hash if height else "00" * 32
        return {
            "block_hash": block_hash,
            "height": height,
            "block_height": height,
            "tx_hash": items[0]["tx_hash"],
        }

    # Transactions -----------------------------------------------------------------------------

    def broadcast(self, raw: Any) -> str:
        if raw is None or raw == "":
            raise _rejected("Expected type string at index 0, got null")
        try:
            return self.chain.submit(bytes.fromhex(raw))
        except (TypeError, ValueError) as problem:
            raise _rejected("TX decode failed") from problem
        except DevchainError as refusal:
            raise _rejected(refusal.message) from refusal

    def transaction(self, txid: Any, verbose: Any = False) -> Any:  # noqa: FBT002 - positional in the protocol
        found = self.chain.find(read_hash(txid, "Invalid tx hash"))
        if not isinstance(verbose, int):
            raise RpcError("Invalid verbose argument; expected boolean")
        if found is None:
            raise RpcError(UNKNOWN_TRANSACTION, DAEMON_ERROR)
        if not verbose:
            return found.raw.hex()
        answer = {
            "txid": found.txid,
            "hash": found.txid,
            "hex": found.raw.hex(),
            "size": len(found.raw),
        }
        place = self.chain.ledger.places.get(found.txid)
        if place is None:
            return answer
        header = self.chain.ledger.blocks[place.height].header
        depth = self.chain.ledger.height - place.height + 1
        times = {"blocktime": header.time, "time": header.time}
        return {**answer, "blockhash": header.hash, "confirmations": depth, **times}

    def height(self, txid: Any) -> int:
        txid = read_hash(txid, "Invalid tx hash")
        if txid in self.chain.mempool.entries:
            return 0
        if txid not in self.chain.ledger.places:
            raise RpcError("No transaction matching the requested hash was found")
        return self.chain.ledger.places[txid].height

    def merkle(self, txid: Any, height: Any = None) -> dict[str, Any]:
        txid = read_hash(txid, "Invalid tx hash")
        if height is not None:
            height = _natural(
                height, "Invalid height argument; expected non-negative numeric value"
            )
        place = self.chain.ledger.places.get(txid)
        if (
            (height is None and place is None)
            or height == 0
            or (height is None and place and not place.height)
        ):
            raise RpcError("No confirmed transaction matching the requested hash was found")
        if place is None or (height is not None and height != place.height):
            raise RpcError(f"No transaction matching the requested hash found at height {height}")
        branch = self._branch(place.height, place.position)
        return {"block_height": place.height, "pos": place.position, "merkle": branch}

    def id_from_pos(self, height: Any, position: Any, with_branch: Any = False) -> Any:  # noqa: FBT002
        height = _natural(height, f"Invalid height argument; {NUMBER}")
        position = _natural(position, f"Invalid tx_pos argument; {NUMBER}")
        blocks = self.chain.ledger.blocks
        if height >= len(blocks) or position >= len(blocks[height].transactions):
            raise RpcError(f"No transaction at position {position} for height {height}")
        txid = blocks[height].transactions[position].txid
        return {"tx_hash": txid, "merkle": self._branch(height, position)} if with_branch else txid

    def confirmed_in(self, txid: Any, with_header: Any = False) -> dict[str, Any]:  # noqa: FBT002
        place = self.chain.ledger.places.get(read_hash(txid, "Invalid tx hash"))
        if place is None:
            raise RpcError("No confirmed transaction matching the requested hash was found")
        header = self.chain.ledger.blocks[place.height].header
        answer = {"block_hash": header.hash, "block_height": place.height}
        return {**answer, "block_header": header.raw.hex()} if with_header else answer

    def utxo(self, txid: Any, index: Any) -> dict[str, Any] | None:
        coin = self.chain.coin(
            (read_hash(txid, "Invalid tx hash"), _natural(index, "Invalid tx out number"))
        )
        if coin is None:
            return None
        answer = {"value": coin.output.value_sat, "scripthash": coin.output.scripthash}
        height = {} if coin.height is None else {"confirmed_height": coin.height}
        return {**answer, **height, **_token_data(coin.output.token)}

    def mempool_info(self) -> dict[str, float]:
        return {"mempoolminfee": 0.00001, "minrelaytxfee": 0.00001}

    # Double-spend proofs ----------------------------------------------------------------------

    def proof(self, txid: Any) -> dict[str, Any] | None:
        """By transaction id (a child of a double-spent transaction included) or by dspid."""
        key = read_hash(txid, "Invalid dsp hash or tx hash")
        for proof in self.chain.proofs.values():
            family = self.chain.mempool.descendants(proof.txid)
            if key in family or key == proof.dspid:
                return _proof_data(proof, family)
        return None

    def proven(self) -> list[str]:
        pool = self.chain.mempool
        families = (pool.descendants(txid) for txid in self.chain.proofs)
        return list(dict.fromkeys(txid for family in families for txid in family))

    # Merkle -----------------------------------------------------------------------------------

    def _branch(self, height: int, position: int) -> list[str]:
        txids = self.chain.ledger.blocks[height].txids
        branch, _ = merkle_branch([bytes.fromhex(txid)[::-1] for txid in txids], position)
        return [each[::-1].hex() for each in branch]

    def _checkpoint(self, height: int, checkpoint: Any, name: str = "header height") -> int:
        limit, tip = _natural(checkpoint, "Invalid cp_height"), self.chain.ledger.height
        if limit and not height <= limit <= tip:
            raise RpcError(
                f"{name} {height} must be <= cp_height {limit} which must be <= chain height {tip}"
            )
        return limit

    def _header_proof(self, height: int, checkpoint: int) -> dict[str, Any]:
        blocks = self.chain.ledger.blocks[: checkpoint + 1]
        hashes = [bytes.fromhex(block.hash)[::-1] for block in blocks]
        branch, root = merkle_branch(hashes, height)
        return {"branch": [each[::-1].hex() for each in branch], "root": root[::-1].hex()}


def _rejected(reason: str) -> RpcError:
    return RpcError(f"the transaction was rejected by network rules.\n\n{reason}\n")


def read_hash(value: Any, message: str) -> str:
    """64 hex digits in lower case. Raises RpcError with the message for anything else."""
    if isinstance(value, str) and len(value) == 64:
        try:
            return bytes.fromhex(value).hex()
        except ValueError:
            pass
    raise RpcError(message)


def _natural(value: object, message: str, code: int = BAD_REQUEST) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**32:
        raise RpcError(message, code)
    return value


def _height(value: Any) -> int:
    return _natural(value, "Invalid height")


def _token_filter(value: Any) -> Callable[[Coin], bool]:
    filters: dict[Any, Callable[[Coin], bool]] = {
        "include_tokens": lambda _: True,
        "exclude_tokens": lambda coin: coin.output.token is None,
        "tokens_only": lambda coin: coin.output.token is not None,
    }
    if not isinstance(value, str) or value not in filters:
        names = ", ".join(
            f'"{name}"' for name in ("exclude_tokens", "include_tokens", "tokens_only")
        )
        raise RpcError(f"Invalid token filtering option. Specify one of: {names}", INVALID_PARAMS)
    return filters[value]


def _token_data(token: Token | None) -> dict[str, Any]:
    if token is None:
        return {}
    data: dict[str, Any] = {"amount": str(token.amount), "category": token.category}
    if token.capability is not None:
        data["nft"] = {"capability": token.capability, "commitment": token.commitment.hex()}
    return {"token_data": data}


def _sum(coins: Iterable[Coin], keep: Callable[[Coin], bool]) -> int:
    return sum(coin.output.value_sat for coin in coins if keep(coin))


def _proof_data(proof: Proof, family: list[str]) -> dict[str, Any]:
    return {
        "dspid": proof.dspid,
        "hex": proof.raw.hex(),
        "outpoint": {"txid": proof.outpoint[0], "vout": proof.outpoint[1]},
        "txid": proof.txid,
        "descendants": family,
    }
