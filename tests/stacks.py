"""Stacks for tests: the real processes on private ports, on a database that is migrated already."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kim import crew, embedded
from kim.embedded import Layout
from kim.stack import Stack
from tests import migrated

LOWEST_PORT, PORTS, RANGES = 11_000, 5_200, 4  # below the ephemeral ports


def free_base() -> int:
    """A base port whose whole span is free now; far from the usual services. Workers of one run
    never choose the same."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    low = LOWEST_PORT + PORTS * (worker % RANGES)
    while True:
        base = random.randrange(low, low + PORTS, embedded.PORT_SPAN)
        if not any(embedded.listens(base + step) for step in range(embedded.PORT_SPAN)):
            return base


def make_stack(
    data: Path, *, environ: dict[str, str] | None = None, is_migrated: bool = True
) -> Stack:
    """A stack of its own in ``data``; sweeps are quick so that stories need not wait a minute.

    ``is_migrated``: begins with a copy of the session's migrated database, where it uses SQLite.
    """
    quick = {
        "KIM_SWEEP_SECONDS": "2",
        "KIM_FORWARD_SECONDS": "2",
        "KIM_RATE_SECONDS": "5",
        "KIM_PAYOUT_WAIT_SECONDS": "3",
        "KIM_RATE_SIGNUP": "1000/hour",
        "KIM_RATE_LOGIN": "1000/minute",
        "KIM_RATE_PURCHASE": "1000/minute",
        "KIM_RATE_PRESIGN": "100000/minute",
        "KIM_RATE_REPORT": "1000/minute",
        "KIM_RATE_ANY": "100000/minute",
        "KIM_RATE_RECOVERY": "100000/minute",
        "KIM_PURCHASES_OPEN_PER_IP": "1000",
    }
    given = {**_bare(), **quick, **(environ or {})}
    if is_migrated and "KIM_DATABASE_URL" not in given and not (data / "kim.sqlite3").exists():
        migrated.copy_to(data / "kim.sqlite3")
    return Stack(Layout(data, free_base()), environ=given)


def _bare() -> dict[str, str]:
    """Without settings of ours, and without the module of settings that pytest runs on."""
    ours = ("KIM_", "DJANGO_SETTINGS_MODULE")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


@contextmanager
def running(stack: Stack) -> Iterator[Stack]:
    """The stack for the length of a block. It is killed then: a polite end takes ten processes four
    CPU seconds, and nothing of it is kept. tests/project/test_stack.py stops one as people do.
    """
    try:
        stack.start()
        yield stack
        ended = {name: child.poll() for name, child in stack.children.items()}
        assert set(ended.values()) == {None}, f"some ended by themselves: {ended}"
    finally:
        for name in list(stack.children):
            stack.kill(name)
        stack.stop()


@contextmanager
def crewed(stack: Stack) -> Iterator[subprocess.Popen[bytes]]:
    """The crew (kim/crew.py) in place of the five that the stack started one by one, for a block. The
    five do not come back: a stack of one's own is asked for."""
    for role in crew.ROLES:
        stack.kill(role)
    data = stack.layout.data
    with (data / "log/crew.log").open("ab") as log:
        parent = subprocess.Popen(
            (sys.executable, "-m", "kim.crew", str(data)),
            cwd=embedded.ROOT, env=stack.environ("worker"), stdout=log, stderr=log,
        )  # fmt: skip
    try:
        yield parent
    finally:
        parent.terminate()
        parent.wait(timeout=30)


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    """A directory for the session's data, on memory where there is some: stores write a lot."""
    directory = Path(tempfile.mkdtemp(prefix="kim-e2e-"))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def stack(scratch: Path) -> Iterator[Stack]:
    """The one that most stories share, in whatever browser."""
    with running(make_stack(scratch / "stack")) as started:
        yield started
