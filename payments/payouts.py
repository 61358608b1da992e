"""Where a creator's money goes, and a fresh address for every sale.

An ordinary address gets a keyless forwarder per sale (docs/payments.md, section 6 A); an xpub gets
plain P2PKH children. The server never holds a key that could move coins. The first column of
``Payout`` that unlock sees is ``PayoutView``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class PayoutWarning:
    """Something to think about before saving; ``code`` is stable, ``text`` is for people."""

    code: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutPreview:
    """What a pasted value would mean. ``kind`` is "address" or "xpub"; ``shown`` is safe to show;
    ``first_addresses`` are the first three of an xpub (to compare with the wallet), else empty.
    """

    kind: str
    shown: str
    first_addresses: tuple[str, ...]
    warnings: tuple[PayoutWarning, ...]
    floor_sat: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryKit:
    """All that is needed to find and forward every address of an address payout, without us."""

    seed: bytes
    payee_script: bytes
    max_fee_sat: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutView:
    """One payout row. ``recovery`` is None for an xpub: the wallet itself finds everything."""

    id: UUID
    kind: str
    shown: str
    network: str
    floor_sat: int
    recovery: RecoveryKit | None


def inspect(value: str) -> PayoutPreview:
    """Say what ``value`` is, on this instance's network, without storing it.

    Raises the typed refusals of ``payments.errors``: a private key, seed words, the wrong network.
    """
    raise NotImplementedError


def set_current(owner: UUID, value: str, *, now: datetime) -> PayoutView:
    """Make ``value`` the owner's payout. The old row retires; open invoices keep theirs."""
    raise NotImplementedError


def current(owner: UUID) -> PayoutView | None:
    """The owner's payout in force, or None before the first."""
    raise NotImplementedError


def get(payout_id: UUID) -> PayoutView:
    """One payout, in force or retired. Raises ``PayoutMissing``."""
    raise NotImplementedError
