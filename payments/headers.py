"""Block headers and the rules that make a chain of them ours: work, difficulty, time, merkle proofs.

Sources: Bitcoin Cash Node's chainparams and pow.cpp for the networks' figures; the aserti3-2d
specification (2020-11-15-asert) for the difficulty. ``payments.headerchain`` keeps the chain.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from payments.errors import BadHeaders, BadProof
from payments.states import Network

if TYPE_CHECKING:
    from collections.abc import Sequence

HEADER_BYTES: Final = 80
BITS_AT: Final = 72  # where the compact difficulty stands
BLOCK_SECONDS: Final = 600
MEDIAN_SPAN: Final = 11
MAX_FUTURE_SECONDS: Final = 2 * 3600
_MAX_BRANCH: Final = 32


@dataclass(frozen=True, slots=True)
class Header:
    """One block header. Hashes are 32 bytes in wire order (people read them reversed)."""

    prev_hash: bytes
    merkle_root: bytes
    time_seconds: int
    bits: int
    hash: bytes

    @property
    def hash_hex(self) -> str:
        """The hash as people read it."""
        return self.hash[::-1].hex()

    @property
    def time(self) -> datetime:
        """What the miner's clock said, aware UTC."""
        return datetime.fromtimestamp(self.time_seconds, UTC)


@dataclass(frozen=True, slots=True)
class Anchor:
    """The block that ASERT measures from; ``prev_time_seconds`` is its parent's time."""

    height: int
    bits: int
    prev_time_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """One network's figures. The checkpoint is a block that our chain must contain and starts at;
    it is later than November 2020, because older blocks are shared with chains that are not ours.

    ``anchor`` None: the difficulty never changes. ``easy_after_seconds``: a test network's block
    that comes so long after its parent has the least difficulty. ``is_bounded``: difficulty must
    stay plausible, and a tip must not grow old.
    """

    checkpoint_height: int
    checkpoint_hash: bytes
    limit_target: int
    anchor: Anchor | None
    half_life_seconds: int
    easy_after_seconds: int | None
    is_bounded: bool


def _hash(people_read: str) -> bytes:
    return bytes.fromhex(people_read)[::-1]


_LIMIT: Final = 2**224 - 1

RULES: Final[dict[Network, Rules]] = {
    # Checkpoints: Bitcoin Cash Node 28.0.1, chainparams.cpp (mainnet December 2024).
    Network.MAINNET: Rules(
        checkpoint_height=878_660,
        checkpoint_hash=_hash("000000000000000000c166d5661c13195722ae6fbee90f0ab2407ae60b71c2e6"),
        limit_target=_LIMIT,
        anchor=Anchor(661_647, 0x1804DAFE, 1_605_447_844),
        half_life_seconds=2 * 24 * 3600,
        easy_after_seconds=None,
        is_bounded=True,
    ),
    Network.CHIPNET: Rules(
        checkpoint_height=232_000,
        checkpoint_hash=_hash("0000000017d92f88ed2c81885c57f999184860a042250510be06b3edd12e0dc5"),
        limit_target=_LIMIT,
        anchor=Anchor(16_844, 0x1D00FFFF, 1_605_451_779),
        half_life_seconds=3600,
        easy_after_seconds=2 * BLOCK_SECONDS,
        is_bounded=False,
    ),
    Network.REGTEST: Rules(
        checkpoint_height=0,
        checkpoint_hash=_hash("0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206"),
        limit_target=2**255 - 1,
        anchor=None,
        half_life_seconds=0,
        easy_after_seconds=None,
        is_bounded=False,
    ),
}


def parse(raw: bytes) -> Header:
    """Read one 80-byte header. Raises ``BadHeaders`` for any other length."""
    if len(raw) != HEADER_BYTES:
        raise BadHeaders("A block header has 80 bytes.")
    return Header(
        prev_hash=raw[4:36],
        merkle_root=raw[36:68],
        time_seconds=int.from_bytes(raw[68:72], "little"),
        bits=int.from_bytes(raw[BITS_AT : BITS_AT + 4], "little"),
        hash=hashlib.sha256(hashlib.sha256(raw).digest()).digest(),
    )


