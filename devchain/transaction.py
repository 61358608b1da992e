"""Transactions as bytes and as values. Transaction ids are the hex that people see.

Token prefixes on outputs follow the CashTokens specification (CHIP-2022-02): 0xef, the category in
byte order of a hash, a bit field, a commitment, an amount, then the locking script.
"""

from dataclasses import dataclass
from functools import cached_property

from devchain.encoding import Reader, double_sha256, sha256, write_bytes, write_varint
from devchain.errors import Malformed

Outpoint = tuple[str, int]

NULL_TXID = "00" * 32
MAX_MONEY_SAT = 21_000_000 * 100_000_000
MAX_TOKEN_AMOUNT = 2**63 - 1
TOKEN_PREFIX = 0xEF


@dataclass(frozen=True, slots=True)
class Token:
    category: str
    amount: int = 0
    capability: str | None = None  # "none", "mutable", "minting"; None where there is no NFT
    commitment: bytes = b""


@dataclass(frozen=True, slots=True)
class Input:
    txid: str
    index: int
    unlocking: bytes = b""
    sequence: int = 0xFFFFFFFF

    @property
    def outpoint(self) -> Outpoint:
        return (self.txid, self.index)

    def serialize_outpoint(self) -> bytes:
        return bytes.fromhex(self.txid)[::-1] + self.index.to_bytes(4, "little")


@dataclass(frozen=True)
class Output:
    value_sat: int
    locking: bytes
    token: Token | None = None

    @cached_property
    def scripthash(self) -> str:
        """The Electrum name of the script: SHA-256 reversed, without any token prefix."""
        return sha256(self.locking)[::-1].hex()

    @cached_property
    def token_prefix(self) -> bytes:
        return b"" if self.token is None else serialize_token(self.token)

    def serialize(self) -> bytes:
        script = self.token_prefix + self.locking
        return self.value_sat.to_bytes(8, "little") + write_bytes(script)


@dataclass(frozen=True)
class Transaction:
    version: int
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    locktime: int = 0

    @cached_property
    def raw(self) -> bytes:
        parts = [self.version.to_bytes(4, "little"), write_varint(len(self.inputs))]
        for each in self.inputs:
            parts += [each.serialize_outpoint(), write_bytes(each.unlocking)]
            parts.append(each.sequence.to_bytes(4, "little"))
        parts.append(write_varint(len(self.outputs)))
        parts += [output.serialize() for output in self.outputs]
        parts.append(self.locktime.to_bytes(4, "little"))
        return b"".join(parts)

    @cached_property
    def txid(self) -> str:
        return double_sha256(self.raw)[::-1].hex()

    @property
    def is_coinbase(self) -> bool:
        return len(self.inputs) == 1 and self.inputs[0].outpoint == (NULL_TXID, 0xFFFFFFFF)


def parse(raw: bytes) -> Transaction:
    """Exactly one transaction. Raises Malformed."""
    reader = Reader(raw)
    transaction = read(reader)
    if not reader.is_done:
        raise Malformed("TX decode failed")
    return transaction


def read(reader: Reader) -> Transaction:
    start = reader.position
    version = reader.uint(4)
    inputs = tuple(_read_input(reader) for _ in range(_count(reader)))
    outputs = tuple(_read_output(reader) for _ in range(_count(reader)))
    transaction = Transaction(version, inputs, outputs, reader.uint(4))
    # The bytes are at hand; the serialisation would only build them again.
    transaction.__dict__["raw"] = reader.data[start : reader.position]
    return transaction


def serialize_token(token: Token) -> bytes:
    bits = {None: 0, "none": 0x20, "mutable": 0x21, "minting": 0x22}[token.capability]
    bits |= (0x40 if token.commitment else 0) | (0x10 if token.amount else 0)
    prefix = bytes([TOKEN_PREFIX]) + bytes.fromhex(token.category)[::-1] + bytes([bits])
    if token.commitment:
        prefix += write_bytes(token.commitment)
    if token.amount:
        prefix += write_varint(token.amount)
    return prefix


def _count(reader: Reader) -> int:
    count = reader.varint()
    if count > len(reader.data):
        raise Malformed("TX decode failed")
    return count


def _read_input(reader: Reader) -> Input:
    txid = reader.take(32)[::-1].hex()
    return Input(txid, reader.uint(4), reader.varbytes(), reader.uint(4))


def _read_output(reader: Reader) -> Output:
    value_sat, script = reader.uint(8), reader.varbytes()
    if script[:1] != bytes([TOKEN_PREFIX]):
        return Output(value_sat, script)
    try:
        token, locking = _split_token(script)
    except Malformed:
        # The node keeps such a script whole; the rules refuse it as no standard script.
        return Output(value_sat, script)
    return Output(value_sat, locking, token)


def _split_token(script: bytes) -> tuple[Token, bytes]:
    reader = Reader(script)
    reader.take(1)
    category = reader.take(32)[::-1].hex()
    bits = reader.uint(1)
    has_commitment, has_nft, has_amount = bits & 0x40, bits & 0x20, bits & 0x10
    kind = bits & 0x0F
    commitment = reader.varbytes() if has_commitment else b""
    amount = reader.varint() if has_amount else 0
    wrong = (
        bits & 0x80
        or kind > 2
        or not (has_nft or has_amount)
        or (not has_nft and (has_commitment or kind))
        or (has_commitment and not 1 <= len(commitment) <= 128)
        or (has_amount and not 1 <= amount <= MAX_TOKEN_AMOUNT)
    )
    if wrong:
        raise Malformed("bad token prefix")
    capability = ("none", "mutable", "minting")[kind] if has_nft else None
    return Token(category, amount, capability, commitment), script[reader.position :]
