"""What a webhook is told, and in which words: a pure table over the events of payments.

The table is documented in docs/webhooks.md and a test reads it from there. Names are stable: what
a program branches on is never renamed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from payments.states import EventKind, InvoiceState

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from payments.invoices import EventView, InvoiceView
    from unlock.models import Grant, Purchase

VERSION: Final = 1
TEST: Final = "test"
EXPIRED_PARTIAL: Final = "invoice.expired_partial"
PAID_LATE: Final = "invoice.paid_late"
PAYMENT_SEEN: Final = "invoice.payment_seen"
GRANTED: Final = "purchase.granted"

BY_STATE: Final[dict[InvoiceState, str]] = {  # the state moved: where to
    InvoiceState.OPEN: "invoice.payment_gone",
    InvoiceState.PARTIAL: "invoice.partial",
    InvoiceState.SEEN: "invoice.processing",
    InvoiceState.SUSPECT: "invoice.suspect",
    InvoiceState.PAID: "invoice.settled",
    InvoiceState.EXPIRED: "invoice.expired",
    InvoiceState.REVERSED: "invoice.reversed",
}
BY_KIND: Final[dict[EventKind, str]] = {  # the state did not move: what was done
    EventKind.OPENED: "invoice.created",
    EventKind.QUOTED: "invoice.requoted",
    EventKind.CHANGED: "invoice.updated",
    EventKind.FLAGGED: "invoice.updated",
    EventKind.SETTLED: "invoice.settled",
    EventKind.ACCEPTED: "invoice.accepted",
    EventKind.VOIDED: "invoice.voided",
    EventKind.REFUND_DUE: "invoice.refund_due",
    EventKind.REFUNDED: "invoice.refunded",
    EventKind.FORWARDED: "invoice.forwarded",
    EventKind.RESTORED: "invoice.restored",
}
NAMES: Final = tuple(
    sorted(
        {*BY_STATE.values(), *BY_KIND.values(), PAYMENT_SEEN, PAID_LATE, EXPIRED_PARTIAL, GRANTED}
    )
)
_MONEY: Final = frozenset(
    {InvoiceState.PARTIAL, InvoiceState.SEEN, InvoiceState.SUSPECT, InvoiceState.PAID}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One thing to tell, before it has an id: everything about it but the envelope."""

    kind: str
    created_at: datetime
    data: dict[str, Any]


def names_of(event: EventView) -> tuple[str, ...]:
    """What one event is called, in the order in which it is told.

    A move of the state tells where to; the first money on an invoice is told before it, as late
    when the invoice had expired. Without a move the event's kind gives the name.
    """
    if event.was in ("", event.state):
        return (BY_KIND[event.kind],)
    if event.state is InvoiceState.OPEN and event.was == InvoiceState.EXPIRED:
        return ("invoice.requoted",)
    name = BY_STATE[event.state]
    if event.state in _MONEY and event.was == InvoiceState.EXPIRED:
        return (PAID_LATE, name)
    if event.state in _MONEY and event.was == InvoiceState.OPEN:
        return (PAYMENT_SEEN, name)
    return (name,)


def data_of(
    purchase: Purchase, invoice: InvoiceView, event: EventView, txids: tuple[str, ...]
) -> dict[str, Any]:
    """The ``data`` of a message. State and flags are the event's, amounts those of this moment.

    Nothing in it opens anything: no link, no claim, no key, no address of the buyer's.
    """
    price, _, currency = str(invoice.price).partition(" ")
    return {
        "purchase": str(purchase.id),
        "reference": purchase.reference,
        "file": {"id": str(purchase.paid_file_id), "title": purchase.paid_file.title},
        "invoice": str(invoice.id),
        "position": event.position,
        "was": event.was,
        "state": str(event.state),
        "flags": list(event.flags),
        "confirmations": invoice.confirmations,
        "depth": invoice.depth,
        "is_instant": invoice.is_instant
        and invoice.settled_at is not None
        and invoice.depth < invoice.confirmations,
        "price": {"amount": price, "currency": currency},
        "due_sat": invoice.due_sat,
        "seen_sat": invoice.seen_sat,
        "confirmed_sat": invoice.confirmed_sat,
        "address": invoice.address,
        "txids": list(txids),
        "settled_at": None if invoice.settled_at is None else iso(invoice.settled_at),
        "path": f"/api/v1/sales/{purchase.id}/evidence/",
    }


def data_of_grant(purchase: Purchase, grant: Grant) -> dict[str, Any]:
    """The ``data`` of ``purchase.granted``: the file opens, and nothing was to be paid."""
    return {
        "purchase": str(purchase.id),
        "reference": purchase.reference,
        "file": {"id": str(purchase.paid_file_id), "title": purchase.paid_file.title},
        "grant": {"kind": grant.kind, "at": iso(grant.created_at)},
        "path": f"/api/v1/files/{purchase.paid_file_id}/",
    }


def body_of(message: Message, *, delivery_id: UUID, original_id: UUID) -> str:
    """The very text that is signed and sent."""
    return json.dumps(
        {
            "version": VERSION,
            "id": str(delivery_id),
            "original_id": str(original_id),
            "is_redelivery": delivery_id != original_id,
            "type": message.kind,
            "created_at": iso(message.created_at),
            "data": message.data,
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )


def readdress(body: str, *, delivery_id: UUID) -> str:
    """The same message under a new id, marked as a redelivery of the first."""
    told = json.loads(body)
    told["id"], told["is_redelivery"] = str(delivery_id), True
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def iso(moment: datetime) -> str:
    """``2026-03-01T12:00:00Z``, whole seconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
