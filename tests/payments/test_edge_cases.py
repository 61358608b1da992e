"""The cases that payment software gets wrong, each by its name, on a whole chain.

Underpaid, overpaid, late, reorganised and reversed payments are in test_settling.py and
test_refunds.py, lost databases in test_restoring.py, several workers in tests/races.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from payments import (
    addresses,
    connection,
    covenants,
    evictions,
    invoices,
    observations,
    payouts,
    quotes,
    refunds,
    tasks,
    transactions,
)
from payments.invoices import InvoiceView
from payments.models import Address, Invoice, Output, Payout, Quote
from payments.states import InvoiceState, Network, OutputChain
from payments.transactions import Outpoint, Transaction, TxInput, TxOutput
from tests.devchains import Devchain
from tests.tills import look, payout_to, script_of, sell
from tests.xpub import XPUB

pytestmark = pytest.mark.django_db(transaction=True)

OPEN_PURSE = b"\x51"  # a P2SH that anybody may spend, so that tests can build what wallets do not
PURSE_SAT = 100_000


def purse(chain: Devchain) -> Outpoint:
    where = addresses.encode(addresses.p2sh20_script(OPEN_PURSE), Network.REGTEST)
    txid = chain.pay(where, PURSE_SAT)
    chain.mine()
    return Outpoint(txid, 0)


def spend(coin: Outpoint, *outputs: tuple[int, bytes], sequence: int = 0xFFFFFFFF) -> Transaction:
    """These amounts to these scripts; what is left is the fee."""
    return Transaction(
        version=2,
        inputs=(TxInput(coin, bytes([len(OPEN_PURSE)]) + OPEN_PURSE, sequence),),
        outputs=tuple(TxOutput(value_sat, script) for value_sat, script in outputs),
        locktime=0,
    )


def broadcast(chain: Devchain, transaction: Transaction) -> str:
    return str(chain.ask("/api/broadcast", raw=transaction.serialize().hex())["txid"])


def look_twice(invoice: InvoiceView) -> InvoiceView:
    look(invoice.id)
    return look(invoice.id)


def resend(*, hours: int = 0) -> int:
    return evictions.send_again(connection.chain(), now=timezone.now() + timedelta(hours=hours))


def test_one_transaction_pays_two_invoices(chain: Devchain) -> None:
    payout = payout_to(chain.new_address())
    first, second = sell(chain, payout=payout), sell(chain, payout=payout)
    paying = spend(
        purse(chain), (20_000, script_of(first.address)), (30_000, script_of(second.address))
    )

    txid = broadcast(chain, paying)
    chain.mine()
    one, two = look(first.id), look(second.id)

    assert (one.state, one.seen_sat, one.evidence) == ("PAID", 20_000, (f"{txid}:0",))
    assert (two.state, two.seen_sat, two.evidence) == ("PAID", 30_000, (f"{txid}:1",))


def test_two_outputs_to_one_address_in_one_transaction(chain: Devchain) -> None:
    invoice = sell(chain)
    script = script_of(invoice.address)

    broadcast(chain, spend(purse(chain), (9_000, script), (11_000, script)))
    chain.mine()
    paid = look(invoice.id)

    assert (paid.state, paid.confirmed_sat, len(paid.evidence)) == ("PAID", 20_000, 2)
    assert paid.flags == ()


def test_another_script_that_holds_the_same_hash(chain: Devchain) -> None:
    invoice = sell(chain)
    script = script_of(invoice.address)
    twin = b"\x76\xa9\x14" + script[2:22] + b"\x88\xac"
    told = b"\x6a" + bytes([len(script)]) + script

    broadcast(chain, spend(purse(chain), (20_000, twin), (0, told)))
    chain.mine()
    unpaid = look(invoice.id)

    assert (unpaid.state, unpaid.seen_sat) == (InvoiceState.OPEN, 0)
    assert not Output.objects.exists()


def test_a_payment_to_a_paid_invoice_is_flagged_and_unlocks_nothing_else(chain: Devchain) -> None:
    payout = payout_to(chain.new_address())
    paid, other = sell(chain, payout=payout), sell(chain, payout=payout)
    chain.pay(paid.address, 20_000)
    chain.mine()
    settled = look(paid.id)
    chain.pay(paid.address, 20_000)
    chain.mine()
    again = look(paid.id, after=timedelta(days=60))

    assert (again.state, again.over_sat) == (InvoiceState.PAID, 20_000)
    assert {"OVER", "REFUND_DUE"} == set(again.flags)
    assert (again.settled_at, again.evidence) == (settled.settled_at, settled.evidence)
    assert look(other.id).state is InvoiceState.OPEN


def test_the_creator_swept_the_coins_before_we_looked(chain: Devchain) -> None:
    invoice = sell(chain)
    txid = chain.pay(invoice.address, 20_000)
    chain.mine()
    forwarder = payouts.forwarder_of(Payout.objects.get(), Address.objects.get().index)
    coin = covenants.Coin(Outpoint(txid, 0), 20_000, forwarder)
    broadcast(chain, covenants.forward([coin]))
    chain.mine()

    paid = look(invoice.id)

    assert (paid.state, paid.confirmed_sat) == (InvoiceState.PAID, 20_000)


def test_paid_in_time_while_the_watcher_was_off(chain: Devchain) -> None:
    invoice = sell(chain)
    chain.pay(invoice.address, 19_600)  # within the tolerance, which late payments have not
    chain.mine()

    paid = look(invoice.id, after=timedelta(days=1))

    assert (paid.state, paid.flags) == (InvoiceState.PAID, ())


def test_the_watcher_was_down_a_day_and_nothing_expires_before_a_look(chain: Devchain) -> None:
    invoice = sell(chain, ago=timedelta(days=1))
    now = timezone.now()

    invoices.void(sell(chain).id, now=now)  # another's decision moves no one else
    before = invoices.status_of(invoice.id, now=now)

    assert (before.state, before.stale) == (InvoiceState.OPEN, True)
    assert look(invoice.id).state is InvoiceState.EXPIRED


def test_flags_of_replacement_are_ignored(chain: Devchain) -> None:
    invoice = sell(chain)

    broadcast(chain, spend(purse(chain), (20_000, script_of(invoice.address)), sequence=0))
    seen = look(invoice.id)
    chain.mine()

    assert (seen.state, seen.flags) == (InvoiceState.SEEN, ())
    assert look(invoice.id).state is InvoiceState.PAID


def test_dust_spam_stops_nothing(chain: Devchain) -> None:
    invoice = sell(chain)
    for _ in range(3):
        chain.pay(invoice.address, 600)
    dusty = look(invoice.id)
    chain.pay(invoice.address, 20_000)
    chain.mine()
    paid = look(invoice.id)

    assert (dusty.state, dusty.seen_sat, dusty.flags) == (InvoiceState.OPEN, 0, ("DUST",))
    assert (paid.state, paid.confirmed_sat, paid.flags) == ("PAID", 20_000, ("DUST",))


@pytest.mark.parametrize("kind", ["forwarder", "xpub"])
def test_addresses_are_handed_out_in_the_plain_form(chain: Devchain, kind: str) -> None:
    payout = payout_to(chain.new_address() if kind == "forwarder" else XPUB)

    address = sell(chain, payout=payout).address

    assert address.startswith("bchreg:p" if kind == "forwarder" else "bchreg:q")


def test_an_evicted_payment_is_sent_again_each_hour_and_comes_back(chain: Devchain) -> None:
    invoice = sell(chain)
    txid = chain.pay(invoice.address, 20_000)
    look(invoice.id)
    chain.evict(txid)
    gone = look_twice(invoice)

    taken = resend()
    at_once_again = resend()
    back = look(invoice.id)
    chain.mine()
    paid = look(invoice.id)

    assert (gone.state, gone.flags) == (InvoiceState.OPEN, ("EVICTED",))
    assert (taken, at_once_again) == (1, 0)
    assert (back.state, back.seen_sat, back.flags) == (InvoiceState.SEEN, 20_000, ())
    assert paid.state is InvoiceState.PAID


def test_a_payment_missed_once_is_put_back_before_it_is_gone(chain: Devchain) -> None:
    invoice = sell(chain)
    txid = chain.pay(invoice.address, 20_000)
    look(invoice.id)
    chain.evict(txid)

    assert look(invoice.id).state is InvoiceState.SUSPECT
    assert resend() == 1
    assert look(invoice.id).state is InvoiceState.SEEN


def test_three_days_long_and_no_longer(chain: Devchain) -> None:
    invoice = sell(chain)
    coin = purse(chain)
    lost = spend(coin, (20_000, script_of(invoice.address)))
    txid = broadcast(chain, lost)
    look(invoice.id)
    chain.evict(txid)
    broadcast(chain, spend(coin, (50_000, script_of(chain.new_address()))))
    look_twice(invoice)

    assert resend() == 0
    first = Output.objects.get().rebroadcast_at
    resend(hours=2)
    second = Output.objects.get().rebroadcast_at
    resend(hours=73)

    assert first is not None
    assert second is not None
    assert second - first > timedelta(hours=1)
    assert Output.objects.get().rebroadcast_at == second


def test_a_double_spend_that_won_is_named_and_the_original_may_come_back(chain: Devchain) -> None:
    invoice = sell(chain)
    coin = purse(chain)
    original = spend(coin, (20_000, script_of(invoice.address)))
    txid = broadcast(chain, original)
    look(invoice.id)
    chain.evict(txid)
    other = broadcast(chain, spend(coin, (50_000, script_of(chain.new_address()))))
    look(invoice.id)
    resend()
    doubted = Output.objects.get()
    look(invoice.id)
    resend(hours=2)
    replaced = Output.objects.get()
    told = look(invoice.id)

    chain.evict(other)
    broadcast(chain, original)
    chain.mine()
    paid = look(invoice.id)

    assert (doubted.chain, doubted.doubted, doubted.conflict_txid) == ("MEMPOOL", True, "")
    assert (replaced.chain, replaced.conflict_txid) == (OutputChain.CONFLICTED, other)
    assert (told.state, told.seen_sat, told.flags) == ("OPEN", 0, ("DOUBLE_SPEND_SEEN",))
    assert (paid.state, paid.flags) == (InvoiceState.PAID, ())
    assert (Output.objects.get().chain, Output.objects.get().conflict_txid) == ("BLOCK", "")


def test_a_payment_lost_after_the_release_is_sent_again_and_pays_again(chain: Devchain) -> None:
    invoice = sell(chain)
    txid = chain.pay(invoice.address, 20_000)
    chain.mine()
    settled = look(invoice.id)
    chain.reorg(1, drop=(txid,))
    lost = look_twice(invoice)

    assert resend() == 1
    waiting = look(invoice.id)
    chain.mine()
    again = look(invoice.id)

    assert settled.state is InvoiceState.PAID
    assert (lost.state, waiting.state) == (InvoiceState.REVERSED, InvoiceState.REVERSED)
    assert (again.state, again.settled_at) == (InvoiceState.PAID, settled.settled_at)


def test_the_proof_and_the_rate_of_a_payment_are_kept(chain: Devchain) -> None:
    invoice = sell(chain)
    for _ in range(3):
        chain.pay(chain.new_address(), 5_000)
    chain.pay(invoice.address, 20_000)
    look(invoice.id)
    before = Output.objects.get()
    chain.mine()
    look(invoice.id)
    proved = Output.objects.get()
    look(invoice.id)
    still = Output.objects.get()

    assert (before.merkle_branch, before.merkle_position) == ([], None)
    assert len(proved.merkle_branch) == 3
    assert proved.merkle_position is not None
    assert (still.merkle_branch, still.merkle_position) == (
        proved.merkle_branch,
        proved.merkle_position,
    )
    assert (still.rate, still.rate_sources, still.due_then_sat) == (None, [], 20_000)
    raw = bytes(still.transaction.raw)
    assert transactions.txid_of(raw) == still.transaction_id


def test_a_second_part_gives_no_more_time_and_a_new_quote_gives_it_anew(chain: Devchain) -> None:
    invoice = sell(chain, ago=timedelta(minutes=30))
    look(invoice.id)
    invoices.requote(invoice.id, now=timezone.now() - timedelta(minutes=5))
    chain.pay(invoice.address, 5_000)
    extended = look(invoice.id)
    chain.pay(invoice.address, 5_000)

    again = look(invoice.id)

    assert Quote.objects.count() == 3
    assert again.quote_until == extended.quote_until
    row = Invoice.objects.get()
    quotes.extend(row, now=timezone.now())
    assert Quote.objects.count() == 3


def test_known_payments_are_not_fetched_again(chain: Devchain) -> None:
    invoice = sell(chain)
    txid = chain.pay(invoice.address, 20_000)
    chain.mine()
    look(invoice.id)

    known = observations.known_of(Invoice.objects.get())

    assert set(known) == {txid}
    assert known[txid].spv_ok


def test_servers_that_give_no_answer_are_asked_again_at_once(chain: Devchain) -> None:
    invoice = sell(chain)
    txid = chain.pay(invoice.address, 20_000)
    look(invoice.id)
    chain.evict(txid)
    look(invoice.id)

    assert evictions.send_again(Silent(), now=timezone.now()) == 0

    assert Output.objects.get().rebroadcast_at is None
    assert resend() == 1


class Silent:
    """Servers that take a question and never answer it."""

    def offer(self, raw: bytes) -> dict[str, str]:
        del raw
        return {}

    def conflict_of(self, raw: bytes) -> str | None:
        raise AssertionError(raw)


def test_the_tasks_put_back_and_look_for_refunds_by_themselves(chain: Devchain) -> None:
    invoice, home = sell(chain), chain.new_address()
    refunds.note_address(invoice.id, home, now=timezone.now())
    txid = chain.pay(invoice.address, 50_000)
    look(invoice.id)
    chain.evict(txid)
    look(invoice.id)

    tasks.rebroadcast_payments()
    chain.mine()
    look(invoice.id)
    tasks.look_refunds()
    paid_back = chain.pay(home, 30_000)
    chain.mine()
    tasks.look_refunds()

    assert refunds.of([invoice.id])[invoice.id].txid == paid_back
    assert set(look(invoice.id).flags) == {"OVER", "REFUNDED"}
