"""A short run of the chaos in CI, with a seed that never changes; hours by `make chaos`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.chaos import plan
from tests.chaos.plan import Kind
from tests.chaos.run import run
from tests.faults import ROOT, apply

PLANTED = sorted((Path(__file__).parent / "planted").glob("*.patch"))
SEED = 7
SECONDS = 6.0


def test_a_plan_is_drawn_from_its_seed_alone() -> None:
    drawn = plan.draw(SEED, seconds=600, pause_seconds=1.5)

    assert drawn == plan.draw(SEED, seconds=600, pause_seconds=1.5)
    assert drawn != plan.draw(SEED + 1, seconds=600, pause_seconds=1.5)


def test_a_long_run_strikes_everybody_in_every_way() -> None:
    drawn = plan.draw(SEED, seconds=1800, pause_seconds=1.5)

    struck = Counter(fault.target for fault in drawn)
    assert set(struck) == {*plan.OURS, *plan.SERVERS, *(f"{name} line" for name in plan.LINES)}
    assert min(struck.values()) >= 0.8 * max(struck.values()) / 2  # Redis is in it twice
    assert {fault.kind for fault in drawn} == set(Kind)


def test_one_target_has_one_fault_at_a_time() -> None:
    until: dict[str, float] = {}
    for fault in plan.draw(SEED, seconds=1800, pause_seconds=0.2):
        assert fault.at_seconds >= until.get(fault.target, 0.0)
        until[fault.target] = fault.at_seconds + fault.lasts_seconds


@pytest.mark.parametrize("patch", PLANTED, ids=lambda patch: patch.stem)
def test_what_the_chaos_was_seen_to_find_can_still_be_planted(patch: Path) -> None:
    apply(patch, ROOT, only_check=True)


@pytest.mark.stack
def test_nothing_paid_is_lost_and_nothing_unpaid_opens() -> None:
    with TemporaryDirectory(prefix="kim-chaos-", ignore_cleanup_errors=True) as directory:
        outcome = run(Path(directory), seed=SEED, seconds=SECONDS, people=6)

    print(outcome.table())
    assert outcome.wrong == []
    assert outcome.faults.total() >= 4
    assert outcome.uploads >= 1
    assert outcome.purchases.total() >= 1
