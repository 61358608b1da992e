"""``python -m kim.newsecrets``: the secrets of a new instance, as lines for environment files.

Printed and kept nowhere. The last line is for the releaser alone (docs/operations.md).
"""

from __future__ import annotations

import sys

from kim.stack import new_secrets

RELEASER = "KIM_INSTANCE_KEYS"
STORE = ("KIM_S3_ACCESS_KEY", "KIM_S3_SECRET_KEY")  # the store's own, not ours to make


def main() -> int:
    made = {name: value for name, value in new_secrets({}).items() if name not in STORE}
    private = made.pop(RELEASER)
    lines = ["# every process"]
    lines += [f"{name}={value}" for name, value in made.items()]
    lines += ["# the releaser only", f"{RELEASER}={private}"]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
