"""Where a webhook may not lead us, and how long it may keep us."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from tests.certificates import certificate
from tests.unlock.receiving import raw_peer, receiver
from unlock import webhook_targets
from unlock.creator_errors import TargetRefused

FORBIDDEN = {
    "loopback": "127.0.0.1",
    "all of loopback": "127.9.9.9",
    "private 10": "10.1.2.3",
    "private 172": "172.16.0.1",
    "private 192": "192.168.1.1",
    "link-local and metadata": "169.254.169.254",
    "carrier-grade NAT": "100.64.0.1",
    "a cloud's metadata": "100.100.100.200",
    "unspecified": "0.0.0.0",  # noqa: S104
    "this network": "0.1.2.3",
    "multicast": "224.0.0.1",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "documentation": "192.0.2.1",
    "benchmarks": "198.18.0.1",
    "IPv6 loopback": "::1",
    "IPv6 unspecified": "::",
    "IPv6 link-local": "fe80::1",
    "IPv6 unique local": "fd00:ec2::254",
    "IPv6 site-local": "fec0::1",
    "IPv6 multicast": "ff02::1",
    "IPv6 documentation": "2001:db8::1",
    "IPv4-mapped loopback": "::ffff:127.0.0.1",
    "IPv4-mapped public": "::ffff:93.184.216.34",
    "IPv4-compatible": "::127.0.0.1",
    "6to4": "2002:7f00:1::",
    "Teredo": "2001:0:7f00:1::1",
    "NAT64": "64:ff9b::7f00:1",
    "with a zone": "fe80::1%eth0",
    "not an address": "999.1.1.1",
}
PUBLIC = ["93.184.216.34", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001:81b::200e"]


@pytest.fixture(autouse=True)
def mainnet(settings: Settings) -> None:
    settings.KIM_NETWORK = "mainnet"


@pytest.fixture
def loopback(settings: Settings) -> None:
    settings.KIM_WEBHOOK_ALLOW_HTTP = True
    settings.KIM_WEBHOOK_PRIVATE_TARGETS = ("127.0.0.1", "localhost")


def post(url: str) -> webhook_targets.Answer:
    return webhook_targets.post(url, b"{}", {})


@pytest.mark.parametrize("address", FORBIDDEN.values(), ids=FORBIDDEN)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert not webhook_targets.is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_taken(address: str) -> None:
    assert webhook_targets.is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "https://",
        "https:///path",
        "//example.com/",
        "example.com",
        "https://user@example.com/",
        "https://user:pass@example.com/",
        "https://example.com/#part",
        "https://example.com\\@127.0.0.1/",
        "https://example.com/a b",
        "https://example.com/a\r\nX: y",
        "https://exämple.com/",
        "https://example.com:22/",
        "https://example.com:80/",
        "https://example.com:0/",
        "https://example.com:99999/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://localhost/",
        "https://localhost./",
        "https://redis/",
        "https://printer.local/",
        "https://metadata.google.internal/",
        "https://" + "a" * 500 + ".com/",
    ],
)
def test_an_address_of_the_wrong_form_is_refused_when_it_is_typed(url: str) -> None:
    with pytest.raises(TargetRefused):
        webhook_targets.parse(url)


@pytest.mark.parametrize(
    ("url", "authority", "path"),
    [
        ("https://Example.com", "example.com", "/"),
        ("https://example.com:443/a?b=c", "example.com", "/a?b=c"),
        ("https://example.com:8443/", "example.com:8443", "/"),
        ("https://[2606:4700:4700::1111]:8443/x", "[2606:4700:4700::1111]:8443", "/x"),
    ],
)
def test_a_good_address_is_read(url: str, authority: str, path: str) -> None:
    target = webhook_targets.parse(url)

    assert (target.authority, target.path, target.is_tls) == (authority, path, True)


def test_play_money_may_go_to_ones_own_machine(settings: Settings) -> None:
    settings.KIM_NETWORK = "regtest"

    assert webhook_targets.parse("http://127.0.0.1:5000/").port == 5000
    with pytest.raises(TargetRefused):
        webhook_targets.parse("http://192.168.1.1:5000/")


@pytest.mark.parametrize("answers", [["10.0.0.1"], ["93.184.216.34", "10.0.0.1"]])
def test_a_name_that_leads_inside_is_refused_before_a_byte_is_sent(
    answers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", names({"example.com": [answers]}))
    monkeypatch.setattr(socket, "create_connection", never)

    answer = post("https://example.com/")

    assert (answer.status, answer.error) == (None, "The host is not on the public internet.")


def test_a_name_that_answers_differently_a_moment_later_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = names({"example.com": [["93.184.216.34"], ["127.0.0.1"]]})
    reached: list[Any] = []

    def connect(address: tuple[str, int], timeout: float) -> socket.socket:
        reached.append(address)
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(socket, "getaddrinfo", asked)
    monkeypatch.setattr(socket, "create_connection", connect)

    answer = post("https://example.com/")

    assert reached == [("93.184.216.34", 443)]
    assert answer.error == "No connection: Connection refused."


def test_an_unknown_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", names({}))

    assert post("https://example.com/").error == "The name of the host is not known."


@pytest.mark.usefixtures("loopback")
def test_a_redirect_is_not_followed() -> None:
    with receiver(lambda call: 302) as there:
        answer = post(there.url)

    assert answer.status == 302
    assert answer.error == "It redirects, which is not followed."
    assert [call.path for call in there.calls] == ["/kim"]


@pytest.mark.usefixtures("loopback")
def test_what_is_sent_is_a_whole_request() -> None:
    with receiver(lambda call: 204) as there:
        answer = webhook_targets.post(f"{there.url}?a=1", b'{"x":1}', {"X-Kim-Delivery": "7"})

    assert answer.is_taken
    assert there.calls[0].path == "/kim?a=1"
    assert there.calls[0].raw == b'{"x":1}'
    assert there.calls[0].headers["Host"] == f"127.0.0.1:{there.port}"
    assert there.calls[0].headers["X-Kim-Delivery"] == "7"


@pytest.mark.usefixtures("loopback")
def test_a_target_that_hangs_costs_no_more_than_the_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(webhook_targets, "DEADLINE_SECONDS", 0.5)
    with raw_peer(lambda line, stop: wait(stop)) as port:
        answer = post(f"http://127.0.0.1:{port}/")

    assert answer.status is None
    assert answer.error == "No answer within 0.5 seconds."
    assert 450 <= answer.milliseconds < 1500


@pytest.mark.usefixtures("loopback")
def test_a_target_that_drips_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_targets, "DEADLINE_SECONDS", 0.5)

    def drip(line: socket.socket, stop: threading.Event) -> None:
        line.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not stop.wait(0.05):
            line.sendall(b"x")

    with raw_peer(drip) as port:
        answer = post(f"http://127.0.0.1:{port}/")

    assert answer.status is None
    assert answer.milliseconds < 1500


@pytest.mark.usefixtures("loopback")
def test_an_answer_without_end_is_read_up_to_64_kb() -> None:
    sent: list[int] = []

    def pour(line: socket.socket, stop: threading.Event) -> None:
        line.sendall(b"HTTP/1.1 200 OK\r\n")
        while not stop.is_set():
            sent.append(line.send(b"X-Large: " + b"x" * 8000 + b"\r\n"))

    with raw_peer(pour) as port:
        answer = post(f"http://127.0.0.1:{port}/")

    assert (answer.status, answer.error) == (None, "No connection: no whole answer.")


@pytest.mark.usefixtures("loopback")
def test_a_large_body_behind_a_good_answer_is_not_read() -> None:
    def pour(line: socket.socket, stop: threading.Event) -> None:
        line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while not stop.is_set():
            line.send(b"x" * 65536)

    with raw_peer(pour) as port:
        answer = post(f"http://127.0.0.1:{port}/")

    assert answer.is_taken
    assert answer.milliseconds < 2000


@pytest.mark.usefixtures("loopback")
@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"SSH-2.0-OpenSSH\r\n\r\n", None),
        (b"", None),
        (b"HTTP/1.1 200 OK\r\n", None),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\n\r\n", 201),
        (b"HTTP/1.1 500 No\r\n\r\n", 500),
        (b"HTTP/1.1 999 Odd\r\n\r\n", None),
    ],
)
def test_only_a_whole_http_answer_counts(said: bytes, status: int | None) -> None:
    with raw_peer(lambda line, stop: line.sendall(said)) as port:
        answer = post(f"http://127.0.0.1:{port}/")

    assert answer.status == status
    assert answer.is_taken == (status == 201)


def test_nobody_listening_is_told(settings: Settings) -> None:
    settings.KIM_NETWORK = "regtest"
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    assert post(f"http://127.0.0.1:{port}/").error == "No connection: Connection refused."


@pytest.mark.usefixtures("loopback")
def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    webhook_targets._tls.cache_clear()
    with receiver(tls=str(certificate(tmp_path / "server.pem"))) as there:
        answer = post(f"https://localhost:{there.port}/")

    assert there.calls == []
    assert answer.status is None
    assert answer.error.startswith("The certificate or TLS failed: self-signed certificate")


@pytest.mark.usefixtures("loopback")
def test_a_certificate_that_is_vouched_for_is_taken_for_its_own_name_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem = certificate(tmp_path / "server.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    webhook_targets._tls.cache_clear()
    try:
        with receiver(tls=str(pem)) as there:
            good = post(f"https://localhost:{there.port}/")
            other = post(f"https://127.0.0.1:{there.port}/")
    finally:
        webhook_targets._tls.cache_clear()

    assert good.is_taken
    assert other.status is None
    assert "not valid for '127.0.0.1'" in other.error
    assert len(there.calls) == 1


def names(table: dict[str, list[list[str]]]) -> Any:
    """A resolver that gives the next list of addresses each time it is asked."""

    def ask(host: str, port: int, *, type: int) -> list[Any]:  # noqa: A002
        if not table.get(host):
            raise socket.gaierror(-2, "Name or service not known")
        family = socket.AF_INET
        return [(family, type, 6, "", (each, port)) for each in table[host].pop(0)]

    return ask


def never(*args: Any, **rest: Any) -> None:
    raise AssertionError("nothing may be connected to")


def wait(stop: threading.Event) -> None:
    deadline = time.monotonic() + 15
    while not stop.wait(0.1) and time.monotonic() < deadline:
        pass
