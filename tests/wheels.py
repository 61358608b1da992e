"""``make wheels``: the pinned set installs from wheels alone on Python 3.11, 3.12 and 3.13.

pip resolves for each version without installing anything; a pin that has no wheel there fails.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile

VERSIONS = ("3.11", "3.12", "3.13")


def main() -> int:
    for version in VERSIONS:
        with tempfile.TemporaryDirectory() as target:
            command = (
                *(sys.executable, "-m", "pip", "install", "--dry-run", "-q", "--no-deps"),
                *("--disable-pip-version-check", "--only-binary=:all:", "--require-hashes"),
                *("--python-version", version, "--target", target, "-r", "requirements.txt"),
            )
            done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            print(done.stderr[-2000:], file=sys.stderr)
            print(f"requirements.txt has no wheels for Python {version}", file=sys.stderr)
            return done.returncode
        print(f"wheels for Python {version}: all there", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
