"""Sealing at rest: AES-256-GCM under KIM_FIELD_KEY, each value bound to its row.

The first key seals; every key of the ring opens, so that keys can be changed while all runs
(docs/operations.md, "Changing keys").
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

_NONCE_BYTES: Final = 12


def ring() -> tuple[bytes, ...]:
    """All keys that open, the one that seals first."""
    return (settings.KIM_FIELD_KEY, *settings.KIM_FIELD_KEYS_MORE)


def fingerprint(key: bytes) -> str:
    """Names a key and tells nothing of it: 16 hex digits."""
    return hmac.digest(key, b"kim field key fingerprint v1", hashlib.sha256).hex()[:16]


def seal(plain: bytes, *, bound: bytes) -> bytes:
    """Nonce 12 || AES-256-GCM. ``bound`` names the row: a copied column opens nowhere else."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(settings.KIM_FIELD_KEY).encrypt(nonce, plain, bound)


def unseal(sealed: bytes, *, bound: bytes) -> bytes:
    """Raises ``InvalidTag`` if it was sealed for another row, or under a key that is not here."""
    *earlier, last = ring()
    for key in earlier:
        try:
            return _open(key, sealed, bound)
        except InvalidTag:
            continue
    return _open(last, sealed, bound)


def renewed(sealed: bytes, *, bound: bytes) -> bytes | None:
    """The same, sealed under the first key; None if it is. Raises ``InvalidTag`` as ``unseal``."""
    try:
        _open(settings.KIM_FIELD_KEY, sealed, bound)
    except InvalidTag:
        return seal(unseal(sealed, bound=bound), bound=bound)
    return None


def _open(key: bytes, sealed: bytes, bound: bytes) -> bytes:
    return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound)
