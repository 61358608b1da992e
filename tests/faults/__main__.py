"""Planted faults: ``make faults``. Each patch of this directory spoils one rule of the payment
engine; exactly the stories that CI runs must find every one of them. ``NAME ...`` runs a few.
``KIM_AT_ONCE`` (2) says how many run side by side.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.faults import PATCHES, ROOT, apply

AT_ONCE = int(os.environ.get("KIM_AT_ONCE", "2"))
LIMIT_SECONDS = 900
COPIED = ("devchain", "kim", "payments", "unlock", "tests", "templates", "static")
# A fault is found when a promise is broken: a story that only crashes has found nothing.
BROKEN = re.compile(
    r"^tests/soak/(?:checks|promises)\.py:\d+: in (?P<check>\w+)\n(?P<line> +assert .*\n)(?: .*\n)*"
    r"E +AssertionError(?:: (?P<said>.*))?$",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Outcome:
    """``broken``: the promise that failed; "" when none did. ``crash``: what failed instead."""

    fault: str
    broken: str
    crash: str
    seconds: float
    steps: int

    def row(self) -> str:
        found_by = self.broken or (f"**missed**: {self.crash}" if self.crash else "**missed**")
        return f"| {self.fault} | {found_by} | {self.seconds:.0f} | {self.steps} |"


def run(patch: Path | None) -> Outcome:
    """CI's stories on a scratch copy of the tree with one patch applied (None: without)."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kim-fault-") as scratch:
        tree, steps = Path(scratch) / "tree", Path(scratch) / "steps"
        for name in COPIED:
            shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "manage.py"):
            shutil.copy(ROOT / name, tree / name)
        if patch is not None:
            apply(patch, tree)
        status, text = _stories(tree, steps)
        count = int(steps.read_text()) if steps.exists() else 0
    found = BROKEN.search(text) if status == 1 else None
    said = (found["said"] or "").partition(";")[0] if found else ""
    broken = f"{found['check']}: {said or found['line'].strip()}" if found else ""
    crash = "" if found or status == 0 else f"{text.strip().splitlines()[-1]} ({status})"
    name = "nothing spoiled" if patch is None else patch.stem
    return Outcome(name, broken, crash, time.monotonic() - began, count)


def _stories(tree: Path, steps: Path) -> tuple[int, str]:
    """How pytest ended, and what it said."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "tests/soak", "--show-capture=no"]
    command += ["-p", "no:cacheprovider", "-p", "no:randomly", "--tb=short"]
    kept = {name: text for name, text in os.environ.items() if not name.startswith("KIM_")}
    try:
        done = subprocess.run(
            command,
            cwd=tree,
            env={**kept, "KIM_SHORTEN": "0", "KIM_STEPS_TO": str(steps)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return -1, f"not done after {LIMIT_SECONDS} s"
    return done.returncode, done.stdout


def main(names: Sequence[str]) -> int:
    """0 when every fault is found, and the tree without one is not accused."""
    wanted = [each for name in names or ("",) for each in PATCHES if name in each.stem]
    whole = run(None)
    if whole.broken or whole.crash:
        print(f"The stories fail on the tree as it is: {whole.broken or whole.crash}")
        return 1
    print("| fault | found by | seconds | steps |\n|---|---|---|---|")
    print(f"| {whole.fault} | nothing | {whole.seconds:.0f} | {whole.steps} |", flush=True)
    missed = 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for outcome in pool.map(run, wanted):
            missed += not outcome.broken
            print(outcome.row(), flush=True)
    print(f"\n{len(wanted) - missed} of {len(wanted)} found.")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
