"""``make chaos MINUTES=30 SEED=n``: faults at random for so long, and what came of it."""

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
from pathlib import Path

from tests.chaos.run import run


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--people", type=int, default=9)
    parser.add_argument("--keep", action="store_true", help="leave logs and rows where they are")
    given = parser.parse_args()
    seed = given.seed or random.randrange(1, 1_000_000)
    directory = Path(tempfile.mkdtemp(prefix="kim-chaos-"))
    print(f"seed {seed}, in {directory}", flush=True)
    outcome = run(directory, seed=seed, seconds=60 * given.minutes, people=given.people)
    print(outcome.table(), flush=True)
    if not outcome.wrong and not given.keep:
        shutil.rmtree(directory, ignore_errors=True)
    return 1 if outcome.wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
