"""Backups in tests: read, changed, and put back into databases of their own by the real command."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.utils import timezone

from kim import backups

ROOT = Path(__file__).resolve().parents[1]
# What a restore moves on purpose.
MOVED = {"payments.Payout": {"next_index", "gap_unsure_at", "scanned_at"}}
Lines = list[Any]


def write(path: Path) -> Path:
    return backups.write(path, now=timezone.now()).path


def lines_of(path: Path) -> Lines:
    with gzip.open(path) as file:
        return [json.loads(line) for line in file]


def rows_of(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Table → rows, without what a restore moves."""
    found: dict[str, list[dict[str, Any]]] = {}
    table, columns = "", [""]
    for line in lines_of(path)[1:-1]:
        if isinstance(line, dict):
            table, columns = line["table"], line["columns"]
            found[table] = []
        else:
            row = dict(zip(columns, line, strict=True))
            kept = {name: row[name] for name in row if name not in MOVED.get(table, ())}
            found[table].append(kept)
    return found


def changed(path: Path, change: Callable[[Lines], Lines]) -> Path:
    """The same backup with other lines, and a sum that fits them."""
    *lines, end = change(lines_of(path))
    written = [json.dumps(line).encode() + b"\n" for line in lines]
    end = {**end, "sha256": hashlib.sha256(b"".join(written)).hexdigest()}
    made = path.with_suffix(".changed")
    with gzip.open(made, "wb") as file:
        file.write(b"".join(written) + json.dumps(end).encode() + b"\n")
    return made


def manage(url: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """``manage.py`` on another database, with the tests' keys and without any store."""
    environ = os.environ | {
        "KIM_DATABASE_URL": url,
        "KIM_S3_ENDPOINT": "http://127.0.0.1:9",
        "DJANGO_SETTINGS_MODULE": "tests.environment",
    }
    command = [sys.executable, "manage.py", *map(str, arguments)]
    return subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=300, check=False
    )
