"""Each lie of a server, told over TCP: nothing settles by it, and the truth settles all the same.

Every test sells something, lets a server lie, sees that nothing was settled, and then either lets
that server be honest or sets an honest one beside it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone

from kim.env import ElectrumServer
from payments import addresses, connection, headers
from payments.errors import ChainUnavailable
from payments.headers import Anchor
from payments.invoices import InvoiceView
from payments.models import Invoice, Output
from payments.states import InvoiceState, Network
from tests.devchains import Devchain
from tests.lines import Client
from tests.peers import MadeUp, block_of, grow, paying
from tests.proxies import Alter, Proxy
from tests.tills import look, script_of, sell

pytestmark = pytest.mark.django_db(transaction=True)

HISTORY = "blockchain.scripthash.get_history"
MERKLE = "blockchain.transaction.get_merkle"
TIP = "blockchain.headers.subscribe"
RAW = "blockchain.transaction.get"


@contextmanager
def asking(*servers: ElectrumServer) -> Iterator[None]:
    """The app with these servers, as if it had just started."""
    with override_settings(KIM_ELECTRUM_SERVERS=servers):
        connection.close()
        yield
        connection.close()


def assert_nothing_settles(invoice: InvoiceView, looks: int = 3) -> None:
    for _ in range(looks):
        try:
            look(invoice.id)
        except ChainUnavailable:
            connection.close()
    row = Invoice.objects.get(pk=invoice.id)
    assert (row.settled_at, row.evidence) == (None, [])
    assert row.state != InvoiceState.PAID


def assert_settles_in_the_end(invoice: InvoiceView, chain: Devchain, proxy: Proxy) -> None:
    """First beside an honest server, while the liar goes on; a second sale when it is honest."""
    with asking(proxy.server, chain.server):
        assert look(invoice.id).state is InvoiceState.PAID
    proxy.be_honest()
    with asking(proxy.server):
        again = sell(chain)
        chain.pay(again.address, 20_000)
        chain.mine()
        assert look(again.id).state is InvoiceState.PAID


def changed(method: str, how: Any) -> Alter:
    """Lie in the answers to one question only."""
    return lambda asked, params, result: how(params, result) if asked == method else result


def demoted(name: str = "") -> list[str]:
    """Why servers do not count, after one more question to them."""
    with suppress(ChainUnavailable):
        connection.chain().tip()
    return [view.demoted for view in connection.chain().servers() if name in view.name]


def test_wrong_amount(proxied: Devchain, proxy: Proxy) -> None:
    poor, invoice = sell(proxied), sell(proxied)
    proxied.pay(poor.address, 1_600)
    proxied.pay(invoice.address, 20_000)
    proxied.mine()
    few, many = ((n).to_bytes(8, "little").hex() for n in (1_600, 20_000))
    proxy.alter = changed(RAW, lambda _, result: result.replace(few, many))

    assert_nothing_settles(poor)
    assert not Output.objects.filter(invoice=poor.id).exists()
    with asking(proxy.server, proxied.server):
        assert look(poor.id).missing_sat == 18_400
    assert_settles_in_the_end(invoice, proxied, proxy)


def test_wrong_script(proxied: Devchain, proxy: Proxy) -> None:
    """Somebody else's payment in this address's history."""
    theirs, invoice = sell(proxied), sell(proxied)
    txid = proxied.pay(theirs.address, 20_000)
    proxied.mine()
    place = [{"tx_hash": txid, "height": proxied.height}]
    proxy.alter = changed(HISTORY, lambda *_: place)

    assert_nothing_settles(invoice)
    assert not Output.objects.exists()
    assert look(theirs.id).state is InvoiceState.PAID
    proxied.pay(invoice.address, 20_000)
    proxied.mine()
    assert_settles_in_the_end(invoice, proxied, proxy)


@pytest.mark.parametrize(
    "proof",
    [
        {"merkle": [], "pos": 0},
        {"merkle": ["00" * 32], "pos": 0},
        {"merkle": ["00" * 32] * 33, "pos": 1},
        {"merkle": ["00" * 31], "pos": 0},
        {"merkle": [], "pos": -1},
        {"merkle": "none", "pos": "x"},
        {},
    ],
)
def test_fake_confirmation(proxied: Devchain, proxy: Proxy, proof: dict[str, Any]) -> None:
    """A payment that waits in the mempool is said to lie in the last block."""
    invoice = sell(proxied)
    proxied.pay(invoice.address, 20_000)
    height = proxied.height

    def lie(method: str, params: list[Any], result: Any) -> Any:
        if method == HISTORY:
            return [{**row, "height": height} for row in result]
        return proof if method == MERKLE else result

    proxy.alter = lie
    # The devchain refuses the question about the proof, so that the refusal must be replaced.
    proxy.bend = lambda method, line: _answered(line, proof) if method == MERKLE else line

    assert_nothing_settles(invoice)
    proxied.mine()
    assert_settles_in_the_end(invoice, proxied, proxy)


def test_fake_confirmation_of_a_payment_that_was_never_made(
    proxied: Devchain, proxy: Proxy
) -> None:
    """With headers of its own, which have no work."""
    invoice = sell(proxied)
    raw = paying(script_of(invoice.address), 20_000)
    tip = connection.chain().tip()
    before = connection.headers().at(tip.height)
    assert before is not None
    header = b"\0\0\0\x20" + before.hash + block_of(raw) + bytes(8) + b"\xff" * 4
    with_it = MadeUp([header] * (tip.height + 2))
    with_it.show(script_of(invoice.address), raw, height=tip.height + 1)
    try:
        with asking(with_it.server):
            assert_nothing_settles(invoice)
            assert demoted() != [""]
        assert not Output.objects.exists()
        proxied.pay(invoice.address, 20_000)
        proxied.mine()
        with asking(with_it.server, proxied.server):
            assert look(invoice.id).state is InvoiceState.PAID
    finally:
        with_it.close()


def test_easy_blocks_after_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty days that nobody mined in ease the difficulty as far as it goes. Sixteen times easier
    than before is not believed, though every rule of the chain is kept.
    """
    rules = replace(
        headers.RULES[Network.REGTEST],
        anchor=Anchor(0, 0x2007FFFF, 0),
        half_life_seconds=2 * 24 * 3600,
        is_bounded=True,
    )
    now = int(timezone.now().timestamp())
    start = now - 30 * 24 * 3600
    rules = replace(rules, anchor=Anchor(0, 0x2007FFFF, start - 600))
    genesis = _first_block(start)
    rules = replace(rules, checkpoint_hash=headers.parse(genesis).hash)
    monkeypatch.setitem(headers.RULES, Network.REGTEST, rules)
    shared = grow([genesis], [start + 600 * n for n in range(1, 40)], rules=rules)
    invoice = sell(_NoChain())
    script = script_of(invoice.address)
    raw = paying(script, 20_000)
    forged = grow(shared, [now - 60, now - 50, now - 40], rules=rules, roots={41: block_of(raw)})
    easing = headers.target_of(headers.parse(forged[-1]).bits) / 2**251
    assert easing > 8
    honest = [*shared]
    honest = grow(honest, range(start + 600 * 40, now, 600), rules=rules)
    honest = grow(honest, [now - 1], rules=rules, roots={len(honest): block_of(raw)})
    liar, truth = MadeUp(forged), MadeUp(honest)
    liar.show(script, raw, height=41)
    try:
        with asking(liar.server):
            assert_nothing_settles(invoice)
            assert connection.headers().tip().height == 42
            assert connection.headers().is_held(timezone.now())
            assert Output.objects.get().spv_ok
        with asking(liar.server, truth.server):
            assert_nothing_settles(invoice)
            assert connection.headers().tip().height == len(honest) - 1
            assert not connection.headers().is_held(timezone.now())
            assert not Output.objects.get().spv_ok
            truth.show(script, raw, height=len(honest) - 1)
            assert look(invoice.id).state is InvoiceState.PAID
    finally:
        liar.close()
        truth.close()


