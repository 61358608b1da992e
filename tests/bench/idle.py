"""What the one-box profile keeps in memory when nobody comes, and with fifty buyers: ``make bench B=idle``.

Redis, the web process, the releaser and the crew (kim/crew.py), as deploy/install.sh starts them; the
store and the chain run beside them and are not counted. Proportional set size (PSS): pages that
processes share count once. First with the crew's five started one by one, as on larger machines.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from kim.stack import Stack, running
from tests.bench.instance import scratch
from tests.bench.load import AT_ONCE, Bench
from tests.bench.opening import OPEN_TO_ALL
from tests.bench.processes import tree_bytes
from tests.stacks import crewed, make_stack

if TYPE_CHECKING:
    import subprocess

OUTSIDE = ("s3", "devchain")
SETTLE_SECONDS = 45  # first sweeps, rates and headers are behind it


def main() -> None:
    environ = {**OPEN_TO_ALL, "MALLOC_ARENA_MAX": "1"}  # as the units have it
    with scratch() as directory, running(make_stack(directory, environ=environ)) as stack:
        time.sleep(SETTLE_SECONDS)
        _tell("one by one", {name: child.pid for name, child in _ours(stack).items()})
        with crewed(stack) as parent:
            time.sleep(SETTLE_SECONDS)
            pids = {name: child.pid for name, child in _ours(stack).items()}
            pids["crew"] = parent.pid
            _tell("with the crew", pids)
            Bench(stack, pids).drive(f"{AT_ONCE} at once", what="sales", buyers=AT_ONCE, seconds=0)


def _ours(stack: Stack) -> dict[str, subprocess.Popen[bytes]]:
    return {name: child for name, child in stack.children.items() if name not in OUTSIDE}


def _tell(how: str, pids: dict[str, int]) -> None:
    sizes = {name: tree_bytes(pid) / 1e6 for name, pid in pids.items()}
    each = ", ".join(f"{name} {size:.0f}" for name, size in sizes.items())
    print(f"idle, {how}: {sum(sizes.values()):.0f} MB ({each})")
