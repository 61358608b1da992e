"""``python -m kimcli``: the one place here that hands out a clock."""

import sys
import time

from kimcli.cli import run
from kimcli.means import Means


def main() -> int:
    return run(sys.argv[1:], Means(clock=time.monotonic, wait=time.sleep))


if __name__ == "__main__":
    sys.exit(main())
