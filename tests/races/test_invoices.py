"""Many at once, on real row locks: looks at one invoice, addresses of one payout, forwards, events."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import pytest
from django.db import connection as database
from django.db import connections
from django.test import override_settings
from django.utils import timezone

from payments import (
    connection,
    forwards,
    gaps,
    invoices,
    observations,
    payouts,
    refunds,
    restoring,
    watcher,
)
from payments.errors import AlreadySettled
from payments.models import Address, Event, Forward, Invoice, Output, Payout, Quote, Refund
from tests.devchains import Devchain, running
from tests.tills import look, payout_to, script_of, sell
from tests.xpub import XPUB

T = TypeVar("T")
pytestmark = pytest.mark.django_db(transaction=True)
AT_ONCE = 8


@pytest.fixture(autouse=True)
def _on_postgresql() -> None:
    assert database.vendor == "postgresql", "run races through tests.postgres"


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Devchain]:
    with (
        running(tmp_path / "devchain") as devchain,
        override_settings(KIM_ELECTRUM_SERVERS=(devchain.server,)),
    ):
        connection.close()
        yield devchain
        connection.close()


def at_once(act: Callable[[int], T], *, times: int = AT_ONCE) -> list[T]:
    """Run ``act(0)`` to ``act(times - 1)`` from one starting line."""
    start = threading.Barrier(times)

    def one(number: int) -> T:
        try:
            start.wait(timeout=30)
            return act(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(one, range(times)))


def test_many_looks_at_once_settle_once(chain: Devchain) -> None:
    invoice = sell(chain)
    chain.pay(invoice.address, 20_000)
    chain.mine()

    states = at_once(lambda _: look(invoice.id).state)

    assert set(states) == {"PAID"}
    assert Event.objects.filter(kind="settled").count() == 1
    assert list(Event.objects.order_by("seq").values_list("seq", flat=True)) == [1, 2]
    assert Output.objects.count() == 1


def test_looks_in_any_order_end_the_same(chain: Devchain) -> None:
    """An older look that is written down last takes nothing back."""
    invoice = sell(chain)
    script = script_of(invoice.address)
    row = Invoice.objects.get(pk=invoice.id)
    sightings = [connection.chain().sight(script, observations.known_of(row))]
    chain.pay(invoice.address, 20_000)
    sightings.append(connection.chain().sight(script, {}))
    chain.mine()
    sightings.append(connection.chain().sight(script, {}))
    now = timezone.now()

    at_once(lambda n: invoices.reconcile(invoice.id, sightings[-1 - n], now=now), times=3)

    row = Invoice.objects.get(pk=invoice.id)
    assert (row.state, row.confirmed_sat) == ("PAID", 20_000)
    assert Output.objects.get().spv_ok
    for sighting in sightings:
        assert invoices.reconcile(invoice.id, sighting, now=now) == "PAID"


def test_sales_at_once_get_addresses_of_their_own(chain: Devchain) -> None:
    payout = payout_to(XPUB)

    sold = at_once(lambda _: [sell(chain, payout=payout).address for _ in range(3)])

    addresses = {address for some in sold for address in some}
    assert len(addresses) == 3 * AT_ONCE
    own = sorted(Address.objects.filter(payout=payout.id).values_list("index", flat=True))
    others = sorted(Address.objects.exclude(payout=payout.id).values_list("index", flat=True))
    assert own == list(range(len(own)))
    assert others == list(range(3 * AT_ONCE - len(own)))  # the fallback's
    assert gaps.GAP_LIMIT <= len(own) < gaps.GAP_LIMIT + AT_ONCE  # those that were under way


def test_forwards_at_once_take_each_coin_once(chain: Devchain) -> None:
    payout = payout_to(chain.new_address())
    sold = [sell(chain, payout=payout) for _ in range(4)]
    for invoice in sold:
        chain.pay(invoice.address, 20_000)
    chain.mine()
    for invoice in sold:
        look(invoice.id)

    made = at_once(lambda _: forwards.make(payout.id, now=timezone.now()))

    assert len([row for row in made if row is not None]) == 1
    assert Forward.objects.get().outputs.count() == 4


def test_forwards_and_looks_at_once_do_not_lock_each_other_out(chain: Devchain) -> None:
    payout = payout_to(chain.new_address())
    sold = [sell(chain, payout=payout) for _ in range(4)]
    for invoice in sold:
        chain.pay(invoice.address, 20_000)
    chain.mine()
    for invoice in sold:
        look(invoice.id)

    def act(number: int) -> None:
        if number % 2:
            forwards.forward_all(connection.chain(), now=timezone.now())
        for invoice in sold if number % 3 else reversed(sold):
            look(invoice.id)

    at_once(act)

    assert Output.objects.filter(forward=None).count() == 0
    assert Forward.objects.count() == 1


def test_sales_and_forwards_of_one_payout_at_once_do_not_lock_each_other_out(
    chain: Devchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sale names its payout at commit, holding the events' counter; a forward locks both too."""
    monkeypatch.setattr(forwards, "COINS_PER_FORWARD", 1)
    payout = payout_to(chain.new_address())
    sold = [sell(chain, payout=payout) for _ in range(20)]
    for invoice in sold:
        chain.pay(invoice.address, 20_000)
    chain.mine()
    for invoice in sold:
        look(invoice.id)

    def act(number: int) -> None:
        for _ in range(5):
            if number % 2:
                forwards.make(payout.id, now=timezone.now())
            else:
                sell(chain, payout=payout)

    at_once(act)

    assert Forward.objects.count() == 20
    assert Invoice.objects.count() == 40


