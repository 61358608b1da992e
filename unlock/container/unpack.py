"""Writing opened payloads to disk: to ``x.part`` first, renamed when every byte was checked."""

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from unlock.container.bundle import Entry
from unlock.container.reader import Reader
from unlock.errors import BadDirectory, Forged

Progress = Callable[[int], None]


def write_file(reader: Reader, target: Path, *, is_forced: bool, progress: Progress) -> None:
    """Write the payload of a single file to ``target``.

    Raises FileExistsError without ``is_forced`` where ``target`` or its ``.part`` exists, and the
    container's errors; whatever is raised, no ``.part`` stays behind.
    """
    part = _begin(target, is_forced=is_forced)
    try:
        with part.open("xb") as out:
            reader.check_empty()
            for piece in reader.pieces(0, reader.core.payload_bytes):
                out.write(piece)
                progress(len(piece))
            out.flush()
            os.fsync(out.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def write_bundle(reader: Reader, target: Path, *, is_forced: bool, progress: Progress) -> int:
    """Unpack a bundle into the folder ``target``; returns the number of files.

    As ``write_file``; with ``is_forced`` files are put into an existing folder, over their namesakes.
    """
    entries = reader.directory()
    part = _begin(target, is_forced=is_forced)
    try:
        part.mkdir(parents=True)
        for entry in entries:
            _write_entry(reader, entry, part, progress)
        if target.exists():
            _merge(entries, part, target)
        else:
            part.rename(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return len(entries)


def check_payload(reader: Reader, *, progress: Progress) -> None:
    """Open every byte and write none; what passes here, ``open`` will write."""
    if reader.core.is_bundle:
        for entry in reader.directory():
            _copy_entry(reader, entry, _discard, progress)
        return
    reader.check_empty()
    for piece in reader.pieces(0, reader.core.payload_bytes):
        progress(len(piece))


def _discard(_piece: bytes) -> None:
    pass


def _begin(target: Path, *, is_forced: bool) -> Path:
    part = target.with_name(target.name + ".part")
    for path in (target, part):
        if path.exists() and not is_forced:
            raise FileExistsError(f"{path} exists already")
    if part.is_dir():
        shutil.rmtree(part)
    part.unlink(missing_ok=True)
    return part


def _write_entry(reader: Reader, entry: Entry, folder: Path, progress: Progress) -> None:
    path = folder.joinpath(*entry.path.split("/"))
    # The directory's rules already forbid this; on Windows a drive letter would get round them.
    if not path.is_relative_to(folder):  # pragma: no cover - reached on Windows only
        raise BadDirectory("A path of the bundle leaves its folder.")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as out:
        _copy_entry(reader, entry, out.write, progress)


def _copy_entry(
    reader: Reader, entry: Entry, write: Callable[[bytes], object], progress: Progress
) -> None:
    digest = hashlib.sha256()
    for piece in reader.pieces(entry.offset, entry.size_bytes):
        digest.update(piece)
        write(piece)
        progress(len(piece))
    if digest.digest() != entry.sha256:
        raise Forged("A file of the bundle is not the one that its directory names.")


def _merge(entries: tuple[Entry, ...], part: Path, target: Path) -> None:
    for entry in entries:
        parts = entry.path.split("/")
        target.joinpath(*parts[:-1]).mkdir(parents=True, exist_ok=True)
        part.joinpath(*parts).replace(target.joinpath(*parts))
