"""Two servers that show different last blocks, each with real work: neither confirms anything yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from unittest.mock import patch
from uuid import uuid4

import pytest
from django.test import override_settings
from django.utils import timezone

from payments import connection, electrum_pool, heartbeats, terms
from payments.invoices import InvoiceView
from payments.models import Invoice, Output
from payments.states import InvoiceState
from tests.devchains import wait_until
from tests.soak.moods import Mood
from tests.soak.world import World
from tests.tills import look, payout_to, script_of, sell

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    with (
        patch.object(electrum_pool, "PAUSE_FIRST_SECONDS", 0.01),
        override_settings(KIM_ELECTRUM_SERVERS=made.addresses),
    ):
        connection.close()
        yield made
        connection.close()
    made.close()


def test_a_block_that_another_server_contradicts_settles_nothing(world: World) -> None:
    invoice = paid_in_a_block_of_its_own(world)

    first = look(invoice.id)

    row = Output.objects.get()
    assert (row.spv_ok, row.height) == (True, world.node.chain.ledger.height)
    assert (first.state, first.depth, first.settled_at) == (InvoiceState.SEEN, 0, None)
    assert Invoice.objects.get().tip_height == world.node.chain.ledger.height - 1

    world.set_mood(0, Mood.HONEST)
    connection.close()
    # Its block is the one we learned first, and no longer shown by anybody: still nothing.
    assert look(invoice.id).settled_at is None

    world.node.chain.mine()
    settled = look(invoice.id)
    assert (settled.state, settled.depth) == (InvoiceState.PAID, 1)


def test_a_block_more_without_the_payment_ends_the_doubt(world: World) -> None:
    invoice = paid_in_a_block_of_its_own(world)
    assert look(invoice.id).state is InvoiceState.SEEN

    world.set_mood(0, Mood.HONEST)
    world.node.chain.mine(with_mempool=False)

    gone = look(invoice.id)
    assert (gone.state, gone.depth) == (InvoiceState.SEEN, 0)
    assert Output.objects.get().spv_ok is False


def test_a_server_that_is_merely_behind_contradicts_nothing(world: World) -> None:
    invoice = sell(world.node)
    world.set_mood(1, Mood.STALE)
    world.pay([(script_of(invoice.address), 20_000)])
    world.node.chain.mine()

    settled = look(invoice.id)

    assert (settled.state, settled.depth) == (InvoiceState.PAID, 1)


def test_a_server_that_tells_of_one_block_and_gives_another_settles_nothing(world: World) -> None:
    """It tells of the true block, and once that is asked for gives one of its own in its place."""
    invoice = sell(world.node)
    world.set_mood(0, Mood.FORKED)
    connection.close()
    connection.chain().tip()
    world.node.chain.mine(2)
    wait_until(told_of(world.node.chain.ledger.height))
    world.pay([(script_of(invoice.address), 20_000)])

    first = look(invoice.id)

    assert (first.state, first.depth, first.settled_at) == (InvoiceState.SEEN, 0, None)

    world.node.chain.mine()
    settled = look(invoice.id)
    assert (settled.state, settled.depth) == (InvoiceState.PAID, 1)


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("depth", [1, 2])
def test_what_is_settled_stays_so_while_its_last_block_is_contested(
    world: World, depth: int, number: int
) -> None:
    """Two blocks were mined at once, and hold the same: both servers show the payment in theirs."""
    invoice = sell(world.node, confirmations=depth)
    world.pay([(script_of(invoice.address), 20_000)])
    world.node.chain.mine(depth)
    assert look(invoice.id).state is InvoiceState.PAID

    world.set_mood(number, Mood.TWIN)
    connection.close()
    connection.chain().tip()
    after = [look(invoice.id) for _ in range(3)]

    assert [each.state for each in after] == [InvoiceState.PAID] * 3
    assert after[-1].depth == depth - 1
    assert Output.objects.get().spv_ok is True


def test_a_contested_block_opens_nothing_at_once_either(world: World) -> None:
    """Half of the price waits in both mempools, the rest lies in a block that one server made."""
    heartbeats.beat(heartbeats.SWEEP, now=timezone.now(), detail={})
    owner = uuid4()
    terms.set_for(owner, now=timezone.now(), instant_invoice_sat=20_000, instant_total_sat=20_000)
    payout = payout_to(world.node.new_address(), owner=owner)
    invoice = sell(world.node, payout=payout, instant=True)
    for _ in range(2):
        world.pay([(script_of(invoice.address), 10_000)])
    world.set_mood(0, Mood.FORKED)
    connection.close()

    look(invoice.id)
    later = look(invoice.id, after=timedelta(seconds=30))

    assert sorted(Output.objects.values_list("chain", "spv_ok")) == [
        ("BLOCK", True),
        ("MEMPOOL", False),
    ]
    assert (later.state, later.settled_at) == (InvoiceState.SEEN, None)
    assert Invoice.objects.get().instant_wait == "second_server"


def told_of(height: int) -> Callable[[], bool]:
    """Whether both servers' own word is that this is the last block."""

    def is_told() -> bool:
        tips = [link.tip for link in connection.chain()._pool.links]
        return [tip.height for tip in tips if tip is not None] == [height] * 2

    return is_told


def paid_in_a_block_of_its_own(world: World) -> InvoiceView:
    """A payment that waits in the true chain's mempool, and that server 0 shows in a last block of
    its own making: with real work, and no more of it than the true last block's.
    """
    invoice = sell(world.node)
    world.pay([(script_of(invoice.address), 20_000)])
    world.set_mood(0, Mood.FORKED)
    connection.close()
    return invoice
