"""The forwarder: a keyless address whose coins can only go on to one creator.

    redeem = push(nonce) DROP
             INPUTINDEX OUTPUTBYTECODE push(payee script) EQUALVERIFY
             INPUTINDEX OUTPUTVALUE INPUTINDEX UTXOVALUE push(max fee) SUB GREATERTHANOREQUAL

Whoever spends input i must let output i pay the payee the input's value less at most the fee; there
is no signature and no key, so nobody can steal and anybody may forward (opcodes: CHIP-2021-02
native introspection). The nonce makes an address per sale. It is derived from the payout's seed, so
the seed, the payee script and the fee find every address again, without this server.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from payments.addresses import p2sh20_script
from payments.errors import NotForwardable
from payments.transactions import Outpoint, Transaction, TxInput, TxOutput

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NONCE_BYTES: Final = 16
MAX_FEE_SAT: Final = 600  # room for several times today's fee of about 150 sat
SAT_PER_BYTE: Final = 1
MSAT_PER_BYTE: Final = 1_000 * SAT_PER_BYTE  # rates are thousandths, so that they stay integers
RECOVERY_GAP: Final = 1_000  # unused addresses in a row, after which a scan looks one jump further
RECOVERY_JUMP: Final = 10_000  # a counter leaves out so many when its database was restored
SEQUENCE_FINAL: Final = 0xFFFF_FFFF

# Outputs worth less are not relayed: 3 sat a byte of the output and of an input spending it.
_DUST_SAT: Final = {25: 546, 23: 540, 35: 576}

_NO_FORWARD: Final = "Only transactions that pass forwarders' coins on to their payee are sent."

_DROP: Final = b"\x75"
_PAYS: Final = b"\xc0\xcd"  # INPUTINDEX OUTPUTBYTECODE
_VALUES: Final = b"\x88\xc0\xcc\xc0\xc6"  # EQUALVERIFY INPUTINDEX OUTPUTVALUE INPUTINDEX UTXOVALUE
_ENOUGH: Final = b"\x94\xa2"  # SUB GREATERTHANOREQUAL


@dataclass(frozen=True, slots=True)
class Forwarder:
    """One address's covenant. ``payee_script`` is P2PKH, P2SH20 or P2SH32."""

    nonce: bytes
    payee_script: bytes
    max_fee_sat: int

    @property
    def redeem_script(self) -> bytes:
        """56 bytes for a P2PKH payee and a fee of two bytes."""
        return b"".join(
            (
                _push(self.nonce) + _DROP,
                _PAYS + _push(self.payee_script),
                _VALUES + _push(_script_number(self.max_fee_sat)),
                _ENOUGH,
            )
        )

    @property
    def script(self) -> bytes:
        """The P2SH20 locking script buyers pay to. Only the payee's side chooses the bytes that
        are hashed, so a collision could harm nobody but its maker, and every wallet can pay it.
        """
        return p2sh20_script(self.redeem_script)

    @property
    def script_sig(self) -> bytes:
        """All that an input needs to spend from this address."""
        return _push(self.redeem_script)


@dataclass(frozen=True, slots=True)
class Coin:
    """An output that lies on a forwarder's address and carries no token.

    A token would be lost: the covenant does not ask for it to be passed on.
    """

    outpoint: Outpoint
    value_sat: int
    forwarder: Forwarder


def forwarder(seed: bytes, number: int, *, payee_script: bytes, max_fee_sat: int) -> Forwarder:
    """The ``number``-th forwarder of a payout: nonce = HMAC-SHA-256(seed, u32 number)[:16]."""
    nonce = hmac.digest(seed, number.to_bytes(4), hashlib.sha256)[:NONCE_BYTES]
    return Forwarder(nonce, payee_script, max_fee_sat)


def forwarders(
    seed: bytes, *, payee_script: bytes, max_fee_sat: int, start: int = 0
) -> Iterator[tuple[int, Forwarder]]:
    """All forwarders of a payout in order: what a recovery scans, until ``RECOVERY_GAP`` unused."""
    for number in range(start, 2**32):
        yield (
            number,
            forwarder(seed, number, payee_script=payee_script, max_fee_sat=max_fee_sat),
        )


