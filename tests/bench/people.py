"""The product's own pages, worked by a page beside them: memory and long tasks of a whole sale, the
first byte after a drop, the way from a link to its QR and from a key to a film, jumps in the film.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from kim.stack import Stack
from tests.bench import films
from tests.bench.figures import p95, spread
from tests.bench.instance import SILENCE_SECONDS, NoFigures, instance, scratch, visit
from tests.bench.processes import tree_bytes

LOOK_SECONDS = 0.2
IDLE_SECONDS = 2.0
MARGIN_SECONDS = 10  # the page knows better than we what it waited for
LEAST_MIB_PER_SECOND = 4
LARGE_MIB = 1024  # is kept several times: beyond this not in memory
Facts = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Weighed:
    """One transfer in the real page. ``peak_bytes`` is above what the browser took before it."""

    way: str
    seconds: float
    idle_bytes: int
    peak_bytes: int
    longest_task_ms: float
    long_tasks: int

    def __str__(self) -> str:
        return (
            f"{self.way}: {self.seconds:.1f} s, peak {self.peak_bytes / 1e6:.0f} MB above idle"
            f" ({self.idle_bytes / 1e6:.0f} MB), longest task {self.longest_task_ms:.0f} ms,"
            f" {self.long_tasks} over 50 ms"
        )


def memory() -> None:
    """``BENCH_SIZES_MIB`` (256,1024): peak above idle and long tasks, upload and download."""
    for mib in map(int, os.environ.get("BENCH_SIZES_MIB", "256,1024").split(",")):
        print(f"# {mib} MiB", flush=True)
        for weighed in weigh_sale(mib):
            print(weighed, flush=True)


def weigh_sale(mib: int) -> list[Weighed]:
    """Random bytes sold and saved in the real pages, and compared."""
    with scratch(is_large=mib > LARGE_MIB) as data:
        digest = _random_file(data / "films" / "whole.bin", mib)
        with instance(data) as stack:
            patience = SILENCE_SECONDS + mib // LEAST_MIB_PER_SECOND
            up, peaks = _weighed(stack, data, "selling", film="whole.bin", patience=patience)
            sold = _weigh("upload", up["upload"], peaks)
            asked = {"link": up["link"]["link"], "save": up["link"]["size"]}
            down, peaks = _weighed(stack, data, "buying", patience=patience, **asked)
            saved = _weigh("download", down["download"], peaks)
        with next((data / "downloads").glob("whole*.bin")).open("rb") as file:
            if hashlib.file_digest(file, "sha256").digest() != digest:
                raise NoFigures("what was saved is not what was sold")
    return [sold, saved]


def firstbyte() -> None:
    """``BENCH_SPARSE_GB`` (40), ``BENCH_ROUNDS`` (5): from the drop to ciphertext on the wire."""
    gigabytes = os.environ.get("BENCH_SPARSE_GB", "40")
    found = []
    with scratch() as data, instance(data) as stack:
        for round_ in range(int(os.environ.get("BENCH_ROUNDS", "5"))):
            facts = _visited(stack, data, "selling", profile=f"creator{round_}", sparse=gigabytes)
            found.append(facts["first byte"]["seconds"])
            print(f"{round_ + 1} first byte after {found[-1]:.2f} s", flush=True)
    print(f"first byte of {gigabytes} GB: {spread(found)} s")


def arriving() -> None:
    """``BENCH_ROUNDS`` (5): a first visit by a new browser, from the link to the QR."""
    found = []
    with scratch() as data, instance(data) as stack:
        link = _visited(stack, data, "selling", mib=8)["link"]["link"]
        for round_ in range(int(os.environ.get("BENCH_ROUNDS", "5"))):
            facts = _visited(stack, data, "buying", profile=f"buyer{round_}", link=link)
            found.append(facts["link to QR"]["seconds"])
            scripts = facts["scripts"]
            print(
                f"{round_ + 1} link to QR {found[-1]:.2f} s, {scripts['count']} scripts", flush=True
            )
    print(f"link to QR: {spread(found)} s")


def seek() -> None:
    """``BENCH_SEEKS`` (50), ``BENCH_FILMS_OF`` (h264-first,h264-last,av1-first,av1-last)."""
    names = os.environ.get("BENCH_FILMS_OF", ",".join(n.removesuffix(".mp4") for n in films.NAMES))
    for name in names.split(","):
        with scratch() as data:
            film = films.make(f"{name}.mp4", data / "films")
            with instance(data) as stack:
                link = _visited(stack, data, "selling", film=film.name)["link"]["link"]
                asked = {"link": link, "seeks": os.environ.get("BENCH_SEEKS", "50")}
                noted = list(_notes(stack, data, "buying", profile="buyer", **asked))
        first = next(note["seconds"] for note in noted if note["name"] == "key to frame")
        jumps = [note["seconds"] for note in noted if note["name"] == "seek"]
        length = next(note["seconds"] for note in noted if note["name"] == "film")
        print(
            f"{name}: {length / 3600:.2f} h, key to first frame {first:.2f} s,"
            f" {len(jumps)} seeks {spread(jumps)} p95 {p95(jumps):.2f} s",
            flush=True,
        )


def _notes(
    stack: Stack, data: Path, page: str, *, profile: str = "creator", **asked: Any
) -> Iterator[dict[str, Any]]:
    patience = float(asked.get("patience", SILENCE_SECONDS)) + MARGIN_SECONDS
    path = f"/bench/page/{page}?{urlencode(asked)}"
    return visit(stack, data, path, profile=profile, patience_seconds=patience)


def _visited(stack: Stack, data: Path, page: str, **asked: Any) -> Facts:
    return {note["name"]: note for note in _notes(stack, data, page, **asked)}


def _weighed(
    stack: Stack, data: Path, page: str, **asked: Any
) -> tuple[Facts, list[tuple[float, int]]]:
    with _looking(data / "browser") as samples:
        facts = _visited(stack, data, page, profile=page, **asked)
    shutil.rmtree(data / page, ignore_errors=True)
    return facts, samples


@contextmanager
def _looking(browser: Path) -> Iterator[list[tuple[float, int]]]:
    """When, and how much memory the browser had then."""
    browser.unlink(missing_ok=True)
    samples: list[tuple[float, int]] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(LOOK_SECONDS):
            if browser.exists() and (pid := browser.read_text(encoding="ascii")):
                samples.append((time.monotonic(), tree_bytes(int(pid))))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield samples
    finally:
        over.set()
        thread.join()


def _weigh(way: str, facts: dict[str, Any], samples: list[tuple[float, int]]) -> Weighed:
    begun, ended = facts["from_s"], facts["to_s"]
    before = [size for at, size in samples if begun - IDLE_SECONDS <= at <= begun]
    during = [size for at, size in samples if begun < at <= ended]
    idle = int(statistics.median(before or during[:1]))
    return Weighed(
        way,
        seconds=facts["seconds"],
        idle_bytes=idle,
        peak_bytes=max(during) - idle,
        longest_task_ms=facts["longest_task_ms"],
        long_tasks=facts["long_tasks"],
    )


def _random_file(path: Path, mib: int) -> bytes:
    """Its SHA-256."""
    path.parent.mkdir(exist_ok=True)
    digest = hashlib.sha256()
    with path.open("wb") as out:
        for _ in range(mib):
            piece = os.urandom(2**20)
            digest.update(piece)
            out.write(piece)
    return digest.digest()
