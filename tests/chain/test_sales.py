"""Sales from quote to forward, on a devchain or on a real node (see ``tests.chain.nodes``)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from payments import addresses, connection, covenants, forwards
from payments.covenants import Coin, Forwarder
from payments.errors import BroadcastRefused
from payments.invoices import InvoiceView
from payments.models import Forward, Output
from payments.states import InvoiceState, Network
from payments.transactions import Outpoint, Transaction, TxOutput
from tests.chain.nodes import Peer
from tests.tills import look, payout_to, script_of, sell

pytestmark = pytest.mark.django_db(transaction=True)
SEED = bytes(range(32))


def stands(peer: Peer, sold: InvoiceView, so: Callable[[InvoiceView], bool]) -> InvoiceView:
    """How the invoice stands once ``so``; a real server is a moment behind its node."""
    return peer.settled(lambda: look(sold.id), so)


def is_in(state: InvoiceState) -> Callable[[InvoiceView], bool]:
    return lambda view: view.state is state


def coin_at(peer: Peer, spot: Forwarder, amount_sat: int) -> Coin:
    """A confirmed coin on the forwarder's address."""
    txid = peer.pay(addresses.encode(spot.script, Network.REGTEST), amount_sat)
    peer.mine()
    (seen,) = peer.settled(
        lambda: [
            out
            for out in connection.chain().sight(spot.script, {}).outputs
            if out.txid == txid and out.spv_ok
        ],
        lambda found: len(found) == 1,
    )
    return Coin(Outpoint(txid, seen.vout), seen.value_sat, spot)


def paying(forward: Transaction, *, value_sat: int, script: bytes) -> Transaction:
    """The same transaction with another output."""
    return dataclasses.replace(forward, outputs=(TxOutput(value_sat, script),))


def test_a_sale_is_seen_proved_and_passed_on(peer: Peer) -> None:
    payee = peer.new_address()
    sold = sell(peer, payout=payout_to(payee))
    txid = peer.pay(sold.address, 20_000)
    seen = stands(peer, sold, is_in(InvoiceState.SEEN))
    peer.mine()
    paid = stands(peer, sold, is_in(InvoiceState.PAID))

    forwards.forward_all(connection.chain(), now=timezone.now())
    peer.mine()
    (arrived,) = peer.settled(
        lambda: connection.chain().sight(script_of(payee), {}).outputs,
        lambda found: bool(found) and found[0].spv_ok,
    )

    assert (seen.seen_sat, seen.confirmed_sat, seen.settled_at) == (20_000, 0, None)
    assert (paid.confirmed_sat, paid.depth) == (20_000, 1)
    assert [text.split(":")[0] for text in paid.evidence] == [txid]
    row = Forward.objects.get()
    assert (row.error, row.fee_sat, row.txid) == ("", 142, arrived.txid)
    assert arrived.value_sat == row.value_sat == 20_000 - 142


def test_too_little_waits_for_the_rest(peer: Peer) -> None:
    sold = sell(peer, payout=payout_to(peer.new_address()))
    peer.pay(sold.address, 12_000)
    peer.mine()
    partial = stands(peer, sold, lambda view: view.confirmed_sat == 12_000)
    peer.pay(sold.address, partial.missing_sat)
    peer.mine()
    paid = stands(peer, sold, is_in(InvoiceState.PAID))

    assert (partial.state, partial.missing_sat) == (InvoiceState.PARTIAL, 8_000)
    assert (paid.confirmed_sat, len(paid.evidence)) == (20_000, 2)


def test_too_much_is_paid_and_flagged(peer: Peer) -> None:
    sold = sell(peer, payout=payout_to(peer.new_address()))
    peer.pay(sold.address, 50_000)
    peer.mine()
    paid = stands(peer, sold, is_in(InvoiceState.PAID))

    assert (paid.seen_sat, paid.missing_sat) == (50_000, 0)
    assert "OVER" in paid.flags


