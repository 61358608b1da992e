"""Bitcoin Cash transactions as bytes: parsed strictly, hashed by us, written back the same.

A server's word about an amount or a script is never used: we take the raw bytes, check that they
hash to the id we asked for, and read inputs and outputs ourselves. Token prefixes follow
CHIP-2022-02-CashTokens.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from payments.errors import BadTransaction

MAX_TX_BYTES: Final = 1_000_000  # consensus, since May 2018
MAX_MONEY_SAT: Final = 21_000_000 * 100_000_000
TOKEN_PREFIX: Final = 0xEF
_COINBASE_TXID: Final = "00" * 32
_COINBASE_VOUT: Final = 0xFFFF_FFFF
_MAX_TOKENS: Final = 2**63 - 1


@dataclass(frozen=True, slots=True, order=True)
class Outpoint:
    """One output of one transaction. ``txid`` is hex as people read it (byte-reversed)."""

    txid: str
    vout: int


@dataclass(frozen=True, slots=True)
class TxInput:
    """What a transaction spends. A coinbase input spends 32 zero bytes at 0xffffffff."""

    outpoint: Outpoint
    script_sig: bytes
    sequence: int


@dataclass(frozen=True, slots=True)
class TxOutput:
    """``script`` is the locking script alone; ``token_prefix`` what stood before it (or b"")."""

    value_sat: int
    script: bytes
    token_prefix: bytes = b""

    @property
    def has_token(self) -> bool:
        """Whether this output carries CashTokens, so that its satoshis must not count."""
        return bool(self.token_prefix)


@dataclass(frozen=True, slots=True)
class Transaction:
    """A parsed transaction; ``serialize`` gives back the bytes it was parsed from."""

    version: int
    inputs: tuple[TxInput, ...]
    outputs: tuple[TxOutput, ...]
    locktime: int

    @property
    def is_coinbase(self) -> bool:
        """Whether a block's first transaction, made of nothing: its coins wait 100 blocks."""
        return len(self.inputs) == 1 and self.inputs[0].outpoint == Outpoint(
            _COINBASE_TXID, _COINBASE_VOUT
        )

    @property
    def txid(self) -> str:
        """The id as people read it."""
        return txid_of(self.serialize())

    def serialize(self) -> bytes:
        """The bytes that go over the wire and are hashed."""
        parts = [self.version.to_bytes(4, "little"), _compact(len(self.inputs))]
        for tx_input in self.inputs:
            parts.append(bytes.fromhex(tx_input.outpoint.txid)[::-1])
            parts.append(tx_input.outpoint.vout.to_bytes(4, "little"))
            parts.append(_compact(len(tx_input.script_sig)) + tx_input.script_sig)
            parts.append(tx_input.sequence.to_bytes(4, "little"))
        parts.append(_compact(len(self.outputs)))
        for output in self.outputs:
            locking = output.token_prefix + output.script
            parts.append(output.value_sat.to_bytes(8, "little"))
            parts.append(_compact(len(locking)) + locking)
        parts.append(self.locktime.to_bytes(4, "little"))
        return b"".join(parts)


def txid_of(raw: bytes) -> str:
    """Double SHA-256, byte-reversed hex."""
    return hashlib.sha256(hashlib.sha256(raw).digest()).digest()[::-1].hex()


def parse(raw: bytes, *, txid: str) -> Transaction:
    """Read ``raw``, which a server says is ``txid``.

    Raises ``BadTransaction`` when it hashes to something else, has 64 bytes (it could then be an
    inner node of a merkle tree), ends early or late, or breaks the format anywhere.
    """
    if txid_of(raw) != txid:
        raise BadTransaction("These bytes are not the transaction that was asked for.")
    if len(raw) == 64 or len(raw) > MAX_TX_BYTES:
        raise BadTransaction("No transaction has this length.")
    reader = _Reader(raw)
    transaction = Transaction(
        version=reader.number(4),
        inputs=tuple(_read_input(reader) for _ in range(reader.count())),
        outputs=tuple(_read_output(reader) for _ in range(reader.count())),
        locktime=reader.number(4),
    )
    if reader.left or not transaction.inputs or not transaction.outputs:
        raise BadTransaction("The transaction has bytes left over, or no inputs or outputs.")
    return transaction


class _Reader:
    """Takes bytes off the front, and never past the end."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._raw) - self._at

    def take(self, size: int) -> bytes:
        if size > self.left:
            raise BadTransaction("The transaction ends early.")
        self._at += size
        return self._raw[self._at - size : self._at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")

    def count(self) -> int:
        """A CompactSize, which must be written as short as it can be."""
        first = self.number(1)
        if first < 0xFD:
            return first
        size = {0xFD: 2, 0xFE: 4, 0xFF: 8}[first]
        value = self.number(size)
        if value < {2: 0xFD, 4: 0x1_0000, 8: 0x1_0000_0000}[size]:
            raise BadTransaction("A length is written longer than it needs to be.")
        return value


def _read_input(reader: _Reader) -> TxInput:
    txid = reader.take(32)[::-1].hex()
    outpoint = Outpoint(txid, reader.number(4))
    return TxInput(outpoint, reader.take(reader.count()), reader.number(4))


def _read_output(reader: _Reader) -> TxOutput:
    value_sat = reader.number(8)
    if value_sat > MAX_MONEY_SAT:
        raise BadTransaction("An output is worth more than all coins there are.")
    locking = reader.take(reader.count())
    prefix_size = _token_prefix_size(locking)
    return TxOutput(value_sat, locking[prefix_size:], locking[:prefix_size])


def _token_prefix_size(locking: bytes) -> int:
    """How many bytes of ``locking`` are a CashTokens prefix; 0 when there is none.

    A malformed prefix is none, as nodes have it: the whole is then an unspendable script, which
    is nobody's address.
    """
    if not locking or locking[0] != TOKEN_PREFIX:
        return 0
    reader = _Reader(locking[1:])
    try:
        _skip_token(reader)
    except BadTransaction:
        return 0
    return len(locking) - reader.left


def _skip_token(reader: _Reader) -> None:
    """Read past category, bitfield, commitment and amount (CHIP-2022-02, token prefix)."""
    reader.take(32)
    bitfield = reader.number(1)
    has_commitment, has_nft, has_amount = bitfield & 0x40, bitfield & 0x20, bitfield & 0x10
    capability = bitfield & 0x0F
    if bitfield & 0x80 or not (has_nft or has_amount) or capability > 2:
        raise BadTransaction("The token bitfield is not valid.")
    if not has_nft and (has_commitment or capability):
        raise BadTransaction("Only an NFT has a commitment or a capability.")
    if has_commitment and not reader.take(reader.count()):
        raise BadTransaction("A token commitment may not be empty.")
    if has_amount and not 1 <= reader.count() <= _MAX_TOKENS:
        raise BadTransaction("The token amount is out of range.")


def _compact(number: int) -> bytes:
    if number < 0xFD:
        return bytes([number])
    if number < 0x1_0000:
        return b"\xfd" + number.to_bytes(2, "little")
    return b"\xfe" + number.to_bytes(4, "little")
