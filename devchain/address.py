"""CashAddr (spec cashaddr.md) for regtest, strict: one prefix, exact lengths, zero padding."""

from devchain.errors import Malformed

PREFIX = "bchreg"
CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
GENERATORS = (0x98F2BC8E61, 0x79B76D99E2, 0xF33E5FB3C4, 0xAE2EABE2A8, 0x1E4F43E470)
SIZES = {20: 0, 32: 3}


def encode(locking: bytes) -> str | None:
    """The address of a locking script; None if it has none (OP_RETURN, bare scripts)."""
    if len(locking) == 25 and locking[:3] == b"\x76\xa9\x14" and locking[23:] == b"\x88\xac":
        return _encode(0, locking[3:23])
    if len(locking) == 23 and locking[:2] == b"\xa9\x14" and locking[22:] == b"\x87":
        return _encode(1, locking[2:22])
    if len(locking) == 35 and locking[:2] == b"\xaa\x20" and locking[34:] == b"\x87":
        return _encode(1, locking[2:34])
    return None


def decode(text: str) -> bytes:
    """The locking script of an address; the prefix may be missing. Raises Malformed."""
    if text not in {text.lower(), text.upper()}:
        raise Malformed("The address mixes upper and lower case")
    prefix, _, payload = text.lower().rpartition(":")
    if prefix not in {"", PREFIX}:
        raise Malformed(f"The address is of another network: {prefix}, not {PREFIX}")
    if not payload or any(letter not in CHARSET for letter in payload):
        raise Malformed("The address has letters that CashAddr does not use")
    values = [CHARSET.index(letter) for letter in payload]
    if len(values) < 9 or _checksum([*_prefix_values(), *values]):
        raise Malformed("The address has a wrong checksum")
    data = _to_bytes(values[:-8])
    version, body = data[0], data[1:]
    kind = version >> 3
    if kind > 3 or SIZES.get(len(body)) != version & 7 or (kind in {0, 2} and len(body) != 20):
        raise Malformed("The address has an unknown version")
    if kind in {0, 2}:
        return b"\x76\xa9\x14" + body + b"\x88\xac"
    return (b"\xa9\x14" if len(body) == 20 else b"\xaa\x20") + body + b"\x87"


def _encode(kind: int, body: bytes) -> str:
    values = _to_groups(bytes([kind << 3 | SIZES[len(body)]]) + body)
    checksum = _checksum([*_prefix_values(), *values, *[0] * 8])
    values += [checksum >> 5 * (7 - place) & 31 for place in range(8)]
    return PREFIX + ":" + "".join(CHARSET[value] for value in values)


def _prefix_values() -> list[int]:
    return [ord(letter) & 31 for letter in PREFIX] + [0]


def _checksum(values: list[int]) -> int:
    state = 1
    for value in values:
        top = state >> 35
        state = (state & 0x07FFFFFFFF) << 5 ^ value
        for bit, generator in enumerate(GENERATORS):
            if top >> bit & 1:
                state ^= generator
    return state ^ 1


def _to_groups(data: bytes) -> list[int]:
    bits = len(data) * 8
    padding = -bits % 5
    number = int.from_bytes(data, "big") << padding
    return [number >> shift & 31 for shift in range(bits + padding - 5, -1, -5)]


def _to_bytes(groups: list[int]) -> bytes:
    number = 0
    for group in groups:
        number = number << 5 | group
    padding = len(groups) * 5 % 8
    if padding >= 5 or number & ((1 << padding) - 1):
        raise Malformed("The address has wrong padding")
    return (number >> padding).to_bytes(len(groups) * 5 // 8, "big")
