"""The words that rows and decisions about money are made of: states, flags, kinds, networks.

``InvoiceState`` has seven values and one table of legal moves. The values are the names, because
they are shown to programs (``data-state``, the API, webhooks) and read in docs/payments.md.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Network(StrEnum):
    """Which chain this instance lives on (``KIM_NETWORK``)."""

    MAINNET = "mainnet"
    CHIPNET = "chipnet"
    REGTEST = "regtest"


class InvoiceState(StrEnum):
    """Where an invoice stands. Never set by hand: ``settlement.derive`` says it."""

    OPEN = "OPEN"  # address and quote live, nothing seen
    PARTIAL = "PARTIAL"  # something seen, not enough
    SEEN = "SEEN"  # enough seen, not yet deep enough
    SUSPECT = "SUSPECT"  # SEEN, but with a sign of a double spend
    PAID = "PAID"  # enough, at policy depth, proved on our own header chain
    EXPIRED = "EXPIRED"  # quotes over, nothing seen; still watched for ever
    REVERSED = "REVERSED"  # was PAID, and every server agrees that the money is gone


class InvoiceFlag(StrEnum):
    """What is odd about an invoice, beside its state."""

    OVER = "OVER"
    LATE = "LATE"
    TOKEN_IGNORED = "TOKEN_IGNORED"  # noqa: S105 - a CashToken, not a secret
    COINBASE_WAIT = "COINBASE_WAIT"
    DUST = "DUST"
    DOUBLE_SPEND_SEEN = "DOUBLE_SPEND_SEEN"
    EVICTED = "EVICTED"
    VOID = "VOID"
    REFUND_DUE = "REFUND_DUE"
    REFUNDED = "REFUNDED"
    RATE_DRIFT = "RATE_DRIFT"
    SPV_PENDING = "SPV_PENDING"
    OVERSOLD = "OVERSOLD"


class OutputChain(StrEnum):
    """Where an output that pays us was last known to lie."""

    MEMPOOL = "MEMPOOL"
    BLOCK = "BLOCK"
    MISSING = "MISSING"  # no live server knows it any more (agreed, twice)
    CONFLICTED = "CONFLICTED"  # another transaction took its inputs


class PayoutKind(StrEnum):
    """How a creator is paid: a keyless forwarder per sale to one address, or an xpub."""

    FORWARDER = "forwarder"
    XPUB = "xpub"


class EventKind(StrEnum):
    """What happened to an invoice, one append-only row each."""

    OPENED = "opened"
    QUOTED = "quoted"
    CHANGED = "changed"  # the state moved; the row tells from where to where
    FLAGGED = "flagged"  # only the flags moved
    SETTLED = "settled"  # the one-way latch closed
    ACCEPTED = "accepted"  # the creator took what had come
    VOIDED = "voided"
    REFUND_DUE = "refund_due"
    REFUNDED = "refunded"
    FORWARDED = "forwarded"  # our own transaction moved the coins on to the creator
    RESTORED = "restored"  # made again from the order ticket that its buyer kept


class RefundReason(StrEnum):
    """Why something is owed back."""

    OVER = "over"  # more came than was asked for
    REMOVED = "removed"  # the file may not be served any more
    OVERSOLD = "oversold"  # beyond a strict stock
    FAILED = "failed"  # paid, and the file could not be opened
    AGREED = "agreed"  # the creator wants to


_UNSETTLED: Final = frozenset(
    {
        InvoiceState.OPEN,
        InvoiceState.PARTIAL,
        InvoiceState.SEEN,
        InvoiceState.SUSPECT,
        InvoiceState.EXPIRED,
    }
)

TRANSITIONS: Final[dict[InvoiceState, frozenset[InvoiceState]]] = {
    # An unsettled invoice mirrors the chain, and between two looks the chain may have gone any
    # way: paid and mined at once, evicted, re-quoted. Settling is the only door out, and it is
    # one-way: after it there are only PAID and REVERSED.
    **{state: (_UNSETTLED | {InvoiceState.PAID}) - {state} for state in _UNSETTLED},
    InvoiceState.PAID: frozenset({InvoiceState.REVERSED}),
    InvoiceState.REVERSED: frozenset({InvoiceState.PAID}),
}


def can_move(old: InvoiceState, new: InvoiceState) -> bool:
    """Whether an invoice may go from ``old`` to ``new`` in one reconcile (staying is allowed)."""
    return old == new or new in TRANSITIONS[old]
