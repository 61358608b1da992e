"""A shop's key K and what follows from it (docs/protocol.md, 3.7). The server needs none of this."""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from unlock.container.keys import LINK_SECRET_BYTES, hkdf_sha256
from unlock.errors import WrongKey

if TYPE_CHECKING:
    from uuid import UUID


def derive_shop_key(root: bytes, *, generation: int = 0) -> bytes:
    """K, 16 bytes, of creator root R; ``generation`` is the shop's."""
    info = b"KIM1 shop" + struct.pack(">I", generation)
    return hkdf_sha256(root, salt=b"", info=info)[:LINK_SECRET_BYTES]


def derive_shop_proof(key: bytes) -> bytes:
    """Sent as ``Authorization: Shop <base64url>`` for the list."""
    return hkdf_sha256(key, salt=b"", info=b"KIM1 shop access")


def hash_shop_proof(key: bytes) -> str:
    """Hex; all that the server keeps of K."""
    return hashlib.sha256(derive_shop_proof(key)).hexdigest()


def seal_entry(
    key: bytes, link_secret: bytes, *, paid_file: UUID, generation: int, gcm_iv: bytes
) -> bytes:
    """L of a listed file under K: 44 bytes."""
    sealed = AESGCM(_entry_key(key)).encrypt(gcm_iv, link_secret, _aad(paid_file, generation))
    return gcm_iv + sealed


def open_entry(key: bytes, entry: bytes, *, paid_file: UUID, generation: int) -> bytes:
    """L. Raises WrongKey."""
    try:
        link_secret = AESGCM(_entry_key(key)).decrypt(
            entry[:12], entry[12:], _aad(paid_file, generation)
        )
    except (InvalidTag, ValueError) as error:
        raise WrongKey("The entry does not belong to this shop and file.") from error
    if len(link_secret) != LINK_SECRET_BYTES:
        raise WrongKey("The entry holds no link secret.")
    return link_secret


def _entry_key(key: bytes) -> bytes:
    return hkdf_sha256(key, salt=b"", info=b"KIM1 shop entry")


def _aad(paid_file: UUID, generation: int) -> bytes:
    return paid_file.bytes + struct.pack(">I", generation)
