"""``python -m unlock.container``: the one place here that looks at a clock."""

import sys
import time

from unlock.container.cli import run

if __name__ == "__main__":
    sys.exit(run(sys.argv[1:], time.monotonic, time.sleep))
