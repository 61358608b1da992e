"""The secrets of payout rows, sealed at rest, and what they open into.

A row holds either the seed of its forwarders or an xpub. Neither can spend anything; both tell
whose payments are whose, so they lie in the database encrypted.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from django.conf import settings

from payments import covenants, field_keys, xpubs
from payments.states import Network

if TYPE_CHECKING:
    from uuid import UUID

    from payments.covenants import Forwarder
    from payments.models import Payout
    from payments.xpubs import Xpub

SEED_BYTES: Final = 32


def network() -> Network:
    """The chain this instance lives on."""
    return Network(settings.KIM_NETWORK)


def new_seed() -> bytes:
    return secrets.token_bytes(SEED_BYTES)


def seal(payout_id: UUID, secret: bytes) -> bytes:
    """Under KIM_FIELD_KEY, bound to its row: a copied column opens nowhere else."""
    return field_keys.seal(secret, bound=payout_id.bytes)


def unseal(row: Payout) -> bytes:
    """The seed, or the xpub's text. Raises ``InvalidTag`` if it was sealed for another row."""
    return field_keys.unseal(bytes(row.sealed), bound=row.id.bytes)


def renewed(row: Payout) -> bytes | None:
    """The same under the newest key; None if it is. Raises as ``unseal``."""
    return field_keys.renewed(bytes(row.sealed), bound=row.id.bytes)


def xpub_of(row: Payout) -> Xpub:
    return xpubs.parse(unseal(row).decode(), Network(row.network))


def forwarder_of(row: Payout, index: int) -> Forwarder:
    """The covenant behind address ``index`` of an address payout."""
    return covenants.forwarder(
        unseal(row),
        index,
        payee_script=bytes.fromhex(row.payee_script),
        max_fee_sat=row.max_fee_sat,
    )
