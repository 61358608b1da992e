"""The same file through timvisee/send's own pages and through ours, one after the other.

``BENCH_SEND`` is where it was built (docs/benchmarks.md says how): none of it is in this repository.
``BENCH_MIB`` (256), ``BENCH_ROUNDS`` (5). Both servers run side by side, both browsers by themselves.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

from kim.stack import Stack
from tests.bench.figures import spread
from tests.bench.instance import (
    SILENCE_SECONDS,
    NoFigures,
    browse,
    instance,
    scratch,
    visit,
)
from tests.e2e.conftest import free_base

PAGE = Path(__file__).parent / "page"
BESIDE = "kim-bench"  # a folder of ours in its build, while this runs
MODULES = ("beside.js", "gauge.js", "people.js", "plain.js")
HTML = '<!doctype html><title>bench</title><script type="module" src="beside.js"></script>'
READY_SECONDS = 30
LOOK_SECONDS = 0.01
MIB = 2**20
Notes = Generator[dict[str, Any], None, None]


@dataclass(frozen=True)
class Took:
    """Seconds. ``up``: until the last byte was acknowledged; ``down``: until the file was whole."""

    up: float
    down: float


class NoSend(SystemExit):
    """There is nothing to compare with."""


def main() -> None:
    built = _built()
    mib = int(os.environ.get("BENCH_MIB", "256"))
    rounds = int(os.environ.get("BENCH_ROUNDS", "5"))
    found: dict[str, list[Took]] = {"kim": [], "send": []}
    with ExitStack() as closing:
        data = closing.enter_context(scratch())
        notes = closing.enter_context(_listening(data / "notes"))
        stack = closing.enter_context(instance(data))
        send = closing.enter_context(_serving(built, data))
        for round_ in range(rounds):
            order = ("kim", "send") if round_ % 2 else ("send", "kim")
            for name in order:
                profile = f"{name}{round_}"
                if name == "kim":
                    took = _through_kim(stack, data, profile=profile, mib=mib)
                else:
                    took = _through_send(send, data, profile=profile, mib=mib, notes=notes)
                found[name].append(took)
                print(
                    f"{round_ + 1} {name:4} up {took.up:.2f} s, down {took.down:.2f} s", flush=True
                )
    _tell(found, mib)


def _tell(found: dict[str, list[Took]], mib: int) -> None:
    for way in ("up", "down"):
        for name, runs in found.items():
            rates = [mib * MIB / 1e6 / getattr(took, way) for took in runs]
            print(f"{way:4} {name:4} MB/s {spread(rates, digits=1)}")
        ratios = [
            getattr(theirs, way) / getattr(ours, way)
            for ours, theirs in zip(found["kim"], found["send"], strict=True)
        ]
        print(f"{way:4} kim is {statistics.median(ratios):.2f} times as fast: {spread(ratios)}")


def _built() -> Path:
    given = os.environ.get("BENCH_SEND", "")
    if not given:
        raise NoSend("BENCH_SEND does not say where timvisee/send was built: docs/benchmarks.md.")
    for needed in ("server/bin/prod.js", "dist/manifest.json", "node_modules/express"):
        if not (Path(given) / needed).exists():
            raise NoSend(f"{given} holds no built timvisee/send: there is no {needed}.")
    return Path(given)


# --- ours -----------------------------------------------------------------------------------------


def _through_kim(stack: Stack, data: Path, *, profile: str, mib: int) -> Took:
    notes = visit(stack, data, f"/bench/page/selling?mib={mib}", profile=f"{profile}-up")
    up = _wait_note(notes, "upload")["seconds"]
    asked = urlencode({"link": _wait_note(notes, "link")["link"], "save": mib * MIB})
    notes.close()
    with _arriving(data / "downloads", mib * MIB) as arrived:
        path = f"/bench/page/buying?{asked}"
        notes = visit(stack, data, path, profile=f"{profile}-down")
        begun = _wait_note(notes, "download")["from_s"]
        down = arrived() - begun
        notes.close()
    _forget(data, profile)
    return Took(up=up, down=down)


# --- theirs ---------------------------------------------------------------------------------------


def _through_send(address: str, data: Path, *, profile: str, mib: int, notes: str) -> Took:
    url = f"{address}/{BESIDE}/beside.html?{urlencode({'mib': mib, 'notes': notes})}"
    with _arriving(data / "downloads", mib * MIB) as arrived:
        said = browse(url, data, profile=profile, patience_seconds=SILENCE_SECONDS)
        begun = _wait_note(said, "upload begins")["at_s"]
        up = _wait_note(said, "upload ends")["at_s"] - begun
        begun = _wait_note(said, "download begins")["at_s"]
        down = arrived() - begun
        said.close()
    _forget(data, profile)
    return Took(up=up, down=down)


@contextmanager
def _serving(built: Path, data: Path) -> Iterator[str]:
    """Its server, with its store of files in our scratch and no database but its own in memory."""
    port = free_base()
    address = f"http://127.0.0.1:{port}"
    beside = built / "dist" / BESIDE
    beside.mkdir(exist_ok=True)
    for name in MODULES:
        shutil.copyfile(PAGE / name, beside / name)
    (beside / "beside.html").write_text(HTML, encoding="utf-8")
    environ = os.environ | {
        "NODE_ENV": "development",  # which takes the mock of Redis that it brings; dist is as built
        "PORT": str(port),
        "IP_ADDRESS": "127.0.0.1",
        "BASE_URL": address,
        "FILE_DIR": str(data / "send"),
    }
    with (data / "send.log").open("wb") as log:
        server = subprocess.Popen(
            ("node", "server/bin/prod.js"), cwd=built, env=environ, stdout=log, stderr=log
        )
    try:
        _wait_ready(address, server, data / "send.log")
        yield address
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(beside, ignore_errors=True)


def _wait_ready(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + READY_SECONDS
    while True:
        try:
            urlopen(f"{address}/__lbheartbeat__", timeout=5).close()
        except (URLError, OSError):
            if server.poll() is not None or time.monotonic() > until:
                raise NoFigures(f"timvisee/send did not start:\n{log.read_text()}") from None
            time.sleep(0.1)
        else:
            return


@contextmanager
def _listening(notes: Path) -> Iterator[str]:
    """Where a page of another origin may post its notes: each is stamped as it comes."""

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the name is http.server's
            at_s = time.monotonic()
            facts = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with notes.open("a", encoding="utf-8") as out:
                out.write(json.dumps({**facts, "at_s": at_s}) + "\n")
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()


# --- both -----------------------------------------------------------------------------------------


def _wait_note(notes: Notes, name: str) -> dict[str, Any]:
    """The page's next note of that name; the browser lives on until ``notes`` is closed."""
    for note in notes:
        if note["name"] == name:
            return note
    raise NoFigures(f"the page ended without {name}")


@contextmanager
def _arriving(folder: Path, size_bytes: int) -> Iterator[Callable[[], float]]:
    """A function that says when the browser had put the whole file into ``folder``: pages look only
    once a second, so it is the folder that is watched.
    """
    shutil.rmtree(folder, ignore_errors=True)
    seen: list[float] = []
    over = threading.Event()

    def look() -> None:
        while not seen and not over.wait(LOOK_SECONDS):
            whole = (path for path in folder.glob("*") if path.suffix != ".crdownload")
            if any(path.stat().st_size == size_bytes for path in whole):
                seen.append(time.monotonic())

    def arrived() -> float:
        thread.join(READY_SECONDS)
        if not seen:
            there = {path.name: path.stat().st_size for path in folder.glob("*")}
            raise NoFigures(f"the download did not arrive whole: {there}")
        return seen[0]

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield arrived
    finally:
        over.set()
        thread.join()


def _forget(data: Path, profile: str) -> None:
    for path in data.glob(f"{profile}*"):
        shutil.rmtree(path, ignore_errors=True)
