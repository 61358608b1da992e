"""Two thousand random steps at every run of CI, two hundred thousand in ``make soak``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.internal import observability
from hypothesis.internal.observability import with_observability_callback
from hypothesis.stateful import run_state_machine_as_test

from tests.soak.late import LateShop
from tests.soak.machine import Shop
from tests.soak.turns import TurningShop

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # A process that dies leaves sockets open: hundreds die here, in one process.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

STEPS_A_STORY = 50
STORIES = int(os.environ.get("KIM_STORIES", "42"))
observability.OBSERVABILITY_COLLECT_COVERAGE = False  # which takes ten times as long
# `make faults` asks only whether a story fails, not for the shortest one that does.
SHORTEN = (Phase.shrink,) if os.environ.get("KIM_SHORTEN", "1") == "1" else ()


class Counted:
    """Counts the steps of all stories, for whoever asks (`make faults`)."""

    steps = 0

    def check_invariants(self, *args: Any, **kwargs: Any) -> None:
        Counted.steps += 1
        super().check_invariants(*args, **kwargs)  # type: ignore[misc]


class CountedShop(Counted, Shop):
    pass


class CountedLateShop(Counted, LateShop):
    pass


class CountedTurningShop(Counted, TurningShop):
    pass


@pytest.fixture(autouse=True)
def told_steps() -> Iterator[None]:
    yield
    if wanted := os.environ.get("KIM_STEPS_TO"):
        Path(wanted).write_text(str(Counted.steps))


def test_only_what_all_servers_deny_is_taken_back_and_only_what_is_proved_is_given() -> None:
    _tell(CountedTurningShop, STORIES // 4)


def test_nothing_unpaid_is_released_and_nothing_paid_stays_locked() -> None:
    _tell(CountedShop, STORIES)


def test_what_comes_late_is_held_to_the_quote_that_it_came_for() -> None:
    _tell(CountedLateShop, STORIES // 3)


def _tell(shop: type[Shop], stories: int) -> None:
    wanted = settings(
        max_examples=stories,
        stateful_step_count=STEPS_A_STORY,
        derandomize="KIM_STORIES" not in os.environ,
        database=None,
        deadline=None,
        phases=(Phase.generate, *SHORTEN),
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    with with_observability_callback(_told):
        run_state_machine_as_test(shop, settings=wanted)


def _told(seen: Any) -> None:
    """The steps of what fails, at once: what hangs on the moment fails no second time."""
    if seen.type == "test_case" and seen.status == "failed":
        print(seen.representation)
