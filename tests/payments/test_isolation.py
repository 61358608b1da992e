"""One row that cannot be dealt with holds up none of the others."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone

from payments import addresses, connection, heartbeats, watcher
from payments.errors import ChainUnavailable
from payments.models import Address, Heartbeat, Invoice
from tests.devchains import Devchain, wait_until
from tests.proxies import Proxy
from tests.tills import script_of, sell

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def proxy(chain: Devchain) -> Iterator[Proxy]:
    """The app reaches the chain through it alone."""
    between = Proxy(chain.electrum_port)
    with override_settings(KIM_ELECTRUM_SERVERS=(between.server,)):
        connection.close()
        yield between
        connection.close()
    between.close()


def test_an_invoice_that_cannot_be_written_down_stops_no_sweep(chain: Devchain) -> None:
    broken, paid = sell(chain), sell(chain)
    for invoice in (broken, paid):
        chain.pay(invoice.address, 20_000)
    chain.mine()
    Invoice.objects.filter(pk=broken.id).update(state="BROKEN")

    watcher.sweep(now=timezone.now() + timedelta(minutes=2))

    assert Invoice.objects.get(pk=paid.id).state == "PAID"
    assert Invoice.objects.get(pk=broken.id).settled_at is None
    assert Heartbeat.objects.filter(name=heartbeats.SWEEP).exists()

    Invoice.objects.filter(pk=broken.id).update(state="OPEN")
    watcher.sweep(now=timezone.now() + timedelta(minutes=4))
    assert Invoice.objects.get(pk=broken.id).state == "PAID"


def test_an_invoice_that_cannot_even_be_asked_about_stops_no_sweep(chain: Devchain) -> None:
    broken, paid = sell(chain), sell(chain)
    chain.pay(paid.address, 20_000)
    chain.mine()
    Address.objects.filter(invoice=broken.id).update(script="no hex")
    now = timezone.now() + timedelta(minutes=2)

    watcher.sweep(now=now)

    assert Invoice.objects.get(pk=paid.id).state == "PAID"
    assert Invoice.objects.get(pk=broken.id).sweep_due_at == now + watcher.POSTPONED_FOR


def test_a_history_that_every_server_chokes_on_hides_no_other(
    chain: Devchain, proxy: Proxy
) -> None:
    choking, paid = sell(chain), sell(chain)
    chain.pay(paid.address, 20_000)
    chain.mine()
    poison = addresses.scripthash(script_of(choking.address))

    def choke(method: str, params: list[Any], result: Any) -> Any:
        is_poison = method.endswith("get_history") and params[0] == poison
        return "no list" if is_poison else result

    proxy.alter = choke
    minutes = 2

    def has_settled() -> bool:
        nonlocal minutes
        with contextlib.suppress(ChainUnavailable):  # the link rests: the clock waits with it
            watcher.sweep(now=timezone.now() + timedelta(minutes=minutes))
            minutes += 1
        return Invoice.objects.get(pk=paid.id).state == "PAID"

    wait_until(has_settled, seconds=60, what="the other's settling")
    assert Invoice.objects.get(pk=choking.id).state == "OPEN"
