"""What a story asks of a browser, whatever protocol drives it."""

from __future__ import annotations

import abc
import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import IO, Any, Self

from tests.e2e.people import wait_for

START_SECONDS = 60
ASK_SECONDS = 60
END_SECONDS = 20
STILL = """
const at = () => JSON.stringify(document.querySelector(given)?.getBoundingClientRect() ?? null);
const before = at();
await new Promise((resolve) => setTimeout(resolve, 100));
return before !== 'null' && before === at();
"""


class Refused(AssertionError):
    """The browser said no: its own words."""


class Browser(abc.ABC):
    """One browser with a fresh profile and one window. ``downloads`` is where it saves to."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="kim-browser-"))
        self.downloads = self.home / "downloads"
        self.downloads.mkdir()
        self.log = self.home / "log"
        self._children: list[subprocess.Popen[bytes]] = []

    @abc.abstractmethod
    def start(self) -> None: ...

    @abc.abstractmethod
    def version(self) -> str: ...

    @abc.abstractmethod
    def open(self, url: str) -> None:
        """Goes there; back when the page has loaded."""

    @abc.abstractmethod
    def click(self, css: str) -> None:
        """A click of the mouse, as the browser makes it: pages see a person's."""

    @abc.abstractmethod
    def write(self, css: str, text: str) -> None:
        """Keys, one after the other, into a field."""

    @abc.abstractmethod
    def give(self, css: str, file: Path) -> None:
        """Chooses the file in a file field."""

    @abc.abstractmethod
    def _asked(self, function: str, argument: str) -> str:
        """``function`` takes and promises a string, in the page."""

    def wait_still(self, css: str) -> None:
        """Until it no longer moves: a mouse that goes for a moving button presses beside it."""
        wait_for(lambda: self.run(STILL, css), every=0.05)

    def run(self, body: str, given: object = None) -> Any:
        """Runs ``body``, of an async function of ``given``, in the page; what it returns."""
        function = (
            "async (text) => { const given = JSON.parse(text);"
            f" const value = await (async () => {{ {body} }})();"
            " return JSON.stringify(value ?? null); }"
        )
        return json.loads(self._asked(function, json.dumps(given)))

    # --- processes ------------------------------------------------------------------------------

    def spawn(self, *command: str, **more: str) -> subprocess.Popen[bytes]:
        """A child in a session of its own, so that its children end with it."""
        log: IO[bytes]
        with self.log.open("ab") as log:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=os.environ | {"HOME": str(self.home)} | more,
                start_new_session=True,
            )  # fmt: skip
        self._children.append(child)
        return child

    def said(self) -> str:
        return self.log.read_text(errors="replace")[-4_000:] if self.log.exists() else ""

    def close(self) -> None:
        for child in reversed(self._children):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGTERM)
            try:
                child.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait(END_SECONDS)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)  # what outlived its parent
        shutil.rmtree(self.home, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            print(self.said())
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- what people see ------------------------------------------------------------------------

    def sees(self, css: str) -> bool:
        """Whether it is there, shown, and not switched off."""
        return bool(
            self.run(
                "const e = document.querySelector(given);"
                " return !!e && !e.disabled && e.getClientRects().length > 0;",
                css,
            )
        )

    def text(self, css: str) -> str:
        """The value of a field, or the text of anything else; '' where it is not there."""
        body = (
            "const e = document.querySelector(given);"
            " return e ? (('value' in e && e.value) || e.textContent).trim() : '';"
        )
        return str(self.run(body, css))

    def attribute(self, css: str, name: str) -> str | None:
        body = "return document.querySelector(given[0])?.getAttribute(given[1]) ?? null;"
        value: str | None = self.run(body, [css, name])
        return value

    def wait_to_see(self, css: str, *, seconds: float = 60) -> None:
        try:
            wait_for(lambda: self.sees(css), seconds=seconds, every=0.1)
        except AssertionError as error:
            said = self.run("return document.querySelector('main')?.innerText")
            raise AssertionError(f"no {css}; the page says:\n{said}") from error
