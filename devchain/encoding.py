"""Bytes: hashes, variable-length integers and a reader that never runs past the end."""

import hashlib

from bitcash.crypto import hash160 as bitcash_hash160

from devchain.errors import Malformed


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def double_sha256(data: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def hash160(data: bytes) -> bytes:
    """RIPEMD-160 of SHA-256. bitcash brings RIPEMD-160 where OpenSSL lacks it."""
    return bytes(bitcash_hash160(data))


def write_varint(number: int) -> bytes:
    if number < 0xFD:
        return number.to_bytes(1, "little")
    if number <= 0xFFFF:
        return b"\xfd" + number.to_bytes(2, "little")
    if number <= 0xFFFFFFFF:
        return b"\xfe" + number.to_bytes(4, "little")
    return b"\xff" + number.to_bytes(8, "little")


def write_bytes(data: bytes) -> bytes:
    """A byte string with its length in front."""
    return write_varint(len(data)) + data


class Reader:
    """Reads little-endian fields from front to back; raises Malformed at the end."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def take(self, length: int) -> bytes:
        end = self.position + length
        if end > len(self.data):
            raise Malformed("unexpected end of data")
        piece = self.data[self.position : end]
        self.position = end
        return piece

    def uint(self, length: int) -> int:
        return int.from_bytes(self.take(length), "little")

    def varint(self) -> int:
        """A CompactSize; the longer form of a short number is malformed, as in a node."""
        first = self.uint(1)
        if first < 0xFD:
            return first
        width, floor = {0xFD: (2, 0xFD), 0xFE: (4, 0x10000), 0xFF: (8, 0x100000000)}[first]
        number = self.uint(width)
        if number < floor:
            raise Malformed("non-canonical ReadCompactSize()")
        return number

    def varbytes(self) -> bytes:
        return self.take(self.varint())

    @property
    def is_done(self) -> bool:
        return self.position == len(self.data)
