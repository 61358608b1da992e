"""The Electrum Cash protocol over real TCP, as a client sees it."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from devchain import keys
from devchain.electrum import Server
from devchain.encoding import double_sha256, sha256
from devchain.node import Node
from devchain.transaction import Output
from tests.lines import Client
from tests.unit.devchain.conftest import MAYA, NOOR, Hands

TO_NOOR = keys.p2pkh(NOOR)
NOOR_HASH = Output(0, TO_NOOR).scripthash
UNUSED = "ab" * 32


@pytest.fixture
def server(node: Node) -> Iterator[Server]:
    """Runs in a thread of its own, as a test of another part would run it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = Server(node.chain)
    asyncio.run_coroutine_threadsafe(server.start(), loop).result(5)
    yield server
    asyncio.run_coroutine_threadsafe(server.stop(), loop).result(5)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    loop.close()


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    client = Client(server.port)
    assert client.call("server.version", "test", ["1.5", "1.6"]) == ["kim devchain 1.0", "1.6"]
    yield client
    client.close()


@pytest.mark.parametrize(
    ("wanted", "version"),
    [
        ("1.5", "1.5"),
        ("1.6", "1.6"),
        (["1.4", "1.5"], "1.5"),
        (["1.5", "1.6.0"], "1.6"),
        (["1.4", "9"], "1.6"),
    ],
)
def test_the_highest_shared_version_is_chosen_once(
    server: Server, wanted: Any, version: str
) -> None:
    client = Client(server.port)

    assert client.call("server.version", "test", wanted) == ["kim devchain 1.0", version]
    assert client.error("server.version", "test", wanted) == (1, "server.version already sent")
    client.close()


@pytest.mark.parametrize("wanted", ["1.4", "2.0", ["1.1", "1.4"], "x", None])
def test_an_unknown_version_closes_the_connection(server: Server, wanted: Any) -> None:
    client = Client(server.port)

    assert client.error("server.version", "test", wanted) == (1, "Unsupported protocol version")
    with pytest.raises(ConnectionError):
        client.receive()
    client.close()


def test_features_name_the_chain(client: Client) -> None:
    features = client.call("server.features")

    assert (
        features["genesis_hash"]
        == "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206"
    )
    assert (features["protocol_min"], features["protocol_max"]) == ("1.5", "1.6")
    assert (features["hash_function"], features["dsproof"], features["cashtokens"]) == (
        "sha256",
        True,
        True,
    )
    assert client.call("server.ping") is None
    assert isinstance(client.call("server.banner"), str)
    assert client.call("blockchain.relayfee") == 0.00001
    assert client.call("mempool.get_fee_histogram") == []


def test_headers_come_as_a_list_since_1_6_and_as_one_string_before(
    client: Client, server: Server
) -> None:
    old = Client(server.port)
    old.call("server.version", "test", "1.5")
    raw = [client.call("blockchain.block.header", height) for height in range(3)]

    assert client.call("blockchain.block.headers", 0, 3) == {
        "count": 3,
        "max": 2016,
        "headers": raw,
    }
    assert old.call("blockchain.block.headers", 0, 3) == {
        "count": 3,
        "max": 2016,
        "hex": "".join(raw),
    }
    assert client.call("blockchain.block.headers", 110, 50)["count"] == 2
    assert client.call("blockchain.block.headers", 500, 5)["headers"] == []
    assert client.call("blockchain.headers.get_tip")["height"] == 111
    old.close()


def test_a_header_proof_leads_to_its_root(client: Client) -> None:
    answer = client.call("blockchain.block.header", 5, 111)

    node_hash, place = double_sha256(bytes.fromhex(answer["header"])), 5
    for sibling in (bytes.fromhex(each)[::-1] for each in answer["branch"]):
        node_hash = double_sha256(sibling + node_hash if place & 1 else node_hash + sibling)
        place >>= 1
    assert node_hash[::-1].hex() == answer["root"]


def test_a_payment_is_told_at_once_and_again_when_it_confirms(client: Client, node: Node) -> None:
    assert client.call("blockchain.scripthash.subscribe", NOOR_HASH) is None
    assert client.call("blockchain.headers.subscribe")["height"] == 111
    started = time.monotonic()

    payment = node.pay(TO_NOOR, 50_000)

    seen = sha256(f"{payment.txid}:0:".encode()).hex()
    assert client.notified("blockchain.scripthash.subscribe") == [NOOR_HASH, seen]
    assert time.monotonic() - started < 0.5
    assert client.call("blockchain.scripthash.get_status", NOOR_HASH) == seen
    assert client.call("blockchain.scripthash.subscribe", NOOR_HASH) == seen

    node.chain.mine()

    confirmed = sha256(f"{payment.txid}:112:".encode()).hex()
    tip = client.notified("blockchain.headers.subscribe")[0]
    assert tip == {"height": 112, "hex": node.chain.ledger.tip.raw.hex()}
    assert client.notified("blockchain.scripthash.subscribe") == [NOOR_HASH, confirmed]
    node.chain.mine()
    assert client.notified("blockchain.headers.subscribe")[0]["height"] == 113
    assert client.quiet()


