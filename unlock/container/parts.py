"""Half-written outputs: what lies there already, proven piece by piece, and what is still missing.

``x.part`` holds the bytes and ``x.part.state`` beside it the SHA-256 of every piece that was checked
and written, so that a run that was cut, by whatever, goes on where it stopped.
"""

import hashlib
import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple, Self

from unlock.errors import Forged

_MAGIC = b"KIMPART1"
_HEAD_BYTES = len(_MAGIC) + 32
_HASH_BYTES = 32


class Journal:
    """The state file: ``KIMPART1``, content_id, then 32 bytes for every segment, in their order."""

    def __init__(self, file: BinaryIO, content_id: bytes) -> None:
        self._file = file
        file.seek(0)
        head, known = _MAGIC + content_id, file.read()
        if known[:_HEAD_BYTES] != head:
            file.seek(0)
            file.truncate()
            file.write(head)
            file.flush()
            known = head
        self._hashes = bytearray(known[_HEAD_BYTES:])

    @staticmethod
    def is_of(path: Path, content_id: bytes) -> bool:
        """Whether the file at ``path`` is a state of this content."""
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES) == _MAGIC + content_id

    @staticmethod
    def is_state(path: Path) -> bool:
        with path.open("rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC

    def knows(self, number: int) -> bool:
        return any(self._hash(number)) and len(self._hash(number)) == _HASH_BYTES

    def proves(self, number: int, piece: bytes) -> bool:
        """Whether ``piece`` is what was written as this segment."""
        return hashlib.sha256(piece).digest() == self._hash(number)

    def note(self, number: int, piece: bytes) -> None:
        """To be called once the piece is in its file."""
        digest = hashlib.sha256(piece).digest()
        start = number * _HASH_BYTES
        self._hashes.extend(bytes(max(0, start + _HASH_BYTES - len(self._hashes))))
        self._hashes[start : start + _HASH_BYTES] = digest
        self._file.seek(_HEAD_BYTES + start)
        self._file.write(digest)
        self._file.flush()

    def _hash(self, number: int) -> bytes:
        start = number * _HASH_BYTES
        return bytes(self._hashes[start : start + _HASH_BYTES])


@dataclass(frozen=True)
class Place:
    """One file of an output; ``offset`` counts from the payload's first byte."""

    path: Path
    offset: int
    size_bytes: int
    sha256: bytes | None


class _Span(NamedTuple):
    at: int
    in_file: int
    size_bytes: int


class Output:
    """Files that lie one after another in a payload, written and read back by payload offset."""

    def __init__(self, places: Sequence[Place]) -> None:
        self._places = places
        self._starts = [place.offset for place in places]
        self._open: tuple[int, BinaryIO] | None = None
        self.size_bytes = sum(place.size_bytes for place in places)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def read(self, offset: int, size_bytes: int) -> bytes:
        """What lies there, fewer bytes where something is missing."""
        pieces: list[bytes] = []
        for span in self._spans(offset, size_bytes):
            if not self._places[span.at].path.is_file():
                break
            file = self._file(span.at)
            file.seek(span.in_file)
            piece = file.read(span.size_bytes)
            pieces.append(piece)
            if len(piece) < span.size_bytes:
                break
        return b"".join(pieces)

    def write(self, offset: int, piece: bytes) -> None:
        done = 0
        for span in self._spans(offset, len(piece)):
            file = self._file(span.at)
            file.seek(span.in_file)
            file.write(piece[done : done + span.size_bytes])
            file.flush()
            done += span.size_bytes

    def finish(self) -> None:
        """Make every file exactly as long as it is to be, the empty ones too, and safe on the disk."""
        for at, place in enumerate(self._places):
            if not place.path.is_file() or place.path.stat().st_size != place.size_bytes:
                self._file(at).truncate(place.size_bytes)
        if len(self._places) == 1:
            os.fsync(self._file(0).fileno())
        elif hasattr(os, "sync"):
            os.sync()  # one call for ten thousand files
        self._close()

    def hashes(self) -> "FileHashes":
        return FileHashes(self._places)

    def _spans(self, offset: int, size_bytes: int) -> Iterator[_Span]:
        end = min(offset + size_bytes, self.size_bytes)
        at = bisect_right(self._starts, offset) - 1
        while offset < end:
            place = self._places[at]
            in_file = offset - place.offset
            size = min(place.size_bytes - in_file, end - offset)
            if size > 0:
                yield _Span(at, in_file, size)
            offset += size
            at += 1

    def _file(self, at: int) -> BinaryIO:
        """One is open at a time: bytes come in order, and there may be ten thousand files."""
        if self._open is not None and self._open[0] == at:
            return self._open[1]
        self._close()
        path = self._places[at].path
        if path.is_symlink():
            raise FileExistsError(f"{path} is a link to somewhere else")
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("r+b" if path.exists() else "x+b")
        self._open = (at, file)
        return file

    def _close(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None


class FileHashes:
    """Compares each file with its SHA-256 as the payload passes in order."""

    def __init__(self, places: Sequence[Place]) -> None:
        self._places = [place for place in places if place.sha256 is not None]
        self._at = 0
        self._left = self._places[0].size_bytes if self._places else 0
        self._hash = hashlib.sha256()

    def feed(self, piece: bytes) -> None:
        """Raises Forged at the end of the first file that differs."""
        rest = memoryview(piece)
        while self._at < len(self._places):
            used = min(len(rest), self._left)
            self._hash.update(rest[:used])
            self._left -= used
            rest = rest[used:]
            if self._left:
                return
            self._end()

    def _end(self) -> None:
        place = self._places[self._at]
        if self._hash.digest() != place.sha256:
            raise Forged("A file of the bundle is not the one that its directory names.")
        self._at += 1
        self._hash = hashlib.sha256()
        if self._at < len(self._places):
            self._left = self._places[self._at].size_bytes
