"""Names from strangers: what a bundle may be called, and what this disk makes of it."""

from pathlib import Path

import pytest

from tests.unit.test_container_cli import names, run, sell
from unlock import container
from unlock.container import unpack
from unlock.container.names import local_paths, safe_name
from unlock.errors import BadDirectory

SCRIPTS = [
    "Ελληνικά/ταινία.mp4",
    "кино/фильм.mkv",
    "映画/第一話.mp4",
    "영화/한국어.txt",
    "فيلم/مقطع.mp4",
    "סרט/קטע.txt",
    "हिन्दी/फ़िल्म.txt",
    "ไทย/หนัง.txt",
    "emoji/👩‍👩‍👧‍👦🏳️‍🌈.txt",
    "rtl/\u202egpj.exe",
    "a b/ space .txt",
    "CON",
    "aux.txt",
    "ends in a dot.",
    ".hidden",
    "-rf",
    "two\nlines",
    "a:b",
    "n" * 255,
    "é" * 127 + "x",
]


def test_names_in_every_script_come_out_as_they_were_given(tmp_path: Path) -> None:
    given = {path: path.encode() for path in SCRIPTS}
    paths = [path for path in given if _is_nfc(path)]
    album = sell(tmp_path, {path: given[path] for path in paths}, is_bundle=True, name="Album")

    done = run("open", album.path, "--licence", album.licence, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert "renamed" not in done.stderr
    assert names(tmp_path / "Album") == sorted(paths)
    assert all((tmp_path / "Album" / path).read_bytes() == given[path] for path in paths)


def _is_nfc(path: str) -> bool:
    try:
        container.check_paths([path])
    except BadDirectory:
        return False
    return True


@pytest.mark.parametrize(
    "path",
    ["../up", "a/../../up", "/etc/passwd", "a//b", "./a", "a/.", "a\\b", "a\0b", "", "e\u0301"],
)
def test_paths_that_leave_the_folder_are_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    with monkeypatch.context() as careless:
        careless.setattr("unlock.container.bundle.check_paths", lambda _paths: None)
        careless.setattr("unlock.container.writer.check_paths", lambda _paths: None, raising=False)
        album = sell(tmp_path, {"fine": b"1", path: b"2"}, is_bundle=True, name="Album")
    before = names(tmp_path)

    done = run("open", album.path, "--licence", album.licence, cwd=tmp_path)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: bad_directory: ")
    assert names(tmp_path) == before


def test_windows_gets_names_that_it_can_hold() -> None:
    given = ["CON", "aux.txt", "a:b", "C:x/y", "dot.", "space ", "com1.tar.gz", "fine.txt", "<>|?*"]

    written = local_paths(given, is_windows=True, folds_case=True)

    assert written == [
        *("_CON", "_aux.txt", "a_b", "C_x/y", "dot._", "space _", "_com1.tar.gz"),
        *("fine.txt", "_____"),
    ]


def test_names_that_are_one_on_this_disk_get_numbers() -> None:
    given = ["A.txt", "a.txt", "a (2).txt", "Clips/x", "clips/X", "CLIPS", "STRASSE", "straße"]

    folding = local_paths(given, is_windows=False, folds_case=True)
    exact = local_paths(given, is_windows=False, folds_case=False)

    assert exact == given
    assert folding == [
        *("A.txt", "a (2).txt", "a (2) (2).txt", "Clips/x", "clips/X (2)", "CLIPS (2)"),
        *("STRASSE", "straße (2)"),
    ]


def test_parts_over_255_bytes_are_cut_and_never_one_over_the_other() -> None:
    long = "语" * 100
    given = [f"{long}.mp4", f"{long}!.mp4", f"{long}/x"]

    written = local_paths(given, is_windows=False, folds_case=False)

    assert written == ["语" * 83 + ".mp4", "语" * 82 + " (2).mp4", "语" * 85 + "/x"]
    assert all(len(part.encode()) <= 255 for path in written for part in path.split("/"))


def test_a_renamed_file_is_named(tmp_path: Path) -> None:
    album = sell(tmp_path, {"x" * 300 + ".txt": b"1", "y": b"2"}, is_bundle=True, name="Album")

    done = run("open", album.path, "--licence", album.licence, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert f"renamed for this disk: {'x' * 300}.txt is {'x' * 251}.txt\n" in done.stderr
    assert names(tmp_path / "Album") == ["x" * 251 + ".txt", "y"]


def test_a_disk_that_folds_case_is_found_out(tmp_path: Path) -> None:
    folder = tmp_path / "Album.part"
    folder.mkdir()

    assert unpack._folds_case(folder) is False
    (tmp_path / "aLBUM.PART").symlink_to(folder)
    assert unpack._folds_case(folder) is True


def test_a_forced_bundle_does_not_follow_links_out_of_its_folder(tmp_path: Path) -> None:
    album = sell(tmp_path, {"sub/a.txt": b"new"}, is_bundle=True, name="Album")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.txt").write_bytes(b"mine")
    (tmp_path / "Album").mkdir()
    (tmp_path / "Album" / "sub").symlink_to(outside)

    done = run("open", album.path, "--licence", album.licence, "--force", cwd=tmp_path)

    assert done.returncode == 3
    assert done.stderr.endswith(
        "is a link to somewhere else. Choose another --output, or add --force.\n"
    )
    assert (outside / "a.txt").read_bytes() == b"mine"


def test_an_output_of_255_bytes_has_room_for_its_half(tmp_path: Path) -> None:
    song = sell(tmp_path, {"Lied.bin": b"la"}, is_bundle=False)
    name = "n" * 251 + ".bin"

    done = run("open", song.path, "--licence", song.licence, "--output", name, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert (tmp_path / name).read_bytes() == b"la"
    assert not list(tmp_path.glob("*.part*"))


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("con", "_con"),
        ("LPT1.txt", "_LPT1.txt"),
        ("../../etc/passwd", "passwd"),
        ("C:\\windows\\x.dll", "x.dll"),
        ("\u202egpj.exe", "gpj.exe"),
        ("...", "unlocked.bin"),
        ("console.log", "console.log"),
    ],
)
def test_a_licence_s_name_is_a_plain_file_name(given: str, name: str) -> None:
    assert safe_name(given) == name


def test_ten_thousand_small_files_come_out(tmp_path: Path) -> None:
    files = {f"{number % 100:02}/{number:05}.txt": b"%d" % number for number in range(10_000)}
    album = sell(tmp_path, files, is_bundle=True, name="Album")

    done = run("open", album.path, "--licence", album.licence, cwd=tmp_path)

    assert done.stdout == "Album: 10000 files\n", done.stderr
    assert len(names(tmp_path / "Album")) == 10_000
    assert (tmp_path / "Album" / "42" / "00042.txt").read_bytes() == b"42"
