"""The append-only record of what happened, in an order that a cursor may rest on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import F

from payments import hints
from payments.models import Counter, Event
from payments.states import EventKind, InvoiceState

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from payments.models import Invoice

POSITION: Final = "event"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventView:
    """One thing that happened. ``position`` is gapless in commit order: a cursor may rest on it.

    ``seq`` counts within the invoice from 1; ``was`` is the state before ("" for the first).
    """

    position: int
    invoice_id: UUID
    seq: int
    was: str
    state: InvoiceState
    flags: tuple[str, ...]
    kind: EventKind
    at: datetime


def record(invoice: Invoice, kind: EventKind, *, was: str, now: datetime) -> None:
    """Write an event and tell open pages after commit. The last thing a transaction does.

    The caller holds the invoice's row lock, which makes ``seq`` safe; the counter's row lock puts
    all writers in line from here to commit, so that no position appears after a later one.
    """
    seq = Event.objects.filter(invoice=invoice).count() + 1
    Event.objects.create(
        position=_next_position(),
        invoice=invoice,
        seq=seq,
        kind=kind,
        was=was,
        state=invoice.state,
        flags=invoice.flags,
        at=now,
    )
    hints.invoice_changed(invoice.id)


def after(cursor: int, limit: int) -> tuple[EventView, ...]:
    """Events with a position beyond ``cursor``, oldest first."""
    rows = Event.objects.filter(position__gt=cursor).order_by("position")[:limit]
    return tuple(
        EventView(
            position=row.position,
            invoice_id=row.invoice_id,
            seq=row.seq,
            was=row.was,
            flags=tuple(row.flags),
            state=InvoiceState(row.state),
            kind=EventKind(row.kind),
            at=row.at,
        )
        for row in rows
    )


def _next_position() -> int:
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("An event is written in the transaction of what it tells.")
    mine = Counter.objects.filter(name=POSITION)
    while not mine.update(value=F("value") + 1):
        Counter.objects.get_or_create(name=POSITION)
    return Counter.objects.get(name=POSITION).value
