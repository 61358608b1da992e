"""The bare answers that our client reads, the same from a devchain and from a real server.

So that the devchain, which most tests trust, cannot differ from Fulcrum unnoticed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest

from payments import addresses, transactions
from tests.chain.nodes import Peer, peer_of
from tests.lines import Client
from tests.tills import script_of

UNUSED = "ab" * 32
HISTORY = "blockchain.scripthash.get_history"
MERKLE = "blockchain.transaction.get_merkle"
SUBSCRIBE = "blockchain.scripthash.subscribe"
PROOF = "blockchain.transaction.dsproof.get"


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """One for all: these tests ask only about addresses of their own."""
    yield from peer_of(tmp_path_factory.mktemp("answers"))


@pytest.fixture
def client(peer: Peer) -> Iterator[Client]:
    client = Client(peer.server.port)
    client.call("server.version", "test", ["1.5", "1.6"])
    yield client
    client.close()


def paid(peer: Peer, client: Client, amount_sat: int = 50_000) -> tuple[str, str]:
    """The script hash of a new address and the unconfirmed transaction that pays it."""
    address = peer.new_address()
    scripthash = addresses.scripthash(script_of(address))
    txid = peer.pay(address, amount_sat)
    peer.settled(lambda: client.call(HISTORY, scripthash), bool)
    return scripthash, txid


def mined(peer: Peer, client: Client, scripthash: str) -> int:
    """Mine, and wait until the server knows; the height of the script's first transaction."""
    peer.mine()
    height = peer.height
    peer.settled(lambda: client.call(HISTORY, scripthash), lambda rows: rows[0]["height"] == height)
    return height


def status_of(*places: tuple[str, int]) -> str:
    told = "".join(f"{txid}:{height}:" for txid, height in places)
    return hashlib.sha256(told.encode()).hexdigest()


def test_the_highest_shared_version_is_agreed_on_once(peer: Peer) -> None:
    client = Client(peer.server.port)

    name, version = client.call("server.version", "kim", ["1.5", "1.6"])

    assert (isinstance(name, str), version) == (True, "1.6")
    assert client.error("server.version", "kim", "1.5") == (1, "server.version already sent")
    assert client.call("server.ping") is None
    client.close()


@pytest.mark.parametrize("wanted", ["2.0", ["1.1", "1.3"], ["1.7", "2.0"], "x"])
def test_an_unknown_version_closes_the_connection(peer: Peer, wanted: Any) -> None:
    client = Client(peer.server.port)

    assert client.error("server.version", "test", wanted) == (1, "Unsupported protocol version")
    with pytest.raises(ConnectionError):
        client.receive()
    client.close()


def test_the_genesis_block_is_the_regtest_one(client: Client) -> None:
    features = client.call("server.features")

    genesis = "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206"
    assert features["genesis_hash"] == genesis
    assert (features["hash_function"], features["pruning"]) == ("sha256", None)
    assert (features["dsproof"], features["cashtokens"]) == (True, True)
    assert features["protocol_max"] == "1.6"


def test_headers_come_as_a_list_since_1_6_and_as_one_string_before(
    peer: Peer, client: Client
) -> None:
    old = Client(peer.server.port)
    old.call("server.version", "test", "1.5")
    raw = [client.call("blockchain.block.header", height) for height in range(3)]
    height = peer.height

    listed = client.call("blockchain.block.headers", 0, 3)
    assert listed == {"count": 3, "max": 2016, "headers": raw}
    assert old.call("blockchain.block.headers", 0, 3) == {
        "count": 3,
        "max": 2016,
        "hex": "".join(raw),
    }
    assert client.call("blockchain.block.headers", height, 9)["count"] == 1
    none = {"count": 0, "max": 2016, "headers": []}
    assert client.call("blockchain.block.headers", height + 1, 9) == none
    assert client.call("blockchain.block.headers", height + 50, 9) == none
    assert client.call("blockchain.block.headers", 0, 0) == none
    assert old.call("blockchain.block.headers", height + 50, 9) == {
        "count": 0,
        "max": 2016,
        "hex": "",
    }
    old.close()


