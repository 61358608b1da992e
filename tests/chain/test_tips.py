"""Two servers that show different last blocks, each with real work: neither confirms anything yet."""

from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import patch

import pytest
from django.test import override_settings

from payments import connection, electrum_pool
from payments.invoices import InvoiceView
from payments.models import Invoice, Output
from payments.states import InvoiceState
from tests.soak.moods import Mood
from tests.soak.world import World
from tests.tills import look, script_of, sell

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


def paid_in_a_block_of_its_own(world: World) -> InvoiceView:
    """A payment that waits in the true chain's mempool, and that server 0 shows in a last block of
    its own making: with real work, and no more of it than the true last block's.
    """
    invoice = sell(world.node)
    world.pay([(script_of(invoice.address), 20_000)])
    world.set_mood(0, Mood.FORKED)
    connection.close()
    return invoice