def test_other_chain(proxied: Devchain) -> None:
    """Another network's chain, with the same payment on it."""
    invoice = sell(proxied)
    script = script_of(invoice.address)
    raw = paying(script, 20_000)
    rules = headers.RULES[Network.REGTEST]
    other = grow(
        [_first_block(1_600_000_000, bits=0x207FFFFF)],
        [1_600_000_600 + 600 * n for n in range(150)],
        rules=rules,
        roots={5: block_of(raw)},
    )
    stranger = MadeUp(other)
    stranger.show(script, raw, height=5)
    try:
        with asking(stranger.server):
            assert_nothing_settles(invoice)
            assert demoted() == [
                "Its headers are refused: This is another chain: our checkpoint is not in it."
            ]
        with asking(stranger.server, proxied.server):
            assert_nothing_settles(invoice)
            # Its histories are not even asked for: they are not about our coins.
            assert HISTORY not in stranger.asked
            assert not Output.objects.exists()
            proxied.pay(invoice.address, 20_000)
            proxied.mine()
            assert look(invoice.id).state is InvoiceState.PAID
    finally:
        stranger.close()


def test_hides_a_payment(proxied: Devchain, proxy: Proxy) -> None:
    invoice = sell(proxied)
    proxied.pay(invoice.address, 20_000)
    proxied.mine()
    proxy.alter = changed(HISTORY, lambda *_: [])

    assert_nothing_settles(invoice)
    assert look(invoice.id).state is InvoiceState.OPEN
    assert_settles_in_the_end(invoice, proxied, proxy)


