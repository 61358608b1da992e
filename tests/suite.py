"""``make test``: the whole suite in the order of its cost, with the minutes each stage took.

Stages stop at the first red one. A path runs that part only, on what it needs: paths under
``tests/races`` get a PostgreSQL of their own, ``tests/js`` goes to node, the rest to pytest.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

PYTEST = (sys.executable, "-m", "pytest", "-q", "--no-header")
POSTGRES = (sys.executable, "-m", "tests.postgres", "--")
HERE = ("soak", "unit", "contracts", "unlock", "payments", "chain", "project")


def stages(*, long: bool) -> list[tuple[str, tuple[str, ...]]]:
    folders = tuple(f"tests/{name}" for name in HERE)
    if long:
        return [("long", (*PYTEST, "-m", "long", "tests"))]
    return [
        ("javascript", ("npm", "test", "--silent")),
        ("python", (*PYTEST, "-n", "2", "-m", "not long", *folders)),
        ("races", (*POSTGRES, *PYTEST, "-m", "not long", "tests/races")),
        ("browser", (*PYTEST, "-m", "not long", "tests/e2e")),
    ]


def part(path: str, *, long: bool) -> list[tuple[str, tuple[str, ...]]]:
    if path.startswith("tests/js"):
        return [(path, ("node", "--test", path))]
    chosen = () if long else ("-m", "not long")
    command = (*PYTEST, *chosen, path)
    if path.startswith("tests/races"):
        return [(path, (*POSTGRES, *command))]
    return [(path, command)]


def main(arguments: list[str]) -> int:
    long = "--long" in arguments
    paths = [argument for argument in arguments if not argument.startswith("--")]
    todo = [stage for path in paths for stage in part(path, long=long)] or stages(long=long)
    took: list[str] = []
    for name, command in todo:
        print(f"== {name}", flush=True)
        began = time.monotonic()
        code = subprocess.run(command, env=os.environ | {"CI": "true"}, check=False).returncode
        took.append(f"{name} {time.monotonic() - began:.0f} s")
        if code:
            print(f"== red: {name} ({', '.join(took)})", flush=True)
            return code
    print(f"== green: {', '.join(took)}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
