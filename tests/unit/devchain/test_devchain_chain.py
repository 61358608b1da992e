"""Blocks come, go and come back; what people saw stays true or is taken back in the open."""

import time

import pytest

from devchain import block, keys, script, sighash
from devchain.chain import Change
from devchain.encoding import double_sha256
from devchain.errors import DevchainError, Refused
from devchain.machine import encode_number
from devchain.node import Node
from devchain.transaction import Output, Token
from tests.unit.devchain.conftest import MAYA, NOOR, Hands

TO_NOOR = keys.p2pkh(NOOR)


def test_a_new_chain_is_ready_in_a_moment_with_many_coins() -> None:
    started = time.monotonic()

    node = Node()

    assert time.monotonic() - started < 2
    assert node.chain.ledger.height == 111
    assert len(node.coins()) > 200
    assert node.chain.mempool.entries == {}


def test_every_header_links_and_has_work(node: Node) -> None:
    previous = block.genesis().hash

    for each in node.chain.ledger.blocks[1:]:
        assert each.header.previous == previous
        assert int(double_sha256(each.header.raw)[::-1].hex(), 16) <= block.REGTEST_TARGET
        assert each.header.merkle_root == block.merkle_root(each.txids)
        assert block.parse(each.raw) == each
        previous = each.hash


def test_the_coinbase_starts_with_the_height_and_takes_the_fees(node: Node) -> None:
    payment = node.pay(TO_NOOR, 50_000)
    fee_sat = node.chain.mempool.entries[payment.txid].fee_sat

    node.chain.mine()

    coinbase = node.chain.ledger.blocks[-1].transactions[0]
    assert coinbase.inputs[0].unlocking.startswith(script.push(encode_number(112)))
    assert coinbase.outputs[0].value_sat == 5_000_000_000 + fee_sat


def test_the_subsidy_halves_every_150_blocks(node: Node) -> None:
    node.chain.mine(39)

    rewards = [each.transactions[0].outputs[0].value_sat for each in node.chain.ledger.blocks[-2:]]
    assert node.chain.ledger.height == 150
    assert rewards == [5_000_000_000, 2_500_000_000]


def test_transactions_stand_in_canonical_order(node: Node) -> None:
    for _ in range(20):
        node.pay(TO_NOOR, 50_000)

    node.chain.mine()

    txids = node.chain.ledger.blocks[-1].txids[1:]
    assert len(txids) == 20
    assert txids == sorted(txids)


def test_a_merkle_branch_leads_to_the_root(node: Node) -> None:
    for _ in range(6):
        node.pay(TO_NOOR, 50_000)
    node.chain.mine()
    mined = node.chain.ledger.blocks[-1]
    hashes = [bytes.fromhex(txid)[::-1] for txid in mined.txids]

    for position, leaf in enumerate(hashes):
        branch, root = block.merkle_branch(hashes, position)
        node_hash, place = leaf, position
        for sibling in branch:
            pair = sibling + node_hash if place & 1 else node_hash + sibling
            node_hash, place = double_sha256(pair), place >> 1
        assert node_hash == root == mined.header.merkle_root


def test_a_payment_takes_milliseconds_and_a_thousand_fit_one_block(node: Node) -> None:
    started = time.monotonic()
    for _ in range(1_000):
        node.pay(TO_NOOR, 10_000)
    paid = time.monotonic()
    node.chain.mine()
    mined = time.monotonic()

    assert len(node.chain.ledger.blocks[-1].transactions) == 1_001
    assert (paid - started) / 1_000 < 0.020
    assert mined - paid < 1


def test_dozens_of_payments_need_no_chaining(node: Node) -> None:
    paid = [node.pay(TO_NOOR, 10_000).txid for _ in range(100)]

    assert not any(node.chain.mempool.has_unconfirmed_parent(txid) for txid in paid)


def test_a_reorg_returns_transactions_to_the_mempool(node: Node) -> None:
    payment = node.pay(TO_NOOR, 50_000)
    child = node.pay(TO_NOOR, 60_000)
    old = node.chain.mine(2)
    later = node.pay(TO_NOOR, 70_000)

    new = node.chain.reorg(2)

    assert len(new) == 3
    assert not set(old) & set(new)
    assert node.chain.ledger.height == 114
    assert set(node.chain.mempool.entries) == {payment.txid, child.txid, later.txid}
    assert payment.txid not in node.chain.ledger.places
    node.chain.mine()
    assert node.chain.ledger.places[payment.txid].height == 115


