"""Write paths.json: `python -m tests.vectors.paths`. Written apart from the product, from RFC 6962 2.1.1
and docs/protocol.md; both implementations have to agree with it.
"""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path

PATH = Path(__file__).with_name("paths.json")
COUNTS = (1, 2, 3, 5, 8, 11)
ROOM = 2**18 - 32


def build() -> dict[str, object]:
    cases = []
    for count in COUNTS:
        file_id = _hash(b"file %d" % count)[:16]
        payload = count * ROOM - 7
        bound = b"\x89KIM\r\n\x1a\n" + struct.pack(">BBBBIQQ", 1, 1, 18, 0, 2**18, payload, count)
        core = bound + file_id + bytes(16) + _hash(b"iv") + _hash(b"tag")
        rows = [_hash(b"segment %d" % at) + _hash(b"kc %d" % at) for at in range(count)]
        leaves = []
        for at, row in enumerate(rows):
            stored = 2**18 if at < count - 1 else 2**18 - 7
            leaves.append(_hash(b"\0" + file_id + struct.pack(">QI", at, stored) + row))
        cases.append(
            {
                "core": core.hex(),
                "rows": b"".join(rows).hex(),
                "root": _root(leaves).hex(),
                "paths": [b"".join(_path(at, leaves)).hex() for at in range(count)],
            }
        )
    return {"cases": cases}


def text() -> str:
    return json.dumps(build(), indent=1) + "\n"


def _split(count: int) -> int:
    """The largest power of two below ``count``."""
    return 1 << ((count - 1).bit_length() - 1)


def _root(leaves: list[bytes]) -> bytes:
    if len(leaves) == 1:
        return leaves[0]
    at = _split(len(leaves))
    return _hash(b"\1" + _root(leaves[:at]) + _root(leaves[at:]))


def _path(number: int, leaves: list[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    at = _split(len(leaves))
    if number < at:
        return [*_path(number, leaves[:at]), _root(leaves[at:])]
    return [*_path(number - at, leaves[at:]), _root(leaves[:at])]


def _hash(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


if __name__ == "__main__":
    PATH.write_text(text())
