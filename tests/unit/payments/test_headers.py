"""Headers: each network's rules against published figures, and every way to bend them."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments import headers
from payments.errors import BadHeaders, BadProof
from payments.headers import RULES, Header
from payments.states import Network

VECTORS = Path(__file__).parents[2] / "vectors"
ASERT = json.loads((VECTORS / "asert.json").read_text())
KNOWN = json.loads((VECTORS / "headers.json").read_text())["headers"]
BLOCK_100000 = next(each for each in KNOWN if each["height"] == 100_000)
MAINNET, CHIPNET, REGTEST = (RULES[network] for network in Network)


def sha256d(data: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def header(raw: str) -> Header:
    return headers.parse(bytes.fromhex(raw))


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known["hash"][-8:])
def test_a_known_header_hashes_to_its_published_id_and_has_its_work(known: dict[str, str]) -> None:
    read = header(known["raw"])

    assert read.hash_hex == known["hash"]
    assert int(known["hash"], 16) <= headers.target_of(read.bits)


def test_a_header_is_read_field_by_field() -> None:
    read = header(BLOCK_100000["raw"])

    assert read.time == datetime(2010, 12, 29, 11, 57, 43, tzinfo=UTC)
    assert read.bits == 0x1B04864C
    assert (
        read.prev_hash[::-1].hex()
        == "000000000002d01c1fccc21636b607dfd930d31d01c3a62104612a1719011250"
    )


@pytest.mark.parametrize("size", [0, 79, 81, 160])
def test_another_length_is_no_header(size: int) -> None:
    with pytest.raises(BadHeaders):
        headers.parse(bytes(size))


@pytest.mark.parametrize("case", ASERT["cases"], ids=lambda case: case["bits"])
def test_difficulty_is_that_of_the_node(case: dict[str, str | int]) -> None:
    target = headers.asert(
        int(str(case["anchor_target"]), 16),
        time_diff=int(case["anchor_time_diff"]) + headers.BLOCK_SECONDS,
        height_diff=int(case["height_diff"]),
        rules=MAINNET,
    )

    assert target == int(str(case["target"]), 16)
    assert headers.compact_of(target) == int(str(case["bits"]), 16)


def test_the_division_truncates_where_python_would_floor() -> None:
    # A block 300 s early: floor gives an exponent one smaller, and another target.
    anchor = 2**224 - 1
    target = headers.asert(anchor, time_diff=900, height_diff=1, rules=MAINNET)

    exponent = (900 - 1200) * 65_536 // MAINNET.half_life_seconds
    assert exponent == -114
    assert headers.compact_of(target) == 0x1D00FFB1


def test_the_block_after_the_anchor_has_the_anchors_difficulty_when_on_schedule() -> None:
    anchor = MAINNET.anchor
    assert anchor is not None
    prev = replace(header(KNOWN[0]["raw"]), time_seconds=anchor.prev_time_seconds + 600)

    bits = headers.next_bits(
        prev, prev_height=anchor.height, at=prev.time_seconds + 600, rules=MAINNET
    )

    assert bits == anchor.bits


def test_chipnet_allows_an_easy_block_after_twenty_minutes() -> None:
    anchor = CHIPNET.anchor
    assert anchor is not None
    prev = replace(header(KNOWN[0]["raw"]), time_seconds=anchor.prev_time_seconds)

    def bits(rules: headers.Rules, after: int) -> int:
        height = anchor.height + 100
        at = prev.time_seconds + after
        return headers.next_bits(prev, prev_height=height, at=at, rules=rules)

    assert bits(CHIPNET, 1_201) == 0x1D00FFFF
    assert bits(CHIPNET, 1_200) == bits(CHIPNET, 0) < 0x1D00FFFF
    assert bits(MAINNET, 10_000) == bits(MAINNET, 0)


def test_regtest_never_changes() -> None:
    prev = header(KNOWN[3]["raw"])

    bits = headers.next_bits(prev, prev_height=5, at=prev.time_seconds + 10**6, rules=REGTEST)

    assert bits == prev.bits == 0x207FFFFF


@pytest.mark.parametrize(
    "bits", [0, 0x1D000000, 0x1D800001, 0x00FFFFFF, 0x01003456, 0x22010000, 0xFF7FFFFF]
)
def test_an_impossible_difficulty_is_refused(bits: int) -> None:
    with pytest.raises(BadHeaders):
        headers.target_of(bits)


@given(st.integers(1, 2**255 - 1))
def test_the_compact_form_keeps_the_leading_digits(target: int) -> None:
    bits = headers.compact_of(target)

    kept = headers.target_of(bits)
    assert kept <= target
    assert target - kept < max(1, target >> 15)
    assert headers.compact_of(kept) == bits


def test_work_is_the_expected_number_of_hashes() -> None:
    assert headers.work_of(0x207FFFFF) == 2
    assert headers.work_of(0x1D00FFFF) == 0x100010001


def test_a_header_must_follow_the_one_before_it() -> None:
    genesis, first = header(KNOWN[0]["raw"]), header(KNOWN[1]["raw"])
    rules = replace(MAINNET, anchor=None)
    times = (genesis.time_seconds,)

    headers.check(first, height=1, prev=genesis, times=times, rules=rules)

    for wrong, cause in (
        (replace(first, prev_hash=bytes(32)), "does not follow"),
        (replace(first, bits=0x1D00FFFE), "difficulty"),
        (replace(first, hash=b"\xff" * 32), "proof of work"),
        (replace(first, time_seconds=genesis.time_seconds), "older than the median"),
    ):
        with pytest.raises(BadHeaders, match=cause):
            headers.check(wrong, height=1, prev=genesis, times=times, rules=rules)


def branch_of(txids: list[str], position: int) -> list[bytes]:
    """A merkle branch, made the plain way: an odd level repeats its last node."""
    level, branch = [bytes.fromhex(txid)[::-1] for txid in txids], []
    while len(level) > 1:
        if len(level) % 2:
            level.append(level[-1])
        branch.append(level[position ^ 1])
        level = [sha256d(level[i] + level[i + 1]) for i in range(0, len(level), 2)]
        position >>= 1
    return branch


def root_of(txids: list[str]) -> bytes:
    node = bytes.fromhex(txids[0])[::-1]
    for sibling in branch_of(txids, 0):
        node = sha256d(node + sibling)
    return node


@pytest.mark.parametrize("position", range(4))
def test_every_transaction_of_a_known_block_is_proved(position: int) -> None:
    block, txids = header(BLOCK_100000["raw"]), BLOCK_100000["txids"]
    branch = branch_of(txids, position)

    headers.check_merkle(txids[position], branch, position, block)

    for wrong in (position ^ 1, position ^ 2, position + 4, -1):
        with pytest.raises(BadProof):
            headers.check_merkle(txids[position], branch, wrong, block)
    with pytest.raises(BadProof):
        headers.check_merkle(txids[position ^ 1], branch, position, block)


@given(st.integers(1, 40), st.data())
def test_a_proof_holds_for_its_own_transaction_and_breaks_with_any_bit(
    count: int, data: st.DataObject
) -> None:
    txids = [hashlib.sha256(bytes([n])).hexdigest() for n in range(count)]
    position = data.draw(st.integers(0, count - 1))
    block = replace(header(BLOCK_100000["raw"]), merkle_root=root_of(txids))
    branch = branch_of(txids, position)

    headers.check_merkle(txids[position], branch, position, block)

    if branch:
        level = data.draw(st.integers(0, len(branch) - 1))
        bit = data.draw(st.integers(0, 255))
        bent = list(branch)
        bent[level] = (int.from_bytes(bent[level]) ^ 1 << bit).to_bytes(32)
        with pytest.raises(BadProof):
            headers.check_merkle(txids[position], bent, position, block)
        with pytest.raises(BadProof):
            headers.check_merkle(txids[position], branch[:-1], position, block)


def test_the_repeated_last_transaction_is_not_proved_twice() -> None:
    txids = [hashlib.sha256(bytes([n])).hexdigest() for n in range(3)]
    block = replace(header(BLOCK_100000["raw"]), merkle_root=root_of(txids))
    branch = branch_of(txids, 2)

    headers.check_merkle(txids[2], branch, 2, block)

    with pytest.raises(BadProof, match="not there"):
        headers.check_merkle(txids[2], branch, 3, block)


def test_a_branch_of_another_form_is_refused() -> None:
    block, txid = header(BLOCK_100000["raw"]), BLOCK_100000["txids"][0]

    with pytest.raises(BadProof, match="wrong length"):
        headers.check_merkle(txid, [b"\x00" * 31], 0, block)
    with pytest.raises(BadProof, match="outside"):
        headers.check_merkle(txid, [bytes(32)] * 33, 0, block)


def test_checkpoints_are_later_than_the_splits_that_share_our_genesis() -> None:
    assert MAINNET.checkpoint_height > 661_647
    assert CHIPNET.checkpoint_height > 16_844
    assert REGTEST.checkpoint_hash[::-1].hex() == KNOWN[3]["hash"]
