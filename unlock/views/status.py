"""A purchase for browsers without scripts, and the page that opens a file with a licence.

The status tells states and amounts, as the live events do, to whoever knows the purchase's id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import segno
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from payments import refunds
from unlock import keys, wordings
from unlock.views.sessions import creator_of

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest, HttpResponse


@require_safe
def purchase(request: HttpRequest, purchase_id: UUID) -> HttpResponse:
    """How a purchase stands; with ``?watch=1`` anew every ten seconds. Raises PurchaseUnknown."""
    now = timezone.now()
    standing = keys.standing_of(purchase_id, now=now)
    invoice = standing.invoice
    refund = None if invoice is None else refunds.of([invoice.id]).get(invoice.id)
    said = wordings.say(standing, refund, now=now)
    facts = {
        "said": said,
        "is_watched": "watch" in request.GET,
        "state": "GRANTED" if invoice is None else invoice.state.value,
        "invoice": invoice,
        "refund": refund,
        "exchange_hint": "" if invoice is None else wordings.exchange_hint(invoice),
        "qr": segno.make(invoice.uri, error="m").svg_data_uri(border=1, omitsize=True)
        if invoice is not None and said.is_payable
        else "",
    }
    return render(request, "unlock/status.html", facts)


@require_safe
def open_file(request: HttpRequest) -> HttpResponse:
    """A licence and a sealed file, opened in the page; nothing of either comes here."""
    creator = creator_of(request)
    return render(request, "unlock/open.html", {"username": str(creator) if creator else ""})
