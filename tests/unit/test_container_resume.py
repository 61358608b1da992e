"""The unlocker goes on where it was cut: killed, interrupted, or without room on the disk."""

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.test_container_cli import ROOT, Sold, names, run, sell
from unlock import container

SEGMENT_BYTES = (1 << 18) - 32
SONG = os.urandom(20 * SEGMENT_BYTES + 1234)
ALBUM = {
    "a/one.bin": os.urandom(3 * SEGMENT_BYTES + 5),
    "a/leer.txt": b"",
    "b/two.txt": b"zwei",
    "b/c/three.bin": os.urandom(4 * SEGMENT_BYTES),
    "leer am Ende": b"",
}
KILLED_AT = """
import os, signal, sys, time
from unlock.container import cli
signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs begin with it ignored
class Killed(cli.Meter):
    def add(self, size_bytes):
        super().add(size_bytes)
        if self.added_bytes >= {at_bytes}:
            os.kill(os.getpid(), signal.{name})
            time.sleep(30)
cli.Meter = Killed
sys.exit(cli.run({arguments!r}, time.monotonic))
"""


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of all sealed segments that are read from here on."""
    numbers: list[int] = []
    plain = container.Container.stored_segment

    def counted(opened: container.Container, number: int) -> bytes:
        numbers.append(number)
        return plain(opened, number)

    monkeypatch.setattr(container.Container, "stored_segment", counted)
    return numbers


def opening(sold: Sold) -> list[str]:
    return ["open", str(sold.path), "--licence", str(sold.licence)]


def cut(sold: Sold, *, at_bytes: int, by: signal.Signals) -> subprocess.CompletedProcess[str]:
    program = KILLED_AT.format(at_bytes=at_bytes, name=by.name, arguments=opening(sold))
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=sold.path.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_killed_run_goes_on_and_reads_no_proven_segment_again(
    tmp_path: Path, reads: list[int]
) -> None:
    song = sell(tmp_path, {"Lied.bin": SONG}, is_bundle=False)
    killed = cut(song, at_bytes=12 * SEGMENT_BYTES, by=signal.SIGKILL)
    part, state = tmp_path / "Lied.bin.part", tmp_path / "Lied.bin.part.state"

    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "Lied.bin").exists()
    assert part.stat().st_size == 12 * SEGMENT_BYTES
    assert state.stat().st_size == 40 + 12 * 32
    done = run(*opening(song), cwd=tmp_path)

    assert (done.returncode, done.stdout) == (0, "Lied.bin\n"), done.stderr
    assert reads == list(range(12, 21))
    opened = (tmp_path / "Lied.bin").read_bytes()
    assert hashlib.sha256(opened).digest() == hashlib.sha256(SONG).digest()
    assert f"{8 * SEGMENT_BYTES + 1234} bytes in " in done.stderr
    assert done.stderr.endswith(f"; {12 * SEGMENT_BYTES} bytes were here already\n")
    assert not part.exists()
    assert not state.exists()


def test_what_was_altered_meanwhile_is_read_anew_and_nothing_else(
    tmp_path: Path, reads: list[int]
) -> None:
    song = sell(tmp_path, {"Lied.bin": SONG}, is_bundle=False)
    cut(song, at_bytes=12 * SEGMENT_BYTES, by=signal.SIGKILL)
    part = tmp_path / "Lied.bin.part"
    with part.open("r+b") as file:
        file.seek(5 * SEGMENT_BYTES + 77)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))
        file.truncate(10 * SEGMENT_BYTES + 9)
        file.seek(30 * SEGMENT_BYTES)
        file.write(b"behind the end")

    done = run(*opening(song), cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert reads == [5, *range(10, 21)]
    assert (tmp_path / "Lied.bin").read_bytes() == SONG


def test_a_killed_bundle_goes_on_over_the_borders_of_its_files(
    tmp_path: Path, reads: list[int]
) -> None:
    album = sell(tmp_path, ALBUM, is_bundle=True, name="Album")
    killed = cut(album, at_bytes=5 * SEGMENT_BYTES, by=signal.SIGKILL)

    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "Album").exists()
    done = run(*opening(album), cwd=tmp_path)

    assert (done.returncode, done.stdout) == (0, "Album: 5 files\n"), done.stderr
    assert reads == [7, 5, 6, 7]  # the directory first
    assert names(tmp_path / "Album") == sorted(ALBUM)
    assert {path: (tmp_path / "Album" / path).read_bytes() for path in ALBUM} == ALBUM
    assert not list(tmp_path.glob("*.part*"))


def test_ctrl_c_says_what_waits_and_the_same_command_goes_on(
    tmp_path: Path, reads: list[int]
) -> None:
    song = sell(tmp_path, {"Lied.bin": SONG}, is_bundle=False)

    stopped = cut(song, at_bytes=3 * SEGMENT_BYTES, by=signal.SIGINT)
    done = run(*opening(song), cwd=tmp_path)

    assert stopped.returncode == 130
    assert stopped.stderr == (
        f"{3 * SEGMENT_BYTES} bytes, all checked, wait in Lied.bin.part: "
        "the same command goes on from there\nstopped\n"
    )
    assert done.returncode == 0
    assert reads == list(range(3, 21))
    assert (tmp_path / "Lied.bin").read_bytes() == SONG


def test_the_half_of_another_file_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    first = sell(tmp_path, {"Lied.bin": SONG}, is_bundle=False)
    second = sell(other, {"Lied.bin": b"another"}, is_bundle=False)
    cut(first, at_bytes=2 * SEGMENT_BYTES, by=signal.SIGKILL)
    part = tmp_path / "Lied.bin.part"

    refused = run(*opening(second), cwd=tmp_path)
    kept = part.read_bytes()
    forced = run(*opening(second), "--force", cwd=tmp_path)

    assert refused.returncode == 3
    assert refused.stderr.startswith("error: exists: Lied.bin.part exists already, and is not of")
    assert kept == SONG[: 2 * SEGMENT_BYTES]
    assert forced.returncode == 0
    assert (tmp_path / "Lied.bin").read_bytes() == b"another"
    assert not list(tmp_path.glob("*.part*"))


def test_a_damaged_segment_takes_the_half_away(tmp_path: Path) -> None:
    song = sell(tmp_path, {"Lied.bin": SONG}, is_bundle=False)
    cut(song, at_bytes=2 * SEGMENT_BYTES, by=signal.SIGKILL)
    raw = bytearray(song.path.read_bytes())
    raw[(1 << 18) * 9 + 50] ^= 1
    song.path.write_bytes(raw)

    done = run(*opening(song), cwd=tmp_path)

    assert done.returncode == 1
    assert done.stderr == (
        "error: damaged: Segment 8 is damaged. Download the file again, or get it from another copy.\n"
    )
    assert names(tmp_path) == ["licence.json", "release.json", "sealed.kim"]


def test_a_full_disk_keeps_what_was_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reads: list[int]
) -> None:
    song = sell(tmp_path, {"Lied.bin": SONG}, is_bundle=False)
    plain = container.Reader.read
    with monkeypatch.context() as once:

        def full(reader: container.Reader, offset: int, size_bytes: int) -> bytes:
            if offset >= 4 * SEGMENT_BYTES:
                raise OSError(28, "No space left on device", "Lied.bin.part")
            return plain(reader, offset, size_bytes)

        once.setattr(container.Reader, "read", full)
        failed = run(*opening(song), cwd=tmp_path)
    reads.clear()
    done = run(*opening(song), cwd=tmp_path)

    assert failed.returncode == 3
    assert failed.stderr.endswith("\nerror: file: No space left on device: Lied.bin.part\n")
    assert done.returncode == 0
    assert reads == list(range(4, 21))
    assert (tmp_path / "Lied.bin").read_bytes() == SONG
