"""Two thousand random steps at every run of CI, two hundred thousand in ``make soak``."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.soak.machine import Shop

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # A process that dies leaves sockets open: hundreds die here, in one process.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

STEPS_A_STORY = 50
STORIES = int(os.environ.get("KIM_STORIES", "45"))


def test_nothing_unpaid_is_released_and_nothing_paid_stays_locked() -> None:
    run_state_machine_as_test(
        Shop,
        settings=settings(
            max_examples=STORIES,
            stateful_step_count=STEPS_A_STORY,
            derandomize="KIM_STORIES" not in os.environ,
            database=None,
            deadline=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )
