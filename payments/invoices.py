"""What is owed, what came, and the one-way latch: the verbs of an invoice.

Observe, derive, latch (docs/payments.md, section 1): ``reconcile`` locks the row, stores what was
seen, asks the pure ``settlement.derive`` and writes status, event and latch in one transaction.
Any number of workers may run it, in any order, twice. The network is never asked inside one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from payments.amounts import Price
    from payments.payouts import PayoutView
    from payments.states import EventKind, InvoiceState


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceView:
    """An invoice as the rest of the app sees it.

    ``due_sat`` is the whole price now in force and ``missing_sat`` what is still to send of it;
    ``confirmations`` is the policy and ``depth`` how deep enough lies; ``evidence`` are the
    outpoints ("txid:vout") that settled it; ``stale`` says that nobody looked for a while.
    """

    id: UUID
    state: InvoiceState
    flags: tuple[str, ...]
    address: str
    uri: str
    network: str
    price: Price
    due_sat: int
    seen_sat: int
    confirmed_sat: int
    missing_sat: int
    quote_until: datetime
    confirmations: int
    depth: int
    settled_at: datetime | None
    evidence: tuple[str, ...]
    stale: bool
    address_derivation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventView:
    """One thing that happened. ``position`` is gapless in commit order: a cursor may rest on it."""

    position: int
    invoice_id: UUID
    state: InvoiceState
    kind: EventKind
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """How many invoices are settled, and what came in on them."""

    settled: int
    settled_sat: int


def open(  # noqa: A001 - the verb of the glossary; always called as invoices.open
    *, payout_id: UUID, price: Price, confirmations: int, now: datetime
) -> InvoiceView:
    """Allocate a fresh address, lock a quote for 20 minutes, start watching.

    Call it outside any transaction: an xpub's next index is first looked up on chain. Raises
    ``RateUnavailable`` (503), ``PriceBelowFloor``, ``PayoutMissing``, ``ChainUnavailable`` (503).
    """
    raise NotImplementedError


def status_of(invoice_id: UUID, *, now: datetime) -> InvoiceView:
    """One invoice as it stands; no network. Raises ``InvoiceMissing``."""
    raise NotImplementedError


def statuses_of(invoice_ids: Iterable[UUID], *, now: datetime) -> dict[UUID, InvoiceView]:
    """Several invoices in a constant number of queries; unknown ids are left out."""
    raise NotImplementedError


def requote(invoice_id: UUID, *, now: datetime) -> InvoiceView:
    """A new quote for the same address, at today's rate. Only once the last quote is over and the
    invoice is EXPIRED or PARTIAL; otherwise ``QuoteStillOpen``. Raises ``RateUnavailable``.
    """
    raise NotImplementedError


def void(invoice_id: UUID, *, now: datetime) -> InvoiceView:
    """Call an unpaid invoice off. It is watched on: money that still comes is seen."""
    raise NotImplementedError


def ask_check(invoice_id: UUID) -> None:
    """Enqueue a look at this invoice, after commit. A hint: losing it loses nothing."""
    raise NotImplementedError


def estimate_sat(price: Price, *, now: datetime) -> int | None:
    """What ``price`` is in satoshis at this moment, or None without a valid rate."""
    raise NotImplementedError


def price_allowed(price: Price, payout: PayoutView, *, now: datetime) -> bool:
    """Whether ``price`` reaches the payout's floor. Raises ``RateUnavailable`` if nobody knows."""
    raise NotImplementedError


def events_after(cursor: int, limit: int = 500) -> tuple[EventView, ...]:
    """Events with a position beyond ``cursor``, oldest first."""
    raise NotImplementedError


def totals(invoice_ids: Iterable[UUID]) -> Totals:
    """Settled count and satoshis over these invoices."""
    raise NotImplementedError
