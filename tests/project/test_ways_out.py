"""Every way out of the server: who names the address, and one guard for those that a stranger names.

A new connection anywhere in the code fails here until somebody says whose address it goes to.
"""

from __future__ import annotations

import http.server
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from payments import rates
from unlock import url_sources, webhook_targets
from unlock.creator_errors import TargetRefused
from unlock.errors import StoreError

ROOT = Path(__file__).resolve().parents[2]
WAYS = re.compile(
    r"\b(?:create_connection|getaddrinfo|open_connection|HTTPS?Connection\b|urlopen|build_opener"
    r"|smtplib|boto3|get_connection\(|aiorpcx|httpx|requests\.(?:get|post)|socket\.socket\()"
)
# The guard itself, and those that go through it alone: an address that a creator typed.
GUARDED = {"unlock/webhook_targets.py", "unlock/url_sources.py"}
# The operator's own settings, or what they type on their command line; may be private on purpose.
OPERATORS = {
    "payments/electrum_session.py": "KIM_ELECTRUM_SERVERS",
    "payments/electrum_socks.py": "KIM_SOCKS_PROXY, on this machine",
    "payments/rates.py": "a table in the code, or KIM_RATE_BASE_URL",
    "payments/recovery.py": "a server named on the command line",
    "unlock/mail.py": "KIM_EMAIL_URL",
    "unlock/s3_clients.py": "KIM_S3_ENDPOINT",
    "unlock/storage_check.py": "KIM_S3_ENDPOINT",
    "unlock/container/remote.py": "the reader's command line; the server does not import it",
    "kim/embedded.py": "this machine, for development",
}
# The names of loggers; and a pool of connections to Redis (KIM_REDIS_URL).
NO_WAY = {"kim/logs.py", "payments/events.py"}
INSIDE = (
    "127.0.0.1", "127.1.2.3", "10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254",
    "100.64.0.1", "0.0.0.0", "255.255.255.255", "224.0.0.1", "[::1]", "[::]", "[fe80::1]",  # noqa: S104
    "[fc00::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "2130706433",
    "0x7f.1", "127.1", "localhost", "redis", "films.internal", "films.local", "a.localhost",
)  # fmt: skip


@pytest.fixture
def mainnet(settings: Settings) -> None:
    settings.KIM_NETWORK = "mainnet"
    settings.KIM_WEBHOOK_PRIVATE_TARGETS = ()


def test_every_way_out_is_known_and_says_who_names_its_address() -> None:
    found = {
        str(path.relative_to(ROOT))
        for package in ("kim", "payments", "unlock")
        for path in (ROOT / package).rglob("*.py")
        if "migrations" not in path.parts and WAYS.search(path.read_text())
    }

    assert found == GUARDED | set(OPERATORS) | NO_WAY


def test_the_reader_of_urls_opens_no_line_but_the_guards() -> None:
    text = (ROOT / "unlock/url_sources.py").read_text()

    assert "webhook_targets.connect(" in text
    assert not re.search(r"\.connect\(\)|create_connection|getaddrinfo|urlopen", text)


@pytest.mark.usefixtures("mainnet")
@pytest.mark.parametrize("host", INSIDE)
def test_no_spelling_of_an_inner_address_is_taken_by_anybody(host: str) -> None:
    url = f"https://{host}/x"

    with pytest.raises(TargetRefused):
        webhook_targets.parse(url)
    with pytest.raises(TargetRefused):
        url_sources.UrlSource(url, size_bytes=1)
    answer = webhook_targets.post(url, b"{}", {})
    assert (answer.status, bool(answer.error)) == (None, True)


@pytest.mark.usefixtures("mainnet")
def test_a_good_name_that_leads_inside_is_refused_by_everybody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[Any] = []

    def inside(host: str, port: int, **_: Any) -> list[Any]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port))
            for each in ("1.1.1.1", "10.0.0.1")
        ]

    monkeypatch.setattr(socket, "getaddrinfo", inside)
    monkeypatch.setattr(socket, "create_connection", lambda *to, **_: opened.append(to))

    answer = webhook_targets.post("https://hook.example/x", b"{}", {})
    source = url_sources.UrlSource("https://films.example/x", size_bytes=1)
    with pytest.raises(StoreError):
        source.read(0, 1)

    assert answer.error == "The host is not on the public internet."
    assert opened == []


class _Redirecting(http.server.BaseHTTPRequestHandler):
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(302)
        self.send_header("Location", "/secret")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def redirecting() -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []
    handler = type("Handler", (_Redirecting,), {"asked": asked})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def test_nobody_follows_a_redirect(redirecting: tuple[str, list[str]]) -> None:
    base, asked = redirecting

    answer = webhook_targets.post(f"{base}/hook", b"{}", {})
    source = url_sources.UrlSource(f"{base}/file", size_bytes=1)
    with pytest.raises(StoreError, match="redirects"):
        source.read(0, 1)
    source.close()
    with pytest.raises(rates.SourceFailed, match="HTTP 302"):
        rates._get_json(f"{base}/rate", time.monotonic() + 5)

    assert answer.status == 302
    assert asked == ["/hook", "/file", "/rate"]