def test_hides_a_reorg(proxied: Devchain, proxy: Proxy) -> None:
    """One goes on showing the block that the payment was in; the other has the longer chain."""
    invoice = sell(proxied, confirmations=2)
    txid = proxied.pay(invoice.address, 20_000)
    proxied.mine()
    freeze(proxy, proxied, script_of(invoice.address))
    with asking(proxy.server, proxied.server):
        assert look(invoice.id).depth == 1
        assert Output.objects.get().spv_ok
        proxied.reorg(1, drop=(txid,))
        proxied.mine()

        assert_nothing_settles(invoice)
        assert not Output.objects.get().spv_ok
        # It tells of the old block, and gives the headers that replaced it.
        assert demoted(str(proxy.server.port)) == [
            "Its headers are refused: The server's headers do not end in the block that it tells of."
        ]


def test_frozen_tip(proxied: Devchain, proxy: Proxy) -> None:
    invoice = sell(proxied)
    look(invoice.id)
    freeze(proxy, proxied, script_of(invoice.address))
    proxied.pay(invoice.address, 20_000)
    proxied.mine(2)

    assert_nothing_settles(invoice)
    assert_settles_in_the_end(invoice, proxied, proxy)


def test_fake_mempool_transaction(proxied: Devchain, proxy: Proxy) -> None:
    invoice = sell(proxied)
    raw = paying(script_of(invoice.address), 20_000)
    txid = hashlib.sha256(hashlib.sha256(raw).digest()).digest()[::-1].hex()

    def lie(method: str, params: list[Any], result: Any) -> Any:
        if method == HISTORY:
            return [*result, {"tx_hash": txid, "height": 0}]
        return result

    proxy.alter = lie
    proxy.bend = lambda method, line: _answered(line, raw.hex()) if method == RAW else line

    assert_nothing_settles(invoice)
    assert look(invoice.id).state is InvoiceState.SEEN
    with asking(proxy.server, proxied.server):
        assert_nothing_settles(invoice)
        assert connection.chain().offer(raw).keys() == {"127.0.0.1"}
        assert "" not in connection.chain().offer(raw).values()
    proxied.mine()
    with asking(proxy.server, proxied.server):
        assert_nothing_settles(invoice)


