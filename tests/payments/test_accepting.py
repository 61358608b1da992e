"""The creator takes what has come, though it is less than the price."""

from __future__ import annotations

import pytest
from django.utils import timezone

from payments import invoices
from payments.errors import AlreadySettled, InvoiceMissing, NothingToAccept
from payments.models import Event, Invoice
from payments.states import InvoiceState
from tests.devchains import Devchain
from tests.tills import look, sell

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_came_is_accepted_and_settles_at_the_next_look(chain: Devchain) -> None:
    invoice = sell(chain)
    chain.pay(invoice.address, 12_000)
    chain.mine()
    assert look(invoice.id).state is InvoiceState.PARTIAL
    now = timezone.now()

    taken = invoices.accept(invoice.id, now=now)
    again = invoices.accept(invoice.id, now=now)
    paid = look(invoice.id)

    row = Invoice.objects.get()
    assert (taken.state, taken.due_sat, taken.missing_sat) == ("SEEN", 12_000, 0)
    assert (row.accepted_at, row.accepted_sat) == (now, 12_000)
    assert again == taken
    assert (paid.state, paid.confirmed_sat, paid.flags) == ("PAID", 12_000, ())
    kinds = list(Event.objects.order_by("seq").values_list("kind", "was", "state"))
    assert kinds[1:] == [
        ("changed", "OPEN", "PARTIAL"),
        ("accepted", "PARTIAL", "SEEN"),
        ("settled", "SEEN", "PAID"),
    ]


def test_what_is_accepted_still_waits_for_its_depth(chain: Devchain) -> None:
    invoice = sell(chain, confirmations=2)
    chain.pay(invoice.address, 12_000)
    look(invoice.id)
    invoices.accept(invoice.id, now=timezone.now())

    unconfirmed = look(invoice.id)
    chain.mine()
    shallow = look(invoice.id)
    chain.mine()

    assert (unconfirmed.state, unconfirmed.settled_at) == (InvoiceState.SEEN, None)
    assert (shallow.state, shallow.settled_at) == (InvoiceState.SEEN, None)
    assert look(invoice.id).state is InvoiceState.PAID


def test_an_accepted_part_that_is_lost_opens_nothing(chain: Devchain) -> None:
    invoice = sell(chain)
    txid = chain.pay(invoice.address, 12_000)
    look(invoice.id)
    invoices.accept(invoice.id, now=timezone.now())
    chain.evict(txid)
    look(invoice.id)
    lost = look(invoice.id)
    chain.pay(invoice.address, 5_000)
    chain.mine()

    assert (lost.state, lost.seen_sat) == (InvoiceState.OPEN, 0)
    assert look(invoice.id).state is InvoiceState.PARTIAL


def test_there_must_be_something_to_accept(chain: Devchain) -> None:
    empty, enough, paid = sell(chain), sell(chain), sell(chain)
    chain.pay(paid.address, 20_000)
    chain.mine()
    chain.pay(enough.address, 20_000)
    look(enough.id)
    look(paid.id)
    events = Event.objects.count()

    for invoice, error in (
        (empty, NothingToAccept),
        (enough, NothingToAccept),
        (paid, AlreadySettled),
    ):
        with pytest.raises(error):
            invoices.accept(invoice.id, now=timezone.now())
    with pytest.raises(InvoiceMissing):
        invoices.accept(paid.id.__class__(int=0), now=timezone.now())

    assert Event.objects.count() == events
    assert not Invoice.objects.exclude(accepted_at=None).exists()
