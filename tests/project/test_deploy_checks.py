"""``manage.py check --deploy``: silent under what deploy/ writes, and a sentence for each thing missing."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kim import deploy_checks
from kim.env import BadSetting, contact, electrum_servers
from tests import deployed

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings


def checked(environ: dict[str, str]) -> tuple[int, str]:
    ours = {k: v for k, v in os.environ.items() if not k.startswith(("KIM_", "DJANGO_"))}
    argv = (sys.executable, "manage.py", "check", "--deploy", "--fail-level", "INFO")
    done = subprocess.run(
        argv,
        cwd=deployed.ROOT,
        env={**ours, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_the_settings_of_the_install_script_pass_without_a_warning(tmp_path: Path) -> None:
    environ = deployed.environment()
    assert environ["KIM_BACKUP_DIRECTORY"] == "/var/backups/kim"  # made by the script
    here = {
        "KIM_DATABASE_URL": f"sqlite:///{tmp_path}/kim.sqlite3",
        "KIM_BACKUP_DIRECTORY": str(tmp_path),
    }

    said = checked({**environ, **here})

    # Silenced: that plain HTTP is not sent on. The proxy does that, and health probes speak it.
    assert said == (0, "System check identified no issues (1 silenced).\n")


def test_what_is_missing_is_said_line_by_line(tmp_path: Path) -> None:
    poor = {
        **deployed.environment(),
        "KIM_DATABASE_URL": f"sqlite:///{tmp_path}/kim.sqlite3",
        "KIM_SECRET_KEY": "a" * 60,
        "KIM_DEBUG": "1",
        "KIM_HOSTS": "*",
        "KIM_TRUSTED_PROXIES": "0",
        "KIM_BACKUP_DIRECTORY": "",
        "KIM_SIGNUP": "open",
        "KIM_STAFF_TWO_FACTOR": "0",
        "KIM_ELECTRUM_SERVERS": "one.example:50002:s",
    }

    code, said = checked(poor)

    assert code == 1
    wanted = {
        "security.W009", "security.W018",
        "kim.W003", "kim.W004", "kim.W005", "kim.W006", "kim.W007", "kim.W008",
    }  # fmt: skip
    assert {each for each in wanted if each not in said} == set()


def test_an_electrum_server_in_the_open_is_no_warning_but_a_refusal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KIM_ELECTRUM_SERVERS", "one.example:50001:t")

    with pytest.raises(BadSetting, match="KIM_ELECTRUM_SERVERS"):
        electrum_servers("KIM_ELECTRUM_SERVERS")


def test_backups_are_where_they_are_said_to_be_and_of_these_days(
    settings: Settings, tmp_path: Path
) -> None:
    def said(where: str) -> list[str]:
        settings.KIM_BACKUP_DIRECTORY = where
        return [str(each.msg) for each in deploy_checks.backups(None)]

    old = tmp_path / "kim-20260101-000000.kimbackup"

    assert said("elsewhere") == said(str(tmp_path)) == []  # none yet: it is new
    old.touch()
    assert said(str(tmp_path)) == []
    os.utime(old, (0, time.time() - 4 * 86_400))
    assert said(str(tmp_path)) == ["The newest backup is older than three days."]
    assert said(str(tmp_path / "none")) == ["KIM_BACKUP_DIRECTORY is no directory."]
    assert said("") == ["KIM_BACKUP_DIRECTORY is empty: nobody says where backups lie."]


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("", ""),
        ("security@shop.example", "mailto:security@shop.example"),
        ("https://shop.example/security", "https://shop.example/security"),
    ],
)
def test_whom_to_tell_of_a_hole_is_an_address(
    value: str, read: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIM_SECURITY_CONTACT", value)

    assert contact("KIM_SECURITY_CONTACT") == read


@pytest.mark.parametrize(
    "value", ["http://shop.example", "a@b\nEvil: 1", "call me", "a b@c.example"]
)
def test_what_is_no_address_stops_the_program(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIM_SECURITY_CONTACT", value)

    with pytest.raises(BadSetting, match="KIM_SECURITY_CONTACT must be"):
        contact("KIM_SECURITY_CONTACT")
