"""A purchase made again from the order ticket that its buyer's page kept, after a database was lost.

The ticket is our own signed promise; nothing else is believed. The invoice comes back first, at the
address that the ticket names (``payments.restoring``); money that came to it is found on chain.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction

from payments import restoring as invoices_again
from payments.errors import TicketMismatch
from unlock import container, keys, versions
from unlock.errors import (
    ClaimKnown,
    SecretUnusable,
    SignatureInvalid,
    TicketFileLost,
    TicketForeign,
)
from unlock.models import DiscountCode, PaidFile, Purchase
from unlock.states import FileState

if TYPE_CHECKING:
    from datetime import datetime

    from unlock.container import Ticket


def restore(body: bytes, signature: bytes, *, claim_hash: bytes, now: datetime) -> Purchase:
    """The purchase that ``body`` promises: the one that is there, or the one made again.

    Twice is once. Call it outside any transaction. Raises SignatureInvalid (not our ticket, or
    altered), TicketForeign (another buyer's), TicketFileLost, ClaimKnown, and what
    ``payments.restoring.restore`` raises; no purchase was made then.
    """
    ticket = container.verify_ticket(
        container.signing_public_key(settings.KIM_SIGNING_KEY), body, signature
    )
    if not hmac.compare_digest(ticket.claim_hash, claim_hash):
        raise TicketForeign("This ticket is of another buyer's order.")
    purchase_id = _id_of(ticket.purchase)
    known = Purchase.objects.filter(id=purchase_id).first()
    if known is not None:
        return _own(known, claim_hash)
    paid_file = _file_of(ticket)
    invoice = invoices_again.restore(
        owner=paid_file.creator_id,
        address=ticket.address,
        derivation=ticket.derivation,
        due_sat=ticket.due_sat,
        until=ticket.until,
        confirmations=paid_file.confirmations,
        now=now,
    )
    purchase = _make(ticket, purchase_id, paid_file, invoice_id=invoice.id, now=now)
    if keys.standing_of(purchase.id, now=now).is_open:
        # It settled before there was a purchase to name in its event: nobody else notes the debt.
        keys.owe([purchase.id], now=now)
    return purchase


def _file_of(ticket: Ticket) -> PaidFile:
    """The file as it was sold, with the very content, under the link that the buyer has.

    A draft was never sold.
    """
    rows = PaidFile.objects.select_related("container").exclude(state=FileState.DRAFT)
    paid_file = rows.filter(id=_id_of(ticket.paid_file)).first()
    if paid_file is None or paid_file.container is None:
        raise TicketFileLost("The file of this order is not here any more.")
    sold = _version_of(paid_file, ticket)
    if sold.container is None or sold.container.content_id != ticket.content_id.hex():
        raise TicketFileLost("The file has another content than this order was for.")
    return sold


def _version_of(paid_file: PaidFile, ticket: Ticket) -> PaidFile:
    """A ticket that names no generation is from before there were versions: of the first one."""
    generation = ticket.generation
    if generation is None:
        first = versions.rows(paid_file.id).order_by("generation").first()
        generation = paid_file.generation if first is None else first.generation
    try:
        return versions.of_generation(paid_file, generation)
    except SecretUnusable as error:
        raise TicketFileLost("The version of this order is not here any more.") from error


def _make(
    ticket: Ticket, purchase_id: UUID, paid_file: PaidFile, *, invoice_id: UUID, now: datetime
) -> Purchase:
    try:
        with transaction.atomic():
            return Purchase.objects.create(
                id=purchase_id,
                paid_file=paid_file,
                claim_hash=ticket.claim_hash,
                buyer_key=ticket.buyer_key,
                content_id=ticket.content_id.hex(),
                generation=paid_file.generation,
                invoice_id=invoice_id,
                discount=_discount_of(ticket, paid_file),
                reference=ticket.reference,
                return_url=ticket.return_url,
                restored_at=now,
                created_at=now,
            )
    except IntegrityError as error:
        known = Purchase.objects.filter(id=purchase_id).first()
        if known is not None:  # the page asked twice at once
            return _own(known, ticket.claim_hash)
        if Purchase.objects.filter(invoice_id=invoice_id).exists():
            raise TicketMismatch("That address belongs to another order.") from error
        raise ClaimKnown("This claim was used before.") from error


def _discount_of(ticket: Ticket, paid_file: PaidFile) -> DiscountCode | None:
    """Counted again as taken, where the code itself was not lost with the order."""
    rows = DiscountCode.objects.filter(paid_file=paid_file.id)
    return rows.filter(id=_id_of(ticket.code)).first() if ticket.code else None


def _own(known: Purchase, claim_hash: bytes) -> Purchase:
    if not hmac.compare_digest(bytes(known.claim_hash), claim_hash):
        raise TicketForeign("This ticket is of another buyer's order.")
    return known


def _id_of(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise SignatureInvalid("What was signed is not an order ticket.") from error
