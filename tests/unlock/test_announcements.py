"""Events become keys without anybody's page open: in order, once, and never skipped."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest

from payments.models import Invoice
from payments.states import InvoiceState
from tests.unlock import sale
from tests.unlock.sale import INSTANCE_PRIVATE, NOW, Buyer
from unlock import announcements, grants, keys
from unlock.errors import InstanceKeyMissing
from unlock.models import Cursor, KeyRelease, Purchase
from unlock.states import GrantKind

pytestmark = pytest.mark.django_db


def serve() -> int:
    return announcements.serve(private_keys=INSTANCE_PRIVATE, now=NOW)


def test_a_settled_invoice_gets_its_key_while_the_tab_is_closed() -> None:
    sold, noor = sale.publish(), Buyer()
    invoice = sale.owe(sold)
    purchase = noor.purchase(sold, invoice_id=invoice.id)
    sale.move(invoice, InvoiceState.SEEN)
    sale.move(invoice, InvoiceState.PAID)

    assert announcements.drain(now=NOW) == 3
    assert serve() == 1

    assert noor.open(purchase, KeyRelease.objects.get().sealed) == sold.secret
    assert Cursor.objects.get(name=announcements.CURSOR).position == 3


def test_an_event_is_read_once() -> None:
    sold = sale.publish()
    Buyer().purchase(sold, invoice_id=sale.owe(sold, InvoiceState.PAID).id)

    assert announcements.drain(now=NOW) == 1
    assert announcements.drain(now=NOW) == 0
    assert serve() == 1
    assert serve() == 0
    assert KeyRelease.objects.count() == 1


def test_nothing_is_owed_for_what_is_only_seen() -> None:
    sold = sale.publish()
    invoice = sale.owe(sold)
    Buyer().purchase(sold, invoice_id=invoice.id)
    sale.move(invoice, InvoiceState.SEEN)

    announcements.drain(now=NOW)

    assert Purchase.objects.get().release_due_at is None
    assert serve() == 0
    assert not KeyRelease.objects.exists()


def test_paid_and_reversed_before_the_worker_came_brings_nothing() -> None:
    sold = sale.publish()
    invoice = sale.owe(sold, InvoiceState.PAID)
    Buyer().purchase(sold, invoice_id=invoice.id)
    sale.move(invoice, InvoiceState.REVERSED)

    announcements.drain(now=NOW)

    assert serve() == 0
    assert not KeyRelease.objects.exists()
    assert keys.due(now=NOW + timedelta(days=1), limit=9) == []

    sale.move(invoice, InvoiceState.PAID)
    announcements.drain(now=NOW)

    assert serve() == 1


def test_one_broken_file_does_not_hold_up_the_others(caplog: pytest.LogCaptureFixture) -> None:
    broken, sold, noor = sale.publish(h_s="00" * 32), sale.publish(), Buyer()
    eves = Buyer().purchase(broken, invoice_id=sale.owe(broken, InvoiceState.PAID).id)
    noors = noor.purchase(sold, invoice_id=sale.owe(sold, InvoiceState.PAID).id)
    announcements.drain(now=NOW)

    with caplog.at_level(logging.CRITICAL):
        assert serve() == 1

    assert KeyRelease.objects.get().purchase == noors
    assert Purchase.objects.get(id=eves.id).release_due_at == NOW + keys.RETRY_AFTER


def test_one_purchase_that_cannot_even_be_read_does_not_hold_up_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sold = sale.publish()
    invoice = sale.owe(sold, InvoiceState.PAID)
    eves = Buyer().purchase(sold, invoice_id=invoice.id)
    Buyer().purchase(sold, invoice_id=sale.owe(sold, InvoiceState.PAID).id)
    announcements.drain(now=NOW)
    Invoice.objects.filter(pk=invoice.pk).update(state="BROKEN", settled_at=None)

    with caplog.at_level(logging.CRITICAL):
        assert serve() == 1

    assert Purchase.objects.get(id=eves.id).release_due_at == NOW + keys.RETRY_AFTER
    assert not KeyRelease.objects.filter(purchase=eves).exists()


def test_a_grant_is_served_without_any_event() -> None:
    sold, noor = sale.publish(), Buyer()
    purchase = noor.purchase(sold)
    grants.give(purchase.id, GrantKind.STAFF, now=NOW)

    assert serve() == 1
    assert noor.open(purchase, KeyRelease.objects.get().sealed) == sold.secret


def test_more_events_than_one_batch_are_all_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announcements, "BATCH", 2)
    sold = sale.publish()
    for _ in range(5):
        Buyer().purchase(sold, invoice_id=sale.owe(sold, InvoiceState.PAID).id)

    assert announcements.drain(now=NOW) == 5
    assert serve() == 5


def test_a_worker_without_keys_fails_loudly_and_keeps_the_debt() -> None:
    sold = sale.publish()
    purchase = Buyer().purchase(sold, invoice_id=sale.owe(sold, InvoiceState.PAID).id)
    announcements.drain(now=NOW)

    with pytest.raises(InstanceKeyMissing):
        announcements.serve(private_keys=(), now=NOW)

    assert keys.due(now=NOW, limit=9) == [purchase.id]
