"""Debian's Firefox over WebDriver BiDi, which it speaks itself: no driver, no library between.

Source: W3C WebDriver BiDi. Every command is one JSON message with a number, answered under it;
events come in between.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.browsers.drivers import ASK_SECONDS, START_SECONDS, Browser, Refused
from tests.browsers.wire import Wire
from tests.e2e.people import wait_for

BINARY = "/usr/bin/firefox-esr"
VIEWPORT = {"width": 1280, "height": 800}
PREFERENCES: dict[str, object] = {
    "app.update.auto": False,
    "browser.download.alwaysOpenPanel": False,
    "browser.download.folderList": 2,  # the folder of browser.download.dir
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "nimbus.rollouts.enabled": False,
    "app.normandy.enabled": False,
    "toolkit.telemetry.enabled": False,
}


#: Said of a stream that the page gave up, which is how an incomplete download has to end.
GIVEN_UP = "A ServiceWorker intercepted the request and encountered an unexpected error."


class Firefox(Browser):
    """``is_private``: its one window is a private one. ``preferences``: of about:config."""

    def __init__(
        self, *, is_private: bool = False, preferences: dict[str, object] | None = None
    ) -> None:
        super().__init__()
        self.is_private = is_private
        self._preferences = preferences or {}
        self.errors: list[str] = []
        self._profile = self.home / "profile"
        self._number = 0

    def start(self) -> None:
        self._profile.mkdir()
        folder = {"browser.download.dir": str(self.downloads)}
        wanted = PREFERENCES | folder | self._preferences
        lines = [f"user_pref({json.dumps(k)}, {json.dumps(v)});\n" for k, v in wanted.items()]
        (self._profile / "user.js").write_text("".join(lines))
        window = ("--private-window", "about:blank") if self.is_private else ("about:blank",)
        self.spawn(
            BINARY, "--headless", "--no-remote", "--profile", str(self._profile),
            "--remote-debugging-port", "0", *window,
        )  # fmt: skip
        wait_for(self._port, seconds=START_SECONDS)
        self._wire = Wire(self._port(), "/session", seconds=30)
        self.ask("session.new", capabilities={})
        self.ask("session.subscribe", events=["log.entryAdded"])
        [tab] = self.ask("browsingContext.getTree")["contexts"]
        self._tab = tab["context"]
        self.ask("browsingContext.setViewport", context=self._tab, viewport=VIEWPORT)

    def version(self) -> str:
        return subprocess.check_output([BINARY, "--version"], text=True).strip()

    def ask(self, method: str, **params: object) -> dict[str, Any]:
        self._number += 1
        self._wire.send(json.dumps({"id": self._number, "method": method, "params": params}))
        while True:
            answer = json.loads(self._wire.receive(seconds=ASK_SECONDS))
            if answer.get("method") == "log.entryAdded":
                self._note(answer["params"])
            if answer.get("id") != self._number:
                continue
            if answer["type"] == "error":
                raise Refused(f"{method}: {answer['error']}: {answer['message']}")
            result: dict[str, Any] = answer["result"]
            return result

    def open(self, url: str) -> None:
        self.ask("browsingContext.navigate", context=self._tab, url=url, wait="complete")

    def click(self, css: str) -> None:
        self.wait_still(css)
        origin = {"type": "element", "element": self._element(css)}
        moves = [
            {"type": "pointerMove", "x": 0, "y": 0, "origin": origin},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        self._act({"type": "pointer", "id": "mouse", "actions": moves})

    def write(self, css: str, text: str) -> None:
        self.click(css)
        keys = [{"type": kind, "value": key} for key in text for kind in ("keyDown", "keyUp")]
        self._act({"type": "key", "id": "keys", "actions": keys})

    def give(self, css: str, file: Path) -> None:
        element = self._element(css, is_shown=False)
        self.ask("input.setFiles", context=self._tab, element=element, files=[str(file)])

    def close(self) -> None:
        super().close()
        if hasattr(self, "_wire"):
            self._wire.close()

    def _asked(self, function: str, argument: str) -> str:
        given = [{"type": "string", "value": argument}]
        return str(self._call(function, given)["value"])

    def _call(self, function: str, given: list[dict[str, Any]]) -> dict[str, Any]:
        answer = self.ask(
            "script.callFunction",
            functionDeclaration=function,
            arguments=given,
            target={"context": self._tab},
            awaitPromise=True,
        )
        if answer["type"] == "exception":
            raise Refused(answer["exceptionDetails"]["text"])
        result: dict[str, Any] = answer["result"]
        return result

    def _element(self, css: str, *, is_shown: bool = True) -> dict[str, str]:
        show = "e?.scrollIntoView({block: 'center', behavior: 'instant'});" if is_shown else ""
        found = self._call(
            f"css => {{ const e = document.querySelector(css); {show} return e; }}",
            [{"type": "string", "value": css}],
        )
        if found["type"] != "node":
            raise Refused(f"there is no {css}")
        return {"sharedId": found["sharedId"]}

    def _act(self, source: dict[str, Any]) -> None:
        self.ask("input.performActions", context=self._tab, actions=[source])

    def _port(self) -> int:
        """Where it listens, which Firefox writes into its profile; 0 before it does."""
        try:
            return int(
                json.loads((self._profile / "WebDriverBiDiServer.json").read_text())["ws_port"]
            )
        except (FileNotFoundError, ValueError):
            return 0

    def _note(self, entry: dict[str, Any]) -> None:
        text = entry["text"] or ""
        if entry["level"] == "error" and not text.endswith(GIVEN_UP):
            self.errors.append(text)