def test_a_new_block_is_told_with_its_height_and_header(peer: Peer, client: Client) -> None:
    before = client.call("blockchain.headers.subscribe")
    assert (set(before), before["height"], len(before["hex"])) == (
        {"height", "hex"},
        peer.height,
        160,
    )

    peer.mine()
    (told,) = client.notified("blockchain.headers.subscribe")

    assert (set(told), told["height"]) == ({"height", "hex"}, before["height"] + 1)
    block_hash = hashlib.sha256(hashlib.sha256(bytes.fromhex(told["hex"])).digest()).digest()
    assert block_hash[::-1].hex() == peer.tip
    assert client.call("blockchain.headers.get_tip") == told
    assert client.call("blockchain.block.headers", told["height"], 1)["headers"] == [told["hex"]]


def test_a_payment_runs_from_the_mempool_into_a_block(peer: Peer, client: Client) -> None:
    scripthash, txid = paid(peer, client)
    raw = client.call("blockchain.transaction.get", txid)
    (waiting,) = client.call(HISTORY, scripthash)
    assert transactions.txid_of(bytes.fromhex(raw)) == txid
    assert (set(waiting), waiting["tx_hash"]) == ({"tx_hash", "height", "fee"}, txid)
    assert waiting["height"] in {0, -1}
    assert client.call("blockchain.scripthash.get_mempool", scripthash) == [waiting]
    assert client.call("blockchain.scripthash.get_first_use", scripthash) == {
        "block_hash": "00" * 32,
        "height": 0,
        "block_height": 0,
        "tx_hash": txid,
    }

    height = mined(peer, client, scripthash)

    assert client.call(HISTORY, scripthash) == [{"tx_hash": txid, "height": height}]
    assert client.call("blockchain.scripthash.get_mempool", scripthash) == []
    assert client.call("blockchain.scripthash.get_first_use", scripthash) == {
        "block_hash": peer.tip,
        "height": height,
        "block_height": height,
        "tx_hash": txid,
    }
    assert client.call("blockchain.transaction.get", txid) == raw


def test_status_and_notice_follow_the_history(peer: Peer, client: Client) -> None:
    address = peer.new_address()
    scripthash = addresses.scripthash(script_of(address))
    assert client.call(SUBSCRIBE, scripthash) is None

    txid = peer.pay(address, 50_000)
    told = client.notified(SUBSCRIBE)
    (waiting,) = client.call(HISTORY, scripthash)
    assert told == [scripthash, status_of((txid, waiting["height"]))]
    assert client.call("blockchain.scripthash.get_status", scripthash) == told[1]

    peer.mine()
    height = peer.height
    assert client.notified(SUBSCRIBE) == [scripthash, status_of((txid, height))]
    assert client.call(SUBSCRIBE, scripthash) == status_of((txid, height))
    assert client.call("blockchain.scripthash.unsubscribe", scripthash) is True
    assert client.call("blockchain.scripthash.unsubscribe", scripthash) is False


def test_a_script_nobody_used_has_nothing(client: Client) -> None:
    assert client.call(HISTORY, UNUSED) == []
    assert client.call(SUBSCRIBE, UNUSED) is None
    assert client.call("blockchain.scripthash.get_first_use", UNUSED) is None
    assert client.call("blockchain.scripthash.listunspent", UNUSED) == []
    assert client.call("blockchain.utxo.get_info", UNUSED, 0) is None
    assert client.call("blockchain.scripthash.get_balance", UNUSED) == {
        "confirmed": 0,
        "unconfirmed": 0,
    }


