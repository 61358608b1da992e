"""A database is lost; the buyer's order ticket brings the order back, and nobody else's."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from payments import invoices, restoring
from payments.errors import BadAddress, TicketMismatch
from payments.invoices import InvoiceView
from payments.models import Address, Event, Invoice, Payout, Quote
from tests.devchains import Devchain
from tests.tills import look, payout_to, sell
from tests.xpub import XPUB

pytestmark = pytest.mark.django_db(transaction=True)


def forget(invoice: InvoiceView) -> None:
    """What a backup from before the sale does not know."""
    Event.objects.all().delete()
    Quote.objects.all().delete()
    Address.objects.all().delete()
    Invoice.objects.all().delete()
    Payout.objects.update(next_index=0)


def restore(owner: UUID, ticket: InvoiceView, **changes: object) -> InvoiceView:
    fields: dict[str, object] = {
        "owner": owner,
        "address": ticket.address,
        "derivation": ticket.address_derivation,
        "due_sat": ticket.due_sat,
        "until": ticket.quote_until,
        "now": timezone.now(),
    }
    return restoring.restore(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["forwarder", "xpub"])
def test_an_order_paid_before_the_loss_opens(chain: Devchain, kind: str) -> None:
    owner = uuid4()
    payout = payout_to(chain.new_address() if kind == "forwarder" else XPUB, owner=owner)
    sell(chain, payout=payout)
    ticket = sell(chain, payout=payout, ago=timedelta(minutes=30))
    chain.pay(ticket.address, 20_000)
    chain.mine()
    forget(ticket)

    back = restore(owner, ticket)
    paid = look(back.id)

    assert (back.state, back.owner, back.due_sat) == ("OPEN", owner, 20_000)
    assert (back.address, back.address_derivation) == (ticket.address, ticket.address_derivation)
    assert (back.quote_until, str(back.price)) == (ticket.quote_until, "0.00020000 BCH")
    assert (paid.state, paid.seen_sat) == ("PAID", 20_000)
    assert Payout.objects.get(pk=payout.id).next_index == 2
    assert sell(chain, payout=payout).address != ticket.address
    assert Event.objects.order_by("position").values_list("kind", flat=True)[0] == "restored"


def test_restoring_twice_is_once_and_what_is_there_is_told(chain: Devchain) -> None:
    owner = uuid4()
    ticket = sell(chain, payout=payout_to(chain.new_address(), owner=owner))

    assert restore(owner, ticket).id == ticket.id
    forget(ticket)
    first, again = restore(owner, ticket), restore(owner, ticket)

    assert first.id == again.id
    assert Invoice.objects.count() == 1
    assert Event.objects.count() == 1


def test_an_earlier_payout_is_found_too(chain: Devchain) -> None:
    owner = uuid4()
    ticket = sell(chain, payout=payout_to(chain.new_address(), owner=owner))
    payout_to(chain.new_address(), owner=owner)
    forget(ticket)

    assert restore(owner, ticket).address == ticket.address


def test_a_ticket_that_does_not_fit_restores_nothing(chain: Devchain) -> None:
    owner, other = uuid4(), uuid4()
    ticket = sell(chain, payout=payout_to(chain.new_address(), owner=owner))
    payout_to(chain.new_address(), owner=other)
    with pytest.raises(TicketMismatch):
        restore(other, ticket)
    forget(ticket)
    bent: list[tuple[UUID, dict[str, object]]] = [
        (other, {}),
        (uuid4(), {}),
        (owner, {"derivation": "forwarder 1"}),
        (owner, {"derivation": "m/0/0"}),
        (owner, {"derivation": "forwarder -1"}),
        (owner, {"derivation": "forwarder 2147483647"}),
        (owner, {"derivation": "forwarder 00"}),
        (owner, {"derivation": ""}),
        (owner, {"address": chain.new_address()}),
        (owner, {"due_sat": 0}),
        (owner, {"due_sat": 21_000_000 * 100_000_000 + 1}),
        (owner, {"confirmations": 3}),
    ]

    for who, changes in bent:
        with pytest.raises(TicketMismatch):
            restore(who, ticket, **changes)
    with pytest.raises(BadAddress):
        restore(owner, ticket, address="nonsense")

    assert not Invoice.objects.exists()
    assert set(Payout.objects.values_list("next_index", flat=True)) == {0}
    assert invoices.events_after(0) == ()
