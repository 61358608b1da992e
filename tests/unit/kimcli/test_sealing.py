"""Parts in any order, cut and gone on with: together they are the container that readers know."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from kimcli import journals, sealing, selection
from kimcli.errors import FilesWrong
from kimcli.sealing import Head, Sealer
from kimcli.selection import Payload
from unlock import container

ROOT = bytes(range(32))
SEGMENT = 2**18
PART = 4 * SEGMENT
SIZES = (0, 1, SEGMENT - 33, SEGMENT - 32, SEGMENT - 31, 5 * SEGMENT, 3 * PART + 17)


def begin(path: Path) -> tuple[Head, Payload]:
    picked = selection.gather(path)
    payload = Payload(picked)
    meta = selection.describe(picked)
    server = "https://kim.example"
    return sealing.begin(ROOT, payload, meta, server=server, is_bundle=picked.is_bundle), payload


def sealer_of(head: Head, payload: Payload) -> Sealer:
    key = container.derive_content_key(ROOT, head.core.file_id)
    return Sealer(head, key, payload, PART)


def opened(raw: bytes, head: Head) -> bytes:
    key = container.derive_content_key(ROOT, head.core.file_id)
    reader = container.Reader(container.Container(io.BytesIO(raw)), key)
    reader.check_empty()
    return reader.read(0, reader.core.payload_bytes)


@pytest.mark.parametrize("size_bytes", SIZES)
def test_parts_sealed_backwards_are_one_container(tmp_path: Path, size_bytes: int) -> None:
    data = os.urandom(size_bytes)
    (tmp_path / "song.mp3").write_bytes(data)
    head, payload = begin(tmp_path / "song.mp3")
    sealer = sealer_of(head, payload)
    numbers = range(1, sealer.part_count + 1)
    late = [n for n in numbers if sealer.holds_index(n)]
    early = [n for n in reversed(numbers) if n not in late]

    parts = {n: sealer.seal(n) for n in (*early, *late)}
    raw = b"".join(parts[n].raw for n in numbers)

    assert [len(parts[n].raw) for n in numbers] == [sealer.size_of(n) for n in numbers]
    assert opened(raw, head) == data
    assert container.Container(io.BytesIO(raw)).content_id == sealer.content_id()
    link = container.derive_link_secret(ROOT, head.core.file_id)
    meta = container.open_meta(head.core, container.Container(io.BytesIO(raw)).tlvs, link)
    assert (meta.title, meta.name, meta.media_type, meta.count) == (
        "song", "song.mp3", "audio/mpeg", 1,
    )  # fmt: skip


def test_an_index_over_two_parts_is_cut_at_the_right_place(tmp_path: Path) -> None:
    size_bytes = 2 * PART - SEGMENT - 7 * 32 - 100  # the index begins 100 bytes before a part's end
    (tmp_path / "a").write_bytes(bytes(size_bytes))
    head, payload = begin(tmp_path / "a")
    sealer = sealer_of(head, payload)

    raw = b"".join(sealer.seal(n).raw for n in range(1, sealer.part_count + 1))

    assert (head.core.index_offset, sealer.part_count) == (2 * PART - 100, 3)
    assert sealer.holds_index(2)
    assert sealer.holds_index(3)
    assert not sealer.segments_of(3)
    assert opened(raw, head) == bytes(size_bytes)


def test_rows_of_an_earlier_run_and_new_parts_fit_together(tmp_path: Path) -> None:
    data = os.urandom(3 * PART)
    (tmp_path / "a").write_bytes(data)
    head, payload = begin(tmp_path / "a")
    first = sealer_of(head, payload).seal(1)
    again = sealer_of(head, payload)
    again.take(1, first.rows)

    rest = [again.seal(n).raw for n in range(2, again.part_count + 1)]

    assert opened(first.raw + b"".join(rest), head) == data


def test_a_folder_becomes_a_bundle_with_sorted_names_and_without_litter(tmp_path: Path) -> None:
    folder = tmp_path / "Mein Album"
    (folder / "b").mkdir(parents=True)
    (folder / "b" / "u\u0308ber.txt").write_bytes(b"eins")
    (folder / "a.txt").write_bytes(b"")
    (folder / "Thumbs.db").write_bytes(b"x")
    (folder / "link").symlink_to(folder / "a.txt")
    head, payload = begin(folder)
    sealer = sealer_of(head, payload)

    raw = b"".join(sealer.seal(n).raw for n in range(1, sealer.part_count + 1))

    key = container.derive_content_key(ROOT, head.core.file_id)
    entries = container.Reader(container.Container(io.BytesIO(raw)), key).directory()
    assert [(e.path, e.size_bytes) for e in entries] == [("a.txt", 0), ("b/über.txt", 4)]


def test_a_file_that_changed_is_not_sealed_on(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(os.urandom(1000))
    picked = selection.gather(path)
    path.write_bytes(b"short")

    with pytest.raises(FilesWrong, match="changed"):
        Payload(picked).read(0, 1000)
    with pytest.raises(FilesWrong, match="changed"):
        picked.check()


def test_a_title_holds_no_link_secret() -> None:
    name = f"my_film #1.{'A' * 22}.mp4"

    assert selection.Selection(name, False, ()).title == "my film"


def test_a_journal_tells_after_a_kill_what_was_sent_and_what_was_stored(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(os.urandom(2 * PART))
    head, payload = begin(tmp_path / "a")
    sealer = sealer_of(head, payload)
    path = tmp_path / "j.jsonl"
    journal = journals.start(path, head, upload="u", part_bytes=PART, files=[])
    one, two = sealer.seal(1), sealer.seal(2)
    journal.note_sealed(one)
    journal.note_stored(one, '"other-etag"')
    journal.note_sealed(two)
    journal.keep(file="f")
    journal.close()
    with path.open("a") as file:
        file.write('{"part": 3, "md5"')  # a kill in the middle of a line

    found = journals.load(path)

    assert found is not None
    assert found.head() == head
    assert found.facts["file"] == "f"
    kept = found.find(1, '"other-etag"')
    assert kept is not None
    assert kept.rows == one.rows
    assert found.find(2, f'"{two.md5}"') is not None
    assert found.find(2, "foreign") is None
    assert path.read_text().endswith("}\n")
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "raw", [b"", b"{}\n", b"no json\n", b'{"kim":"upload","v":9}\n', b"\xff\n"]
)
def test_what_is_no_journal_is_begun_anew(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "j.jsonl").write_bytes(raw)

    assert journals.load(tmp_path / "j.jsonl") is None
    assert journals.load(tmp_path / "none") is None
