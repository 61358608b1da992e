"""A sale before a block, on a devchain or on a real node. One server, so that play money it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import override_settings
from django.utils import timezone

from payments import heartbeats, terms
from payments.invoices import InvoiceView
from payments.models import Invoice
from payments.states import InvoiceState
from tests.chain.nodes import Peer
from tests.tills import look, payout_to, sell

pytestmark = pytest.mark.django_db(transaction=True)
EIGHT_SECONDS = timedelta(seconds=8)


@pytest.fixture(autouse=True)
def _one_server() -> Iterator[None]:
    with override_settings(KIM_INSTANT_OPERATORS=1):
        yield


def seen(peer: Peer, sold: InvoiceView) -> str:
    """The transaction, once the server shows it."""
    txid = peer.pay(sold.address, 20_000)
    peer.settled(lambda: look(sold.id), lambda view: view.seen_sat == 20_000)
    return txid


def opened(peer: Peer) -> InvoiceView:
    heartbeats.beat(heartbeats.SWEEP, now=timezone.now(), detail={})
    owner = uuid4()
    terms.set_for(owner, now=timezone.now(), instant_invoice_sat=20_000, instant_total_sat=20_000)
    return sell(peer, payout=payout_to(peer.new_address(), owner=owner), instant=True)


def test_a_sale_opens_without_a_block(peer: Peer) -> None:
    sold = opened(peer)
    txid = seen(peer, sold)
    waited = Invoice.objects.get(pk=sold.id).instant_wait
    paid = look(sold.id, after=EIGHT_SECONDS + timedelta(seconds=1))
    peer.mine()
    buried = peer.settled(lambda: look(sold.id), lambda view: view.depth == 1)

    assert waited == "8_seconds"
    assert (paid.state, paid.depth) == (InvoiceState.PAID, 0)
    assert [text.split(":")[0] for text in paid.evidence] == [txid]
    assert (buried.state, buried.settled_at) == (InvoiceState.PAID, paid.settled_at)


def test_a_double_spend_within_the_silence_waits_for_the_block(peer: Peer) -> None:
    sold = opened(peer)
    peer.double_spend(seen(peer, sold))
    suspect = peer.settled(lambda: look(sold.id), lambda view: view.state is InvoiceState.SUSPECT)
    later = look(sold.id, after=timedelta(minutes=1))
    peer.mine()
    paid = peer.settled(lambda: look(sold.id), lambda view: view.state is InvoiceState.PAID)

    assert (suspect.settled_at, later.settled_at) == (None, None)
    assert paid.depth == 1
    assert not Invoice.objects.get(pk=sold.id).settled_instantly
