"""The append-only record of what happened, in an order that a cursor may rest on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import F, OuterRef, Subquery

from payments import counters, hints
from payments.models import Event, Invoice
from payments.states import EventKind, InvoiceState

if TYPE_CHECKING:
    from uuid import UUID

POSITION: Final = "event"
LAPSED_FOR: Final = timedelta(days=7)


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
    is_first = kind is EventKind.OPENED
    seq = 1 if is_first else Event.objects.filter(invoice=invoice).count() + 1
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
    return tuple(_view(row) for row in rows)


def lapsed(*, now: datetime, limit: int = 1000) -> tuple[EventView, ...]:
    """The last event of each invoice that is paid in part and whose quotes ran out within a week.

    Only once a look at the chain after the end found no more: what was sent in time has arrived.
    """
    over = Invoice.objects.filter(
        state=InvoiceState.PARTIAL,
        quote_until__lt=now,
        quote_until__gt=now - LAPSED_FOR,
        swept_at__gt=F("quote_until"),
    )
    ids = list(over.order_by("-quote_until").values_list("pk", flat=True)[:limit])
    newest = Event.objects.filter(invoice=OuterRef("invoice")).order_by("-seq").values("pk")[:1]
    rows = Event.objects.filter(invoice__in=ids, pk=Subquery(newest)).order_by("position")
    return tuple(_view(row) for row in rows)


def _view(row: Event) -> EventView:
    return EventView(
        position=row.position,
        invoice_id=row.invoice_id,
        seq=row.seq,
        was=row.was,
        flags=tuple(row.flags),
        state=InvoiceState(row.state),
        kind=EventKind(row.kind),
        at=row.at,
    )


def _next_position() -> int:
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("An event is written in the transaction of what it tells.")
    return counters.next_of(POSITION)
