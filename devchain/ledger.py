"""The confirmed side: headers, blocks, unspent outputs and the history of every script."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from devchain.block import Block, Header, genesis, merkle_root
from devchain.errors import Malformed
from devchain.transaction import Outpoint, Output, Transaction

MEDIAN_SPAN = 11


@dataclass(frozen=True, slots=True)
class Coin:
    """An unspent output. `height` is None while its transaction waits in the mempool."""

    output: Output
    height: int | None = None
    is_coinbase: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    transaction: Transaction
    height: int
    position: int


@dataclass
class Ledger:
    """Blocks from genesis to the tip and everything derived from them.

    `connect` and `disconnect` are exact opposites; both give the script hashes they touched.
    Scripts were checked at the door (rules.py), so that a restart replays in a moment.
    """

    blocks: list[Block] = field(default_factory=list)
    coins: dict[Outpoint, Coin] = field(default_factory=dict)
    coins_by_script: dict[str, dict[Outpoint, Coin]] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    history: dict[str, list[str]] = field(default_factory=dict)
    spent: list[dict[Outpoint, Coin]] = field(default_factory=list)

    def __post_init__(self) -> None:
        # The node never puts the genesis output among the coins: it cannot be spent.
        block = genesis()
        self.blocks.append(block)
        self.spent.append({})
        first = block.transactions[0]
        self.places[first.txid] = Place(first, 0, 0)

    @property
    def height(self) -> int:
        return len(self.blocks) - 1

    @property
    def tip(self) -> Header:
        return self.blocks[-1].header

    def median_time(self, height: int | None = None) -> int:
        """BIP 113: the median of the last eleven block times up to the height."""
        end = (self.height if height is None else height) + 1
        times = sorted(block.header.time for block in self.blocks[max(0, end - MEDIAN_SPAN) : end])
        return times[len(times) // 2]

    def connect(self, block: Block) -> set[str]:
        self._require_form(block)
        height, touched = len(self.blocks), set[str]()
        spent: dict[Outpoint, Coin] = {}
        for position, transaction in enumerate(block.transactions):
            self.places[transaction.txid] = Place(transaction, height, position)
            for index, output in enumerate(transaction.outputs):
                self._add((transaction.txid, index), Coin(output, height, transaction.is_coinbase))
        for transaction in block.transactions[1:]:
            for each in transaction.inputs:
                spent[each.outpoint] = self._remove(each.outpoint)
        self.blocks.append(block)
        self.spent.append(spent)
        for transaction in block.transactions:
            for scripthash in scripts_of(transaction, spent):
                self.history.setdefault(scripthash, []).append(transaction.txid)
                touched.add(scripthash)
        return touched

    def disconnect(self) -> tuple[Block, set[str]]:
        """Takes the tip off. Genesis stays."""
        block, spent, touched = self.blocks.pop(), self.spent.pop(), set[str]()
        for transaction in reversed(block.transactions):
            for scripthash in scripts_of(transaction, spent):
                self.history[scripthash].pop()
                if not self.history[scripthash]:
                    del self.history[scripthash]
                touched.add(scripthash)
            del self.places[transaction.txid]
        for outpoint, coin in spent.items():
            self._add(outpoint, coin)
        for transaction in block.transactions:
            for index in range(len(transaction.outputs)):
                self._remove((transaction.txid, index))
        return block, touched

    def _require_form(self, block: Block) -> None:
        txids = block.txids
        rest = txids[1:]
        wrong = (
            (block.header.previous != self.tip.hash, "bad-prevblk"),
            (not block.header.has_work, "high-hash"),
            (block.header.merkle_root != merkle_root(txids), "bad-txnmrklroot"),
            (block.header.time <= self.median_time(), "time-too-old"),
            (not block.transactions[0].is_coinbase, "bad-cb-missing"),
            (rest != sorted(set(rest)), "tx-ordering"),
        )
        for is_wrong, reason in wrong:
            if is_wrong:
                raise Malformed(reason)

    def _add(self, outpoint: Outpoint, coin: Coin) -> None:
        self.coins[outpoint] = coin
        self.coins_by_script.setdefault(coin.output.scripthash, {})[outpoint] = coin

    def _remove(self, outpoint: Outpoint) -> Coin:
        coin = self.coins.pop(outpoint, None)
        if coin is None:
            raise Malformed("bad-txns-inputs-missingorspent")
        mine = self.coins_by_script[coin.output.scripthash]
        del mine[outpoint]
        if not mine:
            del self.coins_by_script[coin.output.scripthash]
        return coin


def scripts_of(transaction: Transaction, spent: dict[Outpoint, Coin]) -> Iterator[str]:
    """Every script hash that the transaction pays or spends from, once each."""
    seen = dict.fromkeys(output.scripthash for output in transaction.outputs)
    if not transaction.is_coinbase:
        seen |= dict.fromkeys(spent[each.outpoint].output.scripthash for each in transaction.inputs)
    return iter(seen)
