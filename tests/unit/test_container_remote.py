"""The unlocker reads a sealed file from an address, by ranges, and trusts the host in nothing."""

import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.unit.test_container_cli import Sold, names, run, sell

SEGMENT_BYTES = (1 << 18) - 32
DATA = os.urandom(9 * SEGMENT_BYTES + 17)
BEFORE = ["licence.json", "release.json", "sealed.kim"]


class Host:
    """A host of one object; ``spoil`` may answer in its own way. Counts ranges asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.asked: list[str] = []
        self.spoil: Callable[[BaseHTTPRequestHandler, int, int], bool] = lambda *_: False
        host = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                host.answer(self)

            def log_message(self, *_arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/sealed.kim"

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        asked = handler.headers["Range"]
        self.asked.append(asked)
        first, last = map(int, asked.removeprefix("bytes=").split("-"))
        if not self.spoil(handler, first, last):
            self.give(handler, self.path.read_bytes()[first : last + 1], first, last)

    def give(self, handler: BaseHTTPRequestHandler, body: bytes, first: int, last: int) -> None:
        handler.send_response(206)
        handler.send_header("Content-Range", f"bytes {first}-{last}/{self.path.stat().st_size}")
        handler.send_header("Content-Length", str(last - first + 1))
        handler.send_header("ETag", '"one"')
        handler.end_headers()
        try:
            handler.wfile.write(body)
        except OSError:
            handler.close_connection = True


@pytest.fixture
def song(tmp_path: Path) -> Sold:
    return sell(tmp_path, {"Lied.bin": DATA}, is_bundle=False)


@pytest.fixture
def host(song: Sold) -> Iterator[Host]:
    made = Host(song.path)
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join(10)


def test_a_sealed_file_opens_from_its_address_in_few_requests(
    song: Sold, host: Host, tmp_path: Path
) -> None:
    done = run("open", host.url, "--licence", song.licence, cwd=tmp_path)

    assert (done.returncode, done.stdout) == (0, "Lied.bin\n"), done.stderr
    assert (tmp_path / "Lied.bin").read_bytes() == DATA
    assert len(host.asked) <= 6, host.asked


def test_info_reads_header_and_index_only(song: Sold, host: Host, tmp_path: Path) -> None:
    done = run("info", host.url, cwd=tmp_path)

    assert f"content_id: {song.packed.content_id.hex()}\n" in done.stdout
    assert len(host.asked) <= 5, host.asked


def test_a_broken_connection_is_gone_on_with(song: Sold, host: Host, tmp_path: Path) -> None:
    broken: list[int] = []

    def cut(handler: BaseHTTPRequestHandler, first: int, last: int) -> bool:
        if last - first < SEGMENT_BYTES * 3 or len(broken) == 2:
            return False
        broken.append(first)
        host.give(handler, host.path.read_bytes()[first : first + 400_000], first, last)
        handler.close_connection = True
        return True

    host.spoil = cut
    done = run("open", host.url, "--licence", song.licence, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert len(broken) == 2
    assert (tmp_path / "Lied.bin").read_bytes() == DATA


def test_a_host_that_dies_leaves_a_half_that_is_gone_on_with(
    song: Sold, host: Host, tmp_path: Path
) -> None:
    def later(handler: BaseHTTPRequestHandler, first: int, last: int) -> bool:
        if first < 1 << 18 or last - first < 1000:
            return False
        if first == 1 << 18:
            host.give(handler, host.path.read_bytes()[first : first + (1 << 18)], first, last)
            handler.close_connection = True
        else:
            handler.send_error(503)
        return True

    host.spoil = later
    failed = run("open", host.url, "--licence", song.licence, cwd=tmp_path)
    host.spoil = lambda *_: False
    host.asked.clear()
    done = run("open", host.url, "--licence", song.licence, cwd=tmp_path)

    assert failed.returncode == 3
    assert "error: file: the address does not answer: HTTP Error 503" in failed.stderr
    assert f"{SEGMENT_BYTES} bytes, all checked, wait in Lied.bin.part" in failed.stderr
    assert done.returncode == 0, done.stderr
    assert f"bytes=262144-{2 * 262144 - 1}" not in host.asked
    assert (tmp_path / "Lied.bin").read_bytes() == DATA


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("whole", "the host behind the address does not give parts of a file"),
        ("elsewhere", "the host gives other bytes than were asked for"),
        ("gone", "the address answers 404 Not Found"),
    ],
)
def test_hosts_that_cannot_are_named(
    song: Sold, host: Host, tmp_path: Path, how: str, said: str
) -> None:
    def answer(handler: BaseHTTPRequestHandler, first: int, last: int) -> bool:
        if how == "gone":
            handler.send_error(404)
        elif how == "elsewhere":
            host.give(handler, bytes(last - first + 1), first + 1, last + 1)
        else:
            handler.send_response(200)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
        return True

    host.spoil = answer
    done = run("open", host.url, "--licence", song.licence, cwd=tmp_path)

    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == f"error: file: {said}: {host.url}\n"
    assert names(tmp_path) == BEFORE


def test_a_segment_spoiled_on_the_way_is_fetched_once_more(
    song: Sold, host: Host, tmp_path: Path
) -> None:
    spoiled: list[int] = []

    def spoil(handler: BaseHTTPRequestHandler, first: int, last: int) -> bool:
        if spoiled or first < 1 << 18 or last - first < 2 * SEGMENT_BYTES:
            return False
        spoiled.append(first)
        body = bytearray(host.path.read_bytes()[first : last + 1])
        body[1000] ^= 1
        host.give(handler, bytes(body), first, last)
        return True

    host.spoil = spoil
    done = run("open", host.url, "--licence", song.licence, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert spoiled
    assert (tmp_path / "Lied.bin").read_bytes() == DATA
