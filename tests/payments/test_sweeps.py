"""Tiers, gaps, blocks and news: who is looked at when, and that nobody is forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.test import override_settings
from django.utils import timezone

from payments import connection, headerchain, headers, heartbeats, tiers, watcher
from payments.errors import ChainUnavailable
from payments.models import ChainTransaction, Event, Invoice, Quote
from payments.states import InvoiceState, Network
from payments.tiers import Tier
from tests.devchains import Devchain
from tests.proxies import Proxy
from tests.tills import look, sell

pytestmark = pytest.mark.django_db(transaction=True)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
HISTORY = "blockchain.scripthash.get_history"


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    watcher._MEMORY.forget()
    yield
    watcher._MEMORY.forget()


def row_of(invoice_id: UUID) -> Invoice:
    return Invoice.objects.get(pk=invoice_id)


def age(invoice_id: UUID, by: timedelta) -> None:
    """As if its quote had ended ``by`` earlier, and everything about it were as much older."""
    row = row_of(invoice_id)
    Quote.objects.filter(invoice=row).update(until=row.quote_until - by)
    row.quote_until, row.created_at = row.quote_until - by, row.created_at - by
    row.save()


@pytest.mark.parametrize(
    ("state", "quote_over", "settled", "depth", "tier"),
    [
        ("OPEN", -HOUR, None, 0, Tier.HOT),
        ("PARTIAL", 23 * HOUR, None, 0, Tier.HOT),
        ("SEEN", 23 * HOUR, None, 0, Tier.HOT),
        ("SUSPECT", 23 * HOUR, None, 0, Tier.HOT),
        ("OPEN", 25 * HOUR, None, 0, Tier.WARM),
        ("EXPIRED", HOUR, None, 0, Tier.HOT),
        ("EXPIRED", 3 * HOUR, None, 0, Tier.WARM),
        ("EXPIRED", 89 * DAY, None, 0, Tier.WARM),
        ("EXPIRED", 91 * DAY, None, 0, Tier.COLD),
        ("SEEN", 91 * DAY, None, 0, Tier.COLD),
        ("PAID", HOUR, HOUR, 9, Tier.SETTLING),
        ("PAID", 100 * DAY, HOUR, 1, Tier.SETTLING),
        ("PAID", HOUR, HOUR, 10, Tier.WARM),
        ("REVERSED", HOUR, HOUR, 0, Tier.SETTLING),
        ("PAID", 91 * DAY, 91 * DAY, 10, Tier.COLD),
        ("PAID", 91 * DAY, 91 * DAY, 1, Tier.COLD),
    ],
)
def test_the_tier_of_an_invoice_as_rule_and_as_question(
    chain: Devchain,
    state: str,
    quote_over: timedelta,
    settled: timedelta | None,
    depth: int,
    tier: Tier,
) -> None:
    now = timezone.now()
    row = row_of(sell(chain).id)
    row.state, row.quote_until, row.depth = state, now - quote_over, depth
    row.settled_at = None if settled is None else now - settled
    row.save()

    assert tiers.tier_of(row, now, {}) is tier
    assert {each for each in Tier if tiers.rows_of(each, now).filter(pk=row.pk).exists()} == {tier}


def test_after_a_day_of_downtime_a_payment_that_came_in_time_is_paid_and_never_expired(
    chain: Devchain,
) -> None:
    paid, unpaid = sell(chain), sell(chain)
    for each in (paid, unpaid):
        age(each.id, HOUR)  # the quote ended while nobody looked; the block came within its slack
    chain.pay(paid.address, 20_000)
    chain.mine()
    before = {row_of(each.id).state for each in (paid, unpaid)}

    watcher.sweep(now=timezone.now() + DAY)

    assert before == {InvoiceState.OPEN}
    told = Event.objects.filter(invoice=paid.id).order_by("seq").values_list("state", flat=True)
    assert list(told) == ["OPEN", "PAID"]
    assert "LATE" not in row_of(paid.id).flags
    assert row_of(unpaid.id).state == InvoiceState.EXPIRED


def test_while_no_server_answers_nothing_expires_however_late_it_is(chain: Devchain) -> None:
    invoice = sell(chain)
    age(invoice.id, HOUR)
    chain.stop()

    with pytest.raises(ChainUnavailable):
        watcher.sweep(now=timezone.now() + DAY)

    assert row_of(invoice.id).state == InvoiceState.OPEN
    assert Event.objects.count() == 1
    assert heartbeats.last(heartbeats.SWEEP) is None
    servers = heartbeats.last(heartbeats.SERVERS)
    assert servers is not None
    assert [each["is_live"] for each in servers.detail["servers"]] == [False]


def test_a_gap_makes_every_tier_due_at_once_and_no_gap_does_not(chain: Devchain) -> None:
    now = timezone.now()
    old = sell(chain)
    age(old.id, 100 * DAY)
    look(old.id)
    watcher.sweep(now=now)
    chain.pay(old.address, 20_000)
    Invoice.objects.update(sweep_due_at=now + DAY)

    looked_soon = watcher.sweep(now=now)
    cold = row_of(old.id).state
    for name, ago in ((heartbeats.SWEEP_ALL, 4 * HOUR), (heartbeats.SWEEP, 3 * HOUR)):
        heartbeats.beat(name, now=now - ago, detail={})
    looked_after_a_gap = watcher.sweep(now=now)

    assert (looked_soon, cold) == (0, InvoiceState.EXPIRED)
    assert looked_after_a_gap == 1
    assert row_of(old.id).seen_sat == 20_000


def test_everything_is_asked_for_at_most_every_five_minutes(chain: Devchain) -> None:
    now = timezone.now()
    sell(chain)

    first = watcher.sweep(now=now, everything=True)
    again = watcher.sweep(now=now, everything=True)
    later = watcher.sweep(now=now + watcher.ALL_EVERY, everything=True)

    assert (first, again, later) == (1, 0, 1)


def test_the_sweep_follows_blocks_without_any_push_and_asks_nobody_twice(chain: Devchain) -> None:
    invoice = sell(chain)
    chain.pay(invoice.address, 20_000)
    chain.mine()
    look(invoice.id)
    watcher.sweep(now=timezone.now())
    due_at = row_of(invoice.id).sweep_due_at

    chain.mine(3)
    watcher.sweep(now=timezone.now())

    assert due_at > timezone.now() + timedelta(minutes=25)  # not by its date
    assert row_of(invoice.id).depth == 4
    assert watcher.follow_block(now=timezone.now()) == 0


def test_an_old_tip_holds_settling_and_a_new_block_ends_it(
    chain: Devchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    bounded = replace(headers.RULES[Network.REGTEST], is_bounded=True)
    monkeypatch.setitem(headers.RULES, Network.REGTEST, bounded)
    connection.close()
    invoice = sell(chain)
    chain.pay(invoice.address, 20_000)
    chain.mine()
    tip_at = connection.chain().tip().time

    watcher.sweep(now=tip_at + headerchain.HELD_AFTER + HOUR)
    held = row_of(invoice.id)
    chain.mine()
    watcher.sweep(now=tip_at + HOUR)

    assert (held.state, held.settled_at) == (InvoiceState.SEEN, None)
    assert "SPV_PENDING" in held.flags
    assert row_of(invoice.id).state == InvoiceState.PAID


def test_without_news_no_history_is_asked_for_and_the_look_is_noted(chain: Devchain) -> None:
    proxy = Proxy(chain.electrum_port)
    try:
        with override_settings(KIM_ELECTRUM_SERVERS=(proxy.server,)):
            connection.close()
            sold = [sell(chain) for _ in range(5)]
            now = timezone.now()
            watcher.sweep(now=now + timedelta(minutes=1))
            swept_at = row_of(sold[0].id).swept_at
            asked = proxy.asked.count(HISTORY)
            looked = watcher.sweep(now=now + timedelta(minutes=2))
            assert (looked, proxy.asked.count(HISTORY)) == (5, asked)
            assert swept_at is not None
            assert all(row.swept_at > swept_at for row in Invoice.objects.all() if row.swept_at)

            chain.pay(sold[3].address, 20_000)
            watcher.sweep(now=now + timedelta(minutes=3))
            assert proxy.asked.count(HISTORY) == asked + 1
            assert row_of(sold[3].id).state == InvoiceState.SEEN

            watcher.sweep(now=now + timedelta(minutes=14))  # in full, whatever they say
            assert proxy.asked.count(HISTORY) == asked + 1 + 5
    finally:
        connection.close()
        proxy.close()


@pytest.mark.parametrize("was_mined", [False, True])
def test_a_second_payment_to_a_sale_long_final_that_vanishes_is_followed_to_its_end(
    chain: Devchain, *, was_mined: bool
) -> None:
    sold, other = sell(chain), sell(chain)
    for each in (sold, other):
        chain.pay(each.address, 20_000)
    chain.mine(12)
    watcher.sweep(now=timezone.now())
    txid = chain.pay(sold.address, 20_000)
    if was_mined:
        chain.mine()
    now = timezone.now() + HOUR
    watcher.sweep(now=now)
    with_extra = row_of(sold.id)
    if was_mined:
        chain.reorg(1, drop=(txid,))
    else:
        chain.evict(txid)

    looked = [watcher.sweep(now=now + HOUR + MINUTE * at) for at in range(4)]

    assert with_extra.seen_sat == 40_000
    assert "OVER" in with_extra.flags
    gone = row_of(sold.id)
    assert (gone.state, gone.seen_sat, gone.confirmed_sat) == ("PAID", 20_000, 20_000)
    assert "OVER" not in gone.flags
    # A minute later only the one in doubt, and nobody once that is over.
    assert looked[1:] == [1, 0, 0]


@pytest.mark.parametrize(
    ("shown", "tier", "every"),
    [
        ({"chain": "MEMPOOL"}, Tier.SETTLING, 30),
        ({"chain": "MEMPOOL", "doubted": True}, Tier.SETTLING, 30),
        ({"chain": "BLOCK", "height": 50, "spv_ok": False}, Tier.SETTLING, 30),
        ({"chain": "BLOCK", "height": 192, "spv_ok": True}, Tier.SETTLING, 1800),
        ({"chain": "BLOCK", "height": 191, "spv_ok": True}, Tier.WARM, 1800),
        (
            {"chain": "BLOCK", "height": 102, "spv_ok": True, "is_coinbase": True},
            Tier.SETTLING,
            1800,
        ),
        ({"chain": "BLOCK", "height": 101, "spv_ok": True, "is_coinbase": True}, Tier.WARM, 1800),
        ({"chain": "MISSING", "doubted": True}, Tier.WARM, 1800),
        ({"chain": "CONFLICTED", "doubted": True}, Tier.WARM, 1800),
    ],
)
def test_an_output_that_is_not_final_keeps_what_is_sold_settling(
    chain: Devchain, shown: dict[str, Any], tier: Tier, every: int
) -> None:
    now = timezone.now()
    row = row_of(sell(chain).id)
    row.state, row.depth, row.tip_height, row.settled_at = "PAID", 10, 200, now - 100 * DAY
    if tier is Tier.WARM:
        row.settled_at = now - HOUR
    row.save()
    paid = ChainTransaction.objects.create(txid="ab" * 32, raw=b"", first_seen_at=now)
    row.outputs.create(transaction=paid, vout=0, value_sat=600, first_seen_at=now, **shown)

    open_outputs = tiers.unsettled_of([row.pk])

    assert tiers.tier_of(row, now, open_outputs) is tier
    assert {each for each in Tier if tiers.rows_of(each, now).filter(pk=row.pk).exists()} == {tier}
    again = tiers.look_again(tier, in_doubt=open_outputs.get(row.pk, False))
    assert again.total_seconds() == every


def test_a_look_that_could_not_be_written_down_is_not_remembered(
    chain: Devchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = sell(chain)
    age(invoice.id, 3 * HOUR)
    look(invoice.id)
    watcher.sweep(now=timezone.now() + HOUR)
    chain.pay(invoice.address, 20_000)

    with monkeypatch.context() as broken:
        broken.setattr("payments.invoices.reconcile", _fail)
        watcher.sweep(now=timezone.now() + 2 * HOUR)
    watcher.sweep(now=timezone.now() + 3 * HOUR)

    assert row_of(invoice.id).seen_sat == 20_000


def _fail(*_given: object, **_named: object) -> None:
    raise RuntimeError("disk full")
