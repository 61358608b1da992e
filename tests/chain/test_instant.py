"""A sale before a block, on a devchain or on a real node: by the word of one server, which play money
may do with, and by that of two operators. The second one is the second server of
``KIM_TEST_ELECTRUM``, where two stand before the node; else the first one under another name.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import override_settings
from django.utils import timezone

from kim.env import electrum_servers
from payments import connection, heartbeats, terms
from payments.invoices import InvoiceView
from payments.models import Invoice
from payments.states import InvoiceState
from tests.chain.nodes import Peer
from tests.proxies import Proxy
from tests.tills import look, payout_to, sell

pytestmark = pytest.mark.django_db(transaction=True)
EIGHT_SECONDS = timedelta(seconds=8)


@pytest.fixture
def one_will_do() -> Iterator[None]:
    with override_settings(KIM_INSTANT_OPERATORS=1):
        yield


@pytest.fixture
def second(peer: Peer) -> Iterator[Proxy]:
    """The other operator's server beside the peer's own; it can be told to hide what it knows."""
    named = electrum_servers("KIM_TEST_ELECTRUM") if os.environ.get("KIM_TEST_ELECTRUM") else ()
    between = Proxy(named[1].port if len(named) > 1 else peer.server.port, operator="bob")
    servers = (replace(peer.server, operator="ada"), between.server)
    with override_settings(KIM_ELECTRUM_SERVERS=servers, KIM_INSTANT_OPERATORS=2):
        connection.close()
        yield between
        connection.close()
    between.close()


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


@pytest.mark.usefixtures("one_will_do")
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


@pytest.mark.usefixtures("one_will_do")
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


@pytest.mark.usefixtures("second")
def test_servers_of_two_operators_open_a_sale_without_a_block(peer: Peer) -> None:
    sold = opened(peer)
    seen(peer, sold)
    peer.settled(lambda: waits_for(look(sold.id)), lambda code: code == "8_seconds")
    paid = look(sold.id, after=EIGHT_SECONDS + timedelta(seconds=1))

    assert (paid.state, paid.depth, paid.settled_at is None) == (InvoiceState.PAID, 0, False)
    assert Invoice.objects.get(pk=sold.id).settled_instantly


def test_what_one_operator_alone_shows_waits_for_the_block(peer: Peer, second: Proxy) -> None:
    second.alter = lambda method, _, result: [] if method.endswith("get_history") else result
    sold = opened(peer)
    seen(peer, sold)
    later = look(sold.id, after=timedelta(minutes=1))
    waited = waits_for(later)
    second.be_honest()
    peer.mine()
    paid = peer.settled(lambda: look(sold.id), lambda view: view.state is InvoiceState.PAID)

    assert (later.state, waited) == (InvoiceState.SEEN, "second_server")
    assert paid.depth == 1
    assert not Invoice.objects.get(pk=sold.id).settled_instantly


def waits_for(sold: InvoiceView) -> str:
    return Invoice.objects.get(pk=sold.id).instant_wait
