"""What goes back: owed by itself or asked for, paid from somebody's wallet, recognised on chain."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from payments import addresses, connection, invoices, refunds, transactions
from payments.errors import (
    AlreadySettled,
    BadAddress,
    InvoiceWithdrawn,
    QuoteStillOpen,
    RefundMissing,
    RefundOpen,
    RefundToInvoice,
    RefundTooMuch,
    SecretGiven,
    WrongNetwork,
)
from payments.models import Address, ChainTransaction, Event, Invoice, Refund
from payments.states import InvoiceState, Network, RefundReason
from tests.devchains import Devchain
from tests.tills import look, payout_to, sell

pytestmark = pytest.mark.django_db(transaction=True)


def look_for_refunds() -> int:
    return refunds.look(chain=connection.chain(), now=timezone.now())


def refund_of(invoice: invoices.InvoiceView) -> refunds.RefundView:
    return refunds.of([invoice.id])[invoice.id]


def kinds(invoice: invoices.InvoiceView) -> list[str]:
    return list(
        Event.objects.filter(invoice=invoice.id).order_by("seq").values_list("kind", flat=True)
    )


def overpaid(chain: Devchain, *, sat: int = 50_000) -> tuple[invoices.InvoiceView, str]:
    """A paid order of 20,000 sat that ``sat`` came for, and where the buyer wants the rest."""
    invoice, address = sell(chain), chain.new_address()
    refunds.note_address(invoice.id, address, now=timezone.now())
    chain.pay(invoice.address, sat)
    chain.mine()
    return look(invoice.id), address


def test_what_was_too_much_is_owed_to_the_address_that_the_buyer_named(chain: Devchain) -> None:
    paid, address = overpaid(chain)

    owed = refund_of(paid)

    assert (paid.state, paid.over_sat) == (InvoiceState.PAID, 30_000)
    assert set(paid.flags) == {"OVER", "REFUND_DUE"}
    assert (owed.reason, owed.due_sat, owed.address) == (RefundReason.OVER, 30_000, address)
    assert owed.uri == f"{address}?amount=0.0003"
    assert kinds(paid) == ["opened", "settled", "refund_due"]


def test_a_little_too_much_is_flagged_and_not_owed(chain: Devchain) -> None:
    paid, _ = overpaid(chain, sat=22_000)

    assert (paid.over_sat, paid.flags) == (2_000, ("OVER",))
    assert refunds.of([paid.id]) == {}


def test_an_unconfirmed_surplus_is_owed_once_its_block_has_come(chain: Devchain) -> None:
    paid, _ = overpaid(chain, sat=20_000)
    chain.pay(paid.address, 30_000)
    unsure = look(paid.id)
    chain.mine()
    sure = look(paid.id)

    assert unsure.flags == ("OVER",)
    assert set(sure.flags) == {"OVER", "REFUND_DUE"}
    assert refund_of(paid).due_sat == 30_000


def test_a_refund_is_seen_in_the_mempool_and_closed_by_its_block(chain: Devchain) -> None:
    paid, address = overpaid(chain)

    txid = chain.pay(address, 30_000)
    closed_early = look_for_refunds()
    seen = refund_of(paid)
    chain.mine()
    closed = look_for_refunds()
    done = refund_of(paid)

    assert (closed_early, closed, look_for_refunds()) == (0, 1, 0)
    assert (seen.txid, seen.paid_sat, seen.closed_at) == (txid, 30_000, None)
    assert seen.seen_at is not None
    assert (done.txid, done.paid_sat, done.note) == (txid, 30_000, "")
    assert done.closed_at is not None
    after = invoices.status_of(paid.id, now=timezone.now())
    assert (after.state, set(after.flags)) == (InvoiceState.PAID, {"OVER", "REFUNDED"})
    assert Invoice.objects.get(pk=paid.id).refund_txid == txid
    assert kinds(paid)[-1] == "refunded"
    assert set(look(paid.id).flags) == {"OVER", "REFUNDED"}


def test_several_payments_are_summed_and_the_rest_is_asked_for(chain: Devchain) -> None:
    paid, address = overpaid(chain)

    chain.pay(address, 10_000)
    chain.mine()
    look_for_refunds()
    part = refund_of(paid)
    last = chain.pay(address, 20_000)
    chain.mine()
    look_for_refunds()

    assert (part.paid_sat, part.closed_at) == (10_000, None)
    assert part.uri == f"{address}?amount=0.0002"
    done = refund_of(paid)
    assert (done.paid_sat, done.closed_at is not None) == (30_000, True)
    assert done.txid in {last, part.txid}


def test_what_lay_at_the_address_before_pays_no_refund(chain: Devchain) -> None:
    paid, _ = overpaid(chain)
    old = chain.new_address()
    chain.pay(old, 30_000)
    chain.mine()
    refunds.note_address(paid.id, old, now=timezone.now())
    Refund.objects.update(asked_at=timezone.now() + timedelta(days=1))

    assert look_for_refunds() == 0

    assert (refund_of(paid).txid, refund_of(paid).paid_sat) == ("", 0)


def test_the_change_of_the_buyers_next_payment_is_no_refund(chain: Devchain) -> None:
    paid, _ = overpaid(chain)
    other = sell(chain)
    txid = chain.pay(other.address, 20_000)
    chain.mine()
    look(other.id)
    change = _change_of(txid)
    refunds.note_address(paid.id, change, now=timezone.now())

    assert look_for_refunds() == 0

    assert refund_of(paid).txid == ""


def _change_of(txid: str) -> str:
    """Where the wallet's change of this payment went."""
    raw = bytes(ChainTransaction.objects.get(pk=txid).raw)
    ours = set(Address.objects.values_list("script", flat=True))
    change = [
        output
        for output in transactions.parse(raw, txid=txid).outputs
        if output.script.hex() not in ours
    ]
    return addresses.encode(change[0].script, Network.REGTEST)


