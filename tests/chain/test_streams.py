"""A wire that cannot be trusted: altered, dropped, delayed, replayed or broken answers sell nothing.

A sale goes through a proxy that spoils what passes. Nobody who has not paid gets anything by it,
and whoever has is served as soon as the wire is whole, or another server is there.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator

import pytest
from django.test import override_settings

from payments import connection
from payments.errors import ChainUnavailable
from payments.invoices import InvoiceView
from payments.models import Invoice
from payments.states import InvoiceState
from tests.chain.test_lies import HISTORY, MERKLE, RAW, TIP, asking
from tests.devchains import Devchain
from tests.proxies import Bend, Proxy
from tests.tills import look, sell

pytestmark = pytest.mark.django_db(transaction=True)

LOOKS = 2


@pytest.fixture(autouse=True)
def _impatient() -> Iterator[None]:
    with override_settings(KIM_ELECTRUM_TIMEOUT_SECONDS=2):
        yield


def id_of(line: bytes) -> object:
    return json.loads(line).get("id")


def answers_only(spoil: Callable[[bytes], bytes | None]) -> Bend:
    """Spoil answers to questions, once the version is agreed on."""
    return lambda method, line: line if method == "server.version" else spoil(line)


def altered(*methods: str) -> Bend:
    """One hex digit of the answer is another."""
    dice = random.Random(2)

    def spoil(method: str, line: bytes) -> bytes:
        if method not in methods:
            return line
        spots = [at for at, byte in enumerate(line) if byte in b"0123456789abcdef" and at > 40]
        at = dice.choice(spots) if spots else 0
        return line[:at] + (b"0" if line[at : at + 1] != b"0" else b"1") + line[at + 1 :]

    return spoil


def replayed() -> Bend:
    """Every answer comes twice."""
    return answers_only(lambda line: line + line)


def late() -> Bend:
    """Every answer comes with the next one, in its place: one question behind for ever."""
    kept: list[bytes] = []

    def spoil(line: bytes) -> bytes | None:
        kept.append(line)
        return kept.pop(0) if len(kept) > 1 else None

    return answers_only(spoil)


def misaddressed() -> Bend:
    """The last history is given as the answer to the next question for one."""
    told: list[object] = []

    def spoil(method: str, line: bytes) -> bytes:
        if method != HISTORY:
            return line
        message = json.loads(line)
        told.append(message["result"])
        return json.dumps({**message, "result": told[max(0, len(told) - 2)]}).encode() + b"\n"

    return spoil


def swapped() -> Bend:
    """Ids are exchanged between neighbours: each gets the other's answer."""
    return answers_only(
        lambda line: line.replace(b'"id": %d' % _number(line), b'"id": %d' % (_number(line) ^ 1))
    )


def _number(line: bytes) -> int:
    number = id_of(line)
    return number if isinstance(number, int) else 0


