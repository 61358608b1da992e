"""What the instance signs: a ticket with the order, a receipt once the gate is open."""

from __future__ import annotations

import pytest
from django.conf import settings

from payments import invoices
from payments.states import InvoiceState
from tests.unlock import sale
from tests.unlock.sale import NOW, Buyer
from unlock import container, grants, keys, receipts
from unlock.errors import NotPaid, SignatureInvalid
from unlock.states import GrantKind

pytestmark = pytest.mark.django_db

PUBLIC = container.signing_public_key(settings.KIM_SIGNING_KEY)


def test_a_receipt_says_what_was_paid_for_what_and_verifies() -> None:
    sold, noor = sale.publish(), Buyer()
    purchase = noor.purchase(sold, invoice_id=sale.owe(sold, InvoiceState.PAID).id)

    signed = receipts.issue(keys.standing_of(purchase.id, now=NOW))

    assert container.verify_receipt(PUBLIC, signed.body, signed.signature) == container.Receipt(
        instance=settings.KIM_PUBLIC_URL,
        paid_file=str(sold.file.id),
        purchase=str(purchase.id),
        content_id=bytes.fromhex(purchase.content_id),
        paid_sat=10_000,
        outputs=("ab" * 32 + ":0",),
        settled_at=NOW,
    )


def test_a_changed_receipt_does_not_verify() -> None:
    sold = sale.publish()
    purchase = Buyer().purchase(sold, invoice_id=sale.owe(sold, InvoiceState.PAID).id)
    signed = receipts.issue(keys.standing_of(purchase.id, now=NOW))

    with pytest.raises(SignatureInvalid):
        container.verify_receipt(PUBLIC, signed.body.replace(b"10000", b"90000"), signed.signature)


def test_a_granted_purchase_was_paid_with_nothing() -> None:
    purchase = Buyer().purchase(sale.publish())
    grants.give(purchase.id, GrantKind.STAFF, now=NOW)

    signed = receipts.issue(keys.standing_of(purchase.id, now=NOW))

    receipt = container.verify_receipt(PUBLIC, signed.body, signed.signature)
    assert (receipt.paid_sat, receipt.outputs, receipt.settled_at) == (0, (), NOW)


@pytest.mark.parametrize("state", [state for state in InvoiceState if state != InvoiceState.PAID])
def test_there_is_no_receipt_before_the_gate_is_open(state: InvoiceState) -> None:
    sold = sale.publish()
    purchase = Buyer().purchase(sold, invoice_id=sale.owe(sold, state).id)

    with pytest.raises(NotPaid):
        receipts.issue(keys.standing_of(purchase.id, now=NOW))


def test_a_ticket_names_everything_that_would_restore_the_order() -> None:
    sold, noor = sale.publish(), Buyer()
    invoice = sale.owe(sold)
    purchase = noor.purchase(sold, invoice_id=invoice.id)
    view = invoices.status_of(invoice.id, now=NOW)

    signed = receipts.sign_ticket(purchase, view)

    ticket = container.verify_ticket(PUBLIC, signed.body, signed.signature)
    assert ticket == container.Ticket(
        paid_file=str(sold.file.id),
        purchase=str(purchase.id),
        content_id=bytes.fromhex(purchase.content_id),
        address=invoice.address.shown,
        derivation=view.address_derivation,
        due_sat=10_000,
        until=invoice.quote_until,
        buyer_key=noor.keys.public_key,
        claim_hash=noor.claim_hash,
        generation=0,
    )


def test_a_ticket_is_not_a_receipt() -> None:
    sold = sale.publish()
    invoice = sale.owe(sold)
    purchase = Buyer().purchase(sold, invoice_id=invoice.id)
    signed = receipts.sign_ticket(purchase, invoices.status_of(invoice.id, now=NOW))

    with pytest.raises(SignatureInvalid):
        container.verify_receipt(PUBLIC, signed.body, signed.signature)
