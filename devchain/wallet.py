"""The wallet that pays: its keys, its coins and the signing of transactions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from devchain import keys
from devchain.encoding import sha256
from devchain.errors import DevchainError
from devchain.ledger import Coin
from devchain.rules import dust_limit_sat
from devchain.script import push
from devchain.sighash import ALL_FORKID, Spend
from devchain.transaction import Input, Outpoint, Output, Transaction

INPUT_BYTES = 148
OUTPUT_BYTES = 34
BASE_BYTES = 10
FEE_SAT_PER_BYTE = 1


@dataclass
class Wallet:
    """Keys are drawn from one seed by number; number 0 receives change and mined coins."""

    seed: bytes
    secrets: dict[bytes, bytes] = field(default_factory=dict)  # locking script to secret

    def __post_init__(self) -> None:
        self.add_address()

    @property
    def locking(self) -> bytes:
        return next(iter(self.secrets))

    @property
    def newest(self) -> bytes:
        return next(reversed(self.secrets))

    def add_address(self) -> bytes:
        secret = sha256(self.seed + len(self.secrets).to_bytes(4, "big"))
        locking = keys.p2pkh(secret)
        self.secrets[locking] = secret
        return locking

    def owns(self, output: Output) -> bool:
        return output.locking in self.secrets

    def build(self, coins: dict[Outpoint, Coin], outputs: Sequence[Output]) -> Transaction:
        """A signed payment with change back to the wallet. Raises if the coins do not suffice."""
        size_bytes = BASE_BYTES + sum(len(output.serialize()) for output in outputs)
        wanted_sat = sum(output.value_sat for output in outputs) + size_bytes * FEE_SAT_PER_BYTE
        chosen = choose(coins, wanted_sat)
        return self.spend({each: coins[each] for each in chosen}, outputs)

    def spend(self, coins: dict[Outpoint, Coin], outputs: Sequence[Output]) -> Transaction:
        """Spends exactly these coins; what is left over the fee comes back as change."""
        size_bytes = BASE_BYTES + INPUT_BYTES * len(coins)
        size_bytes += sum(len(output.serialize()) for output in outputs)
        left_sat = sum(coin.output.value_sat for coin in coins.values())
        left_sat -= sum(output.value_sat for output in outputs) + size_bytes * FEE_SAT_PER_BYTE
        change = Output(left_sat - OUTPUT_BYTES * FEE_SAT_PER_BYTE, self.locking)
        if left_sat < 0:
            raise insufficient()
        kept = [change] if change.value_sat >= dust_limit_sat(change) else []
        inputs = tuple(Input(txid, index) for txid, index in coins)
        return self.sign(Transaction(2, inputs, (*outputs, *kept)), list(coins.values()))

    def sign(
        self, transaction: Transaction, coins: Iterable[Coin], hash_type: int = ALL_FORKID
    ) -> Transaction:
        """Signs every input by ECDSA; all coins must be the wallet's own P2PKH."""
        outputs = [coin.output for coin in coins]
        spend, signed = Spend(transaction, outputs), []
        for index, (each, output) in enumerate(zip(transaction.inputs, outputs, strict=True)):
            secret = self.secrets[output.locking]
            digest = spend.digest(index, output.locking, hash_type)
            signature = keys.sign_ecdsa(secret, digest) + bytes([hash_type])
            unlocking = push(signature) + push(keys.public_key(secret))
            signed.append(replace(each, unlocking=unlocking))
        return replace(transaction, inputs=tuple(signed))


def choose(coins: dict[Outpoint, Coin], wanted_sat: int) -> list[Outpoint]:
    """The smallest coin that suffices, else the largest ones; confirmed coins first."""
    by_value = sorted(coins, key=lambda each: coins[each].output.value_sat)
    for is_confirmed in (True, False):
        for each in by_value:
            coin = coins[each]
            enough = coin.output.value_sat >= wanted_sat + INPUT_BYTES + OUTPUT_BYTES
            if enough and (coin.height is not None) == is_confirmed:
                return [each]
    chosen: list[Outpoint] = []
    for each in sorted(
        coins, key=lambda each: (coins[each].height is None, -coins[each].output.value_sat)
    ):
        chosen.append(each)
        wanted_sat += INPUT_BYTES - coins[each].output.value_sat
        if wanted_sat + OUTPUT_BYTES <= 0:
            return chosen
    raise insufficient()


def insufficient() -> DevchainError:
    return DevchainError(
        "insufficient_funds",
        "The devchain wallet has not enough spendable coins.",
        "Mine a block first.",
    )