def test_eviction_and_reorg_take_the_status_back(client: Client, node: Node) -> None:
    payment = node.pay(TO_NOOR, 50_000)
    seen = client.call("blockchain.scripthash.subscribe", NOOR_HASH)

    node.chain.evict(payment.txid)
    assert client.notified("blockchain.scripthash.subscribe") == [NOOR_HASH, None]
    node.chain.submit(payment.raw)
    assert client.notified("blockchain.scripthash.subscribe") == [NOOR_HASH, seen]
    node.chain.mine()
    assert client.notified("blockchain.scripthash.subscribe")[1] not in {None, seen}
    node.chain.reorg(1)
    assert client.notified("blockchain.scripthash.subscribe") == [NOOR_HASH, seen]


def test_unsubscribing_ends_the_notices(client: Client, node: Node, server: Server) -> None:
    client.call("blockchain.scripthash.subscribe", NOOR_HASH)

    assert client.call("blockchain.scripthash.unsubscribe", NOOR_HASH) is True
    assert client.call("blockchain.scripthash.unsubscribe", NOOR_HASH) is False
    node.pay(TO_NOOR, 50_000)

    assert client.quiet()
    assert server.watchers == {}


def test_a_client_that_leaves_is_forgotten(server: Server) -> None:
    client = Client(server.port)
    client.call("blockchain.scripthash.subscribe", NOOR_HASH)
    client.close()

    deadline = time.monotonic() + 5
    while server.sessions or server.watchers:
        assert time.monotonic() < deadline


def test_history_balance_and_unspent_agree(client: Client, node: Node) -> None:
    first = node.pay(TO_NOOR, 50_000)
    node.chain.mine()
    second = node.pay(TO_NOOR, 7_000)
    fee_sat = node.chain.mempool.entries[second.txid].fee_sat
    waiting = {"tx_hash": second.txid, "height": 0, "fee": fee_sat}
    confirmed = {"tx_hash": first.txid, "height": 112}

    assert client.call("blockchain.scripthash.get_history", NOOR_HASH) == [confirmed, waiting]
    assert client.call("blockchain.scripthash.get_history", NOOR_HASH, 113) == [waiting]
    assert client.call("blockchain.scripthash.get_history", NOOR_HASH, 0, 113) == [confirmed]
    assert client.call("blockchain.scripthash.get_history", NOOR_HASH, 0, 112) == []
    assert client.call("blockchain.scripthash.get_mempool", NOOR_HASH) == [waiting]
    assert client.call("blockchain.scripthash.get_balance", NOOR_HASH) == {
        "confirmed": 50_000,
        "unconfirmed": 7_000,
    }
    assert client.call("blockchain.scripthash.listunspent", NOOR_HASH) == [
        {"tx_hash": first.txid, "tx_pos": 0, "height": 112, "value": 50_000},
        {"tx_hash": second.txid, "tx_pos": 0, "height": 0, "value": 7_000},
    ]
    assert client.call("blockchain.scripthash.get_first_use", NOOR_HASH) == {
        "block_hash": node.chain.ledger.blocks[112].hash,
        "height": 112,
        "block_height": 112,
        "tx_hash": first.txid,
    }


def test_an_unused_script_has_nothing(client: Client) -> None:
    assert client.call("blockchain.scripthash.get_status", UNUSED) is None
    assert client.call("blockchain.scripthash.get_first_use", UNUSED) is None
    assert client.call("blockchain.scripthash.get_history", UNUSED) == []
    assert client.call("blockchain.scripthash.listunspent", UNUSED) == []
    assert client.call("blockchain.scripthash.get_balance", UNUSED) == {
        "confirmed": 0,
        "unconfirmed": 0,
    }


