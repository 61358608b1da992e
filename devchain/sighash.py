"""The digest a signature covers: BIP 143 as used by Bitcoin Cash (FORKID), with token prefixes
(CHIP-2022-02) and SIGHASH_UTXOS."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from devchain.encoding import double_sha256, write_bytes
from devchain.transaction import Output, Transaction

ALL, NONE, SINGLE = 1, 2, 3
UTXOS, FORKID, ANYONECANPAY = 0x20, 0x40, 0x80
ALL_FORKID = ALL | FORKID
ZERO_HASH = bytes(32)


def is_defined(hash_type: int) -> bool:
    """Whether a node accepts the hash type: FORKID set, no UTXOS together with ANYONECANPAY."""
    base = hash_type & ~(UTXOS | FORKID | ANYONECANPAY)
    both = hash_type & UTXOS and hash_type & ANYONECANPAY
    return base in {ALL, NONE, SINGLE} and bool(hash_type & FORKID) and not both


@dataclass(frozen=True)
class Spend:
    """A transaction with the outputs it spends: everything a script may look at.

    The three hashes are kept, so that a transaction with many inputs is hashed once.
    """

    transaction: Transaction
    coins: Sequence[Output]

    @cached_property
    def hash_prevouts(self) -> bytes:
        outpoints = (each.serialize_outpoint() for each in self.transaction.inputs)
        return double_sha256(b"".join(outpoints))

    @cached_property
    def hash_sequence(self) -> bytes:
        sequences = (each.sequence.to_bytes(4, "little") for each in self.transaction.inputs)
        return double_sha256(b"".join(sequences))

    @cached_property
    def hash_outputs(self) -> bytes:
        return double_sha256(b"".join(each.serialize() for each in self.transaction.outputs))

    @cached_property
    def hash_utxos(self) -> bytes:
        return double_sha256(b"".join(coin.serialize() for coin in self.coins))

    def outputs_hash_for(self, index: int, hash_type: int) -> bytes:
        base = hash_type & 0x1F
        if base == SINGLE:
            outputs = self.transaction.outputs
            return double_sha256(outputs[index].serialize()) if index < len(outputs) else ZERO_HASH
        return ZERO_HASH if base == NONE else self.hash_outputs

    def prevouts_hash_for(self, hash_type: int) -> bytes:
        return ZERO_HASH if hash_type & ANYONECANPAY else self.hash_prevouts

    def sequence_hash_for(self, hash_type: int) -> bytes:
        alone = hash_type & ANYONECANPAY or hash_type & 0x1F in {NONE, SINGLE}
        return ZERO_HASH if alone else self.hash_sequence

    def digest(self, index: int, script_code: bytes, hash_type: int) -> bytes:
        coin, spent = self.coins[index], self.transaction.inputs[index]
        parts = [
            self.transaction.version.to_bytes(4, "little"),
            self.prevouts_hash_for(hash_type),
            self.hash_utxos if hash_type & UTXOS else b"",
            self.sequence_hash_for(hash_type),
            spent.serialize_outpoint(),
            coin.token_prefix,
            write_bytes(script_code),
            coin.value_sat.to_bytes(8, "little"),
            spent.sequence.to_bytes(4, "little"),
            self.outputs_hash_for(index, hash_type),
            self.transaction.locktime.to_bytes(4, "little"),
            hash_type.to_bytes(4, "little"),
        ]
        return double_sha256(b"".join(parts))
