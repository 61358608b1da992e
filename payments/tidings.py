"""What there is to tell about money, for those who tell creators: transactions, stuck forwards."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from payments.models import Forward, Output

if TYPE_CHECKING:
    from collections.abc import Iterable

STUCK_AFTER: Final = timedelta(hours=6)  # not in a block yet: a few slow blocks are no trouble


def txids_of(invoice_ids: Iterable[UUID]) -> dict[UUID, tuple[str, ...]]:
    """The transactions that pay each of these invoices, in the order they were first seen."""
    rows = Output.objects.filter(invoice__in=list(invoice_ids)).order_by("first_seen_at", "pk")
    found: dict[UUID, dict[str, None]] = {}
    for invoice_id, txid in rows.values_list("invoice_id", "transaction_id"):
        found.setdefault(invoice_id, {})[txid] = None
    return {invoice_id: tuple(txids) for invoice_id, txids in found.items()}


def stuck_forwards(*, now: datetime) -> tuple[tuple[UUID, str], ...]:
    """Owner and txid of each forward that no block took for six hours."""
    rows = Forward.objects.filter(
        mined_height=None, dropped_at=None, created_at__lt=now - STUCK_AFTER
    )
    return tuple(rows.order_by("pk").values_list("payout__owner", "txid")[:1000])
