"""Headers, blocks, merkle trees and mining at regtest difficulty."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from devchain import transaction
from devchain.encoding import Reader, double_sha256, write_varint
from devchain.errors import Malformed
from devchain.machine import encode_number
from devchain.script import push
from devchain.transaction import NULL_TXID, Input, Output, Transaction

REGTEST_BITS = 0x207FFFFF
REGTEST_TARGET = 0x7FFFFF << 8 * (0x20 - 3)
BLOCK_VERSION = 0x20000000
GENESIS_COINBASE = (
    "01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff4d04ffff001d"
    "0104455468652054696d65732030332f4a616e2f32303039204368616e63656c6c6f72206f6e206272696e6b206f66"
    "207365636f6e64206261696c6f757420666f722062616e6b73ffffffff0100f2052a01000000434104678afdb0fe55"
    "48271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de5c384df7ba"
    "0b8d578a4c702b6bf11d5fac00000000"
)


@dataclass(frozen=True)
class Header:
    version: int
    previous: str
    merkle_root: bytes
    time: int
    bits: int
    nonce: int

    @cached_property
    def raw(self) -> bytes:
        fields = (self.time, self.bits, self.nonce)
        return (
            self.version.to_bytes(4, "little")
            + bytes.fromhex(self.previous)[::-1]
            + self.merkle_root
            + b"".join(field.to_bytes(4, "little") for field in fields)
        )

    @cached_property
    def hash(self) -> str:
        return double_sha256(self.raw)[::-1].hex()

    @property
    def has_work(self) -> bool:
        return int(self.hash, 16) <= REGTEST_TARGET


@dataclass(frozen=True)
class Block:
    header: Header
    transactions: tuple[Transaction, ...]

    @cached_property
    def raw(self) -> bytes:
        body = b"".join(each.raw for each in self.transactions)
        return self.header.raw + write_varint(len(self.transactions)) + body

    @property
    def hash(self) -> str:
        return self.header.hash

    @property
    def txids(self) -> list[str]:
        return [each.txid for each in self.transactions]


def parse(raw: bytes) -> Block:
    reader = Reader(raw)
    version, previous = reader.uint(4), reader.take(32)[::-1].hex()
    header = Header(
        version, previous, reader.take(32), reader.uint(4), reader.uint(4), reader.uint(4)
    )
    block = Block(header, tuple(transaction.read(reader) for _ in range(reader.varint())))
    if not reader.is_done:
        raise Malformed("Block decode failed")
    return block


def genesis() -> Block:
    """The regtest genesis block of Bitcoin and Bitcoin Cash alike."""
    coinbase = transaction.parse(bytes.fromhex(GENESIS_COINBASE))
    root = merkle_root([coinbase.txid])
    return Block(Header(1, NULL_TXID, root, 1296688602, REGTEST_BITS, 2), (coinbase,))


def mine(previous: str, transactions: Sequence[Transaction], time: int) -> Block:
    """Finds a nonce; at regtest difficulty two tries on average."""
    root = merkle_root([each.txid for each in transactions])
    nonce = 0
    while True:
        header = Header(BLOCK_VERSION, previous, root, time, REGTEST_BITS, nonce)
        if header.has_work:
            return Block(header, tuple(transactions))
        nonce += 1


def coinbase(height: int, tag: bytes, payout: Output) -> Transaction:
    """Height in front (BIP 34); the tag keeps coinbases of competing blocks apart."""
    unlocking = push(encode_number(height)) + push(tag)
    return Transaction(2, (Input(NULL_TXID, 0xFFFFFFFF, unlocking),), (payout,))


def merkle_root(txids: Sequence[str]) -> bytes:
    level = [bytes.fromhex(txid)[::-1] for txid in txids]
    while len(level) > 1:
        level = _next_level(level)
    return level[0]


def merkle_branch(hashes: Sequence[bytes], position: int) -> tuple[list[bytes], bytes]:
    """The siblings from leaf to root, and the root."""
    level, branch = list(hashes), []
    while len(level) > 1:
        sibling = position ^ 1
        branch.append(level[sibling] if sibling < len(level) else level[position])
        level, position = _next_level(level), position // 2
    return branch, level[0]


def _next_level(level: list[bytes]) -> list[bytes]:
    if len(level) % 2:
        level = [*level, level[-1]]
    return [double_sha256(level[at] + level[at + 1]) for at in range(0, len(level), 2)]
