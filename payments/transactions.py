"""Bitcoin Cash transactions as bytes: parsed strictly, hashed by us, written back the same.

A server's word about an amount or a script is never used: we take the raw bytes, check that they
hash to the id we asked for, and read inputs and outputs ourselves. Token prefixes follow
CHIP-2022-02-CashTokens.
"""

from __future__ import annotations

from dataclasses import dataclass


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
