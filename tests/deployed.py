"""The environment that deploy/ writes for a public instance, and the settings that follow from it."""

from __future__ import annotations

import os
import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from kim.newsecrets import RELEASER, STORE
from kim.stack import new_secrets

ROOT = Path(__file__).resolve().parents[1]
DOMAIN = "shop.example"
# What only the operator knows (deploy/README.md).
FILLED_IN = {
    "KIM_ELECTRUM_SERVERS": "one.example:50002:s:operator=ada,two.example:50002:s:operator=bob",
    "KIM_S3_ENDPOINT": "https://s3.example.net",
    "KIM_S3_BUCKET": "shop",
    "KIM_S3_ACCESS_KEY": "AKIAEXAMPLE",
    "KIM_S3_SECRET_KEY": "not-a-secret-of-anybody",
}


def environment() -> dict[str, str]:
    """/etc/kim/env of the install script, with fresh secrets, filled in as its README says."""
    script = (ROOT / "deploy/install.sh").read_text()
    written = script.split("<<SETTINGS\n")[1].split("\nSETTINGS\n")[0]
    found = dict(re.findall(r"(?m)^([A-Z0-9_]+)=(.*)$", written.replace("$DOMAIN", DOMAIN)))
    made = {k: v for k, v in new_secrets({}).items() if k not in (*STORE, RELEASER)}
    return {**found, **made, **FILLED_IN}


def settings_of(monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]) -> dict[str, Any]:
    """Every setting as a process with just this environment has it."""
    with monkeypatch.context() as patched:
        for name in [name for name in os.environ if name.startswith("KIM_")]:
            patched.delenv(name)
        for name, value in environ.items():
            patched.setenv(name, value)
        read = runpy.run_path(str(ROOT / "kim/settings.py"))
    return {name: value for name, value in read.items() if name.isupper()}
