"""Write shop.json: `python -m tests.vectors.shop`. Apart from the product, whose code must agree."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

HERE = Path(__file__).parent
FILES = (
    UUID("11112222-3333-4444-8555-666677778888"),
    UUID("9999aaaa-bbbb-4ccc-8ddd-eeeeffff0000"),
)


def case(root: bytes, generation: int) -> dict[str, object]:
    number = generation.to_bytes(4, "big")
    key = _hkdf(root, b"KIM1 shop" + number)[:16]
    proof = _hkdf(key, b"KIM1 shop access")
    entries = []
    for at, paid_file in enumerate(FILES):
        link = hashlib.sha256(b"L%d" % at).digest()[:16]
        iv = hashlib.sha256(b"iv%d" % at).digest()[:12]
        cipher = AESGCM(_hkdf(key, b"KIM1 shop entry"))
        sealed = iv + cipher.encrypt(iv, link, paid_file.bytes + number)
        entries.append({"file": str(paid_file), "link": link.hex(), "entry": sealed.hex()})
    return {
        "root": root.hex(),
        "generation": generation,
        "key": key.hex(),
        "proof": proof.hex(),
        "access_hash": hashlib.sha256(proof).hexdigest(),
        "entries": entries,
    }


def text() -> str:
    roots = (bytes(range(32)), hashlib.sha256(b"another creator").digest())
    cases = [case(root, generation) for root in roots for generation in (0, 1, 2**31 - 1)]
    return json.dumps({"cases": cases}, indent=1) + "\n"


def _hkdf(secret: bytes, label: bytes) -> bytes:
    return HKDF(SHA256(), length=32, salt=b"", info=label).derive(secret)


if __name__ == "__main__":
    (HERE / "shop.json").write_text(text())