def test_fake_double_spend_proof(proxied: Devchain, proxy: Proxy) -> None:
    """It delays a sale to its block, and no more."""
    invoice = sell(proxied)
    proxied.pay(invoice.address, 20_000)
    proxy.alter = changed("blockchain.transaction.dsproof.get", lambda *_: {"dspid": "00" * 32})

    assert_nothing_settles(invoice)
    assert look(invoice.id).state is InvoiceState.SUSPECT
    proxied.mine()
    assert look(invoice.id).state is InvoiceState.PAID


def test_same_transaction_at_two_places(proxied: Devchain, proxy: Proxy) -> None:
    """A position beyond the branch, and a left sibling that is the node itself (CVE-2012-2459)."""
    invoice = sell(proxied)
    proxied.pay(invoice.address, 20_000)
    proxied.mine()
    for pos, branch in ((2, None), (1 << 31, None), (1, "own")):

        def lie(params: list[Any], result: Any, *, pos: int = pos, branch: Any = branch) -> Any:
            merkle = [params[0]] * len(result["merkle"]) if branch else result["merkle"]
            return {**result, "pos": pos, "merkle": merkle}

        proxy.alter = changed(MERKLE, lie)
        assert_nothing_settles(invoice, looks=1)
    assert_settles_in_the_end(invoice, proxied, proxy)


def test_64_byte_transaction(proxied: Devchain, proxy: Proxy) -> None:
    """An inner node of the merkle tree, sold as a transaction: its hash leads to the header."""
    invoice = sell(proxied)
    script_paid = [proxied.pay(proxied.new_address(), 5_000) for _ in range(3)]
    proxied.mine()
    height = proxied.height
    server = Client(proxied.electrum_port)
    place = server.call(MERKLE, script_paid[0], height)
    server.close()
    leaf, sibling = bytes.fromhex(script_paid[0])[::-1], bytes.fromhex(place["merkle"][0])[::-1]
    inner = sibling + leaf if place["pos"] & 1 else leaf + sibling
    assert len(inner) == 64
    txid = hashlib.sha256(hashlib.sha256(inner).digest()).digest()[::-1].hex()
    rest, pos = place["merkle"][1:], place["pos"] >> 1
    header = connection.headers().at(height) if connection.chain().tip() else None
    assert header is not None
    headers.check_merkle(txid, [bytes.fromhex(n)[::-1] for n in rest], pos, header)  # it holds
    proxy.alter = changed(HISTORY, lambda *_: [{"tx_hash": txid, "height": height}])
    proof = {"merkle": rest, "pos": pos}
    proxy.bend = lambda method, line: (
        _answered(line, inner.hex() if method == RAW else proof)
        if method in (RAW, MERKLE)
        else line
    )

    assert_nothing_settles(invoice)
    assert not Output.objects.exists()
    proxied.pay(invoice.address, 20_000)
    proxied.mine()
    assert_settles_in_the_end(invoice, proxied, proxy)


class _NoChain:
    """An address of nobody's, for a chain that no devchain mines."""

    def new_address(self) -> str:
        return addresses.encode(bytes.fromhex("76a914" + "42" * 20 + "88ac"), Network.REGTEST)


def freeze(proxy: Proxy, chain: Devchain, script: bytes) -> None:
    """From now on it tells of no block and no payment that it does not know by now."""
    server = Client(chain.electrum_port)
    history = server.call(HISTORY, addresses.scripthash(script))
    tip = server.call(TIP)
    server.close()

    def lie(method: str, params: list[Any], result: Any) -> Any:
        if method == "blockchain.block.headers":
            return {**result, "headers": result["headers"][: max(0, tip["height"] - params[0] + 1)]}
        return {HISTORY: history, TIP: tip}.get(method, result)

    proxy.alter = lie
    proxy.bend = lambda method, line: None if method == TIP and b'"params"' in line else line


def _answered(line: bytes, result: Any) -> bytes:
    return json.dumps({"id": json.loads(line)["id"], "result": result}).encode() + b"\n"


def _first_block(time_seconds: int, bits: int = 0x2007FFFF) -> bytes:
    fields = (time_seconds, bits, 0)
    return b"\x01\0\0\0" + bytes(64) + b"".join(n.to_bytes(4, "little") for n in fields)