def test_what_comes_after_the_quote_still_opens_the_file(peer: Peer) -> None:
    sold = sell(peer, ago=timedelta(hours=1))
    peer.settled(lambda: look(sold.id), lambda view: view.state is InvoiceState.EXPIRED)
    peer.pay(sold.address, 20_000)
    peer.settled(lambda: look(sold.id), lambda view: view.seen_sat == 20_000)
    peer.mine()
    paid = peer.settled(lambda: look(sold.id), lambda view: view.state is InvoiceState.PAID)

    assert (paid.confirmed_sat, paid.missing_sat, paid.depth) == (20_000, 0, 1)


def test_satoshis_on_a_token_output_do_not_count(peer: Peer) -> None:
    sold = sell(peer, payout=payout_to(peer.new_address()))
    peer.pay(sold.address, 20_000, tokens=True)
    peer.mine()
    unpaid = stands(peer, sold, lambda view: "TOKEN_IGNORED" in view.flags)

    assert (unpaid.state, unpaid.seen_sat, unpaid.settled_at) == (InvoiceState.OPEN, 0, None)


def test_a_reorg_reverses_and_the_next_block_restores(peer: Peer) -> None:
    sold = sell(peer, payout=payout_to(peer.new_address()))
    txid = peer.pay(sold.address, 20_000)
    peer.mine()
    paid = stands(peer, sold, is_in(InvoiceState.PAID))
    raw = bytes(Output.objects.get(invoice_id=sold.id).transaction.raw)

    peer.reorg_away(txid)
    reversed_ = stands(peer, sold, is_in(InvoiceState.REVERSED))
    connection.chain().broadcast(raw)
    peer.mine()
    again = stands(peer, sold, is_in(InvoiceState.PAID))

    assert reversed_.settled_at == again.settled_at == paid.settled_at
    assert [text.split(":")[0] for text in again.evidence] == [txid]


def test_a_double_spend_makes_a_payment_suspect_until_its_block(peer: Peer) -> None:
    sold = sell(peer, payout=payout_to(peer.new_address()))
    txid = peer.pay(sold.address, 20_000)
    stands(peer, sold, is_in(InvoiceState.SEEN))

    peer.double_spend(txid)
    suspect = stands(peer, sold, is_in(InvoiceState.SUSPECT))
    peer.mine()
    paid = stands(peer, sold, is_in(InvoiceState.PAID))

    assert "DOUBLE_SPEND_SEEN" in suspect.flags
    assert suspect.settled_at is None
    assert paid.confirmed_sat == 20_000


def test_several_coins_go_on_in_one_transaction(peer: Peer) -> None:
    payee = script_of(peer.new_address())
    spots = [
        covenants.forwarder(SEED, number, payee_script=payee, max_fee_sat=600)
        for number in range(3)
    ]
    coins = [coin_at(peer, spot, 5_000 + at) for at, spot in enumerate(spots)]

    txid = connection.chain().broadcast(covenants.forward(coins).serialize())
    peer.mine()
    arrived = peer.settled(
        lambda: connection.chain().sight(payee, {}).outputs,
        lambda found: len(found) == 3 and all(out.spv_ok for out in found),
    )

    assert {out.txid for out in arrived} == {txid}


@pytest.mark.parametrize("form", ["p2pkh", "p2sh20", "p2sh32"])
def test_a_forward_pays_the_creator_and_nobody_else(peer: Peer, form: str) -> None:
    payee = {
        "p2pkh": script_of(peer.new_address()),
        "p2sh20": b"\xa9\x14" + bytes(20) + b"\x87",
        "p2sh32": b"\xaa\x20" + bytes(32) + b"\x87",
    }[form]
    coin = coin_at(peer, covenants.forwarder(SEED, 7, payee_script=payee, max_fee_sat=600), 10_000)
    forward = covenants.forward([coin])
    least_sat = coin.value_sat - 600

    elsewhere = script_of(peer.new_address())
    stolen = paying(forward, value_sat=least_sat, script=elsewhere).serialize()
    greedy = paying(forward, value_sat=least_sat - 1, script=payee).serialize()

    with pytest.raises(BroadcastRefused, match="OP_EQUALVERIFY"):
        connection.chain().broadcast(stolen)
    with pytest.raises(BroadcastRefused, match="false/empty top stack"):
        connection.chain().broadcast(greedy)
    assert connection.chain().broadcast(forward.serialize()) == forward.txid
