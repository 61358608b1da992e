"""What the instance signs for a buyer: the order ticket before paying, the receipt after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings

from payments import invoices
from unlock import container, versions
from unlock.errors import NotPaid
from unlock.models import Grant

if TYPE_CHECKING:
    from datetime import datetime

    from payments.invoices import InvoiceView
    from unlock.keys import Standing
    from unlock.models import Purchase


@dataclass(frozen=True, slots=True)
class Signed:
    """The very bytes that were signed, and the Ed25519 signature over label and bytes."""

    body: bytes
    signature: bytes


def issue(standing: Standing, *, content_id: str = "") -> Signed:
    """The receipt of a purchase whose gate is open. Raises NotPaid, VersionMissing.

    ``content_id``: of a version that was given to the purchase since; else of the bought one.
    A granted purchase was paid with nothing: 0 satoshi, no outputs, the moment of the grant.
    """
    if not standing.is_open:
        raise NotPaid("There is no receipt before the payment is settled.")
    purchase = standing.purchase
    if content_id:
        versions.asked(purchase, content_id)
    paid = _settled(standing)
    receipt = container.Receipt(
        instance=settings.KIM_PUBLIC_URL,
        paid_file=str(purchase.paid_file_id),
        purchase=str(purchase.id),
        content_id=bytes.fromhex(content_id or purchase.content_id),
        paid_sat=0 if paid is None else invoices.totals([paid.id]).settled_sat,
        outputs=() if paid is None else paid.evidence,
        settled_at=_settled_at(standing),
    )
    body = container.receipt_bytes(receipt)
    return Signed(body, container.sign_receipt(settings.KIM_SIGNING_KEY, body))


def sign_ticket(purchase: Purchase, invoice: InvoiceView) -> Signed:
    """The order ticket: what this instance promised to serve, should its database be lost."""
    ticket = container.Ticket(
        paid_file=str(purchase.paid_file_id),
        purchase=str(purchase.id),
        content_id=bytes.fromhex(purchase.content_id),
        address=invoice.address,
        derivation=invoice.address_derivation,
        due_sat=invoice.due_sat,
        until=invoice.quote_until,
        buyer_key=bytes(purchase.buyer_key),
        claim_hash=bytes(purchase.claim_hash),
        generation=purchase.generation,
        code=str(purchase.discount_id or ""),
        reference=purchase.reference,
        return_url=purchase.return_url,
    )
    body = container.ticket_bytes(ticket)
    return Signed(body, container.sign_ticket(settings.KIM_SIGNING_KEY, body))


def _settled(standing: Standing) -> InvoiceView | None:
    invoice = standing.invoice
    return invoice if invoice is not None and invoice.settled_at is not None else None


def _settled_at(standing: Standing) -> datetime:
    paid = _settled(standing)
    if paid is not None and paid.settled_at is not None:
        return paid.settled_at
    return Grant.objects.get(purchase=standing.purchase).created_at
