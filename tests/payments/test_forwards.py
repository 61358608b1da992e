"""Forwarders' coins go on to the creator: several at once, tokens never, again until mined."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import override_settings
from django.utils import timezone

from payments import connection, covenants, forwards, holdings, payouts, transactions
from payments.models import Event, Forward, Output, Payout
from payments.transactions import Outpoint
from tests.devchains import Devchain
from tests.tills import look, payout_to, script_of, sell
from tests.xpub import XPUB

pytestmark = pytest.mark.django_db(transaction=True)


def forward_now() -> int:
    return forwards.forward_all(connection.chain(), now=timezone.now())


def received(chain: Devchain, address: str) -> int:
    script = script_of(address)
    return sum(out.value_sat for out in connection.chain().sight(script, {}).outputs)


def test_several_sales_go_on_in_one_transaction(chain: Devchain) -> None:
    address = chain.new_address()
    payout = payout_to(address)
    sold = [sell(chain, payout=payout) for _ in range(3)]
    for invoice in sold:
        chain.pay(invoice.address, 20_000)
    chain.mine()
    for invoice in sold:
        look(invoice.id)

    assert forward_now() == 1
    assert forward_now() == 0

    row = Forward.objects.get()
    spending = transactions.parse(bytes(row.raw), txid=row.txid)
    assert (len(spending.inputs), len(spending.outputs)) == (3, 3)
    assert {output.script for output in spending.outputs} == {script_of(address)}
    assert row.value_sat + row.fee_sat == 60_000
    assert row.fee_sat < 600
    assert (row.broadcast_at is not None, row.error) == (True, "")
    assert received(chain, address) == row.value_sat
    assert Event.objects.filter(kind="forwarded").count() == 3


def test_unconfirmed_coins_stay(chain: Devchain) -> None:
    invoice = sell(chain, confirmations=2)
    chain.pay(invoice.address, 20_000)
    look(invoice.id)
    assert forward_now() == 0
    chain.mine()
    look(invoice.id)
    assert forward_now() == 0
    chain.mine()
    look(invoice.id)
    assert forward_now() == 1


def test_a_token_is_never_forwarded(chain: Devchain) -> None:
    invoice = sell(chain)
    chain.pay(invoice.address, 20_000, tokens=True)
    chain.mine()
    look(invoice.id)

    assert forward_now() == 0
    assert not Forward.objects.exists()


def test_what_its_fee_would_eat_stays(chain: Devchain) -> None:
    invoice = sell(chain)
    chain.pay(invoice.address, 620)
    chain.mine()
    look(invoice.id)

    assert forward_now() == 0


def test_coins_of_an_xpub_are_the_wallets_own_business(chain: Devchain) -> None:
    invoice = sell(chain, payout=payout_to(XPUB))
    chain.pay(invoice.address, 20_000)
    chain.mine()
    look(invoice.id)

    assert forward_now() == 0


def test_a_forward_made_while_no_server_was_there_is_sent_later(chain: Devchain) -> None:
    payout = payout_to(chain.new_address())
    invoice = sell(chain, payout=payout)
    chain.pay(invoice.address, 20_000)
    chain.mine()
    look(invoice.id)
    row = forwards.make(payout.id, now=timezone.now())
    assert row is not None
    assert row.broadcast_at is None

    assert forwards.send_again(connection.chain(), now=timezone.now()) == 1

    assert Forward.objects.get().broadcast_at is not None


def test_an_evicted_forward_is_sent_again_until_it_is_final(chain: Devchain) -> None:
    invoice = sell(chain)
    chain.pay(invoice.address, 20_000)
    chain.mine()
    look(invoice.id)
    forward_now()
    txid = Forward.objects.get().txid
    chain.evict(txid)
    assert txid not in in_mempool(chain)

    forwards.send_again(connection.chain(), now=timezone.now())
    assert txid in in_mempool(chain)
    chain.mine(10)
    sent = forwards.send_again(connection.chain(), now=timezone.now())

    assert sent == 0
    assert Forward.objects.get().mined_height == chain.height - 9


def test_one_bad_coin_does_not_hold_up_the_others(chain: Devchain) -> None:
    """Somebody else forwarded one of the coins first: anybody may."""
    payout = payout_to(chain.new_address())
    sold = [sell(chain, payout=payout) for _ in range(2)]
    for invoice in sold:
        chain.pay(invoice.address, 20_000)
    chain.mine()
    for invoice in sold:
        look(invoice.id)
    stolen = Output.objects.get(invoice_id=sold[0].id)
    coin = covenants.Coin(
        Outpoint(stolen.transaction_id, stolen.vout),
        stolen.value_sat,
        payouts.forwarder_of(Payout.objects.get(), stolen.invoice.address.index),
    )
    chain.ask(
        "/api/broadcast", raw=covenants.forward([coin], msat_per_byte=2_000).serialize().hex()
    )
    chain.mine()
    forward_now()
    made = Forward.objects.get()
    assert "Missing inputs" in made.error

    later = timezone.now() + timedelta(hours=2)
    forwards.send_again(connection.chain(), now=later)
    assert Forward.objects.get(pk=made.pk).dropped_at == later
    forwards.forward_all(connection.chain(), now=later)
    forwards.forward_all(connection.chain(), now=later)

    alone = Forward.objects.exclude(pk=made.pk).order_by("pk")
    assert [row.outputs.count() for row in alone] == [1, 1]
    assert [bool(row.error) for row in alone] == [True, False]

    chain.mine(10)
    assert forwards.send_again(connection.chain(), now=later) == 0
    assert not Forward.objects.filter(mined_height=None, dropped_at=None).exists()
    assert [row.error.startswith("forwarded by somebody") for row in alone.all()] == [True, False]


def test_of_several_coins_one_that_was_forwarded_already_frees_the_others(chain: Devchain) -> None:
    payout = payout_to(chain.new_address())
    sold = [sell(chain, payout=payout) for _ in range(2)]
    for invoice in sold:
        chain.pay(invoice.address, 20_000)
    chain.mine()
    for invoice in sold:
        look(invoice.id)
    made = forwards.make(payout.id, now=timezone.now())
    assert made is not None
    first = transactions.parse(bytes(made.raw), txid=made.txid).inputs[0].outpoint
    coin = covenants.Coin(
        first,
        20_000,
        payouts.forwarder_of(
            Payout.objects.get(),
            Output.objects.get(transaction=first.txid, vout=first.vout).invoice.address.index,
        ),
    )
    chain.ask(
        "/api/broadcast", raw=covenants.forward([coin], msat_per_byte=2_000).serialize().hex()
    )
    chain.mine(10)
    now = timezone.now()

    assert forwards.send_again(connection.chain(), now=now) == 0

    assert Forward.objects.get(pk=made.pk).dropped_at == now
    assert Output.objects.filter(forward=None, forwarded_alone=True).count() == 2


def test_dust_gets_before_no_payment(chain: Devchain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwards, "COINS_PER_FORWARD", 1)  # four are looked at
    invoice = sell(chain)
    for _ in range(5):
        chain.pay(invoice.address, 650)
    chain.mine()
    look(invoice.id)
    chain.pay(invoice.address, 20_000)
    chain.mine()
    look(invoice.id)

    assert forward_now() == 1

    row = Forward.objects.get()
    assert row.value_sat + row.fee_sat == 20_000


def test_a_payout_that_cannot_be_opened_holds_up_no_other(chain: Devchain) -> None:
    broken, whole = (sell(chain, payout=payout_to(chain.new_address())) for _ in range(2))
    for invoice in (broken, whole):
        chain.pay(invoice.address, 20_000)
    chain.mine()
    for invoice in (broken, whole):
        look(invoice.id)
    Payout.objects.filter(invoices=broken.id).update(sealed=bytes(60))

    assert forward_now() == 1

    assert Forward.objects.get().payout.invoices.get().id == whole.id


def test_a_forward_that_cannot_be_followed_holds_up_no_other(chain: Devchain) -> None:
    payout = payout_to(chain.new_address())
    invoice = sell(chain, payout=payout)
    chain.pay(invoice.address, 20_000)
    chain.mine()
    look(invoice.id)
    whole = forwards.make(payout.id, now=timezone.now())
    assert whole is not None
    long_ago = timezone.now() - timedelta(days=1)
    Forward.objects.create(
        payout_id=payout.id, txid="00" * 32, raw=b"", value_sat=1, fee_sat=1, created_at=long_ago
    )

    assert forwards.send_again(connection.chain(), now=timezone.now()) == 1

    assert Forward.objects.get(pk=whole.pk).broadcast_at is not None


def test_little_money_waits_for_more(chain: Devchain) -> None:
    payout = payout_to(chain.new_address())
    paid_for(chain, payout, 3_000)
    with override_settings(KIM_FORWARD_MIN_SAT=5_000):
        assert forward_now() == 0

        paid_for(chain, payout, 3_000)

        assert forward_now() == 1
    assert Forward.objects.get().outputs.count() == 2


def test_little_money_waits_a_week_at_most(chain: Devchain) -> None:
    paid_for(chain, payout_to(chain.new_address()), 3_000)
    now = timezone.now()
    with override_settings(KIM_FORWARD_MIN_SAT=5_000):
        soon, later = now + timedelta(days=6, hours=23), now + timedelta(days=7, minutes=1)

        assert forwards.forward_all(connection.chain(), now=soon) == 0
        assert forwards.forward_all(connection.chain(), now=later) == 1


def test_a_fee_that_is_too_low_is_raised_until_it_is_taken(chain: Devchain) -> None:
    address = chain.new_address()
    paid_for(chain, payout_to(address), 20_000)

    with override_settings(KIM_FORWARD_FEE_MSAT_PER_BYTE=300):
        assert forward_now() == 1

    rows = list(Forward.objects.order_by("fee_sat"))
    assert [row.fee_sat for row in rows] == [43, 65, 98, 147]
    assert [row.dropped_at is None for row in rows] == [False, False, False, True]
    assert "min relay fee not met" in rows[0].error
    assert (rows[3].error, rows[3].outputs.count()) == ("", 1)
    assert received(chain, address) == 20_000 - 147
    assert Event.objects.filter(kind="forwarded").count() == 1


def test_no_fee_is_more_than_the_covenant_lets_pass(chain: Devchain) -> None:
    paid_for(chain, payout_to(chain.new_address()), 20_000)

    with override_settings(KIM_FORWARD_FEE_MSAT_PER_BYTE=9_000):
        assert forward_now() == 1

    row = Forward.objects.get()
    assert (row.error, row.fee_sat) == ("", 600)
    assert forwards._make_dearer(row, timezone.now()) is None
    assert Forward.objects.get().dropped_at is None


def test_money_for_an_earlier_payout_goes_on_too(chain: Devchain) -> None:
    owner, address = uuid4(), chain.new_address()
    old = payout_to(address, owner=owner)
    invoice = sell(chain, payout=old)
    payout_to(chain.new_address(), owner=owner)
    chain.pay(invoice.address, 20_000)
    chain.mine()
    look(invoice.id)

    assert forward_now() == 1

    assert received(chain, address) == 20_000 - 142


def test_every_satoshi_is_accounted_for(chain: Devchain) -> None:
    owner = uuid4()
    payout = payout_to(chain.new_address(), owner=owner)
    invoice = sell(chain, payout=payout)
    chain.pay(invoice.address, 687)
    chain.pay(invoice.address, 20_000)
    chain.pay(invoice.address, 5_000, tokens=True)
    look(invoice.id)
    before = holdings.Holdings(waiting_sat=20_000, stuck_sat=687, token_sat=5_000)
    assert holdings.of(owner) == before

    chain.mine()
    look(invoice.id)
    assert forward_now() == 1
    sent = holdings.Holdings(in_flight_sat=19_858, stuck_sat=687, token_sat=5_000)
    assert holdings.of(owner) == sent

    chain.mine(10)
    forwards.send_again(connection.chain(), now=timezone.now())
    arrived = holdings.Holdings(forwarded_sat=19_858, stuck_sat=687, token_sat=5_000)
    assert holdings.of(owner) == arrived
    assert holdings.of(uuid4()) == holdings.Holdings()


def test_688_satoshis_are_just_enough(chain: Devchain) -> None:
    owner = uuid4()
    paid_for(chain, payout_to(chain.new_address(), owner=owner), 688)

    assert holdings.of(owner).waiting_sat == 688
    assert forward_now() == 1
    assert Forward.objects.get().value_sat == 546


def paid_for(chain: Devchain, payout: payouts.PayoutView, sat: int) -> None:
    """One sale, paid, mined and seen."""
    invoice = sell(chain, payout=payout, sat=max(sat, 2_000))
    chain.pay(invoice.address, sat)
    chain.mine()
    look(invoice.id)


def in_mempool(chain: Devchain) -> set[str]:
    return {entry["txid"] for entry in chain.ask("/api/state")["mempool"]}
