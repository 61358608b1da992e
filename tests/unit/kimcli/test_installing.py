"""``pip install .`` brings the command ``kim`` into an environment that has nothing of the server."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
# What the command needs from elsewhere, and what that needs (cffi, for cryptography).
NEEDED = ("cryptography", "urllib3", "cffi", "pycparser")


def built(scratch: Path) -> Path:
    """A wheel, from a copy: a build leaves folders behind where it runs."""
    source = scratch / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("kimcli", "unlock", "payments"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    code = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    subprocess.run(
        [sys.executable, "-c", code, scratch], cwd=source, check=True, capture_output=True
    )
    (wheel,) = scratch.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a new environment's commands, with the wheel and its two dependencies in it."""
    scratch = tmp_path_factory.mktemp("kim")
    home = scratch / "venv"
    venv.create(home, with_pip=False)
    (packages,) = (home / "lib").glob("python*/site-packages")
    for name in NEEDED:
        for file in distribution(name).files or ():
            if file.parts[0] not in {"..", "bin"} and "__pycache__" not in file.parts:
                (packages / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file.locate(), packages / file)
    wheel = built(scratch)
    pip = (sys.executable, "-m", "pip", "--python", home / "bin" / "python", "install", "-q")
    offline = ("--no-deps", "--no-index", "--disable-pip-version-check")
    subprocess.run([*pip, *offline, wheel], check=True, capture_output=True)
    return home / "bin"


def run(binaries: Path, *words: object) -> subprocess.CompletedProcess[str]:
    clean = {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ}
    return subprocess.run(
        [binaries / "kim", *map(str, words)],
        cwd=binaries, env=clean, check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def test_the_command_is_there_and_speaks(fresh: Path) -> None:
    said = run(fresh, "--help")

    assert said.returncode == 0, said.stderr
    assert "Seal, sell, buy and open files." in said.stdout


def test_every_module_of_it_loads_without_the_server(fresh: Path) -> None:
    code = (
        "import importlib, pkgutil, sys, kimcli\n"
        "for each in pkgutil.iter_modules(kimcli.__path__, 'kimcli.'):\n"
        "    importlib.import_module(each.name)\n"
        "from kimcli import words\n"
        "assert len(words.to_words(bytes(32)).split()) == 24\n"
        "print(sorted({'django', 'celery', 'boto3', 'redis'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [fresh / "python", "-c", code], cwd=fresh, check=False, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_nothing_of_the_server_is_in_it(fresh: Path) -> None:
    (wheel,) = fresh.parents[1].glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()

    tops = {name.partition("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {"kimcli", "unlock", "payments"}
    theirs = [n for n in names if n.startswith("unlock/") and not n.startswith("unlock/container/")]
    assert sorted(theirs) == ["unlock/__init__.py", "unlock/errors.py"]