def test_a_reorg_keeps_chains_of_transactions_in_order(node: Node, hands: Hands) -> None:
    outpoint, coin = hands.give(keys.p2pkh(MAYA), 90_000)
    chained = [outpoint[0]]
    for step in range(1, 9):
        output = Output(90_000 - step * 1_000, keys.p2pkh(MAYA))
        moved = hands.sign(hands.spend(outpoint, output), [coin], MAYA)
        hands.accepted(moved)
        outpoint, coin = (moved.txid, 0), output
        chained.append(moved.txid)
    node.chain.mine()

    node.chain.reorg(2)

    assert set(node.chain.mempool.entries) == set(chained)
    node.chain.mine()
    assert node.chain.coin(outpoint) is not None


def test_a_reorg_may_drop_a_transaction_and_its_children(node: Node, hands: Hands) -> None:
    outpoint, coin = hands.give(keys.p2pkh(MAYA), 90_000)
    moved = hands.sign(hands.spend(outpoint, Output(80_000, TO_NOOR)), [coin], MAYA)
    hands.accepted(moved)
    node.chain.mine()

    node.chain.reorg(2, drop=frozenset({outpoint[0]}))

    assert node.chain.mempool.entries == {}
    assert node.chain.find(outpoint[0]) is None
    assert node.chain.find(moved.txid) is None


def test_coins_are_the_same_after_there_and_back(node: Node) -> None:
    before = (dict(node.chain.ledger.coins), dict(node.chain.ledger.history), node.chain.ledger.tip)
    node.pay(TO_NOOR, 50_000)
    node.pay(TO_NOOR, 5_000, with_token=True)
    node.chain.mine()

    node.chain.ledger.disconnect()

    ledger = node.chain.ledger
    assert before == (ledger.coins, ledger.history, ledger.tip)


@pytest.mark.parametrize("depth", [0, -1, 112])
def test_a_reorg_of_an_impossible_depth_is_refused(node: Node, depth: int) -> None:
    tip = node.chain.ledger.tip

    with pytest.raises(DevchainError, match="depth must be 1 to 111"):
        node.chain.reorg(depth)

    assert node.chain.ledger.tip == tip


def test_an_evicted_payment_frees_its_coins_and_takes_its_children_along(
    node: Node, hands: Hands
) -> None:
    balance = sum(coin.output.value_sat for coin in node.coins().values())
    payment = node.pay(keys.p2pkh(MAYA), 50_000)
    draft = hands.spend((payment.txid, 0), Output(40_000, TO_NOOR))
    child = hands.sign(draft, [payment.outputs[0]], MAYA)
    hands.accepted(child)

    gone = node.chain.evict(payment.txid)

    assert gone == [payment.txid, child.txid]
    assert node.chain.mempool.entries == {}
    assert sum(coin.output.value_sat for coin in node.coins().values()) == balance
    with pytest.raises(DevchainError) as refusal:
        node.chain.evict(payment.txid)
    assert (refusal.value.code, refusal.value.http_status) == ("unknown_transaction", 404)


def test_a_double_spend_leaves_a_proof_while_the_first_stays(node: Node) -> None:
    payment = node.pay(TO_NOOR, 50_000)
    heard: list[Change] = []
    node.chain.listeners.append(heard.append)

    second = node.double_spend(payment.txid)

    proof = node.chain.proofs[payment.txid]
    assert list(node.chain.mempool.entries) == [payment.txid]
    assert node.chain.find(second.txid) is None
    assert proof.outpoint == payment.inputs[0].outpoint
    assert proof.raw.startswith(payment.inputs[0].serialize_outpoint())
    assert [change.proven for change in heard] == [(payment.txid,)]
    node.chain.mine()
    assert node.chain.proofs == {}
    assert payment.txid in node.chain.ledger.places


def test_an_unsigned_conflict_proves_nothing(node: Node, hands: Hands) -> None:
    outpoint, coin = hands.give(keys.p2pkh(MAYA))
    first = hands.sign(hands.spend(outpoint, Output(99_000, TO_NOOR)), [coin], MAYA)
    hands.accepted(first)
    forged = hands.sign(hands.spend(outpoint, Output(98_000, TO_NOOR)), [coin], NOOR)

    assert hands.refused(forged) == "txn-mempool-conflict (code 18)"
    assert node.chain.proofs == {}


