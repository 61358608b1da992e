"""Write notes.json: `python -m tests.vectors.notes`. Written apart from the product, from
docs/protocol.md 3.4 and 3.8; both implementations have to agree with it.
"""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

PATH = Path(__file__).with_name("notes.json")
NUMBERS = (0, 1, 19, 20, 2**32 - 1)


def build() -> dict[str, object]:
    root = _bytes("B", 32)
    cases = []
    for number in NUMBERS:
        seed = _hkdf(root, b"KIM1 buy" + struct.pack(">I", number))
        paid_file = UUID(bytes=_bytes(f"file {number}", 16), version=4)
        link, iv = _bytes(f"L {number}", 16), _bytes(f"iv {number}", 12)
        key = _hkdf(seed, b"KIM1 note")
        note = iv + AESGCM(key).encrypt(iv, link, paid_file.bytes)
        cases.append(
            {
                "n": number,
                "seed": seed.hex(),
                "claim": _hkdf(seed, b"KIM1 claim").hex(),
                "paid_file": str(paid_file),
                "link": link.hex(),
                "note_key": key.hex(),
                "note": note.hex(),
            }
        )
    return {"root": root.hex(), "cases": cases}


def _bytes(label: str, size: int) -> bytes:
    return hashlib.sha256(f"notes {label}".encode()).digest()[:size]


def _hkdf(secret: bytes, info: bytes) -> bytes:
    return HKDF(SHA256(), 32, None, info).derive(secret)


def text() -> str:
    return json.dumps(build(), indent=1) + "\n"


if __name__ == "__main__":
    PATH.write_text(text())
