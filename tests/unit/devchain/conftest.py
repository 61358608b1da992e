"""The cast of the devchain's own tests: a funded node, and hands to build transactions with."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from devchain import keys, script
from devchain.errors import Refused
from devchain.ledger import Coin
from devchain.node import Node
from devchain.sighash import ALL_FORKID, Spend
from devchain.transaction import Input, Outpoint, Output, Transaction

MAYA = bytes.fromhex("11" * 32)
NOOR = bytes.fromhex("22" * 32)


class Hands:
    """Builds what a wallet would not: broken signatures, covenants, odd shapes."""

    def __init__(self, node: Node) -> None:
        self.node = node

    def give(self, locking: bytes, amount_sat: int = 100_000) -> tuple[Outpoint, Output]:
        """A confirmed coin of one's own."""
        payment = self.node.pay(locking, amount_sat)
        self.node.chain.mine()
        return (payment.txid, 0), payment.outputs[0]

    def spend(
        self, outpoint: Outpoint, *outputs: Output, unlocking: bytes = b"", **more: Any
    ) -> Transaction:
        sequence = more.pop("sequence", 0xFFFFFFFF)
        one = Input(*outpoint, unlocking, sequence)
        return Transaction(more.pop("version", 2), (one,), outputs, more.pop("locktime", 0))

    def sign(
        self,
        transaction: Transaction,
        coins: list[Output],
        secret: bytes,
        *,
        index: int = 0,
        hash_type: int = ALL_FORKID,
        schnorr: bool = False,
    ) -> Transaction:
        digest = Spend(transaction, coins).digest(index, coins[index].locking, hash_type)
        sign = keys.sign_schnorr if schnorr else keys.sign_ecdsa
        signature = sign(secret, digest) + bytes([hash_type])
        return self.unlock(transaction, signature, keys.public_key(secret), index=index)

    def unlock(self, transaction: Transaction, *pushes: bytes, index: int = 0) -> Transaction:
        inputs = list(transaction.inputs)
        inputs[index] = replace(inputs[index], unlocking=b"".join(map(script.push, pushes)))
        return replace(transaction, inputs=tuple(inputs))

    def refused(self, transaction: Transaction | bytes) -> str:
        """Submits what must be refused, sees that nothing moved, and gives the reason."""
        chain = self.node.chain
        before = (chain.ledger.tip.hash, dict(chain.mempool.entries), dict(chain.ledger.coins))
        raw = transaction if isinstance(transaction, bytes) else transaction.raw
        with pytest.raises(Refused) as refusal:
            chain.submit(raw)
        assert before == (chain.ledger.tip.hash, chain.mempool.entries, chain.ledger.coins)
        return refusal.value.message

    def accepted(self, transaction: Transaction) -> None:
        assert self.node.chain.submit(transaction.raw) == transaction.txid
        assert transaction.txid in self.node.chain.mempool.entries

    def immature(self) -> tuple[Outpoint, Coin]:
        """The newest mined coin."""
        block = self.node.chain.ledger.blocks[-1]
        outpoint = (block.transactions[0].txid, 0)
        return outpoint, self.node.chain.ledger.coins[outpoint]


@pytest.fixture
def node() -> Iterator[Node]:
    node = Node()
    yield node
    node.chain.store.close()


@pytest.fixture
def hands(node: Node) -> Hands:
    return Hands(node)
