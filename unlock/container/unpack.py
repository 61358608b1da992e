"""Writing opened payloads to disk: to ``x.part`` first, renamed when every byte was checked.

A run that is cut leaves ``x.part`` and its state (parts.py), and the next one goes on from there.
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from unlock.container.bundle import Entry
from unlock.container.names import PART_MAX_BYTES, local_paths, shorten
from unlock.container.parts import Journal, Output, Place
from unlock.container.reader import Reader
from unlock.errors import BadDirectory, ContainerError, Forged

_STATE_ENDING = ".part.state"


class Progress(Protocol):
    """Hears of payload bytes: opened and written just now, or found there from an earlier run."""

    def add(self, size_bytes: int, /) -> None: ...
    def skip(self, size_bytes: int, /) -> None: ...


class Renamed(NamedTuple):
    """A path of a bundle that this disk takes only under another name."""

    path: str
    written_as: str


def part_of(target: Path) -> Path:
    """Where ``target`` grows; its own name is cut where ``.part.state`` would not fit behind it."""
    most_bytes = PART_MAX_BYTES - len(_STATE_ENDING)
    return target.with_name(shorten(target.name, most_bytes) + ".part")


def write_file(reader: Reader, target: Path, *, is_forced: bool, progress: Progress) -> None:
    """Write the payload of a single file to ``target``.

    Goes on with the ``.part`` that an earlier run of the same content left. Raises FileExistsError
    without ``is_forced`` where ``target`` exists, or a ``.part`` of something else, and the
    container's errors. After those no ``.part`` stays: what it holds is not what was sold.
    """
    reader.check_empty()
    part = part_of(target)
    with _Part(reader, target, is_forced=is_forced) as journal:
        _fill(reader, [Place(part, 0, reader.core.payload_bytes, None)], journal, progress)
    part.replace(target)
    _state_of(part).unlink()


def write_bundle(
    reader: Reader, target: Path, *, is_forced: bool, progress: Progress
) -> tuple[int, list[Renamed]]:
    """Unpack a bundle into the folder ``target``; the number of files, and which were renamed.

    As ``write_file``; with ``is_forced`` files are put into an existing folder, over their namesakes.
    """
    entries = reader.directory()
    part = part_of(target)
    with _Part(reader, target, is_forced=is_forced) as journal:
        part.mkdir(parents=True, exist_ok=True)
        given = [entry.path for entry in entries]
        paths = local_paths(given, is_windows=os.name == "nt", folds_case=_folds_case(part))
        places = [
            Place(_inside(part, path), entry.offset, entry.size_bytes, entry.sha256)
            for entry, path in zip(entries, paths, strict=True)
        ]
        _fill(reader, places, journal, progress)
    if target.exists():
        _merge(paths, part, target)
        shutil.rmtree(part)
    else:
        part.rename(target)
    _state_of(part).unlink()
    pairs = zip(given, paths, strict=True)
    return len(entries), [Renamed(path, local) for path, local in pairs if path != local]


def check_payload(reader: Reader, *, progress: Callable[[int], object]) -> None:
    """Open every byte and write none; what passes here, ``open`` will write."""
    if reader.core.is_bundle:
        for entry in reader.directory():
            _check_entry(reader, entry, progress)
        return
    reader.check_empty()
    for piece in reader.pieces(0, reader.core.payload_bytes):
        progress(len(piece))


def _check_entry(reader: Reader, entry: Entry, progress: Callable[[int], object]) -> None:
    digest = hashlib.sha256()
    for piece in reader.pieces(entry.offset, entry.size_bytes):
        digest.update(piece)
        progress(len(piece))
    if digest.digest() != entry.sha256:
        raise Forged("A file of the bundle is not the one that its directory names.")


def _fill(reader: Reader, places: Sequence[Place], journal: Journal, progress: Progress) -> None:
    """Bring every segment that is not there yet to its files; each byte is checked either way."""
    room = reader.core.segment_payload_bytes
    with Output(places) as output:
        hashes = output.hashes()
        for number in range(-(-output.size_bytes // room)):
            offset = number * room
            size_bytes = min(room, output.size_bytes - offset)
            kept = output.read(offset, size_bytes) if journal.knows(number) else b""
            if len(kept) == size_bytes and journal.proves(number, kept):
                hashes.feed(kept)
                progress.skip(size_bytes)
                continue
            piece = reader.read(offset, size_bytes)
            output.write(offset, piece)
            journal.note(number, piece)
            hashes.feed(piece)
            progress.add(size_bytes)
        hashes.feed(b"")  # empty files at the end, or nothing but empty files
        output.finish()


class _Part:
    """The ``.part`` of a target with its state: begun, or gone on with; removed if it is refused."""

    def __init__(self, reader: Reader, target: Path, *, is_forced: bool) -> None:
        self._part = part_of(target)
        self._state = _state_of(self._part)
        self._content_id = reader.container.content_id
        if target.exists() and not is_forced:
            raise FileExistsError(f"{target} exists already")
        is_kind = not self._part.is_symlink() and self._part.is_dir() == reader.core.is_bundle
        if not (is_kind and Journal.is_of(self._state, self._content_id)):
            self._drop(is_forced=is_forced)

    def __enter__(self) -> Journal:
        self._state.parent.mkdir(parents=True, exist_ok=True)
        self._state.touch()
        self._file = self._state.open("r+b")
        return Journal(self._file, self._content_id)

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self._file.close()
        if isinstance(error, ContainerError):
            self._drop(is_forced=True)

    def _drop(self, *, is_forced: bool) -> None:
        if not is_forced:
            is_ours = not self._state.exists() or Journal.is_state(self._state)
            for path in (self._part,) if is_ours else (self._part, self._state):
                if path.exists() or path.is_symlink():
                    raise FileExistsError(f"{path} exists already, and is not of this file")
        if self._part.is_dir() and not self._part.is_symlink():
            shutil.rmtree(self._part)
        self._part.unlink(missing_ok=True)
        self._state.unlink(missing_ok=True)


def _state_of(part: Path) -> Path:
    return part.with_name(part.name + ".state")


def _inside(folder: Path, path: str) -> Path:
    found = folder.joinpath(*path.split("/"))
    # The directory's rules already forbid this; on Windows a drive letter would get round them.
    if not found.is_relative_to(folder):  # pragma: no cover - reached on Windows only
        raise BadDirectory("A path of the bundle leaves its folder.")
    return found


def _folds_case(folder: Path) -> bool:
    """Whether this disk takes two names for one that differ in case only; found out by asking it."""
    other = folder.with_name(folder.name.swapcase())
    return other.exists() and other.samefile(folder)


def _merge(paths: Sequence[str], part: Path, target: Path) -> None:
    for path in paths:
        *folders, name = path.split("/")
        place = target
        for folder in folders:
            place /= folder
            if place.is_symlink():
                raise FileExistsError(f"{place} is a link to somewhere else")
        place.mkdir(parents=True, exist_ok=True)
        part.joinpath(*folders, name).replace(place / name)
