"""Debian's WebKitGTK over WebDriver (W3C), by its own WebKitWebDriver, on a screen nobody sees."""

from __future__ import annotations

import http.client
import json
import platform
import random
import socket
from pathlib import Path
from typing import Any

from tests.browsers.drivers import ASK_SECONDS, START_SECONDS, Browser, Refused
from tests.e2e.people import wait_for

DRIVER = "/usr/bin/WebKitWebDriver"
BINARY = f"/usr/lib/{platform.machine()}-linux-gnu/webkit2gtk-4.1/MiniBrowser"
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key of an element, W3C WebDriver 11.1


class WebKit(Browser):
    """MiniBrowser, as the driver starts it: what it keeps, it keeps in memory."""

    def start(self) -> None:
        screen = self._screen()
        config = self.home / "config"
        config.mkdir()
        (config / "user-dirs.dirs").write_text(f'XDG_DOWNLOAD_DIR="{self.downloads}"\n')
        self._port = _free_port()
        self.spawn(
            DRIVER, f"--port={self._port}",
            DISPLAY=screen, XDG_CONFIG_HOME=str(config),
            GIO_USE_VFS="local", LIBGL_ALWAYS_SOFTWARE="1",
        )  # fmt: skip
        wait_for(lambda: _answers(self._port), seconds=START_SECONDS)
        wanted = {"binary": BINARY, "args": ["--automation"]}
        given = self.ask(
            "POST", "/session", capabilities={"alwaysMatch": {"webkitgtk:browserOptions": wanted}}
        )
        self._session = f"/session/{given['sessionId']}"
        self._version = f"WebKitGTK {given['capabilities']['browserVersion']}"
        self._ask("POST", "/window/rect", width=1280, height=800)

    def version(self) -> str:
        return self._version

    def ask(self, method: str, path: str, **body: object) -> Any:
        line = http.client.HTTPConnection("127.0.0.1", self._port, timeout=ASK_SECONDS)
        sent = json.dumps(body) if method == "POST" else None
        line.request(method, path, sent, {"Content-Type": "application/json"})
        response = line.getresponse()
        value = json.loads(response.read())["value"]
        line.close()
        if response.status != 200:
            raise Refused(f"{path}: {value['error']}: {value['message']}")
        return value

    def open(self, url: str) -> None:
        self._ask("POST", "/url", url=url)

    def click(self, css: str) -> None:
        self.wait_still(css)
        self._ask("POST", f"{self._element(css)}/click")

    def write(self, css: str, text: str) -> None:
        self._ask("POST", f"{self._element(css)}/value", text=text)

    def give(self, css: str, file: Path) -> None:
        self.write(css, str(file))

    def close(self) -> None:
        if hasattr(self, "_session"):
            self.ask("DELETE", self._session)
        super().close()

    def _ask(self, method: str, path: str, **body: object) -> Any:
        return self.ask(method, self._session + path, **body)

    def _asked(self, function: str, argument: str) -> str:
        script = (
            "const [given, done] = arguments;"
            f" ({function})(given).then((said) => done([said]), (error) => done(String(error)));"
        )
        answer = self._ask("POST", "/execute/async", script=script, args=[argument])
        if not isinstance(answer, list):
            raise Refused(answer)
        return str(answer[0])

    def _element(self, css: str) -> str:
        found = self._ask("POST", "/element", using="css selector", value=css)
        return f"/element/{found[ELEMENT]}"

    def _screen(self) -> str:
        """A display of our own; its socket is there when it is ready."""
        number = random.randrange(200, 30_000)
        self.spawn(
            "Xvfb", f":{number}", "-screen", "0", "1280x1024x24", "-nolisten", "tcp",
        )  # fmt: skip
        wait_for(Path(f"/tmp/.X11-unix/X{number}").exists, seconds=START_SECONDS)  # noqa: S108
        return f":{number}"


def _free_port() -> int:
    while True:
        port = random.randrange(11_000, 32_000)
        if not _answers(port):
            return port


def _answers(port: int) -> bool:
    with socket.socket() as line:
        return line.connect_ex(("127.0.0.1", port)) == 0
