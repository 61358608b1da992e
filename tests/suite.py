"""``make test``: the whole suite in the order of its cost, with the minutes each stage took.

Stages stop at the first red one. Browser stories that are red are tried once more, a few at most,
and named: on a machine that stands still for seconds a deadline passes that says nothing of us. What
is red twice is red, and who is named often has a race to be found. A path runs that part only, on what it needs: paths under
``tests/races`` get a PostgreSQL of their own, ``tests/js`` goes to node, the rest to pytest.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

PYTEST = (sys.executable, "-m", "pytest", "-q", "--no-header")
POSTGRES = (sys.executable, "-m", "tests.postgres", "--")
# Stories wait half of their time, so three stacks side by side keep two processors busy; a file's
# stories share what its fixtures made.
THREE_STACKS = ("-n", "3", "--dist", "loadfile")
BROWSERS = ("tests/e2e", "tests/browsers", "tests/chaos")
LAST_FAILED = Path(".pytest_cache/v/cache/lastfailed")
AGAIN_MOST = 4
HERE = ("soak", "unit", "contracts", "unlock", "payments", "chain", "project")


def stages(*, long: bool) -> list[tuple[str, tuple[str, ...]]]:
    folders = tuple(f"tests/{name}" for name in HERE)
    if long:
        return [
            ("long", (*PYTEST, "-m", "long", "--ignore=tests/races", "tests")),
            ("races", (*POSTGRES, *PYTEST, "-m", "long", "tests/races")),
        ]
    return [
        ("javascript", ("npm", "test", "--silent")),
        ("python", (*PYTEST, "-n", "2", "-m", "not long", *folders)),
        ("races", (*POSTGRES, *PYTEST, "-m", "not long", "tests/races")),
        ("browser", (*PYTEST, *THREE_STACKS, "-m", "not long", *BROWSERS)),
    ]


def part(path: str, *, long: bool) -> list[tuple[str, tuple[str, ...]]]:
    if path.startswith("tests/js"):
        return [(path, ("node", "--test", path))]
    chosen = () if long else ("-m", "not long")
    command = (*PYTEST, *chosen, path)
    if path.startswith("tests/races"):
        return [(path, (*POSTGRES, *command))]
    return [(path, command)]


def run(command: tuple[str, ...]) -> int:
    return subprocess.run(command, env=os.environ | {"CI": "true"}, check=False).returncode


def again(command: tuple[str, ...]) -> int:
    """The red stories once more, if they are few; their exit code."""
    red = sorted(json.loads(LAST_FAILED.read_text())) if LAST_FAILED.exists() else []
    stories = [story for story in red if story.startswith(BROWSERS)]
    if not 0 < len(stories) <= AGAIN_MOST:
        return 1
    print("== once more:", *stories, sep="\n   ", flush=True)
    code = run((*(word for word in command if word not in BROWSERS), *stories))
    if not code:
        print("== green only at the second try:", *stories, sep="\n   ", flush=True)
    return code


def main(arguments: list[str]) -> int:
    long = "--long" in arguments
    paths = [argument for argument in arguments if not argument.startswith("--")]
    todo = [stage for path in paths for stage in part(path, long=long)] or stages(long=long)
    took: list[str] = []
    for name, command in todo:
        print(f"== {name}", flush=True)
        began = time.monotonic()
        code = run(command)
        if code == 1 and name == "browser":
            code = again(command)
        took.append(f"{name} {time.monotonic() - began:.0f} s")
        if code:
            print(f"== red: {name} ({', '.join(took)})", flush=True)
            return code
    print(f"== green: {', '.join(took)}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
