"""The unlocker as a person runs it: a subprocess, files, exit codes, one line on stderr."""

import contextlib
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO, StringIO
from pathlib import Path

import pytest

from unlock import container
from unlock.container import cli
from unlock.container.meter import Meter

HINT = b'{"u":"https://kim.example/f/x"}'
ROOT = Path(__file__).parents[2]
FILES = {
    "clips/a.bin": os.urandom(300_000),
    "leer.txt": b"",
    "notizen/größe.txt": "zwölf Boxkämpfer\n".encode(),
}


@dataclass(frozen=True)
class Sold:
    """A sealed file with everything that its buyer holds."""

    path: Path
    data: bytes
    secrets: container.Secrets
    packed: container.Packed
    licence: Path
    release: Path
    link: str


def sell(folder: Path, files: dict[str, bytes], *, is_bundle: bool, name: str = "Lied.bin") -> Sold:
    file_id = os.urandom(16)
    secrets = container.derive_secrets(os.urandom(32), file_id)
    sealing = container.Sealing(secrets, file_id, title="Lied", hint=HINT, is_bundle=is_bundle)
    sources = [container.Source(p, len(data), BytesIO(data)) for p, data in files.items()]
    path = folder / "sealed.kim"
    with path.open("wb") as out:
        packed = container.pack(out, sources, sealing)
    licence = folder / "licence.json"
    content_id = packed.content_id
    licence.write_bytes(
        container.build_licence(
            container.Licence(content_id, secrets.content_key, name, (), b"{}", bytes(64))
        )
    )
    release = folder / "release.json"
    release.write_bytes(
        container.build_release(container.ReleaseFile(content_id, secrets.release_secret))
    )
    link = f"https://kim.example/f/x#1.{container.encode_b64url(secrets.link_secret)}"
    data = next(iter(files.values()))
    return Sold(path, data, secrets, packed, licence, release, link)


@pytest.fixture
def song(tmp_path: Path) -> Sold:
    return sell(tmp_path, {"Lied.bin": os.urandom(600_000)}, is_bundle=False)


@pytest.fixture
def album(tmp_path: Path) -> Sold:
    return sell(tmp_path, FILES, is_bundle=True, name="Album")


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


def run(*arguments: str | Path, cwd: Path) -> Done:
    """In this process, as ``__main__`` calls it; two tests below start a real one."""
    out, err = StringIO(), StringIO()
    with contextlib.chdir(cwd), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = cli.run([str(argument) for argument in arguments], time.monotonic)
        except SystemExit as stop:
            code = int(str(stop.code))
    return Done(code, out.getvalue(), err.getvalue())


def process(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


BEFORE = ["licence.json", "release.json", "sealed.kim"]


def test_a_licence_opens_the_file_under_its_name(song: Sold, tmp_path: Path) -> None:
    opening = ("open", song.path, "--licence", song.licence)
    done = process("-m", "unlock.container", *opening, cwd=tmp_path)

    assert (done.returncode, done.stdout) == (0, "Lied.bin\n")
    assert (tmp_path / "Lied.bin").read_bytes() == song.data
    assert names(tmp_path) == sorted([*BEFORE, "Lied.bin"])


def test_link_and_release_file_open_it_too(song: Sold, tmp_path: Path) -> None:
    done = run(
        "open",
        song.path,
        "--link",
        song.link,
        "--release-file",
        song.release,
        "--output",
        "other.bin",
        cwd=tmp_path,
    )

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "other.bin").read_bytes() == song.data


def test_nothing_is_written_over_without_force(song: Sold, tmp_path: Path) -> None:
    (tmp_path / "Lied.bin").write_bytes(b"mine")

    refused = run("open", song.path, "--licence", song.licence, cwd=tmp_path)
    kept = (tmp_path / "Lied.bin").read_bytes()
    forced = run("open", song.path, "--licence", song.licence, "--force", cwd=tmp_path)

    assert refused.returncode == 3
    assert refused.stderr.startswith("error: exists: ")
    assert kept == b"mine"
    assert forced.returncode == 0
    assert (tmp_path / "Lied.bin").read_bytes() == song.data


