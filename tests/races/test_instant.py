"""Two files of one creator that could open at once, and a ceiling with room for one of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import connection as database
from django.db import connections
from django.test import override_settings
from django.utils import timezone

from payments import connection, heartbeats, instant, terms
from payments.models import Event, Invoice
from payments.states import InvoiceState
from tests.devchains import Devchain, running
from tests.proxies import Proxy
from tests.tills import look, payout_to, sell

pytestmark = pytest.mark.django_db(transaction=True)
AT_ONCE = 8
EACH_SAT = 20_000


@pytest.fixture(autouse=True)
def _on_postgresql() -> None:
    assert database.vendor == "postgresql", "run races through tests.postgres"


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Devchain]:
    with running(tmp_path / "devchain") as devchain:
        second = Proxy(devchain.electrum_port)
        servers = (replace(devchain.server, operator="ada"), replace(second.server, operator="bob"))
        with override_settings(KIM_ELECTRUM_SERVERS=servers):
            connection.close()
            heartbeats.beat(heartbeats.SWEEP, now=timezone.now(), detail={})
            yield devchain
            connection.close()
        second.close()


@pytest.mark.parametrize("room", [1, 3])
def test_no_two_at_once_pass_the_ceiling_of_all(chain: Devchain, room: int) -> None:
    owner = uuid4()
    payout = payout_to(chain.new_address(), owner=owner)
    total_sat = (room + 1) * EACH_SAT - 1
    terms.set_for(
        owner, now=timezone.now(), instant_invoice_sat=EACH_SAT, instant_total_sat=total_sat
    )
    sold = [sell(chain, sat=EACH_SAT, payout=payout, instant=True) for _ in range(AT_ONCE)]
    for each in sold:
        chain.pay(each.address, EACH_SAT)
        look(each.id)
    start = threading.Barrier(2 * AT_ONCE)

    def act(number: int) -> InvoiceState:
        try:
            start.wait(timeout=30)
            return look(sold[number % AT_ONCE].id, after=timedelta(seconds=9)).state
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2 * AT_ONCE) as pool:
        states = list(pool.map(act, range(2 * AT_ONCE)))

    assert set(states) <= {InvoiceState.PAID, InvoiceState.SEEN}
    assert Invoice.objects.filter(settled_instantly=True).count() == room
    assert instant.released(owner) == room * EACH_SAT <= total_sat
    assert Event.objects.filter(kind="settled").count() == room
    waiting = Invoice.objects.filter(state=InvoiceState.SEEN)
    assert set(waiting.values_list("instant_wait", flat=True)) == {"total_ceiling"}
