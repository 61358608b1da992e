"""Opening and checking containers: a file with its header and index, then single segments of it."""

import hashlib
from collections.abc import Iterator
from typing import BinaryIO

from unlock.container import floe, keys, layout
from unlock.container.bundle import LENGTH_BYTES, Entry, directory_bytes, parse_directory
from unlock.container.layout import CORE_BYTES, V1_SEG_LOG2, CoreHeader, Index, parse_index
from unlock.container.tlvs import parse_tlvs
from unlock.errors import Damaged, Forged, Truncated


class Container:
    """A seekable file whose size, header and index were checked; no key needed.

    Raises NotAContainer, UnsupportedVersion, Truncated or Damaged when made.
    """

    def __init__(self, file: BinaryIO, *, seg_log2s: frozenset[int] = V1_SEG_LOG2) -> None:
        self._file = file
        self.core = CoreHeader.parse(self._read(0, CORE_BYTES), seg_log2s=seg_log2s)
        self.core.check_size(file.seek(0, 2))
        area = self._read(CORE_BYTES, self.core.header_bytes - CORE_BYTES)
        self.tlvs = parse_tlvs(area, self.core)
        raw_index = self._read(self.core.index_offset, self.core.index_bytes)
        self.index: Index = parse_index(raw_index, self.core)
        self.content_id = layout.content_id(self.core, self.index.root)

    def check_content_id(self, expected: bytes) -> None:
        """Raise Damaged unless these are the bytes that were sold."""
        if self.content_id != expected:
            raise Damaged("The file is not the one that was sold, or was changed.")

    def stored_segment(self, number: int) -> bytes:
        """Return segment ``number`` as stored, after comparing its hash. Raises Damaged.

        Read a second time before it is called damaged: a host or a cable may have been at fault.
        """
        for _ in range(2):
            stored = self._read(*self.core.segment_range(number))
            if hashlib.sha256(stored).digest() == self.index.segment_hash(number):
                return stored
        raise Damaged("Segment {segment} is damaged.", segment=number)

    def _read(self, offset: int, size_bytes: int) -> bytes:
        self._file.seek(offset)
        return self._file.read(size_bytes)


class Reader:
    """Random access to the payload of a container with its content key M.

    Raises WrongKey when made if M does not lead to the header's commitment.
    """

    def __init__(self, container: Container, content_key: bytes) -> None:
        self.container = container
        self.core = container.core
        self._session = keys.open_content(self.core, content_key)
        self._message_key = self._session.message_key()
        # Small files of a bundle share segments: the last one opened is kept.
        self._last: tuple[int, bytes] = (-1, b"")

    def segment(self, number: int) -> bytes:
        """Return the payload of one segment.

        Raises Damaged where the stored bytes are not the committed ones, and Forged where they are
        but the committed key differs or does not open them.
        """
        segment_key = self._session.segment_key(self._message_key, number)
        stored = self.container.stored_segment(number)
        committed = self.container.index.key_commitment(number)
        if keys.key_commitment(self.core.file_id, number, segment_key) != committed:
            raise Forged("Segment {segment} commits to another key.", segment=number)
        is_final = self.core.is_final(number)
        plaintext = floe.open_segment(segment_key, number, stored, is_final=is_final)
        if plaintext is None:
            raise Forged("Segment {segment} does not open with its key.", segment=number)
        return plaintext

    def read(self, offset: int, size_bytes: int) -> bytes:
        """Return ``size_bytes`` of the payload from ``offset``, fewer at its end."""
        return b"".join(self.pieces(offset, size_bytes))

    def pieces(self, offset: int, size_bytes: int) -> Iterator[bytes]:
        """The same, segment by segment."""
        room = self.core.segment_payload_bytes
        end = min(offset + size_bytes, self.core.payload_bytes)
        while offset < end:
            number, skip = divmod(offset, room)
            if self._last[0] != number:
                self._last = (number, self.segment(number))
            plaintext = self._last[1]
            piece = (
                plaintext[skip : skip + end - offset] if skip or end < offset + room else plaintext
            )
            yield piece
            offset += len(piece)

    def check_empty(self) -> None:
        """Open the one segment of an empty payload, which ``pieces`` never touches."""
        if self.core.payload_bytes == 0:
            self.segment(0)

    def directory(self) -> tuple[Entry, ...]:
        """Return the files of a bundle. Raises BadDirectory."""
        payload_bytes = self.core.payload_bytes
        mark = self.read(max(0, payload_bytes - LENGTH_BYTES), LENGTH_BYTES)
        size_bytes = directory_bytes(mark, payload_bytes)
        raw = self.read(payload_bytes - LENGTH_BYTES - size_bytes, size_bytes)
        return parse_directory(raw, payload_bytes)


class SegmentVerifier:
    """Re-hashes an object as it streams by, from its first byte to its last; needs no key.

    ``core`` and ``index`` are those that were registered. ``feed`` takes pieces of any length and
    raises Damaged at the end of the first segment (``error.segment``) that differs; ``finish``
    raises Truncated if bytes are missing.
    """

    def __init__(self, core: CoreHeader, index: Index) -> None:
        self._core = core
        self._index = index
        self._hash = hashlib.sha256()
        self.at_bytes = 0
        self.segments_done = 0

    def feed(self, data: bytes | memoryview) -> None:
        rest = memoryview(data)
        while rest:
            used = self._step(rest)
            self.at_bytes += used
            rest = rest[used:]

    def finish(self) -> None:
        if self.at_bytes != self._core.total_bytes:
            raise Truncated(
                "The object ends at {at_bytes} of {total_bytes} bytes.",
                at_bytes=self.at_bytes,
                total_bytes=self._core.total_bytes,
            )

    def _step(self, data: memoryview) -> int:
        at = self.at_bytes
        if at < CORE_BYTES:
            return self._compare(data, self._core.raw[at:])
        if at < self._core.header_bytes:
            return min(len(data), self._core.header_bytes - at)
        if at < self._core.index_offset:
            return self._hash_segment(data)
        return self._compare(data, self._index.raw[at - self._core.index_offset :])

    def _compare(self, data: memoryview, expected: bytes) -> int:
        used = min(len(data), len(expected))
        if used == 0:
            raise Damaged("Bytes follow the index.")
        if data[:used] != expected[:used]:
            raise Damaged("Header or index differ from what was registered.")
        return used

    def _hash_segment(self, data: memoryview) -> int:
        number = self.segments_done
        span = self._core.segment_range(number)
        end = span.offset + span.size_bytes
        used = min(len(data), end - self.at_bytes)
        self._hash.update(data[:used])
        if self.at_bytes + used == end:
            if self._hash.digest() != self._index.segment_hash(number):
                raise Damaged("Segment {segment} is damaged.", segment=number)
            self._hash = hashlib.sha256()
            self.segments_done += 1
        return used