def test_one_payment_pays_two_refunds_to_one_address_in_their_order(chain: Devchain) -> None:
    first, address = overpaid(chain)
    second, _ = overpaid(chain)
    refunds.note_address(second.id, address, now=timezone.now())

    chain.pay(address, 30_000)
    chain.mine()
    assert look_for_refunds() == 1
    assert refund_of(first).closed_at is not None
    assert (refund_of(second).paid_sat, refund_of(second).closed_at) == (0, None)
    chain.pay(address, 30_000)
    chain.mine()
    assert look_for_refunds() == 1
    assert refund_of(second).closed_at is not None


def test_a_refund_that_was_evicted_is_open_again(chain: Devchain) -> None:
    paid, address = overpaid(chain)
    txid = chain.pay(address, 30_000)
    look_for_refunds()
    chain.evict(txid)
    look_for_refunds()

    lost = refund_of(paid)

    assert (lost.txid, lost.paid_sat, lost.seen_at, lost.closed_at) == ("", 0, None, None)


def test_an_address_that_changes_does_not_lose_money_on_its_way(chain: Devchain) -> None:
    paid, address = overpaid(chain)
    chain.pay(address, 30_000)
    look_for_refunds()

    refunds.note_address(paid.id, chain.new_address(), now=timezone.now())
    chain.mine()

    assert look_for_refunds() == 1
    assert refund_of(paid).address == address


def test_an_address_that_changes_in_time_is_the_one_to_pay(chain: Devchain) -> None:
    paid, _ = overpaid(chain)
    wanted = chain.new_address()

    refunds.note_address(paid.id, wanted, now=timezone.now())

    assert refund_of(paid).address == wanted


def test_addresses_that_no_refund_may_go_to_are_refused(chain: Devchain) -> None:
    home = chain.new_address()
    invoice = sell(chain, payout=payout_to(home))
    refused = {
        "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a": WrongNetwork,
        "nothing": BadAddress,
        "L1aW4aubDFB7yfras2S1mN3bqg9nwySY8nkoLmJebSLD5BWv3ENZ": SecretGiven,
        invoice.address: RefundToInvoice,
        home: RefundToInvoice,
    }

    for address, error in refused.items():
        with pytest.raises(error):
            refunds.note_address(invoice.id, address, now=timezone.now())

    assert Invoice.objects.get().refund_address == ""


