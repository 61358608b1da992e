"""How a vault is made, written apart from the product: the browser's code has to agree with it."""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MEMORY_KIB = 64 * 1024
PASSES = 3


def work(password: str, salt: bytes) -> tuple[bytes, bytes]:
    """Proof and vault key of scheme 2. ``password`` is NFKC already."""
    stretched = Argon2id(
        salt=salt,
        length=32,
        iterations=PASSES,
        lanes=1,
        memory_cost=MEMORY_KIB,
        ad=b"KIM1 account",
    ).derive(password.encode())
    return _hkdf(stretched, b"KIM1 login"), _hkdf(stretched, b"KIM1 vault")


def seal(vault_key: bytes, username: str, root: bytes, *, iv: bytes) -> bytes:
    return iv + AESGCM(vault_key).encrypt(iv, root, b"KIM1 vault" + username.encode())


def recovery_secret(root: bytes) -> bytes:
    return _hkdf(root, b"KIM1 recovery")


def case(password: str, username: str, *, salt: bytes, root: bytes, iv: bytes) -> dict[str, object]:
    proof, vault_key = work(password, salt)
    recovery = recovery_secret(root)
    return {
        "password_text": password,
        "username_text": username,
        "salt": salt.hex(),
        "memory_kib": MEMORY_KIB,
        "passes": PASSES,
        "proof": proof.hex(),
        "vault_key": vault_key.hex(),
        "root": root.hex(),
        "iv": iv.hex(),
        "sealed_root": seal(vault_key, username, root, iv=iv).hex(),
        "recovery": recovery.hex(),
        "recovery_hash": hashlib.sha256(recovery).hexdigest(),
    }


def _hkdf(secret: bytes, label: bytes) -> bytes:
    return HKDF(SHA256(), length=32, salt=b"", info=label).derive(secret)
