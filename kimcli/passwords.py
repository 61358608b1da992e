"""A password never leaves this machine: what is sent is derived from it by Argon2id, as the pages
do (docs/protocol.md, 3.6). In scheme 2 the key of the vault follows from the same work.
"""

import hashlib
import os
import unicodedata
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from kimcli.errors import CommandFailed
from unlock.container import decode_b64url, encode_b64url

MIN_MEMORY_KIB = 64 * 1024
MIN_PASSES = 3
_MAX_MEMORY_KIB = 1024 * 1024
_MAX_PASSES = 16
_MIN_SALT_BYTES = 16
_KEY_BYTES = 32


@dataclass(frozen=True, repr=False)
class Worked:
    """``proof`` is sent in place of the password; ``vault_key`` never, and is None in scheme 1."""

    proof: bytes
    vault_key: bytes | None


def work(password: str, told: Any) -> Worked:
    """``told`` is the server's answer. Raises CommandFailed where it asks for too little or too much."""
    salt = decode_b64url(told["salt"])
    memory_kib, passes, scheme = told["memory_kib"], told["passes"], told.get("scheme", 1)
    is_strong = memory_kib >= MIN_MEMORY_KIB and passes >= MIN_PASSES
    if not is_strong or len(salt) < _MIN_SALT_BYTES:
        raise _refused("The server asks for too weak a protection of the password.")
    if memory_kib > _MAX_MEMORY_KIB or passes > _MAX_PASSES or scheme not in {1, 2}:
        raise _refused("The server asks for something that this version does not do.")
    letters = unicodedata.normalize("NFKC", password).encode()
    stretched = Argon2id(
        salt=salt, length=_KEY_BYTES, iterations=passes, lanes=1, memory_cost=memory_kib,
        ad=b"KIM1 account" if scheme == 2 else None,
    ).derive(letters)  # fmt: skip
    if scheme == 1:
        return Worked(stretched, None)
    return Worked(_derive(stretched, b"KIM1 login"), _derive(stretched, b"KIM1 vault"))


def open_vault(vault_key: bytes, username: str, sealed: bytes) -> bytes | None:
    """R; None if the vault does not open. The name is bound to it."""
    bound = b"KIM1 vault" + username.strip().lower().encode()
    try:
        root = AESGCM(vault_key).decrypt(sealed[:12], sealed[12:], bound)
    except (InvalidTag, ValueError):
        return None
    return root if len(root) == _KEY_BYTES else None


def seal_vault(vault_key: bytes, username: str, root: bytes) -> bytes:
    """R as the vault keeps it, 60 bytes."""
    bound = b"KIM1 vault" + username.strip().lower().encode()
    nonce = os.urandom(12)
    return nonce + AESGCM(vault_key).encrypt(nonce, root, bound)


def recovery_hash(root: bytes) -> str:
    """What a vault is known by, hex: SHA-256 of the secret that brings an account back."""
    return hashlib.sha256(_derive(root, b"KIM1 recovery")).hexdigest()


def work_anew(password: str) -> tuple[bytes, Worked]:
    """A new salt and what the password becomes with it, for a new account."""
    salt = os.urandom(_MIN_SALT_BYTES)
    told = {"salt": encode_b64url(salt), "memory_kib": MIN_MEMORY_KIB, "passes": MIN_PASSES}
    return salt, work(password, {**told, "scheme": 2})


def _derive(stretched: bytes, label: bytes) -> bytes:
    return HKDF(SHA256(), _KEY_BYTES, None, label).derive(stretched)


def _refused(message: str) -> CommandFailed:
    return CommandFailed("kdf_refused", message, "Do not type your password there.")
