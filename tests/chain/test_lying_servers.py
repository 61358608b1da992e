"""A server may say what it likes: nothing it makes up ever settles an invoice."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from django.test import override_settings

from payments import connection, invoices
from payments.errors import BroadcastRefused, ChainUnavailable
from payments.models import Invoice, Output
from payments.states import InvoiceState
from tests.devchains import Devchain
from tests.proxies import Proxy
from tests.tills import look, script_of, sell

pytestmark = pytest.mark.django_db(transaction=True)


def assert_never_settled(invoice: invoices.InvoiceView) -> None:
    for _ in range(3):
        try:
            look(invoice.id)
        except ChainUnavailable:
            connection.close()
    row = Invoice.objects.get(pk=invoice.id)
    assert row.settled_at is None
    assert row.state != InvoiceState.PAID


def test_a_raised_amount_is_found_out_by_the_hash(proxied: Devchain, proxy: Proxy) -> None:
    invoice = sell(proxied)
    proxied.pay(invoice.address, 1_600)
    proxied.mine()

    def raise_amount(method: str, params: list[Any], result: Any) -> Any:
        del params
        if method != "blockchain.transaction.get":
            return result
        return result.replace(
            (1_600).to_bytes(8, "little").hex(), (20_000).to_bytes(8, "little").hex()
        )

    proxy.alter = raise_amount
    assert_never_settled(invoice)
    assert not Output.objects.exists()


def test_a_made_up_transaction_has_no_place_in_a_block(proxied: Devchain, proxy: Proxy) -> None:
    invoice = sell(proxied)
    script = script_of(invoice.address)
    raw = (
        b"\x02\x00\x00\x00\x01"
        + b"\x11" * 32
        + b"\x00" * 4
        + b"\x00"
        + b"\xff" * 4
        + b"\x01"
        + (20_000).to_bytes(8, "little")
        + bytes([len(script)])
        + script
        + b"\x00" * 4
    )
    txid = hashlib.sha256(hashlib.sha256(raw).digest()).digest()[::-1].hex()
    height = proxied.height

    def make_up(method: str, params: list[Any], result: Any) -> Any:
        if method == "blockchain.scripthash.get_history":
            return [{"tx_hash": txid, "height": height}]
        if method == "blockchain.transaction.get" and params[0] == txid:
            return raw.hex()
        return result

    proxy.alter = make_up
    proxy.bend = lambda method, line: (
        b'{"jsonrpc":"2.0","id":%d,"result":{"merkle":[],"pos":0,"block_height":%d}}\n'
        % (_id(line), height)
        if method == "blockchain.transaction.get_merkle"
        else b'{"jsonrpc":"2.0","id":%d,"result":"%s"}\n' % (_id(line), raw.hex().encode())
        if method == "blockchain.transaction.get"
        else line
    )
    assert_never_settled(invoice)
    seen = invoices.statuses_of([invoice.id], now=Invoice.objects.get(pk=invoice.id).changed_at)
    assert seen[invoice.id].confirmed_sat == 0


def _id(line: bytes) -> int:
    import json

    return int(json.loads(line)["id"])


def test_a_made_up_height_confirms_nothing(proxied: Devchain, proxy: Proxy) -> None:
    invoice = sell(proxied)
    proxied.pay(invoice.address, 20_000)
    height = proxied.height

    def lift(method: str, params: list[Any], result: Any) -> Any:
        del params
        if method == "blockchain.scripthash.get_history":
            return [{**row, "height": height} for row in result]
        return result

    proxy.alter = lift
    proxy.bend = lambda method, line: (
        b'{"jsonrpc":"2.0","id":%d,"result":{"merkle":[],"pos":0,"block_height":%d}}\n'
        % (_id(line), height)
        if method == "blockchain.transaction.get_merkle"
        else line
    )
    assert_never_settled(invoice)


def test_made_up_headers_are_refused_and_the_server_dropped(
    proxied: Devchain, proxy: Proxy
) -> None:
    invoice = sell(proxied)
    look(invoice.id)
    tip = connection.headers().tip()
    proxied.pay(invoice.address, 20_000)
    proxied.mine(3)

    def bend_headers(method: str, params: list[Any], result: Any) -> Any:
        """Another merkle root in every header: then the proof of work does not hold."""
        del params
        if method == "blockchain.headers.subscribe":
            return {**result, "hex": result["hex"][:72] + "00" * 32 + result["hex"][136:]}
        if method == "blockchain.block.headers":
            return {**result, "headers": [h[:72] + "00" * 32 + h[136:] for h in result["headers"]]}
        return result

    proxy.alter = bend_headers
    proxy.hang_up()
    assert_never_settled(invoice)
    assert connection.headers().tip() == tip


def test_a_shorter_chain_does_not_replace_ours(
    proxied: Devchain, proxy: Proxy, tmp_path_factory: pytest.TempPathFactory
) -> None:
    proxied.mine(5)
    tip = connection.chain().tip()
    other = Devchain(tmp_path_factory.mktemp("other"))
    try:
        assert other.height < tip.height
        with override_settings(KIM_ELECTRUM_SERVERS=(other.server, proxy.server)):
            connection.close()
            assert connection.chain().tip() == tip
    finally:
        other.stop()


def test_a_false_merkle_branch_proves_nothing(proxied: Devchain, proxy: Proxy) -> None:
    invoice = sell(proxied)
    proxied.pay(invoice.address, 20_000)
    proxied.mine()

    def bend_branch(method: str, params: list[Any], result: Any) -> Any:
        del params
        if method == "blockchain.transaction.get_merkle":
            return {**result, "merkle": ["00" * 32 for _ in result["merkle"]]}
        return result

    proxy.alter = bend_branch
    assert_never_settled(invoice)


def test_one_honest_server_beside_a_blind_one_is_enough(proxied: Devchain, proxy: Proxy) -> None:
    invoice = sell(proxied)
    proxied.pay(invoice.address, 20_000)
    proxied.mine()
    proxy.alter = lambda method, _, result: [] if method.endswith("get_history") else result

    with override_settings(KIM_ELECTRUM_SERVERS=(proxy.server, proxied.server)):
        connection.close()
        paid = look(invoice.id)

    assert paid.state is InvoiceState.PAID


def test_a_server_that_hides_a_payment_cannot_reverse_it_alone(
    proxied: Devchain, proxy: Proxy
) -> None:
    with override_settings(KIM_ELECTRUM_SERVERS=(proxy.server, proxied.server)):
        connection.close()
        invoice = sell(proxied)
        proxied.pay(invoice.address, 20_000)
        proxied.mine()
        assert look(invoice.id).state is InvoiceState.PAID

        proxy.alter = lambda method, _, result: [] if method.endswith("get_history") else result

        assert [look(invoice.id).state for _ in range(3)] == [InvoiceState.PAID] * 3


def test_made_up_ids_do_not_crowd_out_an_honest_history(proxied: Devchain, proxy: Proxy) -> None:
    invoice = sell(proxied)
    proxied.pay(invoice.address, 20_000)
    proxied.mine()
    made_up = [{"tx_hash": f"{n:064x}", "height": 0} for n in range(1, 301)]
    proxy.alter = lambda method, _, result: made_up if method.endswith("get_history") else result

    with override_settings(KIM_ELECTRUM_SERVERS=(proxy.server, proxied.server)):
        connection.close()
        assert look(invoice.id).state is InvoiceState.PAID


def test_an_impossible_height_is_no_answer(proxied: Devchain, proxy: Proxy) -> None:
    invoice = sell(proxied)
    txid = proxied.pay(invoice.address, 20_000)
    proxied.mine()
    tall = [{"tx_hash": txid, "height": 2**31}]
    proxy.alter = lambda method, _, result: tall if method.endswith("get_history") else result
    assert_never_settled(invoice)

    with override_settings(KIM_ELECTRUM_SERVERS=(proxy.server, proxied.server)):
        connection.close()
        assert look(invoice.id).state is InvoiceState.PAID


def test_a_transaction_that_a_server_has_counts_as_sent(proxied: Devchain, proxy: Proxy) -> None:
    """In a block, and spent on from there, a node refuses it for its missing inputs."""
    address = proxied.new_address()
    txid = proxied.pay(address, 20_000)
    proxied.mine()
    raw = connection.chain().sight(script_of(address), {}).outputs[0].raw_tx
    proxy.bend = lambda method, line: (
        b'{"jsonrpc":"2.0","id":%d,"error":{"code":1,"message":"Missing inputs"}}\n' % _id(line)
        if method == "blockchain.transaction.broadcast"
        else line
    )

    assert connection.chain().broadcast(raw) == txid
    with pytest.raises(BroadcastRefused, match="Missing inputs"):
        connection.chain().broadcast(raw[:-4] + b"\x01\x00\x00\x00")