def test_a_merkle_branch_is_given_for_blocks_and_refused_for_the_mempool(
    peer: Peer, client: Client
) -> None:
    scripthash, txid = paid(peer, client)
    paid(peer, client)
    unconfirmed = (1, "No confirmed transaction matching the requested hash was found")
    assert client.error(MERKLE, txid) == unconfirmed
    assert client.error(MERKLE, txid, 0) == unconfirmed
    elsewhere = (1, "No transaction matching the requested hash found at height 5")
    assert client.error(MERKLE, txid, 5) == elsewhere
    assert client.error(MERKLE, UNUSED) == unconfirmed

    height = mined(peer, client, scripthash)
    proof = client.call(MERKLE, txid, height)

    assert (set(proof), proof["block_height"]) == ({"block_height", "pos", "merkle"}, height)
    assert len(proof["merkle"]) == 2
    assert client.call(MERKLE, txid) == proof
    assert client.call("blockchain.transaction.id_from_pos", height, proof["pos"]) == txid
    assert client.error(MERKLE, txid, height - 1)[0] == 1
    far = f"No transaction matching the requested hash found at height {height + 100}"
    assert client.error(MERKLE, txid, height + 100) == (1, far)


def test_unspent_coins_and_balances_are_told(peer: Peer, client: Client) -> None:
    scripthash, txid = paid(peer, client)
    (coin,) = client.call("blockchain.scripthash.listunspent", scripthash)
    assert coin == {"tx_hash": txid, "tx_pos": coin["tx_pos"], "height": 0, "value": 50_000}
    place = (txid, coin["tx_pos"])
    info = {"value": 50_000, "scripthash": scripthash}
    assert client.call("blockchain.utxo.get_info", *place) == info
    assert client.call("blockchain.transaction.get_height", txid) == 0
    balance = client.call("blockchain.scripthash.get_balance", scripthash)
    assert balance == {"confirmed": 0, "unconfirmed": 50_000}

    height = mined(peer, client, scripthash)

    assert client.call("blockchain.scripthash.listunspent", scripthash) == [
        coin | {"height": height}
    ]
    assert client.call("blockchain.utxo.get_info", *place) == info | {"confirmed_height": height}
    assert client.call("blockchain.transaction.get_height", txid) == height
    assert client.call("blockchain.transaction.get_confirmed_blockhash", txid) == {
        "block_hash": peer.tip,
        "block_height": height,
    }


def test_tokens_are_marked_and_filtered(peer: Peer, client: Client) -> None:
    address = peer.new_address()
    scripthash = addresses.scripthash(script_of(address))
    txid = peer.pay(address, 5_000, tokens=True)
    unspent = "blockchain.scripthash.listunspent"
    (coin,) = peer.settled(lambda: client.call(unspent, scripthash), bool)

    assert (coin["tx_hash"], coin["value"]) == (txid, 5_000)
    assert set(coin["token_data"]) == {"amount", "category"}
    assert isinstance(coin["token_data"]["amount"], str)
    assert client.call(unspent, scripthash, "exclude_tokens") == []
    assert client.call(unspent, scripthash, "tokens_only") == [coin]
    raw = bytes.fromhex(client.call("blockchain.transaction.get", txid))
    read = transactions.parse(raw, txid=txid)
    assert read.outputs[coin["tx_pos"]].has_token


def test_a_double_spend_proof_names_the_first_spend(peer: Peer, client: Client) -> None:
    scripthash, txid = paid(peer, client)
    assert client.call(PROOF, txid) is None
    assert client.call("blockchain.transaction.dsproof.subscribe", txid) is None

    peer.double_spend(txid)
    told, proof = client.notified("blockchain.transaction.dsproof.subscribe")

    assert (told, proof["txid"]) == (txid, txid)
    assert set(proof) == {"dspid", "hex", "outpoint", "txid", "descendants"}
    assert set(proof["outpoint"]) == {"txid", "vout"}
    assert proof["descendants"] == [txid]
    assert client.call(PROOF, txid) == client.call(PROOF, proof["dspid"]) == proof
    assert txid in client.call("blockchain.transaction.dsproof.list")
    mined(peer, client, scripthash)
    assert client.call(PROOF, txid) is None