SPOILED: dict[str, Callable[[], Bend]] = {
    "altered history": lambda: altered(HISTORY),
    "altered transaction": lambda: altered(RAW),
    "altered proof": lambda: altered(MERKLE),
    "altered tip": lambda: altered(TIP),
    "altered headers": lambda: altered("blockchain.block.headers"),
    "dropped histories": lambda: lambda m, line: None if m == HISTORY else line,
    "dropped transactions": lambda: lambda m, line: None if m == RAW else line,
    "dropped proofs": lambda: lambda m, line: None if m == MERKLE else line,
    "dropped headers": lambda: lambda m, line: None if m == "blockchain.block.headers" else line,
    "everything dropped": lambda: lambda _m, _line: None,
    "delayed by one": late,
    "answers one history late": misaddressed,
    "ids swapped": swapped,
    "replayed": replayed,
    "the wrong id": lambda: answers_only(lambda _: b'{"id": 987654, "result": []}\n'),
    "no id": lambda: answers_only(lambda _: b'{"result": []}\n'),
    "HTML": lambda: answers_only(lambda _: b"<!doctype html>\n<h1>502 Bad Gateway</h1>\n"),
    "deep JSON": lambda: answers_only(lambda _: b"[" * 200_000 + b"\n"),
    "not UTF-8": lambda: answers_only(lambda _: b"\xff\xfe\x00\n"),
    "cut in the middle": lambda: answers_only(lambda line: line[: len(line) // 2] + b"\n"),
    "result of another kind": lambda: answers_only(
        lambda line: b'{"id": %d, "result": {"a": [1]}}\n' % _number(line)
    ),
    "numbers that are none": lambda: answers_only(
        lambda line: b'{"id": %d, "result": [{"tx_hash": NaN, "height": 1e999}]}\n' % _number(line)
    ),
}


@pytest.mark.parametrize("fault", SPOILED)
def test_a_spoiled_wire_sells_nothing(fault: str, proxied: Devchain, proxy: Proxy) -> None:
    unpaid, paid = sell(proxied), sell(proxied)
    proxied.pay(paid.address, 20_000)
    proxied.mine()
    proxy.bend = SPOILED[fault]()

    with override_settings(KIM_ELECTRUM_TIMEOUT_SECONDS=0.3):
        connection.close()
        for _ in range(LOOKS):
            try_to_look(unpaid, paid)

    assert_unpaid(unpaid)
    with asking(proxy.server, proxied.server):
        assert look(paid.id).state is InvoiceState.PAID
        try_to_look(unpaid)
    assert_unpaid(unpaid)
    proxy.be_honest()
    with asking(proxy.server):
        assert look(paid.id).state is InvoiceState.PAID
        assert look(unpaid.id).state is InvoiceState.OPEN


def test_a_server_that_closes_in_the_middle_of_an_answer(proxied: Devchain, proxy: Proxy) -> None:
    invoice = sell(proxied)
    proxied.pay(invoice.address, 20_000)
    proxied.mine()

    def half(method: str, line: bytes) -> bytes:
        if method != HISTORY:
            return line
        proxy.send_last(line[: len(line) // 2])
        raise OSError

    proxy.bend = half
    try_to_look(invoice)
    assert_unpaid(invoice)

    proxy.be_honest()
    with asking(proxy.server):
        assert look(invoice.id).state is InvoiceState.PAID


def test_two_servers_that_hide_a_sale_cannot_take_it_back(proxied: Devchain, proxy: Proxy) -> None:
    """One honest server is live: neither seen nor settled goes away for two others' word."""
    proxy.operator = "Ann"
    second, honest = (Proxy(proxied.electrum_port, operator=name) for name in ("Bob", "Cleo"))
    try:
        with asking(proxy.server, second.server, honest.server):
            paid, seen = sell(proxied), sell(proxied)
            proxied.pay(paid.address, 20_000)
            proxied.mine()
            proxied.pay(seen.address, 20_000)
            assert look(paid.id).state is InvoiceState.PAID
            for liar in (proxy, second):
                liar.alter = lambda method, _, result: [] if method == HISTORY else result

            assert [look(paid.id).state for _ in range(3)] == [InvoiceState.PAID] * 3
            assert [look(seen.id).state for _ in range(3)] == [InvoiceState.SEEN] * 3
            proxied.mine()
            assert look(seen.id).state is InvoiceState.PAID
    finally:
        second.close()
        honest.close()


def test_servers_that_all_show_an_empty_history_take_no_proved_sale_back(
    proxied: Devchain, proxy: Proxy
) -> None:
    """Honest ones do so of an address with more transactions than they list (Fulcrum's limit)."""
    proxy.operator = "Ann"
    second = Proxy(proxied.electrum_port, operator="Bob")
    try:
        with asking(proxy.server, second.server):
            paid, waiting = sell(proxied), sell(proxied, confirmations=2)
            for invoice in (paid, waiting):
                proxied.pay(invoice.address, 20_000)
            proxied.mine()
            assert look(paid.id).state is InvoiceState.PAID
            assert look(waiting.id).state is InvoiceState.SEEN
            for server in (proxy, second):
                server.alter = lambda method, _, result: [] if method == HISTORY else result

            states = [(look(paid.id).state, look(waiting.id).state) for _ in range(3)]
            assert {state for state, _ in states} == {InvoiceState.PAID}
            assert states[-1][1] is InvoiceState.OPEN
            proxied.reorg(2)
            gone = [look(paid.id).state for _ in range(3)]
            assert gone[-1] is InvoiceState.REVERSED
    finally:
        second.close()


def try_to_look(*invoices: InvoiceView) -> None:
    for invoice in invoices:
        try:
            look(invoice.id)
        except ChainUnavailable:
            connection.close()


def assert_unpaid(invoice: InvoiceView) -> None:
    row = Invoice.objects.get(pk=invoice.id)
    assert (row.settled_at, row.evidence) == (None, [])
    assert row.state != InvoiceState.PAID
