"""Reorganisations of 1 to 9 blocks, before and after the release; evictions, double spends, and a
day on which nobody looked.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from payments.models import Invoice, Output
from payments.states import InvoiceState, OutputChain
from tests.chain.clocks import set_clock
from tests.devchains import Devchain
from tests.tills import look, sell

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("depth", range(1, 10))
def test_a_reorg_of_any_depth_before_and_after_the_release(proxied: Devchain, depth: int) -> None:
    """One sale waits for ten blocks, one was released at the first; both lose their block."""
    patient, quick = sell(proxied, confirmations=10), sell(proxied)
    for invoice in (patient, quick):
        proxied.pay(invoice.address, 20_000)
    proxied.mine(depth)
    assert (look(patient.id).state, look(patient.id).depth) == (InvoiceState.SEEN, depth)
    assert look(quick.id).state is InvoiceState.PAID
    latch = Invoice.objects.get(pk=quick.id).settled_at

    proxied.reorg(depth)

    before, after = look(patient.id), look(quick.id)
    assert (before.state, before.depth, before.settled_at) == (InvoiceState.SEEN, 0, None)
    assert (after.state, after.settled_at) == (InvoiceState.REVERSED, latch)
    assert not Output.objects.filter(spv_ok=True).exists()

    proxied.mine()
    assert look(patient.id).state is InvoiceState.SEEN
    again = look(quick.id)
    assert (again.state, again.settled_at) == (InvoiceState.PAID, latch)
    proxied.mine(8)
    assert look(patient.id).state is InvoiceState.SEEN
    proxied.mine()
    assert look(patient.id).state is InvoiceState.PAID


def test_an_evicted_payment_settles_nothing_and_counts_when_it_is_back(proxied: Devchain) -> None:
    invoice = sell(proxied)
    txid = proxied.pay(invoice.address, 20_000)
    assert look(invoice.id).state is InvoiceState.SEEN
    raw = bytes(Output.objects.get().transaction.raw)

    proxied.evict(txid)
    gone = [look(invoice.id).state for _ in range(3)][-1]
    assert gone is InvoiceState.OPEN
    assert Output.objects.get().chain == OutputChain.MISSING
    proxied.mine()
    assert look(invoice.id).settled_at is None

    proxied.ask("/api/broadcast", raw=raw.hex())
    assert look(invoice.id).state is InvoiceState.SEEN
    proxied.mine()
    assert look(invoice.id).state is InvoiceState.PAID


def test_a_double_spend_that_comes_second_and_is_mined_takes_the_first_away(
    proxied: Devchain,
) -> None:
    invoice = sell(proxied)
    txid = proxied.pay(invoice.address, 20_000)
    assert look(invoice.id).state is InvoiceState.SEEN

    proxied.double_spend(txid, mine=True)
    proxied.mine(3)

    states = [look(invoice.id).state for _ in range(3)]
    assert InvoiceState.PAID not in states
    assert states[-1] is InvoiceState.OPEN
    assert Invoice.objects.get(pk=invoice.id).settled_at is None


def test_a_payment_that_comes_second_is_never_seen(proxied: Devchain) -> None:
    """Its coins were spent elsewhere first: no node takes it."""
    invoice = sell(proxied)
    txid = proxied.pay(invoice.address, 20_000)
    proxied.evict(txid)
    proxied.double_spend(txid)

    assert look(invoice.id).state is InvoiceState.OPEN
    proxied.mine(2)
    assert look(invoice.id).state is InvoiceState.OPEN
    assert not Output.objects.exists()


def test_a_double_spend_after_the_release_is_told_and_gives_nothing_back(
    proxied: Devchain,
) -> None:
    """The block is undone, and the coins go elsewhere in the longer chain."""
    invoice = sell(proxied)
    txid = proxied.pay(invoice.address, 20_000)
    proxied.mine()
    assert look(invoice.id).state is InvoiceState.PAID

    proxied.reorg(1, drop=(txid,))
    proxied.double_spend(txid, mine=True)
    proxied.mine(2)

    assert [look(invoice.id).state for _ in range(3)] == [InvoiceState.REVERSED] * 3


@pytest.mark.parametrize("is_mined", [True, False])
def test_a_day_on_which_nobody_looked(
    proxied: Devchain, is_mined: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was paid in time counts as in time: the block says so. What waits is late, and seen."""
    invoice, unpaid = sell(proxied), sell(proxied)
    proxied.pay(invoice.address, 20_000)
    if is_mined:
        proxied.mine()
    day = timedelta(days=1)
    set_clock(monkeypatch, ahead=day)

    seen = look(invoice.id, after=day)
    assert look(unpaid.id, after=day).state is InvoiceState.EXPIRED
    if is_mined:
        assert seen.state is InvoiceState.PAID
        return
    assert seen.settled_at is None
    proxied.mine()
    assert look(invoice.id, after=day).state is InvoiceState.PAID
