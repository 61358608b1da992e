"""``python -m kim.newsecrets``: secrets that fit each other, each for whom it is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kim import newsecrets
from kim.checks import public_key
from unlock.container import decode_b64url

ROOT = Path(__file__).resolve().parents[2]


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    assert newsecrets.main() == 0
    said = capsys.readouterr()
    assert said.err == ""
    return said.out.splitlines()


def test_every_process_gets_four_and_the_releaser_one_more(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = printed(capsys)

    assert [line.partition("=")[0] for line in lines] == [
        "# every process",
        "KIM_SECRET_KEY",
        "KIM_SIGNING_KEY",
        "KIM_FIELD_KEY",
        "KIM_INSTANCE_PUBLIC_KEY",
        "# the releaser only",
        "KIM_INSTANCE_KEYS",
    ]


def test_the_releasers_key_is_the_private_half_of_the_public_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = dict(line.split("=") for line in printed(capsys) if "=" in line)

    private = decode_b64url(made["KIM_INSTANCE_KEYS"], 32)
    assert public_key(private) == decode_b64url(made["KIM_INSTANCE_PUBLIC_KEY"], 65)
    assert len(made["KIM_SECRET_KEY"]) == 64
    for name in ("KIM_SIGNING_KEY", "KIM_FIELD_KEY"):
        assert len(decode_b64url(made[name], 32)) == 32


def test_no_two_instances_share_a_secret(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = printed(capsys), printed(capsys)

    shared = set(first) & set(second)
    assert shared == {"# every process", "# the releaser only"}


def test_an_instance_starts_with_what_is_printed() -> None:
    """As docs/operations.md has it: the lines go into environment files, and nothing is missing."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("KIM_")}
    command = (sys.executable, "-m", "kim.newsecrets")
    # The settings are not read for it: they would ask for the very secrets.
    made = subprocess.run(command, cwd=ROOT, env=bare, capture_output=True, text=True, check=True)
    lines = dict(line.split("=") for line in made.stdout.splitlines() if "=" in line)

    store = {"KIM_S3_ACCESS_KEY": "a", "KIM_S3_SECRET_KEY": "s"}
    checked = subprocess.run(
        (sys.executable, "manage.py", "check"),
        cwd=ROOT,
        env=bare | lines | store | {"KIM_ELECTRUM_SERVERS": "127.0.0.1:1:t"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (checked.returncode, checked.stderr) == (0, "")
