"""A migrated SQLite file, made once for each state of the migrations, for tests to copy.

Migrating costs a stack or a worker four CPU seconds, and always ends the same. Whoever copies it
still runs ``migrate``, which then finds nothing to do.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DECIDING = ("requirements.txt", "*/migrations/*.py", "*/states.py")
PLACE = Path(tempfile.gettempdir()) / f"kim-migrated-{os.getuid()}"
SECONDS = 300
KEEP_SECONDS = 86_400


def database() -> Path:
    """The file; only to be read. Workers of one run wait for the one that makes it."""
    PLACE.mkdir(mode=0o700, exist_ok=True)
    made = PLACE / f"{_fingerprint()}.sqlite3"
    with (PLACE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            _make(made)
    return made


def copy_to(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(path) as target:
        fill(target)
    target.close()


def fill(target: sqlite3.Connection) -> None:
    """An empty database gets everything that migrations make."""
    with sqlite3.connect(f"file:{database()}?mode=ro", uri=True) as source:
        source.backup(target)
    source.close()


def _fingerprint() -> str:
    found = hashlib.sha256(str(ROOT).encode())
    for path in sorted(each for pattern in DECIDING for each in ROOT.glob(pattern)):
        found.update(path.name.encode() + b"\0" + path.read_bytes())
    return found.hexdigest()[:16]


def _make(path: Path) -> None:
    for old in PLACE.glob("*.sqlite3"):
        if old.stat().st_mtime < time.time() - KEEP_SECONDS:
            old.unlink()
    making = path.with_suffix(".making")
    making.unlink(missing_ok=True)
    named = {
        "DJANGO_SETTINGS_MODULE": "tests.environment",
        "KIM_DATABASE_URL": f"sqlite:///{making}",
    }
    command = (sys.executable, "manage.py", "migrate", "--verbosity", "0")
    subprocess.run(
        command, cwd=ROOT, env=os.environ | named, check=True, timeout=SECONDS, capture_output=True
    )
    with sqlite3.connect(making) as made:
        made.execute("PRAGMA journal_mode=DELETE")  # one file; whoever opens a copy chooses anew
    made.close()
    making.rename(path)
