"""Five processes out of one (tests/e2e/test_crew.py sells with them): what they inherit."""

from __future__ import annotations

import os
import subprocess
import sys

from kim.embedded import ROOT

LOOK = """
import os, threading
from kim import crew
crew.read_in()
held = [os.path.realpath(f"/proc/self/fd/{each}") for each in os.listdir("/proc/self/fd") if int(each) > 2]
print(threading.active_count(), [each for each in held if "socket" in each or "sqlite" in each])
"""


def test_nothing_is_open_when_the_roles_part() -> None:
    environ = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.environment"}
    done = subprocess.run(
        (sys.executable, "-c", LOOK),
        cwd=ROOT,
        env=environ,
        capture_output=True,
        timeout=60,
        check=True,
    )

    assert done.stdout.decode() == "1 []\n"
