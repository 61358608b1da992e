"""An invoice made again from the order ticket that its buyer kept, after a database was lost.

The ticket's signature is the caller's to check. What is checked here is that its address really
leads to this creator: then the money that came to it, or still comes, is found on chain.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from django.db import IntegrityError, transaction

from payments import addresses, amounts, events, hints, invoices, payouts, terms
from payments.amounts import BCH, MAX_SAT
from payments.errors import TicketMismatch
from payments.invoice_views import status_of
from payments.models import Address, Invoice, Payout
from payments.rate_table import Quoted
from payments.states import EventKind, PayoutKind

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from payments.invoices import InvoiceView
    from payments.payouts import Issued

_DERIVATION: Final = re.compile(r"(m/0/|forwarder )(0|[1-9][0-9]{0,9})")
_KINDS: Final = {"m/0/": PayoutKind.XPUB, "forwarder ": PayoutKind.FORWARDER}


def restore(
    *,
    owner: UUID,
    address: str,
    derivation: str,
    due_sat: int,
    until: datetime,
    now: datetime,
    confirmations: int = 1,
) -> InvoiceView:
    """The owner's invoice at ``address``: the one that is there, or a new one over ``due_sat``.

    ``derivation`` is as ``InvoiceView.address_derivation`` told it, ``until`` the end of the quote.
    Twice is once. The chain is looked at right after. Raises ``TicketMismatch`` when no payout of
    the owner leads to the address, and what ``addresses.parse`` raises.
    """
    script = addresses.parse(address, payouts.network()).script
    known = _known(owner, script)
    if known is not None:
        return status_of(known, now=now)
    if not 0 < due_sat <= MAX_SAT or confirmations not in invoices.CONFIRMATIONS:
        raise TicketMismatch("The ticket's amounts make no sense.")
    issued = _issued(owner, derivation, script)
    invoice = _invoice(owner, due_sat, confirmations)
    try:
        with transaction.atomic():
            _skip(issued)
            quoted = Quoted(due_sat=due_sat, rate=None, sources=())
            invoices.write(invoice, issued, quoted, now=now, until=until)
            Invoice.objects.filter(pk=invoice.pk).update(sweep_due_at=now)
            hints.ask_reconcile(invoice.id)
            events.record(invoice, EventKind.RESTORED, was="", now=now)
    except IntegrityError:  # the buyer's page asked twice at once
        known = _known(owner, script)
        if known is None:
            raise
        return status_of(known, now=now)
    return status_of(invoice.id, now=now)


def _known(owner: UUID, script: bytes) -> UUID | None:
    """The invoice at this address. Raises ``TicketMismatch`` if it is somebody else's."""
    row = Address.objects.select_related("payout").filter(script=script.hex()).first()
    if row is not None and row.payout.owner != owner:
        raise TicketMismatch("That address belongs to another order.")
    return None if row is None else row.invoice_id


def _issued(owner: UUID, derivation: str, script: bytes) -> Issued:
    match = _DERIVATION.fullmatch(derivation)
    index = int(match[2]) if match else 2**31
    if match is None or index >= 2**31 - 1:
        raise TicketMismatch("The ticket does not say which address it is.")
    rows = Payout.objects.filter(owner=owner, network=payouts.network(), kind=_KINDS[match[1]])
    for row in rows.order_by("-created_at"):
        issued = payouts.derive(row, index)
        if issued is not None and issued.script == script:
            return issued
    raise TicketMismatch("No payout of this creator leads to that address.")


def _invoice(owner: UUID, due_sat: int, confirmations: int) -> Invoice:
    price = amounts.parse_price(amounts.format_bch(due_sat), BCH)
    asked = terms.of(owner)
    return Invoice(
        network=payouts.network(),
        price_amount=price.amount,
        price_currency=price.currency,
        confirmations=confirmations,
        honour_sats=asked.honour_sats,
        tolerance_bps=asked.tolerance_bps,
    )


def _skip(issued: Issued) -> None:
    """Nobody else is given this address, or one before it."""
    row = Payout.objects.select_for_update(no_key=True).get(pk=issued.payout_id)
    row.next_index = max(row.next_index, issued.index + 1)
    row.save(update_fields=["next_index"])
