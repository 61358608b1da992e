"""What the server must be able to read again, and a thief of the database must not: sealed in its
column under KIM_FIELD_KEY. Nothing that opens a file is among it; that the server never has.
"""

from __future__ import annotations

import secrets
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

_NONCE_BYTES: Final = 12


def seal(plain: bytes, *, bound: bytes) -> bytes:
    """Nonce 12 || AES-256-GCM. ``bound`` names the row: a copied column opens nowhere else."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(settings.KIM_FIELD_KEY).encrypt(nonce, plain, bound)


def unseal(sealed: bytes, *, bound: bytes) -> bytes:
    """Raises ``InvalidTag`` if it was sealed for another row, or under another key."""
    nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    return AESGCM(settings.KIM_FIELD_KEY).decrypt(nonce, rest, bound)
