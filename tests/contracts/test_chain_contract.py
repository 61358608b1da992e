"""What every ``payments.chain.Chain`` promises, asked of the Electrum client.

The peer is a devchain process; with ``KIM_TEST_ELECTRUM=host:port:t`` and
``KIM_TEST_NODE_RPC=http://user:password@host:port`` the same questions go to a real regtest node.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from payments import headers, transactions
from payments.chain import KnownTx, Sighting
from payments.electrum import ElectrumChain
from payments.errors import BroadcastRefused, ChainUnavailable
from payments.header_store import StoredHeaders
from payments.states import Network
from tests.chain.nodes import Peer, peer_of
from tests.tills import script_of

pytestmark = pytest.mark.django_db(transaction=True)
GENESIS = "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206"


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Peer]:
    yield from peer_of(tmp_path)


@pytest.fixture
def client(peer: Peer) -> Iterator[ElectrumChain]:
    chain = ElectrumChain([peer.server], StoredHeaders(Network.REGTEST))
    yield chain
    chain.close()


def known_after(sighting: Sighting) -> dict[str, KnownTx]:
    return {
        seen.txid: KnownTx(
            txid=seen.txid,
            raw_tx=seen.raw_tx,
            height=seen.height,
            block_hash=seen.block_hash,
            spv_ok=seen.spv_ok,
        )
        for seen in sighting.outputs
    }


def test_the_tip_is_of_our_own_chain_and_follows_new_blocks(
    peer: Peer, client: ElectrumChain
) -> None:
    before = client.tip()
    peer.mine(3)
    after = peer.settled(client.tip, lambda tip: tip.height == before.height + 3)

    assert before.height == peer.height - 3
    assert after.time >= before.time
    assert after.block_hash[::-1].hex() == peer.tip


def test_every_header_since_genesis_is_checked_and_kept(peer: Peer, client: ElectrumChain) -> None:
    tip = client.tip()
    book = StoredHeaders(Network.REGTEST)
    chain = [book.at(height) for height in range(tip.height + 1)]

    hashes = [header.hash for header in chain if header is not None]
    parents = [header.prev_hash for header in chain if header is not None]
    assert len(hashes) == peer.height + 1
    assert hashes[0][::-1].hex() == GENESIS
    assert parents[1:] == hashes[:-1]
    assert hashes[-1] == tip.block_hash


def test_an_address_nobody_used_shows_nothing(peer: Peer, client: ElectrumChain) -> None:
    script = script_of(peer.new_address())

    sighting = client.sight(script, {})

    assert (sighting.outputs, sighting.missing, sighting.agreed) == ((), (), True)
    assert not client.is_used(script)


def test_a_payment_is_seen_unconfirmed_then_proved(peer: Peer, client: ElectrumChain) -> None:
    address = peer.new_address()
    script = script_of(address)
    txid = peer.pay(address, 12_345)
    (unconfirmed,) = peer.settled(
        lambda: client.sight(script, {}).outputs, lambda found: len(found) == 1
    )
    peer.mine()
    (proved,) = peer.settled(
        lambda: client.sight(script, {}).outputs, lambda found: found[0].spv_ok
    )

    assert (unconfirmed.txid, unconfirmed.value_sat, unconfirmed.height) == (txid, 12_345, None)
    assert (unconfirmed.spv_ok, unconfirmed.block_hash) == (False, None)
    assert (proved.txid, proved.vout, proved.script) == (txid, unconfirmed.vout, script)
    assert (proved.height, proved.has_token, proved.is_coinbase) == (peer.height, False, False)
    assert proved.block_time is not None
    assert transactions.txid_of(proved.raw_tx) == txid
    assert client.is_used(script)


def test_what_is_known_is_told_the_same_again(peer: Peer, client: ElectrumChain) -> None:
    address = peer.new_address()
    script = script_of(address)
    peer.pay(address, 5_000)
    peer.mine()
    first = peer.settled(
        lambda: client.sight(script, {}), lambda s: bool(s.outputs) and s.outputs[0].spv_ok
    )

    again = client.sight(script, known_after(first))

    assert again.outputs[0].spv_ok
    assert again.outputs[0].block_hash == first.outputs[0].block_hash
    assert again.missing == ()


def test_many_scripts_are_told_apart(peer: Peer, client: ElectrumChain) -> None:
    addresses = [peer.new_address() for _ in range(5)]
    for number, address in enumerate(addresses):
        peer.pay(address, 10_000 + number)
    scripts = [script_of(address) for address in addresses]

    def all_seen() -> dict[bytes, Sighting]:
        return client.sight_many({script: {} for script in scripts})

    found = peer.settled(all_seen, lambda seen: all(each.outputs for each in seen.values()))

    values = [[out.value_sat for out in found[script].outputs] for script in scripts]
    assert values == [[10_000], [10_001], [10_002], [10_003], [10_004]]


def test_several_payments_in_one_block_are_each_proved(peer: Peer, client: ElectrumChain) -> None:
    paid = {script_of(address := peer.new_address()): peer.pay(address, 8_000) for _ in range(4)}
    peer.mine()

    def all_proved() -> list[Sighting]:
        return list(client.sight_many({script: {} for script in paid}).values())

    found = peer.settled(
        all_proved, lambda seen: all(each.outputs and each.outputs[0].spv_ok for each in seen)
    )

    assert {each.script: each.outputs[0].txid for each in found} == paid
    assert {each.outputs[0].height for each in found} == {peer.height}


def test_a_double_spend_proof_is_known_for_the_first_spend(
    peer: Peer, client: ElectrumChain
) -> None:
    address = peer.new_address()
    txid = peer.pay(address, 6_000)
    peer.settled(lambda: client.sight(script_of(address), {}).outputs, bool)
    assert client.proofs_of([txid]) == {txid: False}
    assert client.double_spent([txid]) == frozenset()

    peer.double_spend(txid)
    found = peer.settled(lambda: client.double_spent([txid]), bool)

    assert found == {txid}


def test_broadcasting_twice_is_no_error_and_nonsense_is_refused(
    peer: Peer, client: ElectrumChain
) -> None:
    address = peer.new_address()
    peer.pay(address, 7_000)
    script = script_of(address)
    (seen,) = peer.settled(lambda: client.sight(script, {}).outputs, lambda found: len(found) == 1)

    assert client.broadcast(seen.raw_tx) == seen.txid
    with pytest.raises(BroadcastRefused):
        client.broadcast(seen.raw_tx[:-1] + b"\x01")


def test_a_reorg_takes_the_proof_away(peer: Peer, client: ElectrumChain) -> None:
    address = peer.new_address()
    script = script_of(address)
    peer.pay(address, 9_000)
    peer.mine()
    proved = peer.settled(
        lambda: client.sight(script, {}), lambda s: bool(s.outputs) and s.outputs[0].spv_ok
    )

    peer.reorg_away(proved.outputs[0].txid)
    again = peer.settled(
        lambda: client.sight(script, known_after(proved)),
        # In between a real server shows neither the old block nor what is in the mempool again.
        lambda s: s.tip.height > proved.tip.height,
    )

    assert not any(out.spv_ok for out in again.outputs)
    assert all(out.height is None for out in again.outputs)
    assert again.tip.block_hash[::-1].hex() == peer.tip


def test_a_used_address_is_told_from_an_unused_one(peer: Peer, client: ElectrumChain) -> None:
    address = peer.new_address()
    peer.pay(address, 3_000)
    used, unused = script_of(address), script_of(peer.new_address())

    found = peer.settled(lambda: client.used([used, unused]), lambda seen: len(seen) == 1)

    assert found == {used}


def test_who_shows_a_payment_and_what_proves_it_are_told(peer: Peer, client: ElectrumChain) -> None:
    address = peer.new_address()
    script = script_of(address)
    txid = peer.pay(address, 4_000)
    peer.pay(peer.new_address(), 4_001)
    peer.mine()
    proved = peer.settled(
        lambda: client.sight(script, {}), lambda s: bool(s.outputs) and s.outputs[0].spv_ok
    ).outputs[0]

    assert proved.operators == ("127.0.0.1",)
    assert proved.position is not None
    header = StoredHeaders(Network.REGTEST).at(proved.height or 0)
    assert header is not None
    branch = [bytes.fromhex(node)[::-1] for node in proved.branch]
    assert branch
    headers.check_merkle(txid, branch, proved.position, header)


def test_raw_transactions_are_given_by_id_and_unknown_ones_left_out(
    peer: Peer, client: ElectrumChain
) -> None:
    txid = peer.pay(peer.new_address(), 4_000)

    found = peer.settled(lambda: client.raws_of([txid, "ab" * 32]), bool)

    assert list(found) == [txid]
    assert transactions.txid_of(found[txid]) == txid


def test_a_status_changes_with_the_history_and_not_with_later_blocks(
    peer: Peer, client: ElectrumChain
) -> None:
    address = peer.new_address()
    script = script_of(address)

    def status() -> str | None:
        (told,) = client.statuses_of([script])[script].values()
        return told

    assert status() is None
    peer.pay(address, 4_000)
    waiting = peer.settled(status, bool)
    peer.mine()
    mined = peer.settled(status, lambda told: told != waiting)
    height = client.tip().height
    peer.mine()
    peer.settled(client.tip, lambda tip: tip.height == height + 1)

    assert status() == mined
    assert len({waiting, mined, None}) == 3


def test_an_offer_is_taken_known_or_refused(peer: Peer, client: ElectrumChain) -> None:
    address = peer.new_address()
    txid = peer.pay(address, 4_000)
    raw = peer.settled(lambda: client.raws_of([txid]), bool)[txid]

    assert client.offer(raw) == {"127.0.0.1": ""}
    (refusal,) = client.offer(raw[:-1] + b"\x01").values()
    assert refusal != ""


def test_a_payment_without_a_rival_has_no_conflict(peer: Peer, client: ElectrumChain) -> None:
    txid = peer.pay(peer.new_address(), 4_000)
    raw = peer.settled(lambda: client.raws_of([txid]), bool)[txid]

    assert client.conflict_of(raw) is None


def test_a_server_is_told_as_it_stands(peer: Peer, client: ElectrumChain) -> None:
    tip = client.tip()

    (server,) = client.servers()

    assert (server.operator, server.is_live, server.demoted) == ("127.0.0.1", True, "")
    assert (server.tip_height, server.behind_blocks) == (tip.height, 0)
    assert server.heard_at is not None


def test_without_a_server_every_question_says_so(peer: Peer, client: ElectrumChain) -> None:
    script = script_of(peer.new_address())
    peer.go_away()

    with pytest.raises(ChainUnavailable):
        client.sight(script, {})
    with pytest.raises(ChainUnavailable):
        client.tip()
    with pytest.raises(ChainUnavailable):
        client.broadcast(b"\x00" * 100)


def test_headers_survive_a_restart_without_asking_again(peer: Peer, client: ElectrumChain) -> None:
    tip = client.tip()

    assert StoredHeaders(Network.REGTEST).tip() == tip
