"""What a decision about an invoice is made from, and the decision itself: frozen values, no logic.

``payments.settlement`` reads the facts and returns a ``Decision``; ``payments.invoices`` fills the
facts from rows and acts on the decision. Satoshis are integers, times are aware UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from payments.states import InvoiceFlag, InvoiceState, OutputChain
    from payments.transactions import Outpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceFacts:
    """The stored invoice: its policy, what people decided, and the latch.

    ``confirmations``: depth asked for (1, 2, 6, 10). ``covenant``: paid through a forwarder, where
    outputs under 1,500 sat cannot be forwarded and do not count. ``honour_sats``: the creator
    takes a late payment of the quoted satoshis at any rate. ``accepted_sat``: what had been seen
    when the creator pressed accept; None when they did not. ``settled_at`` with ``evidence`` (the
    outpoints that settled it) and ``settled_instantly`` is the latch. ``is_reversed``: the stored
    status is REVERSED; then only a proof, and never a lost server, brings PAID back.
    ``refund_due_at``: of an unsettled invoice, what comes goes back and opens nothing.
    ``refund_open``: a refund waits to be paid; ``refunded_sat`` is what earlier ones dealt with.
    """

    confirmations: int
    covenant: bool
    honour_sats: bool = False
    accepted_sat: int | None = None
    void_at: datetime | None = None
    refund_due_at: datetime | None = None
    refund_txid: str | None = None
    refund_open: bool = False
    refunded_sat: int = 0
    oversold: bool = False
    settled_at: datetime | None = None
    settled_instantly: bool = False
    evidence: tuple[Outpoint, ...] = ()
    is_reversed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteFacts:
    """One quote: ``due_sat`` locked until ``until``; ``min_sat`` is what the tolerance lets pass."""

    due_sat: int
    min_sat: int
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFacts:
    """One stored output that pays this invoice's script.

    ``unseen_at``: the last sweep that succeeded and did not show it (None: never looked before);
    it tells a late payment from one that came while the watcher was down. ``due_then_sat``: the
    price in satoshis at the rate of ``first_seen_at`` (None: no rate then). ``doubted``: in the
    mempool, but a server refused it or a sweep missed it, and it is not agreed that it is gone.
    ``own_forward``: its transaction spends one of our own covenants, so it never counts.
    """

    outpoint: Outpoint
    value_sat: int
    chain: OutputChain
    first_seen_at: datetime
    height: int | None = None
    block_time: datetime | None = None
    spv_ok: bool = False
    has_token: bool = False
    is_coinbase: bool = False
    own_forward: bool = False
    dsproof_at: datetime | None = None
    doubted: bool = False
    unseen_at: datetime | None = None
    due_then_sat: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The chain as we see it now.

    ``swept_at``: the last successful sweep of this invoice's script (None: none yet). ``agreed``:
    all live servers say the same. ``tip_height``: the last of our blocks that no server contradicts;
    ``contested_blocks`` of ours lie above it, and confirm nothing yet. ``due_today_sat``: the price at today's rate (None: no rate).
    ``held``: settling is on hold (stale tip, implausible difficulty). ``looked``: False when a
    person did something and nobody asked the chain: nothing settles by what was seen before.
    ``instant_ok``: every condition of the instant rule was checked by the caller and holds.
    """

    tip_height: int
    swept_at: datetime | None
    agreed: bool
    due_today_sat: int | None
    held: bool = False
    looked: bool = True
    instant_ok: bool = False
    contested_blocks: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the invoice is now. ``settle``: close the latch with ``evidence`` in this transaction
    (``instantly`` goes to ``InvoiceFacts.settled_instantly``). ``due_now_sat``: the whole price in
    force (None: quotes over and no rate); ``missing_sat``: what is still to send of it, never so
    little that it could not be sent or would not count; ``over_sat``: what came beyond it, from the
    same least amount on. ``owed_sat``: what must go back and is not dealt with, of what is proved and
    deep. ``confirmations``: depth at which enough lies (0: none).
    """

    status: InvoiceState
    flags: frozenset[InvoiceFlag]
    settle: bool
    instantly: bool
    due_now_sat: int | None
    seen_sat: int
    confirmed_sat: int
    missing_sat: int
    over_sat: int
    owed_sat: int
    confirmations: int
    evidence: tuple[Outpoint, ...]