def test_broadcasts_are_answered_with_the_id_or_the_nodes_reason(
    peer: Peer, client: Client
) -> None:
    send = "blockchain.transaction.broadcast"
    scripthash, txid = paid(peer, client)
    raw = client.call("blockchain.transaction.get", txid)
    rejected = "the transaction was rejected by network rules.\n\n{}\n"
    assert client.call(send, raw) == txid
    nothing = rejected.format("Expected type string at index 0, got null")
    assert client.error(send, "") == (1, nothing)
    assert client.error(send, "zz") == (1, rejected.format("TX decode failed"))
    assert client.error(send, raw[:-2]) == (1, rejected.format("TX decode failed"))
    assert client.error(send, raw + "00") == (1, rejected.format("TX decode failed"))

    mined(peer, client, scripthash)
    known = rejected.format("transaction already in block chain")
    assert client.error(send, raw) == (1, known)
    orphan = raw.replace(raw[10:74], UNUSED)
    assert client.error(send, orphan) == (1, rejected.format("Missing inputs"))


def test_what_makes_no_sense_is_refused(peer: Peer, client: Client) -> None:
    missing = (
        "daemon error: DaemonError({'code': -5, 'message': 'No such mempool or blockchain "
        "transaction. Use gettransaction for wallet transactions.'})"
    )
    assert client.error("blockchain.transaction.get", UNUSED) == (2, missing)
    assert client.error("blockchain.transaction.get", "xx") == (1, "Invalid tx hash")
    verbose = (1, "Invalid verbose argument; expected boolean")
    assert client.error("blockchain.transaction.get", UNUSED, "x") == verbose
    assert client.error("blockchain.transaction.dsproof.subscribe", "xx") == (1, "Invalid tx hash")
    assert client.error(SUBSCRIBE, "zz" * 32) == (1, "Invalid scripthash")
    assert client.error(PROOF, "xx") == (1, "Invalid dsp hash or tx hash")
    assert client.error("blockchain.block.header", -1) == (1, "Invalid height")
    beyond = peer.height + 10
    out_of_range = (1, f"Height {beyond} is out of range")
    assert client.error("blockchain.block.header", beyond) == out_of_range
    assert client.error("blockchain.block.headers", -1, 1) == (1, "Invalid height")
    assert client.error("blockchain.block.headers", 0, "x") == (1, "Invalid count")
    heights = "header height + (count - 1) 4 must be <= cp_height 2 which must be <= chain height"
    assert client.error("blockchain.block.headers", 0, 5, 2) == (1, f"{heights} {peer.height}")
    assert client.error(HISTORY, UNUSED, -1) == (-32602, "Bad from_height argument")
    assert client.error(HISTORY, UNUSED, 5, 4) == (-32602, "Bad to_height argument")
    assert client.error(HISTORY, UNUSED, 0, -2) == (-32602, "Bad to_height argument")
    number = "expected non-negative numeric value < 1000000000"
    from_pos = "blockchain.transaction.id_from_pos"
    assert client.error(from_pos, "x", 0) == (1, f"Invalid height argument; {number}")
    assert client.error(from_pos, 1, "x") == (1, f"Invalid tx_pos argument; {number}")
    assert client.error(from_pos, 1, 5) == (1, "No transaction at position 5 for height 1")
    assert client.error("kim.nonsense") == (-32601, "Unsupported request: kim.nonsense")
    few = f"Expected at least 1 parameter for {SUBSCRIBE}, got 0 instead"
    assert client.error(SUBSCRIBE) == (-32602, few)
    many = f"Expected at most 1 parameter for {SUBSCRIBE}, got 2 instead"
    assert client.error(SUBSCRIBE, UNUSED, 1) == (-32602, many)