def test_a_reader_of_events_never_meets_a_gap(chain: Devchain) -> None:
    payout = payout_to(chain.new_address())
    done = threading.Event()
    seen: list[int] = []

    def act(number: int) -> None:
        if number:
            for _ in range(10):
                sell(chain, payout=payout)
            return
        while not done.wait(0.001) and len(seen) < 10 * (AT_ONCE - 1):
            for event in invoices.events_after(seen[-1] if seen else 0):
                assert event.position == len(seen) + 1
                seen.append(event.position)

    timer = threading.Timer(60, done.set)
    timer.start()
    at_once(act)
    timer.cancel()

    assert seen == list(range(1, 10 * (AT_ONCE - 1) + 1))


def test_two_first_payouts_at_once_leave_one_in_force() -> None:
    owner = uuid4()

    at_once(lambda _: payouts.set_current(owner, XPUB, now=timezone.now()), times=4)

    in_force = Payout.objects.filter(owner=owner, retired_at=None)
    assert in_force.get(fallback_of=None).fallback == in_force.exclude(fallback_of=None).get()


def test_two_sweeps_at_once_share_the_work(chain: Devchain) -> None:
    payout = payout_to(chain.new_address())
    for _ in range(30):
        sell(chain, payout=payout)
    later = timezone.now() + timedelta(minutes=2)

    looked = at_once(lambda _: watcher.sweep(now=later), times=3)

    assert sum(looked) >= 30
    assert Invoice.objects.filter(swept_at=None).count() == 0


def test_sales_at_once_on_an_old_xpub_make_one_fallback(chain: Devchain) -> None:
    payout = payout_to(XPUB)
    Payout.objects.filter(fallback_of=payout.id).delete()
    Payout.objects.filter(pk=payout.id).update(gap_unsure_at=timezone.now())

    sold = at_once(lambda _: sell(chain, payout=payout).address_derivation, times=4)

    assert sorted(sold) == [f"forwarder {n}" for n in range(4)]
    assert Payout.objects.filter(fallback_of=payout.id).count() == 1


def test_a_refused_forward_is_made_dearer_once(chain: Devchain) -> None:
    payout = payout_to(chain.new_address())
    invoice = sell(chain, payout=payout)
    chain.pay(invoice.address, 20_000)
    chain.mine()
    look(invoice.id)
    row = forwards.make(payout.id, now=timezone.now())
    assert row is not None

    made = at_once(lambda _: forwards._make_dearer(row, timezone.now()), times=4)

    assert sum(each is not None for each in made) == 1
    assert [each.fee_sat for each in Forward.objects.filter(dropped_at=None)] == [213]
    assert Output.objects.get().forward == Forward.objects.get(dropped_at=None)


def test_acceptances_and_looks_at_once_settle_once(chain: Devchain) -> None:
    invoice = sell(chain)
    chain.pay(invoice.address, 12_000)
    chain.mine()
    look(invoice.id)

    def act(number: int) -> None:
        if number % 2:
            with contextlib.suppress(AlreadySettled):
                invoices.accept(invoice.id, now=timezone.now())
        look(invoice.id)

    at_once(act)

    row = Invoice.objects.get()
    assert (row.state, row.accepted_sat, row.settled_sat) == ("PAID", 12_000, 12_000)
    kinds = list(Event.objects.order_by("seq").values_list("kind", flat=True))
    assert (kinds.count("accepted"), kinds.count("settled")) == (1, 1)


def test_a_withdrawal_and_looks_at_once_settle_or_owe_and_never_both(chain: Devchain) -> None:
    payout = payout_to(chain.new_address())
    sold = [sell(chain, payout=payout) for _ in range(6)]
    for invoice in sold:
        chain.pay(invoice.address, 20_000)
    chain.mine()

    def act(number: int) -> None:
        for invoice in sold if number % 2 else reversed(sold):
            if number == 0:
                invoices.withdraw(invoice.id, now=timezone.now())
            look(invoice.id)

    at_once(act)

    for row in Invoice.objects.all():
        assert (row.settled_at is None) == (row.refund_due_at is not None)
        assert row.refunds.count() == (row.settled_at is None)


def test_refunds_looked_for_at_once_are_closed_once(chain: Devchain) -> None:
    invoice, address = sell(chain), chain.new_address()
    refunds.note_address(invoice.id, address, now=timezone.now())
    chain.pay(invoice.address, 50_000)
    chain.mine()
    at_once(lambda _: look(invoice.id))
    assert Refund.objects.get().due_sat == 30_000
    chain.pay(address, 30_000)
    chain.mine()

    closed = at_once(lambda _: refunds.look(chain=connection.chain(), now=timezone.now()))

    assert sum(closed) == 1
    kinds = list(Event.objects.order_by("seq").values_list("kind", flat=True))
    assert (kinds.count("refund_due"), kinds.count("refunded")) == (1, 1)


def test_one_ticket_posted_many_times_at_once_is_one_order(chain: Devchain) -> None:
    owner = uuid4()
    ticket = sell(chain, payout=payout_to(chain.new_address(), owner=owner))
    Event.objects.all().delete()
    Quote.objects.all().delete()
    Address.objects.all().delete()
    Invoice.objects.all().delete()

    made = at_once(
        lambda _: (
            restoring.restore(
                owner=owner,
                address=ticket.address,
                derivation=ticket.address_derivation,
                due_sat=ticket.due_sat,
                until=ticket.quote_until,
                now=timezone.now(),
            ).id
        )
    )

    assert len(set(made)) == 1
    assert Invoice.objects.count() == Event.objects.count() == 1
