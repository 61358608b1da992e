"""``python -m tests.bench [NAME…]``: the benchmarks; without a name all of them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

from kim.embedded import ROOT


def crypto() -> None:
    mib = os.environ.get("BENCH_MIB", "256")
    subprocess.run(("node", "tests/bench/crypto/run.mjs", mib), cwd=ROOT, check=True)


def export() -> None:
    from tests.bench import export as bench

    bench.main()


def firstbyte() -> None:
    from tests.bench import people

    people.firstbyte()


def arriving() -> None:
    from tests.bench import people

    people.arriving()


def idle() -> None:
    from tests.bench import idle as bench

    bench.main()


def latency() -> None:
    from tests.bench import latency as bench

    bench.main()


def lists() -> None:
    from tests.bench import lists as bench

    bench.main()


def load() -> None:
    from tests.bench import load as bench

    bench.main()


def memory() -> None:
    from tests.bench import people

    people.memory()


def opening() -> None:
    from tests.bench import opening as bench

    bench.main()


def painting() -> None:
    from tests.bench import painting as bench

    bench.main()


def seek() -> None:
    from tests.bench import people

    people.seek()


def send() -> None:
    from tests.bench import send as bench

    bench.main()


def stages() -> None:
    from tests.bench import stages as bench

    bench.main()


def transfer() -> None:
    from tests.bench import transfer as bench

    bench.main()


def watching() -> None:
    from tests.bench import watching as bench

    bench.main()


def weight() -> None:
    from tests.bench import weight as bench

    bench.main()


BENCHES: dict[str, Callable[[], None]] = {
    "crypto": crypto,
    "export": export,
    "stages": stages,
    "idle": idle,
    "latency": latency,
    "watching": watching,
    "opening": opening,
    "lists": lists,
    "load": load,
    "weight": weight,
    "painting": painting,
    "arriving": arriving,
    "firstbyte": firstbyte,
    "memory": memory,
    "seek": seek,
    "transfer": transfer,  # last: its last four lines are read by scripts
}


# Not among those that run without a name: it needs what is not of this repository.
APART: dict[str, Callable[[], None]] = {"send": send}


def main(names: list[str]) -> int:
    known = BENCHES | APART
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"There is no benchmark {unknown[0]}; there are {', '.join(known)}.")
        return 2
    for name in names or BENCHES:
        known[name]()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
