"""What is sealed: one file, or a folder of files; its bytes at any place of the payload.

As the page gathers them: relative paths, NFC, sorted, without what systems leave in folders.
"""

import hashlib
import mimetypes
import os
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kimcli.errors import FilesWrong
from unlock.container import build_directory, check_paths
from unlock.container.keys import Meta, MetaFile

MOST_FILES = 10_000
_LITTER = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
_NAMES_MOST = 65_536  # bytes of names in the description; the header has room for 256 KiB
_LINK_SECRET = re.compile(r"#?\s*1\.[A-Za-z0-9_-]{22}")
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Item:
    """One file as it was when it was chosen."""

    path: str
    place: Path
    size_bytes: int
    changed_ns: int

    @property
    def media_type(self) -> str:
        return mimetypes.guess_type(self.path)[0] or ""

    def check(self) -> None:
        """Raise FilesWrong if it changed since."""
        seen = self.place.stat()
        if (seen.st_size, seen.st_mtime_ns) != (self.size_bytes, self.changed_ns):
            raise FilesWrong(
                "file_changed",
                f"{self.place} was changed meanwhile.",
                "Start again: nothing is sold.",
            )


@dataclass(frozen=True)
class Selection:
    name: str
    is_bundle: bool
    items: tuple[Item, ...]

    @property
    def title(self) -> str:
        """A title to begin with: the name without its ending, and without a link's secret."""
        stem = re.sub(r"\.[A-Za-z0-9]{1,8}$", "", self.name).replace("_", " ")
        return _LINK_SECRET.sub("", stem).strip() or self.name

    @property
    def facts(self) -> list[list[object]]:
        """What tells this selection from a changed one; JSON."""
        return [[item.path, item.size_bytes, item.changed_ns] for item in self.items]

    def check(self) -> None:
        for item in self.items:
            item.check()


def gather(chosen: Path) -> Selection:
    """Raises FilesWrong, BadDirectory, OSError."""
    chosen = chosen.resolve(strict=True)
    if any("\ud800" <= char <= "\udfff" for char in chosen.name):
        raise FilesWrong("bad_selection", "The name is not in UTF-8.", "Rename it first.")
    if not chosen.is_dir():
        return Selection(chosen.name, False, (_item(chosen, _nfc(chosen.name)),))  # noqa: FBT003
    found = sorted(_walk(chosen), key=lambda item: item.path)
    if not 0 < len(found) <= MOST_FILES:
        hint = f"A folder holds between 1 and {MOST_FILES} files."
        raise FilesWrong("bad_selection", f"{chosen} holds {len(found)} files.", hint)
    check_paths([item.path for item in found])
    return Selection(_nfc(chosen.name), True, tuple(found))  # noqa: FBT003


def describe(selection: Selection) -> Meta:
    """What a link shows before payment."""
    if not selection.is_bundle:
        (item,) = selection.items
        return Meta(selection.title, selection.name, item.media_type, (), 1)
    shown: list[MetaFile] = []
    room = _NAMES_MOST
    for item in selection.items[:50]:
        room -= 3 * len(item.path.encode())
        if room < 0:
            break
        shown.append(MetaFile(item.path, item.size_bytes))
    return Meta(selection.title, selection.name, "", tuple(shown), len(selection.items))


class Payload:
    """The files one after another and, of a folder, the directory behind them.

    A folder's files are read once beforehand, for the directory's hashes. Reads are stateless, so
    any number of threads may read.
    """

    def __init__(self, selection: Selection) -> None:
        self._items = selection.items
        self._starts: list[int] = []
        at = 0
        for item in self._items:
            self._starts.append(at)
            at += item.size_bytes
        self._tail = _directory(selection.items) if selection.is_bundle else b""
        self._tail_at = at
        self.size_bytes = at + len(self._tail)

    def read(self, offset: int, size_bytes: int) -> bytes:
        """Exactly so many bytes. Raises FilesWrong where a file has become shorter."""
        end = offset + size_bytes
        pieces = list(self._file_pieces(offset, min(end, self._tail_at)))
        if end > self._tail_at:
            start = max(0, offset - self._tail_at)
            pieces.append(self._tail[start : end - self._tail_at])
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _file_pieces(self, offset: int, end: int) -> Iterator[bytes]:
        at = bisect_right(self._starts, offset) - 1
        while offset < end:
            item, start = self._items[at], self._starts[at]
            wanted = min(end, start + item.size_bytes) - offset
            if wanted > 0:
                with item.place.open("rb") as file:
                    file.seek(offset - start)
                    piece = file.read(wanted)
                if len(piece) != wanted:
                    item.check()
                    raise FilesWrong(
                        "file_changed", f"{item.place} became shorter.", "Start again."
                    )
                yield piece
                offset += wanted
            at += 1


def _walk(folder: Path) -> Iterator[Item]:
    for parent, folders, names in os.walk(folder, followlinks=False):
        folders.sort()
        for name in names:
            place = Path(parent) / name
            if name not in _LITTER and place.is_file() and not place.is_symlink():
                yield _item(place, _nfc(place.relative_to(folder).as_posix()))


def _item(place: Path, path: str) -> Item:
    seen = place.stat()
    return Item(path, place, seen.st_size, seen.st_mtime_ns)


def _directory(items: tuple[Item, ...]) -> bytes:
    return build_directory(
        [(item.path, item.size_bytes, item.media_type, _hash(item)) for item in items]
    )


def _hash(item: Item) -> bytes:
    digest = hashlib.sha256()
    with item.place.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    item.check()
    return digest.digest()


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)