def test_a_payment_with_an_unconfirmed_parent_has_height_minus_one(
    client: Client, node: Node, hands: Hands
) -> None:
    parent = node.pay(keys.p2pkh(MAYA), 50_000)
    draft = hands.spend((parent.txid, 0), Output(40_000, TO_NOOR))
    child = hands.sign(draft, [parent.outputs[0]], MAYA)
    other = node.pay(TO_NOOR, 5_000)

    assert client.call("blockchain.transaction.broadcast", child.raw.hex()) == child.txid

    found = client.call("blockchain.scripthash.get_mempool", NOOR_HASH)
    assert [(each["tx_hash"], each["height"]) for each in found] == [
        (other.txid, 0),
        (child.txid, -1),
    ]
    status = sha256(f"{other.txid}:0:{child.txid}:-1:".encode()).hex()
    assert client.call("blockchain.scripthash.get_status", NOOR_HASH) == status
    assert client.call("blockchain.scripthash.listunspent", NOOR_HASH)[-1]["height"] == 0


def test_spent_coins_leave_unspent_and_stay_in_the_history(
    client: Client, node: Node, hands: Hands
) -> None:
    outpoint, coin = hands.give(TO_NOOR)
    hands.accepted(
        hands.sign(hands.spend(outpoint, Output(99_000, keys.p2pkh(MAYA))), [coin], NOOR)
    )

    assert client.call("blockchain.scripthash.listunspent", NOOR_HASH) == []
    assert client.call("blockchain.utxo.get_info", *outpoint) is None
    assert len(client.call("blockchain.scripthash.get_history", NOOR_HASH)) == 2
    assert client.call("blockchain.scripthash.get_balance", NOOR_HASH) == {
        "confirmed": 100_000,
        "unconfirmed": -100_000,
    }
    del node


def test_transactions_are_told_raw_with_height_and_proof(client: Client, node: Node) -> None:
    payment = node.pay(TO_NOOR, 50_000)
    missing = (1, "No confirmed transaction matching the requested hash was found")

    assert client.call("blockchain.transaction.get", payment.txid) == payment.raw.hex()
    assert client.call("blockchain.transaction.get_height", payment.txid) == 0
    assert client.error("blockchain.transaction.get_merkle", payment.txid) == missing
    assert client.call("blockchain.utxo.get_info", payment.txid, 0) == {
        "value": 50_000,
        "scripthash": NOOR_HASH,
    }

    node.chain.mine()

    assert client.call("blockchain.transaction.get_height", payment.txid) == 112
    assert client.call("blockchain.utxo.get_info", payment.txid, 0)["confirmed_height"] == 112
    proof = client.call("blockchain.transaction.get_merkle", payment.txid, 112)
    coinbase = node.chain.ledger.blocks[112].txids[0]
    assert proof == {"block_height": 112, "pos": 1, "merkle": [coinbase]}
    assert client.call("blockchain.transaction.id_from_pos", 112, 1) == payment.txid
    verbose = client.call("blockchain.transaction.get", payment.txid, True)
    assert (verbose["confirmations"], verbose["hex"]) == (1, payment.raw.hex())


def test_unknown_things_are_refused_in_fulcrums_words(client: Client) -> None:
    code, message = client.error("blockchain.transaction.get", UNUSED)
    assert code == 2
    assert "No such mempool or blockchain transaction" in message
    none = "No transaction matching the requested hash was found"
    assert client.error("blockchain.transaction.get_height", UNUSED) == (1, none)
    at = "No transaction matching the requested hash found at height 5"
    assert client.error("blockchain.transaction.get_merkle", UNUSED, 5) == (1, at)
    assert client.error("blockchain.transaction.get", "xx") == (1, "Invalid tx hash")
    assert client.error("blockchain.scripthash.subscribe", "zz" * 32) == (1, "Invalid scripthash")
    assert client.error("blockchain.block.header", -1) == (1, "Invalid height")
    assert client.error("blockchain.nonsense") == (
        -32601,
        "Unsupported request: blockchain.nonsense",
    )
    few = "Expected at least 1 parameter for blockchain.scripthash.subscribe, got 0 instead"
    assert client.error("blockchain.scripthash.subscribe") == (-32602, few)
    assert client.error("blockchain.scripthash.listunspent", UNUSED, "some")[0] == -32602


def test_a_broadcast_is_refused_with_the_nodes_reason(
    client: Client, node: Node, hands: Hands
) -> None:
    payment = node.pay(TO_NOOR, 50_000)
    dust = hands.spend((payment.txid, 0), Output(100, TO_NOOR), unlocking=b"\x51")

    refusal = client.error("blockchain.transaction.broadcast", dust.raw.hex())

    assert refusal == (1, "the transaction was rejected by network rules.\n\ndust (code 64)\n")
    assert client.error("blockchain.transaction.broadcast", "zz")[1].endswith("TX decode failed\n")
    assert client.error("blockchain.transaction.broadcast", 5)[1].endswith("TX decode failed\n")
    assert client.call("blockchain.transaction.broadcast", payment.raw.hex()) == payment.txid


