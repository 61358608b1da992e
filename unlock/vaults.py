"""Vaults: a creator's root, sealed in the browser under the password, and what proves its words.

The server can open neither. What the browser sealed is sealed once more at rest, so that a thief of
the database alone has nothing to try passwords on. A vault is named by its ``recovery_hash``, which
only its root leads to: it is replaced by the same root only, never by another.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from unlock import at_rest
from unlock.account_errors import VaultDiffers, VaultLeftBehind
from unlock.models import Vault

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from unlock.models import Creator

SEALED_BYTES: Final = 60  # nonce 12, R 32, tag 16
SECRET_BYTES: Final = 32
_NOBODYS_HASH: Final = "0" * 64  # compared with where there is no vault; no known preimage


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """R as the browser sealed it, and the hex SHA-256 of its recovery secret."""

    sealed_root: bytes
    recovery_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept(Sealed):
    saved_at: datetime


def has(creator: Creator) -> bool:
    return Vault.objects.filter(creator=creator).exists()


def of(creator: Creator) -> Kept | None:
    row = Vault.objects.filter(creator=creator).first()
    if row is None:
        return None
    sealed = at_rest.unseal(bytes(row.sealed_root), bound=bound_to(creator.id))
    return Kept(sealed_root=sealed, recovery_hash=row.recovery_hash, saved_at=row.saved_at)


def keep(creator: Creator, vault: Sealed, *, now: datetime) -> None:
    """Save it, or replace it by the same root sealed anew. Raises VaultDiffers."""
    sealed_at_rest = at_rest.seal(vault.sealed_root, bound=bound_to(creator.id))
    made, is_new = Vault.objects.get_or_create(
        creator=creator,
        defaults={
            "sealed_root": sealed_at_rest,
            "recovery_hash": vault.recovery_hash,
            "saved_at": now,
        },
    )
    if is_new:
        return
    same = Vault.objects.filter(pk=made.pk, recovery_hash=vault.recovery_hash)
    if same.update(sealed_root=sealed_at_rest, saved_at=now) != 1:
        raise VaultDiffers("Your vault holds another key than this one.")


def keep_along(creator: Creator, vault: Sealed | None, *, now: datetime) -> None:
    """With a new password comes the vault sealed anew. Raises VaultLeftBehind, VaultDiffers."""
    if vault is not None:
        keep(creator, vault, now=now)
    elif has(creator):
        raise VaultLeftBehind("The vault must come along with the new password.")


def is_proved(creator: Creator | None, recovery: bytes) -> bool:
    """Whether this secret comes from the root in the vault; the same work whoever is asked for."""
    row = Vault.objects.filter(creator=creator).first() if creator is not None else None
    expected = _NOBODYS_HASH if row is None else row.recovery_hash
    return hmac.compare_digest(hashlib.sha256(recovery).hexdigest(), expected)


def bound_to(creator_id: UUID) -> bytes:
    return b"kim vault" + creator_id.bytes
