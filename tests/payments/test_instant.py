"""Files that open within seconds: two servers, real payments, and what keeps a payment waiting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from celery import current_app
from django.test import override_settings
from django.utils import timezone

from payments import (
    connection,
    deadlines,
    heartbeats,
    instant,
    invoices,
    observations,
    terms,
    watcher,
)
from payments.invoices import InvoiceView
from payments.models import Event, Invoice, Output
from payments.states import InvoiceState
from tests.devchains import Devchain
from tests.proxies import Proxy
from tests.tills import look, payout_to, sell

pytestmark = pytest.mark.django_db(transaction=True)
NINE_SECONDS = timedelta(seconds=9)


@pytest.fixture
def second(devchain: Devchain) -> Iterator[Proxy]:
    """The second server, which can be told to see and say other things."""
    between = Proxy(devchain.electrum_port)
    yield between
    between.close()


@pytest.fixture
def chain(devchain: Devchain, second: Proxy) -> Iterator[Devchain]:
    """One chain behind servers of two operators."""
    servers = (replace(devchain.server, operator="ada"), replace(second.server, operator="bob"))
    with override_settings(KIM_ELECTRUM_SERVERS=servers):
        connection.close()
        heartbeats.beat(heartbeats.SWEEP, now=timezone.now(), detail={})
        yield devchain
        connection.close()


def sell_instantly(
    chain: Devchain, *, sat: int = 20_000, each: int = 20_000, total: int = 50_000, **how: Any
) -> InvoiceView:
    owner = how.pop("owner", None) or uuid4()
    terms.set_for(owner, now=timezone.now(), instant_invoice_sat=each, instant_total_sat=total)
    payout = how.pop("payout", None) or payout_to(chain.new_address(), owner=owner)
    return sell(chain, sat=sat, payout=payout, instant=True, **how)


def waits_for(invoice_id: UUID) -> str:
    return Invoice.objects.get(pk=invoice_id).instant_wait


def looks(sold: InvoiceView) -> tuple[InvoiceView, InvoiceView]:
    """How it stands when the payment is seen, and nine seconds later."""
    return look(sold.id), look(sold.id, after=NINE_SECONDS)


def test_a_file_opens_eight_seconds_after_its_payment_without_a_block(chain: Devchain) -> None:
    sold = sell_instantly(chain)
    txid = chain.pay(sold.address, 20_000)

    seen = look(sold.id)
    waited, check_at = waits_for(sold.id), Invoice.objects.get(pk=sold.id).instant_check_at
    opened = look(sold.id, after=NINE_SECONDS)

    assert (seen.state, seen.settled_at, waited) == (InvoiceState.SEEN, None, "8_seconds")
    assert check_at is not None
    assert timedelta(seconds=7) < check_at - timezone.now() <= timedelta(seconds=8)
    assert (opened.state, opened.depth, opened.seen_sat) == (InvoiceState.PAID, 0, 20_000)
    assert [text.split(":")[0] for text in opened.evidence] == [txid]
    row = Invoice.objects.get(pk=sold.id)
    assert (row.settled_instantly, row.settled_sat) == (True, 20_000)
    assert (row.instant_wait, row.instant_check_at) == ("", None)
    assert list(Event.objects.order_by("seq").values_list("kind", "state")) == [
        ("opened", "OPEN"),
        ("changed", "SEEN"),
        ("settled", "PAID"),
    ]


def test_a_timer_looks_again_at_that_very_second_and_only_where_seconds_help(
    chain: Devchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[str, Any, Any]] = []
    monkeypatch.setattr(
        current_app,
        "send_task",
        lambda _task, *, args, eta, expires, **_: sent.append((args[0], eta, expires)),
    )
    quick, dear = sell_instantly(chain), sell_instantly(chain, sat=30_000)
    for sold in (quick, dear):
        chain.pay(sold.address, sold.due_sat)
        look(sold.id)
        look(sold.id)

    check_at = Invoice.objects.get(pk=quick.id).instant_check_at
    assert check_at is not None
    timed = [each for each in sent if each[1] is not None]
    assert timed == [(str(quick.id), check_at, check_at + timedelta(minutes=1))]


def test_the_block_changes_nothing_but_the_depth(chain: Devchain) -> None:
    sold = sell_instantly(chain)
    chain.pay(sold.address, 20_000)
    _, opened = looks(sold)

    chain.mine()
    buried = look(sold.id)

    assert (buried.state, buried.depth) == (InvoiceState.PAID, 1)
    assert (buried.settled_at, buried.evidence) == (opened.settled_at, opened.evidence)
    assert instant.released(Invoice.objects.get(pk=sold.id).payout.owner) == 0


def test_without_the_switch_nothing_is_asked_and_a_block_is_waited_for(
    chain: Devchain, second: Proxy
) -> None:
    sold = sell(chain)
    chain.pay(sold.address, 20_000)
    _, seen = looks(sold)

    assert (seen.state, waits_for(sold.id)) == (InvoiceState.SEEN, "")
    assert "blockchain.transaction.broadcast" not in second.asked


def test_nothing_is_asked_before_there_is_enough(chain: Devchain, second: Proxy) -> None:
    sold = sell_instantly(chain)
    chain.pay(sold.address, 12_000)
    _, partial = looks(sold)
    asked_for_less = "blockchain.transaction.broadcast" in second.asked
    chain.pay(sold.address, 8_000)
    _, opened = looks(sold)

    assert (partial.state, asked_for_less) == (InvoiceState.PARTIAL, False)
    assert (opened.state, len(opened.evidence)) == (InvoiceState.PAID, 2)


def test_a_second_payment_starts_the_silence_anew(chain: Devchain) -> None:
    sold = sell_instantly(chain, each=100_000, total=100_000)
    chain.pay(sold.address, 20_000)
    look(sold.id)
    chain.pay(sold.address, 20_000)
    seen = look(sold.id, after=NINE_SECONDS)
    early = look(sold.id, after=timedelta(seconds=16))
    opened = look(sold.id, after=timedelta(seconds=18))

    assert (seen.state, early.state) == (InvoiceState.SEEN, InvoiceState.SEEN)
    assert (opened.state, opened.seen_sat) == (InvoiceState.PAID, 40_000)


def hides_mempool(method: str, _: list[Any], result: Any) -> Any:
    if method == "blockchain.scripthash.get_history":
        return [row for row in result if row["height"] > 0]
    return result


def test_one_operator_that_shows_it_is_not_enough(chain: Devchain, second: Proxy) -> None:
    second.alter = hides_mempool
    sold = sell_instantly(chain)
    chain.pay(sold.address, 20_000)
    _, waiting = looks(sold)
    waited = waits_for(sold.id)
    check_at = Invoice.objects.get(pk=sold.id).instant_check_at
    second.alter = lambda _method, _params, result: result
    opened = look(sold.id, after=timedelta(seconds=15))

    assert (waiting.state, waited) == (InvoiceState.SEEN, "second_server")
    assert check_at is not None
    assert check_at - timezone.now() > timedelta(seconds=12)  # asked again, and not in a minute
    assert opened.state is InvoiceState.PAID


def test_one_operator_with_two_servers_is_one_operator(chain: Devchain, second: Proxy) -> None:
    servers = (replace(chain.server, operator="ada"), replace(second.server, operator="ada"))
    with override_settings(KIM_ELECTRUM_SERVERS=servers):
        connection.close()
        sold = sell_instantly(chain)
        chain.pay(sold.address, 20_000)
        _, waiting = looks(sold)

    assert (waiting.state, waits_for(sold.id)) == (InvoiceState.SEEN, "one_operator")


@pytest.mark.parametrize(
    ("network", "least", "needed"),
    [("regtest", 1, 1), ("regtest", 3, 3), ("mainnet", 1, 2), ("chipnet", 1, 2), ("mainnet", 3, 3)],
)
def test_only_play_money_does_with_one_operator(network: str, least: int, needed: int) -> None:
    with override_settings(KIM_NETWORK=network, KIM_INSTANT_OPERATORS=least):
        assert instant.least_operators() == needed


def test_a_weak_signature_waits_for_a_block_and_is_not_passed_on(
    chain: Devchain, second: Proxy
) -> None:
    sold = sell_instantly(chain)
    chain.pay(sold.address, 20_000, hash_type=0xC1)
    _, waiting = looks(sold)
    waited = waits_for(sold.id)
    chain.mine()
    paid = look(sold.id)

    assert (waiting.state, waited) == (InvoiceState.SEEN, "signature_kind")
    assert "blockchain.transaction.broadcast" not in second.asked
    assert (paid.state, waits_for(sold.id)) == (InvoiceState.PAID, "")
    assert not Invoice.objects.get(pk=sold.id).settled_instantly


def test_unconfirmed_parents_wait_for_a_block(chain: Devchain) -> None:
    sold = sell_instantly(chain)
    chain.pay(sold.address, 20_000, parent=True)
    _, waiting = looks(sold)

    assert (waiting.state, waits_for(sold.id)) == (InvoiceState.SEEN, "parents")


def test_a_price_above_the_ceiling_waits_for_a_block(chain: Devchain) -> None:
    at, above = (sell_instantly(chain, sat=sat, each=20_000) for sat in (20_000, 20_001))
    for sold in (at, above):
        chain.pay(sold.address, sold.due_sat)
    states = [looks(sold)[1].state for sold in (at, above)]

    assert states == [InvoiceState.PAID, InvoiceState.SEEN]
    assert waits_for(above.id) == "ceiling"


def test_what_is_out_unconfirmed_stays_below_the_ceiling_of_all(chain: Devchain) -> None:
    owner = uuid4()
    payout = payout_to(chain.new_address(), owner=owner)
    sold = [
        sell_instantly(chain, owner=owner, payout=payout, total=40_000 + more) for more in (0, 0, 0)
    ]
    for each in sold:
        chain.pay(each.address, 20_000)
    states = [looks(each)[1].state for each in sold]
    released = instant.released(owner)
    waited = waits_for(sold[2].id)
    chain.mine()
    for each in sold:
        look(each.id)

    assert states == [InvoiceState.PAID, InvoiceState.PAID, InvoiceState.SEEN]
    assert (released, waited) == (40_000, "total_ceiling")
    assert {look(each.id).state for each in sold} == {InvoiceState.PAID}
    assert instant.released(owner) == 0


def test_switched_off_later_opens_nothing_more(chain: Devchain) -> None:
    owner = uuid4()
    sold = sell_instantly(chain, owner=owner)
    terms.set_for(owner, now=timezone.now(), instant_total_sat=0)
    chain.pay(sold.address, 20_000)
    _, waiting = looks(sold)

    assert (waiting.state, waits_for(sold.id)) == (InvoiceState.SEEN, "total_ceiling")


def test_a_double_spend_within_the_silence_is_decided_by_the_block(chain: Devchain) -> None:
    sold = sell_instantly(chain)
    txid = chain.pay(sold.address, 20_000)
    look(sold.id)
    chain.double_spend(txid)
    suspect = look(sold.id, after=NINE_SECONDS)
    waited = waits_for(sold.id)
    still = look(sold.id, after=timedelta(minutes=5))
    chain.mine()
    paid = look(sold.id)

    assert (suspect.state, suspect.settled_at, waited) == (InvoiceState.SUSPECT, None, "doubt")
    assert "DOUBLE_SPEND_SEEN" in suspect.flags
    assert still.state is InvoiceState.SUSPECT
    assert paid.state is InvoiceState.PAID
    assert not Invoice.objects.get(pk=sold.id).settled_instantly


def test_a_double_spend_that_wins_opens_nothing(chain: Devchain) -> None:
    sold = sell_instantly(chain)
    txid = chain.pay(sold.address, 20_000)
    look(sold.id)
    chain.double_spend(txid, mine=True)
    for minute in range(1, 4):
        gone = look(sold.id, after=timedelta(minutes=minute))

    assert gone.settled_at is None
    assert gone.state is not InvoiceState.PAID


def refuses(line: bytes) -> bytes:
    identity = line.partition(b'"id": ')[2].partition(b"}")[0]
    error = b'{"code": 1, "message": "the transaction was rejected by network rules."}'
    return b'{"jsonrpc": "2.0", "error": ' + error + b', "id": ' + identity + b"}\n"


def broadcast_refused(method: str, line: bytes) -> bytes:
    return refuses(line) if method == "blockchain.transaction.broadcast" else line


def test_a_refused_broadcast_is_suspect_and_waits_for_a_block(
    chain: Devchain, second: Proxy
) -> None:
    second.bend = broadcast_refused
    sold = sell_instantly(chain)
    chain.pay(sold.address, 20_000)
    first, suspect = looks(sold)
    waited = waits_for(sold.id)
    second.bend = lambda _method, line: line
    later = look(sold.id, after=timedelta(minutes=2))
    after = waits_for(sold.id)
    chain.mine()
    paid = look(sold.id)

    assert (first.state, suspect.state) == (InvoiceState.SUSPECT, InvoiceState.SUSPECT)
    assert waited == "refused"
    assert (later.settled_at, after) == (None, "refused")
    assert later.state is InvoiceState.SEEN
    assert paid.state is InvoiceState.PAID
    assert not Invoice.objects.get(pk=sold.id).settled_instantly


def test_a_payment_that_vanishes_before_it_opened_stays_shut(chain: Devchain) -> None:
    sold = sell_instantly(chain)
    txid = chain.pay(sold.address, 20_000)
    look(sold.id)
    chain.evict(txid)
    once = look(sold.id, after=NINE_SECONDS)
    chain.ask("/api/broadcast", raw=bytes(Output.objects.get().transaction.raw).hex())
    back = look(sold.id, after=timedelta(seconds=30))

    assert once.settled_at is None
    assert back.settled_at is None


def test_a_payment_that_vanishes_after_it_opened_is_reversed(chain: Devchain) -> None:
    sold = sell_instantly(chain)
    owner = Invoice.objects.get(pk=sold.id).payout.owner
    txid = chain.pay(sold.address, 20_000)
    _, opened = looks(sold)
    counted = instant.released(owner)
    chain.double_spend(txid, mine=True)
    seen: list[InvoiceState] = [
        look(sold.id, after=timedelta(minutes=minute)).state for minute in range(1, 4)
    ]
    lost = invoices.status_of(sold.id, now=timezone.now())

    assert (opened.state, counted) == (InvoiceState.PAID, 20_000)
    assert seen[-1] is InvoiceState.REVERSED
    assert (lost.settled_at, lost.evidence) == (opened.settled_at, opened.evidence)
    assert instant.released(owner) == 0


@pytest.mark.parametrize("spoil", ["held", "stale"])
def test_nothing_opens_while_the_watcher_is_not_to_be_trusted(
    chain: Devchain, spoil: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if spoil == "held":
        monkeypatch.setattr(connection.headers(), "is_held", lambda _now: True)
    else:
        long_ago = timezone.now() - timedelta(hours=1)
        heartbeats.beat(heartbeats.SWEEP, now=long_ago, detail={})
    sold = sell_instantly(chain)
    chain.pay(sold.address, 20_000)
    _, waiting = looks(sold)

    assert (waiting.state, waits_for(sold.id)) == (InvoiceState.SEEN, "stale")


def test_several_files_are_asked_about_in_one_batch(
    chain: Devchain, second: Proxy, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    owner = uuid4()
    payout = payout_to(chain.new_address(), owner=owner)
    sold = [sell_instantly(chain, owner=owner, payout=payout, total=80_000) for _ in range(4)]
    for each in sold:
        chain.pay(each.address, 20_000)
    rows = list(Invoice.objects.all())
    sightings = connection.chain().sight_many(
        {bytes.fromhex(row.address.script): observations.known_of(row) for row in rows}
    )
    pairs = [(row, sightings[bytes.fromhex(row.address.script)]) for row in rows]

    with django_assert_max_num_queries(1 + 2 * len(rows)):
        found = instant.gather_many(pairs, connection.chain(), now=timezone.now(), held=False)
    sweep_at = timezone.now() + timedelta(seconds=61)
    watcher.sweep(now=sweep_at)
    watcher.sweep(now=sweep_at + timedelta(seconds=40))

    assert {len(each.transactions) for each in found.values()} == {1}
    assert all(each.is_fresh for each in found.values())
    states = [invoices.status_of(each.id, now=timezone.now()).state for each in sold]
    assert states == [InvoiceState.PAID] * 4


def test_servers_that_go_silent_leave_it_to_the_next_look(chain: Devchain) -> None:
    sold = sell_instantly(chain)
    chain.pay(sold.address, 20_000)
    row = Invoice.objects.get(pk=sold.id)
    sighting = connection.chain().sight(bytes.fromhex(row.address.script), {})
    silent = deadlines.within(connection.chain(), -1)

    assert instant.gather(row, sighting, silent, now=timezone.now()) is None
