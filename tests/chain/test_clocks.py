"""Our clock against the blocks' own: an hour either way changes nothing, more holds, and is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from payments import connection, headers
from payments.states import InvoiceState, Network
from tests.chain.clocks import set_clock
from tests.chain.test_lies import asking, demoted
from tests.devchains import Devchain
from tests.peers import MadeUp, block_of, grow, paying
from tests.tills import look, script_of, sell
from tests.unit.payments.test_headerchain import GENESIS

pytestmark = pytest.mark.django_db(transaction=True)
RULES = headers.RULES[Network.REGTEST]


@pytest.mark.parametrize("hours", [-1, 1])
def test_an_hour_off_sells_as_ever(
    proxied: Devchain, hours: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = sell(proxied)
    proxied.pay(invoice.address, 20_000)
    proxied.mine()
    set_clock(monkeypatch, ahead=timedelta(hours=hours))

    connection.close()
    assert look(invoice.id).state is InvoiceState.PAID
    assert demoted() == [""]


def test_blocks_from_the_future_wait_until_our_clock_is_right(
    proxied: Devchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three hours slow: what is older counts, what is newer waits, and the operator is told."""
    invoice = sell(proxied)
    script = script_of(invoice.address)
    raw = paying(script, 20_000)
    now = int(timezone.now().timestamp())
    old = grow([GENESIS], [now - 8 * 3600 + 600 * n for n in range(12)], rules=RULES)
    peer = MadeUp(grow(old, [now - 60], rules=RULES, roots={len(old): block_of(raw)}))
    peer.show(script, raw, height=len(old))
    set_clock(monkeypatch, ahead=timedelta(hours=-3))
    try:
        with asking(peer.server):
            assert look(invoice.id).settled_at is None
            assert connection.headers().tip().height == len(old) - 1
            told = f"Block {len(old)} lies more than two hours in our future."
            assert demoted() == [f"{told} Check this machine's clock."]
            set_clock(monkeypatch, ahead=timedelta())
            assert look(invoice.id).state is InvoiceState.PAID
            assert demoted() == [""]
    finally:
        peer.close()


def test_a_clock_that_is_fast_makes_the_tip_look_old_and_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where blocks must come in time: two hours ahead warns, six hours ahead settles nothing."""
    now = timezone.now()
    seconds = int(now.timestamp())
    monkeypatch.setitem(headers.RULES, Network.REGTEST, replace(RULES, is_bounded=True))
    peer = MadeUp(grow([GENESIS], [seconds - 600 * n for n in range(12, 0, -1)], rules=RULES))
    try:
        with asking(peer.server):
            connection.chain().tip()
            book = connection.headers()
            ahead = {hours: now + timedelta(hours=hours) for hours in (1, 2, 6)}
            assert [book.is_stale(ahead[hours]) for hours in (1, 2, 6)] == [False, True, True]
            assert [book.is_held(ahead[hours]) for hours in (1, 2, 6)] == [False, False, True]
    finally:
        peer.close()