def test_token_outputs_are_marked_and_filtered(client: Client, node: Node) -> None:
    payment = node.pay(TO_NOOR, 5_000, with_token=True)
    token = payment.outputs[0].token
    assert token is not None

    everything = client.call("blockchain.scripthash.listunspent", NOOR_HASH)
    assert everything[0]["token_data"] == {"amount": "1", "category": token.category}
    assert client.call("blockchain.scripthash.listunspent", NOOR_HASH, "exclude_tokens") == []
    assert client.call("blockchain.scripthash.listunspent", NOOR_HASH, "tokens_only") == everything
    assert client.call("blockchain.scripthash.get_balance", NOOR_HASH)["unconfirmed"] == 5_000
    assert (
        client.call("blockchain.scripthash.get_balance", NOOR_HASH, "exclude_tokens")["unconfirmed"]
        == 0
    )


def test_a_double_spend_proof_is_told_to_those_who_asked(client: Client, node: Node) -> None:
    payment = node.pay(TO_NOOR, 50_000)
    assert client.call("blockchain.transaction.dsproof.subscribe", payment.txid) is None
    assert client.call("blockchain.transaction.dsproof.get", payment.txid) is None

    node.double_spend(payment.txid)

    txid, proof = client.notified("blockchain.transaction.dsproof.subscribe")
    spent = payment.inputs[0]
    assert txid == payment.txid
    assert proof["txid"] == payment.txid
    assert proof["outpoint"] == {"txid": spent.txid, "vout": spent.index}
    assert proof["descendants"] == [payment.txid]
    assert double_sha256(bytes.fromhex(proof["hex"]))[::-1].hex() == proof["dspid"]
    assert client.call("blockchain.transaction.dsproof.get", payment.txid) == proof
    assert client.call("blockchain.transaction.dsproof.get", proof["dspid"]) == proof
    assert client.call("blockchain.transaction.dsproof.list") == [payment.txid]
    assert client.call("blockchain.transaction.dsproof.unsubscribe", payment.txid) is True


def test_batches_split_frames_and_garbage(client: Client, server: Server) -> None:
    client.send(
        [{"id": 1, "method": "server.ping"}, {"id": 2, "method": "x"}, {"method": "server.ping"}, 7]
    )
    answers = client.receive()
    assert [each.get("id") for each in answers] == [1, 2, None]
    assert answers[0] == {"jsonrpc": "2.0", "result": None, "id": 1}
    assert answers[2]["error"]["code"] == -32600

    whole = json.dumps({"id": "a", "method": "server.ping", "params": []}).encode() + b"\n"
    for byte in whole:
        client.socket.sendall(bytes([byte]))
    client.socket.sendall(whole + whole)
    assert [client.receive()["id"] for _ in range(3)] == ["a", "a", "a"]

    client.socket.sendall(b"{nonsense\n[]\n")
    assert [client.receive()["error"]["code"] for _ in range(2)] == [-32700, -32600]
    assert client.call("server.ping") is None
    assert len(server.sessions) == 1


def test_a_silent_server_reads_and_never_answers(client: Client, server: Server) -> None:
    server.is_silent = True
    client.send({"id": 1, "method": "server.ping"})

    client.socket.settimeout(0.2)
    with pytest.raises(TimeoutError):
        client.receive()


def test_an_endless_line_closes_the_connection(server: Server) -> None:
    client = Client(server.port)

    with pytest.raises(OSError):  # noqa: PT011 - reset or closed, as the kernel likes
        flood(client)

    client.close()


def flood(client: Client) -> None:
    for _ in range(200):
        client.socket.sendall(b"x" * 65_536)
    client.receive()


def test_ten_thousand_subscriptions_are_fast_and_only_the_right_one_is_told(
    client: Client, node: Node
) -> None:
    started = time.monotonic()
    for start in range(0, 10_000, 100):
        batch = [
            {
                "id": number,
                "method": "blockchain.scripthash.subscribe",
                "params": [f"{number:064x}"],
            }
            for number in range(start, start + 100)
        ]
        client.send(batch)
        assert [each["result"] for each in client.receive()] == [None] * 100
    client.call("blockchain.scripthash.subscribe", NOOR_HASH)
    assert time.monotonic() - started < 5

    started = time.monotonic()
    node.pay(TO_NOOR, 50_000)

    assert client.notified("blockchain.scripthash.subscribe")[0] == NOOR_HASH
    assert time.monotonic() - started < 0.5
    assert client.quiet()
