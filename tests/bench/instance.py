"""A private instance of the whole product whose web process also serves the benchmark's page, a
paced line in front of its store, and a plain Chromium: never through a DevTools connection, which
slows transfers to a tenth.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from kim.embedded import ROOT
from kim.stack import Stack, running
from tests.bench import BROWSER, CHAIN, FILMS, NOTES
from tests.e2e.conftest import CHROMIUM, FLAGS, make_stack

MEMORY = Path("/dev/shm")  # noqa: S108  (a private directory is made in it)
SILENCE_SECONDS = 180
NAMED_SECONDS = 120.0
LOOK_SECONDS = 0.1
# Pages are worked in windows of their own, which nobody looks at.
UNSEEN = (
    "--disable-popup-blocking",
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
    "--autoplay-policy=no-user-gesture-required",
    "--unlimited-storage",
)


class NoFigures(RuntimeError):
    """The page failed, or said nothing for too long."""


class PageFailed(NoFigures):
    """The page's own words."""


@contextlib.contextmanager
def scratch(*, is_large: bool = False) -> Iterator[Path]:
    """A directory in memory where there is some, so that no disk is measured; on disk what is too
    large for that.
    """
    place = MEMORY if MEMORY.is_dir() and not is_large else None
    directory = Path(tempfile.mkdtemp(prefix="kim-bench-", dir=place))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def instance(data: Path, *, mbit: int | None = None) -> Iterator[Stack]:
    """A running stack; with ``mbit`` browsers reach its store through a line of that speed."""
    stack = make_stack(data / "stack")
    stack.inner = [
        replace(
            part,
            environ={
                **part.environ,
                "DJANGO_SETTINGS_MODULE": "tests.bench.settings",
                NOTES: str(data / "notes"),
                BROWSER: str(data / "browser"),
                FILMS: str(data / "films"),
                CHAIN: str(stack.layout.devchain_port),
            },
        )
        if part.name == "web"
        else part
        for part in stack.inner
    ]
    with contextlib.ExitStack() as closing:
        if mbit is not None:
            port = closing.enter_context(_paced(stack.layout.s3_port, mbit))
            stack.given["KIM_S3_PUBLIC_ENDPOINT"] = f"http://127.0.0.1:{port}"
        yield closing.enter_context(running(stack))


@contextlib.contextmanager
def _paced(target: int, mbit: int) -> Iterator[int]:
    asked = ("--target", str(target), "--mbit", str(mbit))
    argv = (sys.executable, "-m", "tests.bench.pace", *asked)
    process = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


def visit(
    stack: Stack,
    data: Path,
    path: str,
    *,
    profile: str = "profile",
    patience_seconds: float = SILENCE_SECONDS,
) -> Generator[dict[str, Any], None, None]:
    """What the page at ``path`` notes, as it comes, up to and without ``{"end": true}``."""
    try:
        yield from browse(
            stack.layout.public_url + path, data, profile=profile, patience_seconds=patience_seconds
        )
    except PageFailed as error:
        raise NoFigures(f"{error}\n{stack.tail('web')}") from error


def browse(
    url: str, data: Path, *, profile: str, patience_seconds: float
) -> Generator[dict[str, Any], None, None]:
    """The same for any page that has its notes written into ``data / "notes"``."""
    notes = data / "notes"
    notes.write_text("", encoding="utf-8")
    _keep_downloads(data / profile, data / "downloads")
    argv = (CHROMIUM, "--headless=new", *FLAGS, *UNSEEN, f"--user-data-dir={data / profile}")
    said = (data / "browser.log").open("wb")
    browser = subprocess.Popen((*argv, url), stdout=said, stderr=said)
    (data / "browser").write_text(str(browser.pid), encoding="ascii")
    try:
        for line in _follow(notes, browser, patience_seconds):
            facts: dict[str, Any] = json.loads(line)
            if facts.get("end"):
                _wait_for_names(data / "downloads", browser)
                return
            if "error" in facts:
                raise PageFailed(facts["error"])
            yield facts
    finally:
        browser.terminate()
        browser.wait()
        said.close()


def _wait_for_names(downloads: Path, browser: subprocess.Popen[bytes]) -> None:
    """The page is done with its file before the browser is: it copies and names it afterwards."""
    give_up_at = time.monotonic() + NAMED_SECONDS
    while any(downloads.glob("*.crdownload")) and browser.poll() is None:
        if time.monotonic() > give_up_at:
            raise PageFailed("a download was not finished by the browser")
        time.sleep(LOOK_SECONDS)


def _keep_downloads(profile: Path, downloads: Path) -> None:
    preferences = profile / "Default" / "Preferences"
    preferences.parent.mkdir(parents=True, exist_ok=True)
    downloads.mkdir(exist_ok=True)
    wish = {"default_directory": str(downloads), "prompt_for_download": False}
    preferences.write_text(json.dumps({"download": wish}), encoding="utf-8")


def _follow(notes: Path, browser: subprocess.Popen[bytes], seconds: float) -> Iterator[str]:
    """Whole lines of a growing file, for as long as the browser lives and something comes."""
    with notes.open(encoding="utf-8") as lines:
        line, heard = "", time.monotonic()
        while True:
            line += lines.readline()
            if line.endswith("\n"):
                yield line
                line, heard = "", time.monotonic()
                continue
            if browser.poll() is not None:
                raise NoFigures(f"the browser ended with {browser.returncode}")
            if time.monotonic() - heard > seconds:
                raise NoFigures(f"nothing came for {seconds:.0f} s")
            time.sleep(0.2)
