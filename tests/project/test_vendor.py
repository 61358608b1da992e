"""Vendored libraries are exactly what was reviewed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

VENDOR = Path(__file__).resolve().parents[2] / "static/vendor"


def test_every_vendored_file_has_the_recorded_hash_and_none_is_unlisted() -> None:
    recorded = json.loads((VENDOR / "vendor.json").read_text())
    listed = {
        name: digest
        for package in recorded["packages"]
        for name, digest in package["files"].items()
    }

    present = {
        str(path.relative_to(VENDOR)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.rglob("*")
        if path.is_file() and path.name != "vendor.json"
    }

    assert present == listed
