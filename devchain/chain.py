"""The chain as one object: submit, mine, reorganise, evict, double-spend; kept in a store.

Every public verb takes the lock, changes ledger and mempool, writes the journal, then tells the
listeners. A call that raises has changed nothing.
"""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from threading import RLock

from devchain import block as blocks
from devchain import dsproof, rules, transaction
from devchain.dsproof import Proof
from devchain.errors import DevchainError, Malformed, Refused
from devchain.ledger import Coin, Ledger
from devchain.mempool import Entry, Mempool
from devchain.store import MemoryStore, Record, Store
from devchain.transaction import Outpoint, Output, Transaction

SUBSIDY_SAT = 50 * 100_000_000
HALVING_BLOCKS = 150


@dataclass(frozen=True)
class Change:
    """What a verb did, for listeners: script hashes to look at again, tip, proofs."""

    scripthashes: frozenset[str] = frozenset()
    is_new_tip: bool = False
    transactions: tuple[str, ...] = ()
    proven: tuple[str, ...] = ()


@dataclass
class _Work:
    """Journal records and touched scripts of the verb under way."""

    records: list[Record] = field(default_factory=list)
    touched: set[str] = field(default_factory=set)


class Chain:
    """Give `store` to keep the chain, `payout` (a locking script) to receive mined coins."""

    def __init__(self, store: Store | None = None, payout: bytes = b"\x51") -> None:
        self.lock = RLock()
        self.ledger = Ledger()
        self.mempool = Mempool()
        self.proofs: dict[str, Proof] = {}
        self.forgotten: dict[str, Transaction] = {}  # evicted or dropped, by id
        self.listeners: list[Callable[[Change], None]] = []
        self.payout = payout
        self.store: Store = store or MemoryStore()

    # Verbs ------------------------------------------------------------------------------------

    def submit(self, raw: bytes) -> str:
        """Into the mempool, as sendrawtransaction. Gives the id; known ones are accepted again.

        Raises Refused or Malformed. A properly signed conflict is refused and leaves a proof.
        """
        with self.lock:
            try:
                new = transaction.parse(raw)
            except Malformed as problem:
                raise Refused("TX decode failed", None) from problem
            if new.txid in self.mempool.entries:
                return new.txid
            if new.txid in self.ledger.places:
                raise Refused("transaction already in block chain", None)
            work = _Work()
            try:
                self._accept(new, _now_ms(), work)
            except Refused as refusal:
                if refusal.reason == "txn-mempool-conflict":
                    with suppress(
                        Refused
                    ):  # only a conflict that is otherwise valid proves anything
                        self._prove(new)
                raise
            self._finish(work, transactions=(new.txid,))
            return new.txid

    def mine(
        self, count: int = 1, *, now: int | None = None, with_mempool: bool = True
    ) -> list[str]:
        """Mines blocks of everything that waits (or empty ones). Gives their hashes."""
        with self.lock:
            work = _Work()
            for _ in range(count):
                self._mine(self._waiting() if with_mempool else [], now, work)
            self._finish(work, is_new_tip=count > 0)
            return [block.hash for block in self.ledger.blocks[len(self.ledger.blocks) - count :]]

    def mine_instead(self, raw: bytes, *, now: int | None = None) -> str:
        """Mines a block with this transaction; what conflicts with it leaves the mempool.

        This is how a double spend wins: the first transaction can never confirm any more.
        """
        with self.lock:
            new, work = transaction.parse(raw), _Work()
            # The node that finds the block has never seen the losers, so they take no part.
            for each in new.inputs:
                if each.outpoint in self.mempool.spenders:
                    self._forget(self.mempool.spenders[each.outpoint], work)
            is_mined = False
            try:
                self._accept(new, _now_ms(), work)
                self._mine(self._waiting(), now, work)
                is_mined = True
            finally:
                self._finish(work, is_new_tip=is_mined)
            return new.txid

    def reorg(
        self, depth: int, *, drop: frozenset[str] = frozenset(), now: int | None = None
    ) -> list[str]:
        """Replaces the last `depth` blocks by `depth + 1` empty ones.

        Their transactions return to the mempool, but for those named in `drop` and their children.
        Gives the hashes of the new blocks.
        """
        with self.lock:
            if not 1 <= depth <= self.ledger.height:
                raise DevchainError(
                    "bad_depth",
                    f"depth must be 1 to {self.ledger.height}",
                    "Mine more blocks first, or go less deep.",
                )
            work, returned = _Work(), list[Transaction]()
            for _ in range(depth):
                block, touched = self.ledger.disconnect()
                work.records.append(("disconnect",))
                work.touched |= touched
                returned = [*block.transactions[1:], *returned]
            for _ in range(depth + 1):
                self._mine([], now, work)
            self._refill(returned, drop, work)
            self._finish(work, is_new_tip=True)
            return [block.hash for block in self.ledger.blocks[-depth - 1 :]]

    def evict(self, txid: str) -> list[str]:
        """Takes a transaction and its children out of the mempool. Gives all their ids."""
        with self.lock:
            if txid not in self.mempool.entries:
                raise unknown_transaction(txid)
            work = _Work()
            gone = self._forget(txid, work)
            self._finish(work)
            return gone

    # Questions --------------------------------------------------------------------------------

    def find(self, txid: str) -> Transaction | None:
        if txid in self.mempool.entries:
            return self.mempool.entries[txid].transaction
        place = self.ledger.places.get(txid)
        return place.transaction if place else None

    def coin(self, outpoint: Outpoint) -> Coin | None:
        """An output that the next transaction may spend, mempool included."""
        if outpoint in self.mempool.spenders:
            return None
        return self.mempool.coins.get(outpoint) or self.ledger.coins.get(outpoint)

    def coins_of(self, scripthash: str) -> dict[Outpoint, Coin]:
        """Unspent outputs of a script: confirmed ones first, then those of the mempool."""
        found = dict(self.ledger.coins_by_script.get(scripthash, {}))
        for txid in self.mempool.by_script.get(scripthash, {}):
            for index, output in enumerate(self.mempool.entries[txid].transaction.outputs):
                if output.scripthash == scripthash:
                    found[txid, index] = Coin(output)
        return {each: coin for each, coin in found.items() if each not in self.mempool.spenders}

    def is_mature(self, coin: Coin) -> bool:
        depth = self.ledger.height + 1 - (coin.height or 0)
        return not coin.is_coinbase or depth >= rules.COINBASE_MATURITY

    # Replay -----------------------------------------------------------------------------------

    def replay(self, record: Record) -> None:
        """Does again what the journal tells, without checking scripts a second time."""
        kind, *fields = record
        if kind == "block":
            self._connect(blocks.parse(bytes.fromhex(fields[0])))
        elif kind == "disconnect":
            self.ledger.disconnect()
        elif kind == "tx":
            new = transaction.parse(bytes.fromhex(fields[1]))
            self._enter(new, self._spent_by(new), int(fields[0]))
        elif kind == "forget":
            self.forgotten[fields[0]] = self.mempool.entries[fields[0]].transaction
            self.mempool.remove(fields[0])
            self.proofs.pop(fields[0], None)
        elif kind == "forgotten":
            gone = transaction.parse(bytes.fromhex(fields[0]))
            self.forgotten[gone.txid] = gone
        elif kind == "proof":
            self.proofs[fields[0]] = Proof(
                fields[0], (fields[1], int(fields[2])), bytes.fromhex(fields[3])
            )

    # Steps ------------------------------------------------------------------------------------

    def _accept(self, new: Transaction, received_at_ms: int, work: _Work) -> None:
        rules.check_form(new)
        rules.check_in_context(new, self.ledger)
        if any(each.outpoint in self.mempool.spenders for each in new.inputs):
            raise Refused("txn-mempool-conflict", 18)
        spent = self._spent_by(new)
        rules.check_spend(new, spent, self.ledger)
        work.touched |= self._enter(new, spent, received_at_ms)
        work.records.append(("tx", str(received_at_ms), new.raw.hex()))

    def _enter(
        self, new: Transaction, spent: dict[Outpoint, Coin], received_at_ms: int
    ) -> set[str]:
        fee_sat = sum(coin.output.value_sat for coin in spent.values()) - rules.total_sat(new)
        self.forgotten.pop(new.txid, None)
        return self.mempool.add(Entry(new, spent, fee_sat, received_at_ms))

    def _spent_by(self, new: Transaction) -> dict[Outpoint, Coin]:
        spent = {}
        for each in new.inputs:
            coin = self.mempool.coins.get(each.outpoint) or self.ledger.coins.get(each.outpoint)
            if coin is None:
                raise Refused("Missing inputs", None)
            spent[each.outpoint] = coin
        return spent

    def _prove(self, second: Transaction) -> None:
        """Keeps a proof if the refused conflict is otherwise valid, as nodes relay it."""
        spent = self._spent_by(second)
        rules.check_scripts(second, [coin.output for coin in spent.values()])
        proven = []
        for outpoint, coin in spent.items():
            first = self.mempool.entries.get(self.mempool.spenders.get(outpoint, ""))
            if first is None or first.transaction.txid in self.proofs:
                continue
            proof = dsproof.prove(first.transaction, second, outpoint, coin.output)
            if proof is not None:
                self.proofs[proof.txid] = proof
                proven.append(proof)
        txids = [txid for proof in proven for txid in self.mempool.descendants(proof.txid)]
        records: list[Record] = [
            ("proof", proof.txid, proof.outpoint[0], str(proof.outpoint[1]), proof.raw.hex())
            for proof in proven
        ]
        self._finish(_Work(records), proven=tuple(txids))

    def _waiting(self) -> list[Transaction]:
        return [entry.transaction for entry in self.mempool.entries.values()]

    def _mine(self, waiting: list[Transaction], now: int | None, work: _Work) -> None:
        height = self.ledger.height + 1
        fees_sat = sum(self.mempool.entries[each.txid].fee_sat for each in waiting)
        payout = Output((SUBSIDY_SAT >> height // HALVING_BLOCKS) + fees_sat, self.payout)
        first = blocks.coinbase(height, b"/devchain/" + os.urandom(8), payout)
        body = sorted(waiting, key=lambda each: each.txid)
        moment = max(int(time.time()) if now is None else now, self.ledger.median_time() + 1)
        block = blocks.mine(self.ledger.tip.hash, [first, *body], moment)
        work.touched |= self._connect(block)
        work.records.append(("block", block.raw.hex()))

    def _connect(self, block: blocks.Block) -> set[str]:
        touched = self.ledger.connect(block)
        for each in block.transactions[1:]:
            if each.txid in self.mempool.entries:
                touched |= self.mempool.remove(each.txid)
                self.proofs.pop(each.txid, None)
        return touched

    def _refill(self, returned: list[Transaction], drop: frozenset[str], work: _Work) -> None:
        """Fills the mempool anew after a reorg: what came out of blocks, then what waited."""
        waited = list(self.mempool.entries.values())
        for entry in reversed(waited):
            work.touched |= self.mempool.remove(entry.transaction.txid)
            work.records.append(("forget", entry.transaction.txid))
        pending = [(each, _now_ms()) for each in returned]
        pending += [(entry.transaction, entry.received_at_ms) for entry in waited]
        for each, _ in pending:
            self.forgotten[each.txid] = each
            work.records.append(("forgotten", each.raw.hex()))
        pending = [(each, at_ms) for each, at_ms in pending if each.txid not in drop]
        progress = True
        while pending and progress:
            left = [item for item in pending if not self._try(*item, work)]
            progress, pending = len(left) < len(pending), left
        self.proofs = {
            txid: proof for txid, proof in self.proofs.items() if txid in self.mempool.entries
        }

    def _try(self, each: Transaction, at_ms: int, work: _Work) -> bool:
        try:
            self._accept(each, at_ms, work)
        except Refused:
            return False
        return True

    def _forget(self, txid: str, work: _Work) -> list[str]:
        gone = self.mempool.descendants(txid)
        for each in reversed(gone):
            self.forgotten[each] = self.mempool.entries[each].transaction
            work.touched |= self.mempool.remove(each)
            work.records.append(("forget", each))
            self.proofs.pop(each, None)
        return gone

    def _finish(
        self,
        work: _Work,
        *,
        is_new_tip: bool = False,
        transactions: tuple[str, ...] = (),
        proven: tuple[str, ...] = (),
    ) -> None:
        if work.records:
            self.store.append(work.records)
        change = Change(frozenset(work.touched), is_new_tip, transactions, proven)
        for listener in list(self.listeners):
            listener(change)


def unknown_transaction(txid: str) -> DevchainError:
    return DevchainError(
        "unknown_transaction",
        f"{txid} is not in the mempool",
        "It may have been mined or evicted.",
        404,
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