def test_a_covenant_double_spend_leaves_no_proof(node: Node, hands: Hands) -> None:
    redeem = b"\x51" + b"\x61"
    outpoint, _ = hands.give(script.p2sh20(redeem))
    first = hands.spend(outpoint, Output(99_000, TO_NOOR), unlocking=script.push(redeem))
    second = hands.spend(outpoint, Output(98_000, TO_NOOR), unlocking=script.push(redeem))
    hands.accepted(first)

    assert hands.refused(second) == "txn-mempool-conflict (code 18)"
    assert node.chain.proofs == {}


def test_a_mined_double_spend_takes_the_first_out_for_ever(node: Node, hands: Hands) -> None:
    payment = node.pay(TO_NOOR, 50_000)

    second = node.double_spend(payment.txid, mine=True)

    assert node.chain.ledger.places[second.txid].height == 112
    assert node.chain.find(payment.txid) is None
    assert hands.refused(payment) == "Missing inputs"


def test_a_dropped_payment_can_be_double_spent_after_the_reorg(node: Node, hands: Hands) -> None:
    payment = node.pay(TO_NOOR, 50_000)
    node.chain.mine()
    node.chain.reorg(1, drop=frozenset({payment.txid}))

    second = node.double_spend(payment.txid)

    assert list(node.chain.mempool.entries) == [second.txid]
    assert hands.refused(payment) == "txn-mempool-conflict (code 18)"


def test_what_is_not_the_wallets_cannot_be_double_spent(node: Node, hands: Hands) -> None:
    outpoint, coin = hands.give(keys.p2pkh(MAYA))
    foreign = hands.sign(hands.spend(outpoint, Output(99_000, TO_NOOR)), [coin], MAYA)
    hands.accepted(foreign)

    with pytest.raises(DevchainError) as refusal:
        node.double_spend(foreign.txid)

    assert refusal.value.code == "not_ours"
    assert node.chain.proofs == {}


def test_a_refused_winner_leaves_the_chain_in_one_piece(node: Node, hands: Hands) -> None:
    outpoint, coin = hands.give(keys.p2pkh(MAYA))
    tip = node.chain.ledger.tip
    forged = hands.sign(hands.spend(outpoint, Output(99_000, TO_NOOR)), [coin], NOOR)

    with pytest.raises(Refused):
        node.chain.mine_instead(forged.raw)

    assert node.chain.ledger.tip == tip
    assert node.chain.mempool.entries == {}


def test_a_token_payment_carries_a_token(node: Node) -> None:
    payment = node.pay(TO_NOOR, 5_000, with_token=True)

    created = payment.inputs[0]
    assert created.index == 0
    assert payment.outputs[0] == Output(5_000, TO_NOOR, Token(created.txid, 1))


def test_many_tokens_can_be_sent_in_one_block(node: Node) -> None:
    for _ in range(12):
        node.pay(TO_NOOR, 5_000, with_token=True)

    assert len(node.coins()) > 100


def test_tokens_of_the_wallet_are_never_spent_by_accident(node: Node) -> None:
    payment = node.pay(node.wallet.locking, 5_000, with_token=True)
    node.chain.mine()

    assert (payment.txid, 0) not in node.coins()
    assert node.chain.coin((payment.txid, 0)) is not None


def test_more_than_the_wallet_has_is_refused(node: Node) -> None:
    with pytest.raises(DevchainError) as refusal:
        node.pay(TO_NOOR, 20_000_000 * 100_000_000)

    assert refusal.value.code == "insufficient_funds"
    assert node.chain.mempool.entries == {}


def test_a_large_payment_joins_coins(node: Node) -> None:
    payment = node.pay(TO_NOOR, 300 * 100_000_000)

    assert payment.outputs[0].value_sat == 300 * 100_000_000
    assert len(payment.inputs) > 1


def test_a_payment_may_spend_what_waits_for_a_block_itself(node: Node) -> None:
    payment = node.pay(TO_NOOR, 5_000, with_parent=True)

    assert node.chain.mempool.has_unconfirmed_parent(payment.txid)
    node.chain.mine()
    assert node.chain.find(payment.txid) is not None


def test_a_payment_may_be_signed_with_a_weaker_hash_type(node: Node) -> None:
    payment = node.pay(
        TO_NOOR, 5_000, hash_type=sighash.ALL | sighash.FORKID | sighash.ANYONECANPAY
    )

    signature_bytes = payment.inputs[0].unlocking[0]
    assert payment.inputs[0].unlocking[signature_bytes] == 0xC1
    assert payment.txid in node.chain.mempool.entries
