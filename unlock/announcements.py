"""What happened to invoices, read in order, and the keys that are owed for it.

``drain`` moves a cursor over payments' append-only events and notes each settled purchase as owed
in the same transaction, so a crash repeats the work and never skips it. ``serve`` works the debts
off. Both run every few seconds whether or not anybody's page is open.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.db import transaction

from payments import invoices
from payments.states import InvoiceState
from unlock import hints, keys
from unlock.errors import InstanceKeyMissing
from unlock.models import Cursor, Purchase

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

log = logging.getLogger(__name__)

CURSOR = "invoice-events"
BATCH = 500


def drain(*, now: datetime) -> int:
    """Read every new event once; return how many. Safe to run twice and in parallel."""
    total = 0
    while read := _drain_batch(now=now):
        total += read
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


def _drain_batch(*, now: datetime) -> int:
    with transaction.atomic():
        Cursor.objects.get_or_create(name=CURSOR)
        cursor = Cursor.objects.select_for_update().get(name=CURSOR)
        events = invoices.events_after(cursor.position, limit=BATCH)
        if not events:
            return 0
        paid = {event.invoice_id for event in events if event.state is InvoiceState.PAID}
        settled = list(Purchase.objects.filter(invoice_id__in=paid).values_list("id", flat=True))
        keys.owe(settled, now=now)
        for purchase_id in settled:
            hints.purchase_changed(purchase_id)
        cursor.position = events[-1].position
        cursor.save(update_fields=["position"])
    return len(events)
