"""Prices locked in satoshis for a while: added, never changed."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings

from payments import amounts
from payments.models import Quote

if TYPE_CHECKING:
    from payments.models import Invoice
    from payments.rate_table import Quoted


def until(now: datetime) -> datetime:
    """When a quote given now runs out."""
    return now + timedelta(minutes=settings.KIM_QUOTE_MINUTES)


def add(invoice: Invoice, quoted: Quoted, *, now: datetime, until: datetime) -> None:
    """Lock today's price until then."""
    Quote.objects.create(
        invoice=invoice,
        due_sat=quoted.due_sat,
        min_sat=amounts.min_sat(quoted.due_sat, tolerance_bps=invoice.tolerance_bps),
        rate=quoted.rate,
        sources=list(quoted.sources),
        evidence=list(quoted.evidence),
        quoted_at=now,
        until=until,
    )


def extend(invoice: Invoice, *, now: datetime) -> None:
    """Once, when the first part of a payment comes in time: 20 more minutes for the rest."""
    given = list(invoice.quotes.order_by("quoted_at"))
    # A new quote is given only once the old one is over: two at a time are an extension.
    was_extended = any(late.quoted_at <= early.until for early, late in itertools.pairwise(given))
    last = given[-1]
    if was_extended or last.until <= now:
        return
    invoice.quote_until = until(now)
    Quote.objects.create(
        invoice=invoice,
        due_sat=last.due_sat,
        min_sat=last.min_sat,
        rate=last.rate,
        sources=last.sources,
        evidence=last.evidence,
        quoted_at=now,
        until=invoice.quote_until,
    )
