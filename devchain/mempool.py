"""Transactions that wait for a block: first seen wins, children follow their parents."""

from dataclasses import dataclass, field

from devchain.ledger import Coin, scripts_of
from devchain.transaction import Outpoint, Transaction


@dataclass(frozen=True)
class Entry:
    transaction: Transaction
    spent: dict[Outpoint, Coin]
    fee_sat: int
    received_at_ms: int


@dataclass
class Mempool:
    entries: dict[str, Entry] = field(default_factory=dict)  # parents stand before children
    spenders: dict[Outpoint, str] = field(default_factory=dict)
    coins: dict[Outpoint, Coin] = field(default_factory=dict)  # outputs, spent ones included
    by_script: dict[str, dict[str, None]] = field(default_factory=dict)

    def add(self, entry: Entry) -> set[str]:
        transaction, touched = entry.transaction, set[str]()
        self.entries[transaction.txid] = entry
        for each in transaction.inputs:
            self.spenders[each.outpoint] = transaction.txid
        for index, output in enumerate(transaction.outputs):
            self.coins[transaction.txid, index] = Coin(output)
        for scripthash in scripts_of(transaction, entry.spent):
            self.by_script.setdefault(scripthash, {})[transaction.txid] = None
            touched.add(scripthash)
        return touched

    def remove(self, txid: str) -> set[str]:
        """Takes one transaction out; its children stay (they may have a confirmed parent now)."""
        entry, touched = self.entries.pop(txid), set[str]()
        for each in entry.transaction.inputs:
            del self.spenders[each.outpoint]
        for index in range(len(entry.transaction.outputs)):
            del self.coins[txid, index]
        for scripthash in scripts_of(entry.transaction, entry.spent):
            del self.by_script[scripthash][txid]
            if not self.by_script[scripthash]:
                del self.by_script[scripthash]
            touched.add(scripthash)
        return touched

    def descendants(self, txid: str) -> list[str]:
        """The transaction and all that spend from it, parents first."""
        family = {txid: None}
        for each, entry in self.entries.items():
            if any(spent.txid in family for spent in entry.transaction.inputs):
                family[each] = None
        return list(family)

    def has_unconfirmed_parent(self, txid: str) -> bool:
        return any(each.txid in self.entries for each in self.entries[txid].transaction.inputs)
