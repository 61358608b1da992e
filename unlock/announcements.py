"""What happened to invoices, read in order, and the keys and messages that are owed for it.

``drain`` moves cursors over payments' append-only events and notes what each event owes in the same
transaction, so a crash repeats the work and never skips or doubles it. Keys, webhooks and notices
have a cursor each: whatever goes wrong with a message, no key waits for it. ``serve`` works the
keys off, ``unlock.tasks.outbox`` the messages. All run every few seconds, whether or not anybody's
page is open.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.db import transaction

from payments import invoices
from payments.states import InvoiceState
from unlock import free_copies, hints, keys, notices, stock, webhooks
from unlock.errors import InstanceKeyMissing
from unlock.models import Cursor, Purchase

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from payments.invoices import EventView

log = logging.getLogger(__name__)

CURSOR = "invoice-events"
WEBHOOK_CURSOR = "webhooks"
NOTICE_CURSOR = "notices"
STOCK_CURSOR = "stock"
BATCH = 500

if TYPE_CHECKING:
    Reader = Callable[[Sequence[EventView], datetime], None]


def drain(*, now: datetime) -> int:
    """Read every new event once; return how many. Safe to run twice and in parallel."""
    _begin()
    total = _drain(CURSOR, _owe, now=now)
    messages: dict[str, Callable[[], int]] = {
        WEBHOOK_CURSOR: lambda: _drain(WEBHOOK_CURSOR, _enqueue, now=now),
        STOCK_CURSOR: lambda: _drain(STOCK_CURSOR, _count, now=now),
        NOTICE_CURSOR: lambda: _drain(NOTICE_CURSOR, _note, now=now),
        webhooks.ORPHANS: lambda: webhooks.enqueue_orphans(now=now),
        free_copies.CURSOR: lambda: free_copies.drain(now=now),
    }
    for name, act in messages.items():
        try:
            act()
        except Exception:
            log.exception("%s stand still; keys do not", name)
    return total


def serve(*, private_keys: Sequence[bytes], now: datetime, limit: int = 200) -> int:
    """Release the keys that are owed; return how many. One that fails does not hold up the rest.

    Raises InstanceKeyMissing: without keys nothing can be served, and somebody must know.
    """
    released = 0
    for purchase_id in keys.due(now=now, limit=limit):
        try:
            made = keys.release(purchase_id, private_keys=private_keys, now=now)
            released += made is not None
        except InstanceKeyMissing:
            raise
        except Exception:
            log.exception("the key of purchase %s is owed and failed", purchase_id)
            keys.postpone(purchase_id, now=now)
    return released


def _begin() -> None:
    """The cursors of messages begin where the keys' stands: what is long over is not told."""
    now_at = Cursor.objects.filter(name=CURSOR).values_list("position", flat=True).first() or 0
    for name in (WEBHOOK_CURSOR, NOTICE_CURSOR, STOCK_CURSOR):
        Cursor.objects.get_or_create(name=name, defaults={"position": now_at})


def _drain(name: str, read: Reader, *, now: datetime) -> int:
    total = 0
    while count := _drain_batch(name, read, now=now):
        total += count
    return total


def _drain_batch(name: str, read: Reader, *, now: datetime) -> int:
    with transaction.atomic():
        Cursor.objects.get_or_create(name=name)
        cursor = Cursor.objects.select_for_update().get(name=name)
        events = invoices.events_after(cursor.position, limit=BATCH)
        if not events:
            return 0
        read(events, now)
        cursor.position = events[-1].position
        cursor.save(update_fields=["position"])
    return len(events)


def _owe(events: Sequence[EventView], now: datetime) -> None:
    paid = {event.invoice_id for event in events if event.state is InvoiceState.PAID}
    settled = list(Purchase.objects.filter(invoice_id__in=paid).values_list("id", flat=True))
    keys.owe(settled, now=now)
    for purchase_id in settled:
        hints.purchase_changed(purchase_id)


def _enqueue(events: Sequence[EventView], now: datetime) -> None:
    webhooks.enqueue(events, now=now)


def _count(events: Sequence[EventView], now: datetime) -> None:
    settled = {event.invoice_id for event in events if event.state is InvoiceState.PAID}
    stock.mark_oversold(settled, now=now)


def _note(events: Sequence[EventView], now: datetime) -> None:
    notices.note(events, now=now)
