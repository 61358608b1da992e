"""What deploy/ starts is what the documents say, by systemd, by compose and by hand alike."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from kim import crew

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
NAMES = {"web", "worker", "releaser", "verifier", "outbox", "beat", "daemon"}
CREW = set(crew.ROLES)  # one unit


def procfile() -> dict[str, str]:
    lines = (DEPLOY / "Procfile").read_text().splitlines()
    return dict(line.split(": ", 1) for line in lines if not line.startswith("#"))


def units() -> dict[str, str]:
    paths = DEPLOY.glob("systemd/kim-*.service")
    found = {path.stem.removeprefix("kim-"): path.read_text() for path in paths if path.is_file()}
    return {name: text for name, text in found.items() if name != "backup"}


def services() -> dict[str, Any]:
    made: dict[str, Any] = yaml.safe_load((DEPLOY / "compose/compose.yaml").read_text())["services"]
    return made


def plain(command: str) -> str:
    """Without where beat keeps its clock, where the web process listens, and the virtual environment."""
    bare = re.sub(r" -s \S+ --pidfile=", "", command.removeprefix("/srv/kim/.venv/bin/"))
    bare = bare.removeprefix("python ").replace("%%", "%")  # units spell a percent sign twice
    return re.sub(r"--host \S+", "--host H", bare)


def test_every_way_starts_the_same_processes() -> None:
    by_hand = {name: plain(command) for name, command in procfile().items()}
    started = {
        name: plain(re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE)[0])
        for name, text in units().items()
    }
    composed = {
        name: plain(service.get("command", ""))
        for name, service in services().items()
        if name in NAMES
    }
    image = re.findall(r"^CMD (\[.*\])$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    composed["web"] = plain(" ".join(yaml.safe_load(image[0])))

    assert set(by_hand) == NAMES
    assert started.pop("crew") == "-m kim.crew /var/lib/kim"
    assert {**started, **crew.ROLES} == by_hand
    assert composed == by_hand


def test_the_private_keys_go_to_the_releaser_and_to_nobody_else() -> None:
    given = {name for name, text in units().items() if "releaser.env" in text}
    composed = {
        name
        for name, service in services().items()
        if "releaser.env" in service.get("env_file", []) and "profiles" not in service
    }

    assert given == composed == {"releaser"}
    assert "releaser.env" not in (DEPLOY / "systemd/kim-.service.d/common.conf").read_text()
    assert "releaser.env" not in (DEPLOY / "systemd/kim-backup.service").read_text()


def test_the_target_wants_every_service() -> None:
    wanted = re.findall(r"kim-([a-z]+)\.service", (DEPLOY / "systemd/kim.target").read_text())

    assert set(wanted) == set(units()) == NAMES - CREW | {"crew"}


@pytest.mark.parametrize(("shell", "script"), [("sh", "install.sh"), ("bash", "try.sh")])
def test_the_scripts_are_read_by_their_shell(shell: str, script: str) -> None:
    subprocess.run((shell, "-n", DEPLOY / script), check=True)


def test_the_image_and_the_script_take_everything_that_is_imported() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    served = packages - {"devchain", "kimcli"}  # for `make run`, and for buyers
    copied = set(re.findall(r"^COPY (\w+) \1$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE))

    assert copied == served | {"static", "templates"}
    for name in copied:
        assert f" {name} " in (DEPLOY / "install.sh").read_text()
