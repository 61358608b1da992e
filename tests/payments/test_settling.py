"""Money comes, and an invoice settles: or does not, and then nothing moved."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from payments import connection, forwards, health, invoices, watcher
from payments.errors import QuoteStillOpen
from payments.models import Event, Invoice, Output, Payout, Quote
from payments.states import InvoiceState
from tests.devchains import Devchain
from tests.tills import look, payout_to, script_of, sell
from tests.xpub import XPUB

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_payment_is_seen_then_settled_by_its_block(chain: Devchain) -> None:
    invoice = sell(chain)

    txid = chain.pay(invoice.address, 20_000)
    seen = look(invoice.id)
    chain.mine()
    paid = look(invoice.id)

    assert (seen.state, seen.seen_sat, seen.confirmed_sat) == (InvoiceState.SEEN, 20_000, 0)
    assert seen.settled_at is None
    assert (paid.state, paid.depth, paid.confirmed_sat) == (InvoiceState.PAID, 1, 20_000)
    assert [text.split(":")[0] for text in paid.evidence] == [txid]
    kinds = list(Event.objects.order_by("seq").values_list("seq", "kind", "state"))
    assert kinds == [(1, "opened", "OPEN"), (2, "changed", "SEEN"), (3, "settled", "PAID")]


def test_looking_again_changes_nothing(chain: Devchain) -> None:
    invoice = sell(chain)
    chain.pay(invoice.address, 20_000)
    chain.mine()
    paid = look(invoice.id)
    before = (Event.objects.count(), Output.objects.count())

    again = look(invoice.id)

    assert again == paid
    assert (Event.objects.count(), Output.objects.count()) == before


def test_an_xpub_sale_settles_at_its_own_depth(chain: Devchain) -> None:
    invoice = sell(chain, confirmations=2, payout=payout_to(XPUB))
    chain.pay(invoice.address, 20_000)
    chain.mine()
    one_deep = look(invoice.id)
    chain.mine()
    two_deep = look(invoice.id)

    assert invoice.address_derivation == "m/0/0"
    assert (one_deep.state, one_deep.depth, one_deep.settled_at) == (InvoiceState.SEEN, 1, None)
    assert (two_deep.state, two_deep.depth) == (InvoiceState.PAID, 2)


def test_too_little_is_partial_and_the_rest_is_summed(chain: Devchain) -> None:
    invoice = sell(chain)
    chain.pay(invoice.address, 12_000)
    chain.mine()
    partial = look(invoice.id)
    chain.pay(invoice.address, partial.missing_sat)
    chain.mine()
    paid = look(invoice.id)

    assert (partial.state, partial.missing_sat, partial.settled_at) == ("PARTIAL", 8_000, None)
    assert "amount=0.00008" in partial.uri
    assert (paid.state, paid.confirmed_sat, len(paid.evidence)) == ("PAID", 20_000, 2)


def test_a_rest_too_small_for_a_forwarder_is_asked_for_as_one_that_counts(chain: Devchain) -> None:
    invoice = sell(chain, sat=10_000)
    chain.pay(invoice.address, 9_000)
    chain.mine()
    partial = look(invoice.id)
    chain.pay(invoice.address, partial.missing_sat)
    chain.mine()
    paid = look(invoice.id)

    assert (partial.state, partial.missing_sat, partial.due_sat) == ("PARTIAL", 1_500, 10_000)
    assert partial.uri.endswith("?amount=0.000015")
    assert (paid.state, paid.confirmed_sat, paid.flags) == ("PAID", 10_500, ())


def test_the_first_part_gives_time_for_the_rest_once(chain: Devchain) -> None:
    invoice = sell(chain, ago=timedelta(minutes=15))
    chain.pay(invoice.address, 5_000)
    extended = look(invoice.id)
    chain.pay(invoice.address, 5_000)
    again = look(invoice.id)

    assert extended.quote_until > invoice.quote_until + timedelta(minutes=14)
    assert (again.quote_until, again.missing_sat) == (extended.quote_until, 10_000)
    assert Quote.objects.count() == 2


def test_within_the_tolerance_is_enough_and_beyond_it_is_not(chain: Devchain) -> None:
    enough, short = sell(chain), sell(chain)
    chain.pay(enough.address, 19_500)
    chain.pay(short.address, 19_499)
    chain.mine()

    assert look(enough.id).state is InvoiceState.PAID
    assert look(short.id).state is InvoiceState.PARTIAL


def test_too_much_is_paid_and_flagged(chain: Devchain) -> None:
    invoice = sell(chain)
    chain.pay(invoice.address, 50_000)
    chain.mine()

    paid = look(invoice.id)

    assert (paid.state, paid.seen_sat, paid.missing_sat) == (InvoiceState.PAID, 50_000, 0)
    assert "OVER" in paid.flags


def test_satoshis_on_a_token_output_do_not_count(chain: Devchain) -> None:
    invoice = sell(chain)
    chain.pay(invoice.address, 20_000, tokens=True)
    chain.mine()

    unpaid = look(invoice.id)

    assert (unpaid.state, unpaid.seen_sat, unpaid.settled_at) == (InvoiceState.OPEN, 0, None)
    assert "TOKEN_IGNORED" in unpaid.flags


def test_a_payment_to_a_sibling_address_pays_only_the_sibling(chain: Devchain) -> None:
    payout = payout_to(chain.new_address())
    mine, sibling = sell(chain, payout=payout), sell(chain, payout=payout)
    chain.pay(sibling.address, 20_000)
    chain.mine()

    assert mine.address != sibling.address
    assert (look(mine.id).state, look(mine.id).seen_sat) == (InvoiceState.OPEN, 0)
    assert look(sibling.id).state is InvoiceState.PAID


def test_our_own_forward_pays_nobody(chain: Devchain) -> None:
    victim = sell(chain, payout=payout_to(XPUB))
    payout = payout_to(chain.new_address())
    # No door leads here; the row is bent by hand, as a restored database might be.
    Payout.objects.filter(pk=payout.id).update(payee_script=script_of(victim.address).hex())
    paid = sell(chain, sat=30_000, payout=payout)
    chain.pay(paid.address, 30_000)
    chain.mine()
    look(paid.id)

    forwards.forward_all(connection.chain(), now=timezone.now())
    chain.mine()
    unpaid = look(victim.id)

    assert (unpaid.state, unpaid.seen_sat, unpaid.settled_at) == (InvoiceState.OPEN, 0, None)
    assert Output.objects.get(invoice_id=victim.id).transaction.own_forward


def test_nothing_seen_expires_only_after_a_look_beyond_the_quote(chain: Devchain) -> None:
    invoice = sell(chain, ago=timedelta(minutes=30))
    assert invoices.status_of(invoice.id, now=timezone.now()).state is InvoiceState.OPEN

    expired = look(invoice.id)

    assert expired.state is InvoiceState.EXPIRED


def test_a_late_payment_is_still_seen_and_honoured(chain: Devchain) -> None:
    invoice = sell(chain, ago=timedelta(minutes=30))
    assert look(invoice.id).state is InvoiceState.EXPIRED
    chain.pay(invoice.address, 20_000)
    chain.mine()

    paid = look(invoice.id)

    assert (paid.state, paid.flags) == (InvoiceState.PAID, ("LATE",))


def test_an_expired_invoice_gets_a_new_quote_at_the_same_address(chain: Devchain) -> None:
    invoice = sell(chain, ago=timedelta(minutes=30))
    look(invoice.id)

    again = invoices.requote(invoice.id, now=timezone.now())

    assert (again.state, again.address) == (InvoiceState.OPEN, invoice.address)
    assert again.quote_until > timezone.now()
    with pytest.raises(QuoteStillOpen):
        invoices.requote(invoice.id, now=timezone.now())


def test_a_voided_invoice_still_sees_money(chain: Devchain) -> None:
    invoice = sell(chain)
    voided = invoices.void(invoice.id, now=timezone.now())
    chain.pay(invoice.address, 20_000)

    seen = look(invoice.id)

    assert (voided.state, "VOID" in voided.flags) == (InvoiceState.EXPIRED, True)
    assert seen.seen_sat == 20_000


def test_what_a_person_does_settles_nothing_while_settling_is_held(chain: Devchain) -> None:
    invoice = sell(chain)
    chain.pay(invoice.address, 20_000)
    chain.mine()
    sighting = connection.chain().sight(script_of(invoice.address), {})
    invoices.reconcile(invoice.id, sighting, now=timezone.now(), held=True)

    voided = invoices.void(invoice.id, now=timezone.now())

    assert (voided.state, voided.settled_at) == (InvoiceState.SEEN, None)
    assert look(invoice.id).state is InvoiceState.PAID


def test_a_reorg_before_the_release_takes_the_confirmation_back(chain: Devchain) -> None:
    invoice = sell(chain, confirmations=2)
    txid = chain.pay(invoice.address, 20_000)
    chain.mine()
    assert look(invoice.id).depth == 1

    chain.reorg(1, drop=(txid,))
    unproved = look(invoice.id)
    gone = look(invoice.id)

    assert (unproved.depth, unproved.confirmed_sat, unproved.settled_at) == (0, 0, None)
    assert (gone.state, gone.settled_at) == (InvoiceState.OPEN, None)


def test_a_reorg_after_the_release_reverses_and_a_new_block_pays_again(chain: Devchain) -> None:
    invoice = sell(chain)
    txid = chain.pay(invoice.address, 20_000)
    chain.mine()
    paid = look(invoice.id)

    chain.reorg(1, drop=(txid,))
    reversed_ = look(invoice.id)
    chain.pay(invoice.address, 20_000)
    chain.mine()
    again = look(invoice.id)

    assert paid.state is InvoiceState.PAID
    assert (reversed_.state, reversed_.settled_at) == (InvoiceState.REVERSED, paid.settled_at)
    assert (again.state, again.settled_at) == (InvoiceState.PAID, paid.settled_at)


def test_an_evicted_payment_is_doubted_then_gone(chain: Devchain) -> None:
    invoice = sell(chain)
    txid = chain.pay(invoice.address, 20_000)
    assert look(invoice.id).state is InvoiceState.SEEN

    chain.evict(txid)
    doubted, gone = look(invoice.id), look(invoice.id)

    assert doubted.state is InvoiceState.SUSPECT
    assert (gone.state, gone.seen_sat) == (InvoiceState.OPEN, 0)
    assert "EVICTED" in gone.flags


def test_a_double_spend_proof_makes_a_payment_suspect_until_its_block(chain: Devchain) -> None:
    invoice = sell(chain)
    txid = chain.pay(invoice.address, 20_000)
    assert look(invoice.id).state is InvoiceState.SEEN

    chain.double_spend(txid)
    suspect = look(invoice.id)
    chain.mine()
    settled = look(invoice.id)

    assert (suspect.state, suspect.flags) == (InvoiceState.SUSPECT, ("DOUBLE_SPEND_SEEN",))
    assert settled.state is InvoiceState.PAID


def test_a_double_spend_that_wins_leaves_nothing_paid(chain: Devchain) -> None:
    invoice = sell(chain)
    txid = chain.pay(invoice.address, 20_000)
    look(invoice.id)

    chain.double_spend(txid, mine=True)
    look(invoice.id)
    gone = look(invoice.id)

    assert (gone.state, gone.seen_sat, gone.settled_at) == (InvoiceState.OPEN, 0, None)


def test_money_that_the_creator_has_swept_already_still_pays(chain: Devchain) -> None:
    """History, not the unspent list, is what we look at."""
    invoice = sell(chain)
    chain.pay(invoice.address, 20_000)
    chain.mine()
    look(invoice.id)
    forwards.forward_all(connection.chain(), now=timezone.now())
    chain.mine()
    Output.objects.update(forward=None)
    Output.objects.all().delete()

    assert look(invoice.id).state is InvoiceState.PAID


def test_the_sweep_alone_settles_everything(chain: Devchain) -> None:
    sold = [sell(chain) for _ in range(5)]
    unpaid = sell(chain)
    for invoice in sold:
        chain.pay(invoice.address, 20_000)
    chain.mine()
    later = timezone.now() + timedelta(minutes=2)

    looked = watcher.sweep(now=later)

    assert looked == 6
    states = set(Invoice.objects.exclude(pk=unpaid.id).values_list("state", flat=True))
    assert states == {"PAID"}
    assert Invoice.objects.get(pk=unpaid.id).state == InvoiceState.OPEN
    assert Invoice.objects.get(pk=unpaid.id).swept_at is not None
    health.check_alive(now=timezone.now())


def test_a_block_moves_the_depth_of_all_it_concerns(chain: Devchain) -> None:
    invoice = sell(chain, confirmations=6)
    chain.pay(invoice.address, 20_000)
    chain.mine()
    look(invoice.id)
    chain.mine(5)

    assert watcher.follow_block(now=timezone.now()) == 1

    assert Invoice.objects.get(pk=invoice.id).state == InvoiceState.PAID


def test_who_pays_soon_after_the_quote_is_seen_at_once(chain: Devchain) -> None:
    invoice = sell(chain, ago=timedelta(minutes=30))
    now = timezone.now()

    assert look(invoice.id).state is InvoiceState.EXPIRED
    hot = Invoice.objects.get(pk=invoice.id).sweep_due_at - now
    listened_for = invoices.hot(now).filter(pk=invoice.id).exists()
    look(invoice.id, after=timedelta(hours=3))
    warm = Invoice.objects.get(pk=invoice.id).sweep_due_at - now - timedelta(hours=3)

    assert hot < timedelta(minutes=1)
    assert listened_for
    assert timedelta(minutes=29) < warm < timedelta(minutes=31)
    assert not invoices.hot(now + timedelta(hours=3)).exists()


def test_old_invoices_are_watched_less_often_but_for_ever(chain: Devchain) -> None:
    invoice = sell(chain)
    chain.pay(invoice.address, 20_000)
    chain.mine(10)
    look(invoice.id)
    now = timezone.now()
    warm = Invoice.objects.get(pk=invoice.id).sweep_due_at - now
    look(invoice.id, after=timedelta(days=100))
    cold = Invoice.objects.get(pk=invoice.id).sweep_due_at - now - timedelta(days=100)

    assert timedelta(minutes=29) < warm < timedelta(minutes=31)
    assert timedelta(hours=23) < cold < timedelta(hours=25)


def test_events_come_in_order_without_gaps(chain: Devchain) -> None:
    first, second = sell(chain), sell(chain)
    chain.pay(second.address, 20_000)
    look(second.id)
    look(first.id)

    told = invoices.events_after(0)

    assert [event.position for event in told] == [1, 2, 3]
    assert [event.invoice_id for event in told] == [first.id, second.id, second.id]
    assert invoices.events_after(2) == told[2:]


def test_totals_count_only_what_is_settled(chain: Devchain) -> None:
    paid, unpaid = sell(chain), sell(chain)
    chain.pay(paid.address, 20_000)
    chain.pay(unpaid.address, 20_000)
    chain.mine()
    look(paid.id)

    assert invoices.totals([paid.id, unpaid.id]) == invoices.Totals(settled=1, settled_sat=20_000)
