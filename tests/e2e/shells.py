"""A shell with ``kim`` in it, for a creator who signed up without a browser."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyotp

from kimcli import passwords
from kimcli.wire import Api
from tests.e2e.people import PASSWORD
from unlock.container import encode_b64url

ROOT = Path(__file__).parents[2]


def sign_up(server: str, username: str, *, has_second_step: bool = False) -> str:
    """An account that may sell: money goes to the devchain's own wallet. A spare code, or nothing."""
    api = Api(server, lambda _seconds: None)
    api.open_session()
    salt = os.urandom(16)
    told = {"salt": encode_b64url(salt), "memory_kib": 64 * 1024, "passes": 3, "scheme": 1}
    derived = encode_b64url(passwords.work(PASSWORD, told).proof)
    account = {"username": username, "salt": encode_b64url(salt), "derived": derived}
    api.post("creators/", account, session=True)
    suggested = api.get("payout/", session=True)["suggested"]
    api.put("payout/", {"value": suggested, "derived": derived})
    if not has_second_step:
        return ""
    secret = api.post("second-step/", {"derived": derived}, session=True)["secret"]
    codes = api.put("second-step/", {"code": pyotp.TOTP(secret).now()})["spare_codes"]
    return str(codes[0])


@dataclass(frozen=True)
class Shell:
    """One person's: ``home`` holds the key files; no secret is ever among the words."""

    home: Path
    server: str = ""
    username: str = ""
    more: dict[str, str] = field(default_factory=dict)

    @property
    def environ(self) -> dict[str, str]:
        bare = {name: value for name, value in os.environ.items() if not name.startswith("KIM_")}
        named = {"KIM_SERVER": self.server, "KIM_USER": self.username, "KIM_HOME": str(self.home)}
        return {**bare, **named, "KIM_PASSWORD": PASSWORD, **self.more}

    def start(self, *words: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            _line(words), cwd=ROOT, env=self.environ, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *words: object, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            _line(words), cwd=ROOT, env=self.environ, text=True, check=False,
            stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds,
        )  # fmt: skip


def _line(words: Sequence[object]) -> list[str]:
    return [sys.executable, "-m", "kimcli", *map(str, words)]


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