def check(header: Header, *, height: int, prev: Header, times: Sequence[int], rules: Rules) -> None:
    """Hold ``header`` at ``height`` to the rules, given its parent and its ancestors' times.

    ``times`` are those of up to 11 blocks before it; with fewer, unless the chain is as short as
    that, the median rule cannot be applied. Raises ``BadHeaders``.
    """
    if header.prev_hash != prev.hash:
        raise BadHeaders("Header {height} does not follow the one before it.", height=height)
    if header.bits != next_bits(prev, prev_height=height - 1, at=header.time_seconds, rules=rules):
        raise BadHeaders(
            "Header {height} claims a difficulty that is not the network's.", height=height
        )
    if int.from_bytes(header.hash, "little") > target_of(header.bits):
        raise BadHeaders("Header {height} lacks its proof of work.", height=height)
    if len(times) >= min(MEDIAN_SPAN, height):
        recent = sorted(times[-MEDIAN_SPAN:])
        if header.time_seconds <= recent[len(recent) // 2]:
            raise BadHeaders(
                "Header {height} is older than the median of those before it.", height=height
            )


def next_bits(prev: Header, *, prev_height: int, at: int, rules: Rules) -> int:
    """The difficulty, in compact form, that the block after ``prev`` must have at time ``at``."""
    easiest = compact_of(rules.limit_target)
    if rules.anchor is None:
        return easiest
    easy_after = rules.easy_after_seconds
    if easy_after is not None and at > prev.time_seconds + easy_after:
        return easiest
    target = asert(
        target_of(rules.anchor.bits),
        time_diff=prev.time_seconds - rules.anchor.prev_time_seconds,
        height_diff=prev_height - rules.anchor.height,
        rules=rules,
    )
    return compact_of(target)


def asert(anchor_target: int, *, time_diff: int, height_diff: int, rules: Rules) -> int:
    """aserti3-2d: the next target, ``time_diff`` seconds and ``height_diff`` blocks on.

    The specification writes the exponent's division as Python's ``//``, but nodes truncate toward
    zero; on early blocks Python would floor and leave the network by one step.
    """
    drift = (time_diff - BLOCK_SECONDS * (height_diff + 1)) * 65_536
    exponent = abs(drift) // rules.half_life_seconds * (1 if drift >= 0 else -1)
    shifts, frac = exponent >> 16, exponent & 0xFFFF
    factor = 65_536 + (
        (195_766_423_245_049 * frac + 971_821_376 * frac**2 + 5_127 * frac**3 + 2**47) >> 48
    )
    target = anchor_target * factor
    shifts -= 16
    target = target >> -shifts if shifts <= 0 else target << shifts
    return min(max(target, 1), rules.limit_target)


def target_of(bits: int) -> int:
    """The number a block's hash may not exceed. Raises ``BadHeaders`` unless it is positive."""
    size, mantissa = bits >> 24, bits & 0x7F_FFFF
    target = mantissa >> 8 * (3 - size) if size <= 3 else mantissa << 8 * (size - 3)
    if bits & 0x80_0000 or not 0 < target < 2**256:
        raise BadHeaders("A header claims an impossible difficulty.")
    return target


def compact_of(target: int) -> int:
    """``target`` in the header's form: three significant bytes, the top bit kept free."""
    size = (target.bit_length() + 7) // 8
    mantissa = target << 8 * (3 - size) if size <= 3 else target >> 8 * (size - 3)
    if mantissa & 0x80_0000:
        mantissa, size = mantissa >> 8, size + 1
    return size << 24 | mantissa


def work_of(bits: int) -> int:
    """How many hashes a block of this difficulty stands for, on average."""
    return 2**256 // (target_of(bits) + 1)


def check_merkle(txid: str, branch: Sequence[bytes], position: int, header: Header) -> None:
    """Hold that ``header``'s block contains ``txid`` at ``position``. Raises ``BadProof``.

    ``branch`` are the sibling hashes from the leaf up, in wire order. A left sibling equal to its
    node is refused: it would show one transaction at two places (CVE-2012-2459). So is a position
    beyond the branch's width, which would name the same leaf twice.
    """
    if len(branch) > _MAX_BRANCH or position < 0 or position >> len(branch):
        raise BadProof("The position lies outside the block.")
    node = bytes.fromhex(txid)[::-1]
    for level, sibling in enumerate(branch):
        if len(sibling) != len(node):
            raise BadProof("A hash of the proof has the wrong length.")
        if position >> level & 1:
            if sibling == node:
                raise BadProof("The proof shows a transaction that is not there.")
            pair = sibling + node
        else:
            pair = node + sibling
        node = hashlib.sha256(hashlib.sha256(pair).digest()).digest()
    if node != header.merkle_root:
        raise BadProof("The proof does not lead to the block's header.")
