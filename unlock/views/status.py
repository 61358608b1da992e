"""A purchase for browsers without scripts, and the page that opens a file with a licence.

The status tells states and amounts, as the live events do, to whoever knows the purchase's id.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import segno
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from payments.states import InvoiceState
from unlock import keys
from unlock.states import ReleaseState
from unlock.views.pages import creator_of

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest, HttpResponse

    from unlock.keys import Standing

_PAYABLE = frozenset({InvoiceState.OPEN, InvoiceState.PARTIAL})


@dataclass(frozen=True, slots=True)
class Said:
    """A state in plain words. ``tone`` is "", "amber" or "red"."""

    title: str
    text: str
    tone: str = ""


_GRANTED = Said("Yours", "This file was given to you. Open your return link to save it.")
_SAID = {
    InvoiceState.OPEN: Said(
        "Waiting for your payment",
        "Nothing has arrived yet. Pay the amount to the address below.",
    ),
    InvoiceState.PARTIAL: Said(
        "Something is missing",
        "A part of the amount has arrived. Send the rest to the same address.",
        "amber",
    ),
    InvoiceState.SEEN: Said(
        "Payment seen",
        "Your payment was seen and waits to be confirmed. There is nothing more to do.",
    ),
    InvoiceState.SUSPECT: Said(
        "Waiting for a block",
        "A second payment contradicts yours, or not every server shows or takes it. The next block "
        "decides; do not pay again.",
        "amber",
    ),
    InvoiceState.PAID: Said("Paid", "Paid and confirmed. Open your return link to save the file."),
    InvoiceState.EXPIRED: Said(
        "The quote has run out",
        "Paid already? It is still detected. Otherwise open your return link and get a new quote.",
        "amber",
    ),
    InvoiceState.REVERSED: Said(
        "The payment was undone",
        "The chain no longer contains your payment. If it comes back, this changes by itself.",
        "red",
    ),
}

# What a payment that may open its file before a block still waits for; static/js/ui/waiting.js says
# the same.
_SECONDS = {
    "": "Checking it.",
    "second_server": "Checking with a second server.",
    "rebroadcast": "Checking that every server takes it.",
    "coins": "Checking the coins it spends.",
    "stale": "Waiting until the chain can be looked at again.",
    "8_seconds": "8 seconds without a contradiction, then the file opens.",
}
_BLOCK = {
    "ceiling": "the price is above what the creator sells at once",
    "total_ceiling": "several others have just bought from this creator",
    "one_operator": "this site can ask one server only",
    "doubt": "a server contradicted the payment",
    "refused": "a server refused the payment",
    "raw": "the payment could not be read",
    "parents": "the payment spends coins that wait for a block themselves",
    "size": "the payment is a very large transaction",
    "many_inputs": "the payment is made of very many coins",
    "input_kind": "the payment comes from a special kind of address",
    "signature_kind": "the payment is signed in an unusual way",
    "fee": "the payment carries a low fee",
}


@require_safe
def purchase(request: HttpRequest, purchase_id: UUID) -> HttpResponse:
    """How a purchase stands, anew every ten seconds. Raises PurchaseUnknown."""
    standing = keys.standing_of(purchase_id, now=timezone.now())
    invoice = standing.invoice
    is_payable = invoice is not None and invoice.state in _PAYABLE
    facts = {
        "said": _said(standing),
        "state": "GRANTED" if invoice is None else invoice.state.value,
        "invoice": invoice,
        "is_payable": is_payable,
        "qr": segno.make(invoice.uri, error="m").svg_data_uri(border=1, omitsize=True)
        if invoice is not None and is_payable
        else "",
    }
    return render(request, "unlock/status.html", facts)


@require_safe
def open_file(request: HttpRequest) -> HttpResponse:
    """A licence and a sealed file, opened in the page; nothing of either comes here."""
    creator = creator_of(request)
    return render(request, "unlock/open.html", {"username": str(creator) if creator else ""})


def _said(standing: Standing) -> Said:
    if standing.invoice is None:
        return _GRANTED
    if standing.release_state is ReleaseState.READY and standing.grant is not None:
        return _GRANTED
    said, invoice = _SAID[standing.invoice.state], standing.invoice
    if invoice.state is InvoiceState.SEEN and invoice.is_instant and invoice.depth == 0:
        return Said(said.title, _wait_words(invoice.instant_wait))
    return said


def _wait_words(code: str) -> str:
    if code in _BLOCK:
        return f"Waiting for a block, about ten minutes, because {_BLOCK[code]}."
    return _SECONDS.get(code, _SECONDS[""])