def test_a_creator_may_offer_money_back_and_close_it_by_hand(chain: Devchain) -> None:
    paid, _ = overpaid(chain, sat=20_000)
    now = timezone.now()

    asked = refunds.ask(paid.id, reason=RefundReason.AGREED, due_sat=20_000, now=now)
    again = refunds.ask(paid.id, reason=RefundReason.AGREED, due_sat=20_000, now=now)
    flags = invoices.status_of(paid.id, now=now).flags
    with pytest.raises(RefundOpen):
        refunds.ask(paid.id, reason=RefundReason.FAILED, due_sat=1, now=now)
    closed = refunds.close(paid.id, note=" Paid by hand. ", now=now)

    assert (asked, again.due_sat, flags) == (again, 20_000, ("REFUND_DUE",))
    assert (closed.note, closed.closed_at, closed.txid) == ("Paid by hand.", now, "")
    assert look(paid.id).flags == ()
    with pytest.raises(RefundTooMuch):
        refunds.ask(paid.id, reason=RefundReason.AGREED, due_sat=1, now=now)
    with pytest.raises(RefundMissing):
        refunds.close(paid.id, note="", now=now)
    assert kinds(paid) == ["opened", "settled", "refund_due", "flagged"]


@pytest.mark.parametrize("due_sat", [0, -1, 20_001])
def test_no_more_goes_back_than_came(chain: Devchain, due_sat: int) -> None:
    paid, _ = overpaid(chain, sat=20_000)

    with pytest.raises(RefundTooMuch):
        refunds.ask(paid.id, reason=RefundReason.AGREED, due_sat=due_sat, now=timezone.now())

    assert not Refund.objects.exists()


def test_what_comes_for_a_removed_file_goes_back_and_opens_nothing(chain: Devchain) -> None:
    invoice, address = sell(chain), chain.new_address()
    refunds.note_address(invoice.id, address, now=timezone.now())
    withdrawn = invoices.withdraw(invoice.id, now=timezone.now())
    chain.pay(invoice.address, 20_000)
    seen = look(invoice.id)
    chain.mine()
    deep = look(invoice.id)
    owed = refund_of(invoice)
    txid = chain.pay(address, 20_000)
    chain.mine()
    look_for_refunds()
    done = look(invoice.id)

    assert (withdrawn.state, withdrawn.flags) == (InvoiceState.EXPIRED, ("VOID",))
    assert (seen.state, seen.settled_at, "REFUND_DUE" in seen.flags) == ("SEEN", None, True)
    assert (deep.state, deep.settled_at) == (InvoiceState.SEEN, None)
    assert (owed.reason, owed.due_sat) == (RefundReason.REMOVED, 20_000)
    assert (done.settled_at, set(done.flags)) == (None, {"REFUNDED", "VOID"})
    assert refund_of(invoice).txid == txid


def test_more_that_comes_after_a_refund_goes_back_as_well(chain: Devchain) -> None:
    invoice = sell(chain)
    invoices.withdraw(invoice.id, now=timezone.now())
    chain.pay(invoice.address, 12_000)
    chain.mine()
    look(invoice.id)
    chain.pay(invoice.address, 3_000)
    chain.mine()
    look(invoice.id)
    raised = refund_of(invoice).due_sat
    refunds.close(invoice.id, note="by mail", now=timezone.now())
    chain.pay(invoice.address, 5_000)
    chain.mine()
    look(invoice.id)

    assert raised == 15_000
    assert (refund_of(invoice).due_sat, refund_of(invoice).closed_at) == (5_000, None)
    assert kinds(invoice)[-1] == "refund_due"


def test_a_withdrawn_order_takes_no_new_quote_and_no_acceptance(chain: Devchain) -> None:
    invoice = sell(chain, ago=timedelta(minutes=30))
    chain.pay(invoice.address, 12_000)
    chain.mine()
    look(invoice.id)
    invoices.withdraw(invoice.id, now=timezone.now())

    with pytest.raises(InvoiceWithdrawn):
        invoices.requote(invoice.id, now=timezone.now())
    with pytest.raises(InvoiceWithdrawn):
        invoices.accept(invoice.id, now=timezone.now())


def test_a_paid_order_is_not_withdrawn(chain: Devchain) -> None:
    paid, _ = overpaid(chain, sat=20_000)

    after = invoices.withdraw(paid.id, now=timezone.now())

    assert (after.state, after.flags, after.settled_at) == ("PAID", (), paid.settled_at)
    with pytest.raises(AlreadySettled):
        invoices.accept(paid.id, now=timezone.now())
    with pytest.raises(QuoteStillOpen):
        invoices.requote(paid.id, now=timezone.now())


def test_no_one_is_asked_while_nothing_is_open(chain: Devchain) -> None:
    overpaid(chain, sat=20_000)
    chain.stop()

    assert not refunds.is_any_open()
    assert look_for_refunds() == 0