def test_a_bundle_unpacks_into_a_folder(album: Sold, tmp_path: Path) -> None:
    done = run("open", album.path, "--licence", album.licence, cwd=tmp_path)

    assert (done.returncode, done.stdout) == (0, "Album: 3 files\n")
    assert names(tmp_path / "Album") == sorted(FILES)
    for path, data in FILES.items():
        assert (tmp_path / "Album" / path).read_bytes() == data


def test_a_forced_bundle_keeps_what_it_does_not_bring(album: Sold, tmp_path: Path) -> None:
    (tmp_path / "Album").mkdir()
    (tmp_path / "Album" / "mine.txt").write_text("mine")

    refused = run("open", album.path, "--licence", album.licence, cwd=tmp_path)
    forced = run("open", album.path, "--licence", album.licence, "--force", cwd=tmp_path)

    assert (refused.returncode, forced.returncode) == (3, 0)
    assert names(tmp_path / "Album") == sorted([*FILES, "mine.txt"])


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda raw: raw[:-1], "truncated"),
        (lambda raw: raw + b"\0", "damaged"),
        (lambda raw: raw[:300_000] + b"\0\0\0\0" + raw[300_004:], "damaged"),
        (lambda raw: b"PK" + raw[2:], "not_a_container"),
        (lambda raw: raw[:8] + b"\7" + raw[9:], "unsupported_version"),
    ],
)
def test_spoiled_files_leave_nothing_behind(
    song: Sold, tmp_path: Path, spoil: Callable[[bytes], bytes], code: str
) -> None:
    song.path.write_bytes(spoil(song.path.read_bytes()))

    opened = run("open", song.path, "--licence", song.licence, cwd=tmp_path)
    verified = run("verify", song.path, cwd=tmp_path)

    for done in (opened, verified):
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(f"error: {code}: ")
        assert done.stderr.count("\n") == 1
    assert names(tmp_path) == BEFORE


