"""Chain and wallet together: opened from a store, funded at the first start, ready to pay."""

import secrets
import time
from decimal import Decimal, InvalidOperation
from urllib.parse import parse_qsl

from devchain import address
from devchain.chain import Chain, unknown_transaction
from devchain.errors import DevchainError, Refused
from devchain.ledger import Coin
from devchain.sighash import ALL_FORKID
from devchain.store import MemoryStore, Store
from devchain.transaction import Outpoint, Output, Token, Transaction
from devchain.wallet import Wallet

FIRST_BLOCKS = 110
SPLIT_COINBASES = 9
COINS_EACH = 25
BLOCK_SECONDS = 600
SAT = 100_000_000
TOKEN_OUTPUT_SAT = 1_000


class Node:
    """`Node(store)` opens or creates; `fund=False` leaves a new chain at genesis."""

    def __init__(self, store: Store | None = None, *, fund: bool = True) -> None:
        store = store or MemoryStore()
        records = store.read()
        if not records:
            records = [("seed", secrets.token_hex(32))]
            store.append(records)
        self.wallet = Wallet(bytes.fromhex(records[0][1]))
        self.chain = Chain(store, self.wallet.locking)
        for record in records[1:]:
            if record[0] == "address":
                self.wallet.add_address()
            else:
                self.chain.replay(record)
        if fund and self.chain.ledger.height < FIRST_BLOCKS:
            self._fund()

    def new_address(self) -> str:
        with self.chain.lock:
            locking = self.wallet.add_address()
            self.chain.store.append([("address",)])
            return address_of(locking)

    def coins(self) -> dict[Outpoint, Coin]:
        """Everything the wallet may spend now; token-carrying outputs are left alone."""
        found: dict[Outpoint, Coin] = {}
        for locking in self.wallet.secrets:
            found |= self.chain.coins_of(Output(0, locking).scripthash)
        return {
            each: coin
            for each, coin in found.items()
            if coin.output.token is None and self.chain.is_mature(coin)
        }

    def pay(
        self,
        locking: bytes,
        amount_sat: int,
        *,
        with_token: bool = False,
        with_parent: bool = False,
        hash_type: int = ALL_FORKID,
    ) -> Transaction:
        """Signs and submits a payment. Raises Refused (dust and the like) or insufficient funds.

        `with_parent`: it spends the change of a payment that waits for a block itself.
        """
        with self.chain.lock:
            if with_parent:
                payment = self._build_chained([Output(amount_sat, locking)])
            elif with_token:
                payment = self._build_token(locking, amount_sat)
            else:
                payment = self._build([Output(amount_sat, locking)])
            if hash_type != ALL_FORKID:
                payment = self._sign_again(payment, hash_type)
            self.chain.submit(payment.raw)
            return payment

    def double_spend(self, txid: str, *, mine: bool = False) -> Transaction:
        """Spends an input of the wallet's own transaction a second time, back to the wallet.

        While the first waits in the mempool the second is refused and leaves a proof; with `mine`
        it is put into a block instead, and the first can never confirm. After an eviction or a
        reorg that dropped the first, the second enters the mempool like any other.
        """
        with self.chain.lock:
            entry = self.chain.mempool.entries.get(txid)
            first = entry.transaction if entry else self.chain.forgotten.get(txid)
            if first is None:
                raise unknown_transaction(txid)
            second = self._conflict(first)
            if mine:
                self.chain.mine_instead(second.raw)
                return second
            try:
                self.chain.submit(second.raw)
            except Refused as refusal:
                if refusal.reason != "txn-mempool-conflict":
                    raise
            return second

    def _build(self, outputs: list[Output]) -> Transaction:
        """Leaves the coins of evicted and dropped payments alone: those may be sent again."""
        coins = self.coins()
        gone = self.chain.forgotten.values()
        kept = {each.outpoint for transaction in gone for each in transaction.inputs}
        try:
            free = {each: coin for each, coin in coins.items() if each not in kept}
            return self.wallet.build(free, outputs)
        except DevchainError:
            return self.wallet.build(coins, outputs)

    def _conflict(self, first: Transaction) -> Transaction:
        for each in first.inputs:
            coin = self.chain.mempool.coins.get(each.outpoint) or self.chain.ledger.coins.get(
                each.outpoint
            )
            if coin is not None and self.wallet.owns(coin.output):
                return self.wallet.spend({each.outpoint: coin}, [])
        raise DevchainError(
            "not_ours",
            "The devchain wallet owns no unspent input of that transaction.",
            "Only transactions that the devchain wallet paid can be double-spent here.",
        )

    def _build_chained(self, outputs: list[Output]) -> Transaction:
        parent = self.pay(self.wallet.locking, SAT)
        outpoint = parent.txid, 0
        return self.wallet.spend({outpoint: Coin(parent.outputs[0])}, outputs)

    def _sign_again(self, payment: Transaction, hash_type: int) -> Transaction:
        coins = self.coins()
        return self.wallet.sign(
            payment, [coins[each.outpoint] for each in payment.inputs], hash_type
        )

    def _build_token(self, locking: bytes, amount_sat: int) -> Transaction:
        """Creates a token: its category is the transaction whose output 0 is spent."""
        coins = self.coins()
        if not any(index == 0 for _, index in coins):
            parent = self.pay(self.wallet.locking, SAT)
            coins = {(parent.txid, 0): Coin(parent.outputs[0])}
        outpoint = next(each for each in coins if each[1] == 0)
        token = Token(outpoint[0], amount=1)
        return self.wallet.spend({outpoint: coins[outpoint]}, [Output(amount_sat, locking, token)])

    def _fund(self) -> None:
        """Mines the first blocks, as if ten minutes apart, and splits the ripe coins."""
        start = int(time.time()) - (FIRST_BLOCKS + 2) * BLOCK_SECONDS
        while self.chain.ledger.height < FIRST_BLOCKS:
            height = self.chain.ledger.height + 1
            self.chain.mine(now=start + height * BLOCK_SECONDS)
        ripe = dict(
            sorted(self.coins().items(), key=lambda item: item[1].height or 0)[:SPLIT_COINBASES]
        )
        if ripe:
            each_sat = sum(coin.output.value_sat for coin in ripe.values()) // (
                len(ripe) * COINS_EACH
            )
            piece = Output(each_sat, self.wallet.locking)
            split = self.wallet.spend(ripe, [piece] * (len(ripe) * COINS_EACH - 1))
            self.chain.submit(split.raw)
            self.chain.mine(now=start + (FIRST_BLOCKS + 1) * BLOCK_SECONDS)


def address_of(locking: bytes) -> str:
    return address.encode(locking) or ""


def parse_uri(uri: str) -> tuple[bytes, int | None]:
    """A BIP-21 URI or a bare address: (locking script, satoshis or None). Raises DevchainError."""
    target, _, query = uri.strip().partition("?")
    fields = dict(parse_qsl(query))
    for name in fields:
        if name.startswith("req-"):
            raise DevchainError("bad_uri", f"This wallet does not know {name}.", "Leave it out.")
    locking = address.decode(target)
    if "amount" not in fields:
        return locking, None
    try:
        amount_sat = Decimal(fields["amount"]) * SAT
        if not amount_sat.is_finite() or amount_sat != int(amount_sat) or amount_sat <= 0:
            raise InvalidOperation  # noqa: TRY301 - one way out for every wrong amount
    except InvalidOperation as problem:
        raise DevchainError(
            "bad_amount", "The amount is not a number of BCH.", "Use up to 8 decimals."
        ) from problem
    return locking, int(amount_sat)
