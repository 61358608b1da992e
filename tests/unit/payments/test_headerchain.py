"""Our own chain: only valid headers enter, and the branch with the most work stays."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from payments import headers
from payments.errors import BadHeaders, BadProof, HeadersDetached
from payments.headerchain import BATCH, BOUND, Extension, HeaderChain
from payments.states import Network

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "headers.json").read_text())
GENESIS = bytes.fromhex(VECTORS["headers"][3]["raw"])
GENESIS_TIME = 1_296_688_602
NOW = datetime(2026, 11, 1, tzinfo=UTC)
EASY = 0x207FFFFF


def mined(prev: bytes, *, at: int, bits: int = EASY, root: bytes = bytes(32)) -> bytes:
    """A header that follows ``prev`` and has its work (two tries on average at regtest's)."""
    link = hashlib.sha256(hashlib.sha256(prev).digest()).digest()
    for nonce in range(2**32):
        parts = (at.to_bytes(4, "little"), bits.to_bytes(4, "little"), nonce.to_bytes(4, "little"))
        raw = b"\x00\x00\x00\x20" + link + root + b"".join(parts)
        if int.from_bytes(headers.parse(raw).hash, "little") <= headers.target_of(bits):
            return raw
    raise AssertionError


def branch(prev: bytes, count: int, *, tag: int = 0, at: int = GENESIS_TIME) -> list[bytes]:
    grown = [prev]
    for step in range(count):
        grown.append(mined(grown[-1], at=at + 600 * (step + 1), root=bytes([tag]) * 32))
    return grown[1:]


def joined(raws: Sequence[bytes]) -> bytes:
    return b"".join(raws)


@pytest.fixture
def chain() -> HeaderChain:
    """Regtest's genesis block and twenty more."""
    made = HeaderChain(Network.REGTEST)
    made.extend(0, GENESIS + joined(branch(GENESIS, 20)), now=NOW)
    return made


def test_a_chain_starts_empty_and_then_at_its_checkpoint() -> None:
    chain = HeaderChain(Network.REGTEST)

    assert (chain.base_height, chain.height, chain.header_at(0)) == (0, -1, None)
    assert chain.is_held(NOW)
    assert chain.is_stale(NOW)
    with pytest.raises(BadHeaders):
        chain.tip()

    assert chain.extend(0, GENESIS, now=NOW) == Extension(-1, 1, 0)
    assert chain.tip().block_hash == headers.parse(GENESIS).hash
    assert chain.tip().time == datetime.fromtimestamp(GENESIS_TIME, UTC)
    assert not chain.is_held(NOW)
    assert not chain.is_stale(NOW)


@pytest.mark.parametrize("network", [Network.MAINNET, Network.CHIPNET])
def test_a_server_of_another_chain_is_refused_at_the_checkpoint(network: Network) -> None:
    chain = HeaderChain(network)

    for height in (chain.base_height, 0, -1, chain.base_height - 1):
        with pytest.raises(BadHeaders, match="another chain"):
            chain.extend(height, GENESIS, now=NOW)

    assert chain.height == chain.base_height - 1


def test_headers_are_added_and_those_we_have_are_passed_over(chain: HeaderChain) -> None:
    more = branch(chain.raw_from(20), 3, at=chain.header_at(20).time_seconds)  # type: ignore[union-attr]

    assert chain.extend(21, joined(more), now=NOW) == Extension(20, 3, 0)
    assert chain.extend(15, chain.raw_from(15), now=NOW) == Extension(23, 0, 0)
    assert chain.extend(10, b"", now=NOW) == Extension(9, 0, 0)
    assert chain.tip().height == 23
    assert chain.raw_from(21) == joined(more)


def test_what_leaves_a_gap_or_hangs_in_the_air_asks_for_more(chain: HeaderChain) -> None:
    before = chain.raw_from(0)
    elsewhere = branch(mined(GENESIS, at=GENESIS_TIME + 1), 2)

    for height in (10, 21, 22, 500):
        with pytest.raises(HeadersDetached):
            chain.extend(height, joined(elsewhere), now=NOW)

    assert chain.raw_from(0) == before


def test_the_branch_with_more_work_stays(chain: HeaderChain) -> None:
    fork = chain.header_at(15)
    assert fork is not None
    prev = chain.raw_from(15)[:80]
    rival = branch(prev, 6, tag=7, at=fork.time_seconds)
    ours = chain.raw_from(0)

    assert chain.extend(16, joined(rival[:4]), now=NOW) == Extension(15, 0, 0)
    assert chain.extend(16, joined(rival[:5]), now=NOW) == Extension(15, 0, 0)
    assert chain.raw_from(0) == ours

    assert chain.extend(14, chain.raw_from(14)[:160] + joined(rival), now=NOW) == Extension(
        15, 6, 5
    )
    assert chain.tip().height == 21
    assert chain.raw_from(16) == joined(rival)
    assert chain.raw_from(0)[: 16 * 80] == ours[: 16 * 80]


def test_servers_may_come_in_any_order(chain: HeaderChain) -> None:
    other = HeaderChain(Network.REGTEST)
    short = branch(chain.raw_from(20), 1, tag=1, at=GENESIS_TIME + 20_000)
    long = branch(chain.raw_from(20), 2, tag=2, at=GENESIS_TIME + 20_000)
    other.extend(0, chain.raw_from(0), now=NOW)

    for each, order in ((chain, (short, long)), (other, (long, short))):
        for offered in order:
            each.extend(21, joined(offered), now=NOW)

    assert chain.tip() == other.tip()
    assert chain.raw_from(0) == other.raw_from(0)


def test_the_checkpoint_itself_cannot_be_replaced(chain: HeaderChain) -> None:
    impostor = mined(bytes(80), at=GENESIS_TIME)

    with pytest.raises(BadHeaders, match="another chain"):
        chain.extend(0, joined([impostor, *branch(impostor, 40)]), now=NOW)

    assert chain.tip().height == 20


def test_one_bad_header_spoils_the_batch(chain: HeaderChain) -> None:
    good = branch(chain.raw_from(20), 4, at=GENESIS_TIME + 20_000)
    before = chain.raw_from(0)

    for at in range(4):
        for byte in (0, 40, 70, 73, 77):
            bent = bytearray(joined(good))
            bent[at * 80 + byte] ^= 0x80
            with pytest.raises(BadHeaders):
                chain.extend(21, bytes(bent) + mined(bytes(80), at=0), now=NOW)
    with pytest.raises(BadHeaders, match="80 bytes"):
        chain.extend(21, joined(good) + b"\x00", now=NOW)

    assert chain.raw_from(0) == before


def test_time_may_not_run_backwards_or_far_ahead(chain: HeaderChain) -> None:
    median = chain.header_at(15)
    assert median is not None
    tip = chain.raw_from(20)

    with pytest.raises(BadHeaders, match="median"):
        chain.extend(21, mined(tip, at=median.time_seconds), now=NOW)
    ahead = int(NOW.timestamp()) + 7_201
    with pytest.raises(BadHeaders, match="future"):
        chain.extend(21, mined(tip, at=ahead), now=NOW)

    assert chain.extend(21, mined(tip, at=median.time_seconds + 1), now=NOW).added == 1
    assert chain.extend(22, mined(chain.raw_from(21), at=ahead - 1), now=NOW).added == 1


def test_a_stored_chain_is_checked_again_when_it_is_taken_up(chain: HeaderChain) -> None:
    raw = chain.raw_from(0)

    assert HeaderChain.load(Network.REGTEST, raw, now=NOW).raw_from(0) == raw
    assert HeaderChain.load(Network.REGTEST, b"", now=NOW).height == -1
    with pytest.raises(BadHeaders):
        HeaderChain.load(Network.REGTEST, raw[:800] + raw[880:], now=NOW)


def test_a_long_chain_is_taken_up_in_batches() -> None:
    raw = GENESIS + joined(branch(GENESIS, BATCH + 5))

    chain = HeaderChain.load(Network.REGTEST, raw, now=NOW)

    assert chain.tip().height == BATCH + 5
    assert chain.raw_from(-5) == raw


def test_a_proof_leads_to_our_own_header(chain: HeaderChain) -> None:
    txid = hashlib.sha256(b"one").hexdigest()
    tip = mined(chain.raw_from(20), at=GENESIS_TIME + 20_000, root=bytes.fromhex(txid)[::-1])
    chain.extend(21, tip, now=NOW)

    assert chain.prove(txid, height=21, branch=[], position=0) == headers.parse(tip)
    with pytest.raises(BadProof):
        chain.prove(txid, height=20, branch=[], position=0)
    with pytest.raises(HeadersDetached):
        chain.prove(txid, height=22, branch=[], position=0)


# --- mainnet's extra care, on a network with mainnet's rules and regtest's work -----------------

HALF_LIFE = 2 * 24 * 3600
START_BITS = 0x200FFFFF  # eight times harder than the limit, so that it can get easier


@pytest.fixture
def bounded(monkeypatch: pytest.MonkeyPatch) -> HeaderChain:
    """A chain with ASERT and the plausibility bound whose work a test can do."""
    start = mined(bytes(80), at=GENESIS_TIME, bits=START_BITS)
    rules = replace(
        headers.RULES[Network.MAINNET],
        checkpoint_height=1_000,
        checkpoint_hash=headers.parse(start).hash,
        limit_target=2**255 - 1,
        anchor=headers.Anchor(1_000, START_BITS, GENESIS_TIME - 600),
    )
    monkeypatch.setitem(headers.RULES, Network.MAINNET, rules)
    chain = HeaderChain(Network.MAINNET)
    chain.extend(1_000, start, now=NOW)
    return chain


def grow(chain: HeaderChain, *, wait: int, now: datetime = NOW) -> headers.Header:
    """Mine one block ``wait`` seconds after the tip, at the difficulty the rules ask for."""
    prev = chain.header_at(chain.height)
    assert prev is not None
    at = prev.time_seconds + wait
    rules = headers.RULES[Network.MAINNET]
    bits = headers.next_bits(prev, prev_height=chain.height, at=at, rules=rules)
    raw = mined(chain.raw_from(chain.height), at=at, bits=bits)
    chain.extend(chain.height + 1, raw, now=now)
    return headers.parse(raw)


def at_tip(chain: HeaderChain, **later: int) -> datetime:
    return chain.tip().time + timedelta(**later)


def test_the_difficulty_follows_the_clock(bounded: HeaderChain) -> None:
    assert grow(bounded, wait=600).bits == START_BITS
    grow(bounded, wait=600 + HALF_LIFE)

    eased = headers.target_of(grow(bounded, wait=600).bits)
    assert eased // headers.target_of(START_BITS) == 2


def test_other_difficulty_than_the_rules_ask_for_is_refused(bounded: HeaderChain) -> None:
    easy = mined(bounded.raw_from(1_000), at=GENESIS_TIME + 600, bits=EASY)

    with pytest.raises(BadHeaders, match="difficulty"):
        bounded.extend(1_001, easy, now=NOW)


def test_the_median_rule_waits_until_eleven_blocks_are_known(bounded: HeaderChain) -> None:
    # The ten blocks before a checkpoint are not known, so the first may be older than it.
    grow(bounded, wait=-500)
    for _ in range(10):
        grow(bounded, wait=600)
    assert bounded.height == 1_011

    with pytest.raises(BadHeaders, match="median"):
        grow(bounded, wait=-5_000)


def test_a_tip_grown_old_warns_and_then_holds(bounded: HeaderChain) -> None:
    assert not bounded.is_stale(at_tip(bounded, hours=2))
    assert bounded.is_stale(at_tip(bounded, hours=2, seconds=1))
    assert not bounded.is_held(at_tip(bounded, hours=6))
    assert bounded.is_held(at_tip(bounded, hours=6, seconds=1))


def test_blocks_too_easy_to_be_believed_hold_settling(bounded: HeaderChain) -> None:
    grow(bounded, wait=600 + 3 * HALF_LIFE - 1_200)
    grow(bounded, wait=600)
    assert not bounded.is_held(at_tip(bounded))

    grow(bounded, wait=600 + HALF_LIFE)
    easy = grow(bounded, wait=600)

    limit = BOUND * headers.target_of(START_BITS)
    assert headers.target_of(easy.bits) > limit
    assert bounded.is_held(at_tip(bounded))


def test_a_doubt_goes_with_its_branch(bounded: HeaderChain) -> None:
    grow(bounded, wait=600)
    twin = HeaderChain.load(Network.MAINNET, bounded.raw_from(0), now=NOW)
    grow(bounded, wait=600 + 4 * HALF_LIFE)
    grow(bounded, wait=600)
    assert bounded.is_held(at_tip(bounded))

    for _ in range(40):
        grow(twin, wait=600)
    bounded.extend(1_002, twin.raw_from(1_002), now=NOW)

    assert bounded.tip() == twin.tip()
    assert not bounded.is_held(at_tip(bounded))


def test_easy_blocks_never_become_the_measure_of_easy_blocks(
    bounded: HeaderChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("payments.headerchain.BATCH", 50)
    for wait in (600 + 4 * HALF_LIFE, *[600] * 200):
        grow(bounded, wait=wait)

    assert bounded.is_held(at_tip(bounded))


def test_a_doubt_ends_when_blocks_have_been_plausible_again_for_long(
    bounded: HeaderChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("payments.headerchain.BATCH", 50)
    grow(bounded, wait=600 + 3 * HALF_LIFE + 600)
    last = grow(bounded, wait=600)
    assert headers.target_of(last.bits) > BOUND * headers.target_of(START_BITS)

    while headers.target_of(last.bits) > BOUND * headers.target_of(START_BITS):
        last = grow(bounded, wait=60)
    for _ in range(48):
        grow(bounded, wait=550)
    assert bounded.is_held(at_tip(bounded))
    grow(bounded, wait=550)
    assert not bounded.is_held(at_tip(bounded))