def forward(coins: Sequence[Coin], *, msat_per_byte: int = MSAT_PER_BYTE) -> Transaction:
    """One transaction that passes every coin on: output i pays input i's payee. No signature.

    Each coin pays for its own bytes and its share of the rest, at most its covenant's fee. Raises
    ``NotForwardable`` when a coin cannot: it would leave too little to be relayed.
    """
    if not coins:
        raise NotForwardable("There is nothing to forward.")
    inputs = tuple(TxInput(c.outpoint, c.forwarder.script_sig, SEQUENCE_FINAL) for c in coins)
    drafts = tuple(TxOutput(c.value_sat, c.forwarder.payee_script) for c in coins)
    draft = Transaction(version=2, inputs=inputs, outputs=drafts, locktime=0)
    sizes = [_own_bytes(coin.forwarder) for coin in coins]
    shared = -(-(len(draft.serialize()) - sum(sizes)) // len(coins))
    outputs = tuple(
        _pay_on(coin, fee_sat=_fee_sat(size + shared, msat_per_byte))
        for coin, size in zip(coins, sizes, strict=True)
    )
    return Transaction(version=2, inputs=inputs, outputs=outputs, locktime=0)


def least_sat(forwarder: Forwarder, *, msat_per_byte: int = MSAT_PER_BYTE) -> int:
    """The least coin of this address that can go on alone: its fee, and what is still relayed."""
    return _fee_sat(_alone_bytes(forwarder), msat_per_byte) + _DUST_SAT[len(forwarder.payee_script)]


def most_msat_per_byte(forwarder: Forwarder) -> int:
    """The highest rate that its covenant lets pass, for a coin that goes alone."""
    return forwarder.max_fee_sat * 1_000 // _alone_bytes(forwarder)


def check_shape(transaction: Transaction) -> None:
    """Raise ``NotForwardable`` unless every input spends a forwarder and output i pays its payee,
    and nothing else is paid. Values are the network's to check: it knows what the coins hold.
    """
    if len(transaction.inputs) != len(transaction.outputs):
        raise NotForwardable("A forward has one output for each input.", hint=_NO_FORWARD)
    for spent, paid in zip(transaction.inputs, transaction.outputs, strict=True):
        found = from_script_sig(spent.script_sig)
        if found is None or found.payee_script != paid.script or paid.has_token:
            raise NotForwardable("That does more than pass coins on.", hint=_NO_FORWARD)


def is_forward(transaction: Transaction) -> bool:
    """Whether a transaction spends a forwarder, so that its outputs are no buyer's payment.

    It goes by the shape of the spending script, not by our records: forwards of a restored
    database, or made by anybody else, are known as what they are.
    """
    return any(from_script_sig(each.script_sig) is not None for each in transaction.inputs)


def from_script_sig(script_sig: bytes) -> Forwarder | None:
    """The forwarder that an input spends, or None when it spends something else."""
    redeem = script_sig[1:]
    if len(redeem) < 52 or len(redeem) > 75 or script_sig[0] != len(redeem):
        return None
    nonce, rest = redeem[1 : 1 + NONCE_BYTES], redeem[1 + NONCE_BYTES :]
    payee_bytes = rest[3]
    payee, number = rest[4 : 4 + payee_bytes], rest[10 + payee_bytes : -2]
    if payee_bytes not in _DUST_SAT:
        return None
    found = Forwarder(nonce, payee, int.from_bytes(number, "little"))
    return found if found.redeem_script == redeem else None


def _pay_on(coin: Coin, *, fee_sat: int) -> TxOutput:
    rest_sat = coin.value_sat - fee_sat
    if fee_sat > coin.forwarder.max_fee_sat:
        raise NotForwardable("The network's fee is more than this address lets pass.")
    if rest_sat < _DUST_SAT[len(coin.forwarder.payee_script)]:
        raise NotForwardable("After the fee too little would be left to be relayed.")
    return TxOutput(rest_sat, coin.forwarder.payee_script)


def _fee_sat(size_bytes: int, msat_per_byte: int) -> int:
    """Rounded up: a rate below the network's least is refused."""
    return -(-size_bytes * msat_per_byte // 1_000)


def _alone_bytes(spent: Forwarder) -> int:
    """Version, two counts and locktime are 10 bytes."""
    return 10 + _own_bytes(spent)


def _own_bytes(spent: Forwarder) -> int:
    """What one coin adds: outpoint, script and sequence; value and the payee's script."""
    return 36 + 1 + len(spent.script_sig) + 4 + 8 + 1 + len(spent.payee_script)


def _push(data: bytes) -> bytes:
    """A direct push; what we push has 2 to 75 bytes."""
    return bytes([len(data)]) + data


def _script_number(value: int) -> bytes:
    """A positive number as scripts write it: little-endian, the top bit free for the sign."""
    return value.to_bytes(value.bit_length() // 8 + 1, "little")
