"""Exact edges of work, difficulty and proofs that `make mutants` found nobody on."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from payments import headers
from payments.errors import BadHeaders
from payments.headers import RULES, Header
from payments.states import Network

MAINNET = RULES[Network.MAINNET]
ONE_A_SECOND = replace(MAINNET, half_life_seconds=65_536)


def test_a_hash_may_be_as_large_as_the_target_and_no_larger() -> None:
    rules = replace(MAINNET, anchor=None)
    target = 0xFFFF << 208
    prev = Header(bytes(32), bytes(32), 100, 0x1D00FFFF, bytes(32))

    for number, is_good in ((target - 1, True), (target, True), (target + 1, False)):
        made = replace(prev, time_seconds=700, hash=number.to_bytes(32, "little"))
        if is_good:
            headers.check(made, height=50, prev=prev, times=(), rules=rules)
        else:
            with pytest.raises(BadHeaders, match="proof of work"):
                headers.check(made, height=50, prev=prev, times=(), rules=rules)


def factor(frac: int) -> int:
    """What asert multiplies by (in 65,536ths), ``frac`` 65,536ths of a half-life after schedule."""
    return headers.asert(65_536, time_diff=frac, height_diff=-1, rules=ONE_A_SECOND)


def test_the_cubic_is_that_of_the_specification_at_every_point() -> None:
    """Within 0.013 % of a power of two, as it promises; and to the last bit what it was."""
    factors = [factor(frac) for frac in range(65_536)]

    for frac in range(0, 65_536, 37):
        ideal = 65_536 * 2 ** (frac / 65_536)
        assert abs(factors[frac] - ideal) < 0.00013 * ideal
    assert [factors[at] for at in (0, 1, 42_375, 64_937)] == [65_536, 65_537, 102_594, 130_247]
    whole = b"".join(each.to_bytes(4) for each in factors)
    assert hashlib.sha256(whole).hexdigest() == (
        "196947cd0215038c9de97431a3c958c43ca205517d075ed0cc4d6c12e137837f"
    )


def test_a_network_without_a_changing_difficulty_has_no_half_life() -> None:
    assert RULES[Network.REGTEST].half_life_seconds == 0


@pytest.mark.parametrize(
    ("half_lives", "target"),
    [(-1, 2**15), (0, 2**16), (1, 2**17), (-16, 1), (-17, 1), (16, 2**32), (17, 2**33)],
)
def test_a_half_life_late_is_twice_as_easy(half_lives: int, target: int) -> None:
    late = 65_536 * half_lives
    assert headers.asert(2**16, time_diff=late, height_diff=-1, rules=ONE_A_SECOND) == target


def test_a_target_ends_below_two_to_the_256th() -> None:
    assert headers.target_of(0x2100FFFF) == 0xFFFF << 240
    for bits in (0x21010000, 0x20800000, 0):  # 2**256 itself; negative; nothing
        with pytest.raises(BadHeaders):
            headers.target_of(bits)