def test_the_licence_of_another_file_is_the_wrong_key(song: Sold, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    foreign = sell(other, {"x": b"x"}, is_bundle=False)

    done = run("open", song.path, "--licence", foreign.licence, cwd=tmp_path)

    assert done.returncode == 1
    assert done.stderr.startswith("error: wrong_key: ")
    assert not (tmp_path / "Lied.bin").exists()


def test_a_cut_link_or_licence_is_named(song: Sold, tmp_path: Path) -> None:
    release = ("--release-file", song.release)
    cut = run("open", song.path, "--link", song.link[:-1], *release, cwd=tmp_path)
    song.licence.write_bytes(song.licence.read_bytes()[:-20])
    torn = run("open", song.path, "--licence", song.licence, cwd=tmp_path)

    assert cut.stderr.startswith("error: link_malformed: ")
    assert torn.stderr.startswith("error: licence_malformed: ")
    assert (cut.returncode, torn.returncode) == (1, 1)


def test_missing_files_and_wrong_use_have_their_own_exit_codes(song: Sold, tmp_path: Path) -> None:
    missing = run("info", "nowhere.kim", cwd=tmp_path)
    half = run("open", song.path, "--link", song.link, cwd=tmp_path)
    none = run("open", song.path, cwd=tmp_path)

    assert (missing.returncode, half.returncode, none.returncode) == (3, 2, 2)
    assert missing.stderr == "error: file: No such file or directory: nowhere.kim\n"


def test_info_and_verify_tell_what_it_is(album: Sold, tmp_path: Path) -> None:
    info = run("info", album.path, "--link", album.link, cwd=tmp_path)
    plain = run("verify", album.path, cwd=tmp_path)
    opened = run("verify", album.path, "--licence", album.licence, cwd=tmp_path)

    content_id = album.packed.content_id.hex()
    assert "kind: folder of files\n" in info.stdout
    assert f"content_id: {content_id}\n" in info.stdout
    assert "holds: clips/a.bin (300000 bytes)\n" in info.stdout
    assert plain.stdout == f"whole; content_id {content_id}\n"
    assert opened.stdout == f"whole, and opens with the licence; content_id {content_id}\n"


def test_it_runs_where_django_is_missing(song: Sold, tmp_path: Path) -> None:
    blocked = "import sys; sys.modules.update(dict.fromkeys(['django', 'celery', 'boto3']))"
    program = f"""
{blocked}
import time
from unlock.container.cli import run
code = run(["open", {str(song.path)!r}, "--licence", {str(song.licence)!r}], time.monotonic)
assert not [name for name in sys.modules if name.startswith(("django.", "rest_framework"))]
sys.exit(code)
"""
    done = process("-c", program, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    opened = hashlib.sha256((tmp_path / "Lied.bin").read_bytes()).digest()
    assert opened == hashlib.sha256(song.data).digest()


def test_an_empty_file_and_a_hint_come_through(tmp_path: Path) -> None:
    empty = sell(tmp_path, {"leer.txt": b""}, is_bundle=False, name="leer.txt")

    opened = run("open", empty.path, "--licence", empty.licence, cwd=tmp_path)
    verified = run("verify", empty.path, "--licence", empty.licence, cwd=tmp_path)
    info = run("info", empty.path, cwd=tmp_path)

    assert (opened.returncode, verified.returncode) == (0, 0)
    assert (tmp_path / "leer.txt").read_bytes() == b""
    assert 'hint (not to be trusted): {"u":"https://kim.example/f/x"}\n' in info.stdout


def test_a_release_of_other_content_is_refused(song: Sold, tmp_path: Path) -> None:
    other = container.ReleaseFile(bytes(32), song.secrets.release_secret)
    song.release.write_bytes(container.build_release(other))

    done = run("open", song.path, "--link", song.link, "--release-file", song.release, cwd=tmp_path)

    assert done.stderr.startswith("error: damaged: The file is not the one that was sold")
    assert names(tmp_path) == BEFORE


def test_an_output_folder_takes_the_file_under_its_name(song: Sold, tmp_path: Path) -> None:
    (tmp_path / "to").mkdir()

    done = run("open", song.path, "--licence", song.licence, "--output", "to", cwd=tmp_path)

    assert done.stdout == "to/Lied.bin\n"
    assert (tmp_path / "to" / "Lied.bin").read_bytes() == song.data


def test_left_overs_of_a_killed_run_are_named_and_forced_away(album: Sold, tmp_path: Path) -> None:
    (tmp_path / "Album.part").mkdir()

    refused = run("open", album.path, "--licence", album.licence, cwd=tmp_path)
    forced = run("open", album.path, "--licence", album.licence, "--force", cwd=tmp_path)

    assert refused.stderr.startswith("error: exists: Album.part exists already")
    assert (refused.returncode, forced.returncode) == (3, 0)
    assert names(tmp_path / "Album") == sorted(FILES)
    assert not (tmp_path / "Album.part").exists()


def test_a_file_far_too_large_is_no_licence(song: Sold, tmp_path: Path) -> None:
    with song.licence.open("wb") as out:
        out.truncate(cli.PAPER_MAX_BYTES + 1)

    done = run("open", song.path, "--licence", song.licence, cwd=tmp_path)

    assert done.stderr.startswith("error: licence_malformed: licence.json is far too large")


def test_ctrl_c_before_the_first_byte_says_so(
    song: Sold, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_reader: container.Reader, _number: int) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(container.Reader, "segment", interrupt)

    done = run("open", song.path, "--licence", song.licence, cwd=tmp_path)

    assert (done.returncode, done.stderr) == (130, "stopped\n")
    assert not (tmp_path / "Lied.bin").exists()


def test_a_terminal_sees_share_rate_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter([0.0, 0.1, 2.0, 4.0])
    terminal = StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", terminal)
    meter = Meter(400_000_000, lambda: next(seconds))

    meter.add(1_000_000)
    meter.add(99_000_000)
    meter.end()

    shown = terminal.getvalue()
    assert shown == ("\r25 %  50 MB/s  0:06 left\x1b[K\r\x1b[K100000000 bytes in 4.0 s, 25 MB/s\n")
