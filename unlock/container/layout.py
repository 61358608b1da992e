"""Where every byte of a KIM1 container lies: core header, TLV area, segments, index.

Nothing here needs a key. docs/protocol.md is the specification. All integers are big-endian.
"""

import hashlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Self

from unlock.container import floe
from unlock.errors import Damaged, NotAContainer, Truncated, UnsupportedVersion

MAGIC = b"\x89KIM\r\n\x1a\n"
CORE_BYTES = 128
FILE_ID_BYTES = 16
FLAG_BUNDLE = 0b10
PAYLOAD_MAX_BYTES = 2**53 - 1
SEG_LOG2 = 18
V1_SEG_LOG2 = frozenset({SEG_LOG2})

INDEX_MAGIC = b"KIMI\x01\0\0\0"
INDEX_END = b"KIMEND\r\n"
INDEX_FIXED_BYTES = 80
INDEX_ROW_BYTES = 64

_CORE = struct.Struct(">8sBBBBIQQ16s16s32s32s")
_VERSION = 1
_SUITE = 1


class Span(NamedTuple):
    """A stretch of the object: ``offset`` from its first byte, and how many bytes."""

    offset: int
    size_bytes: int


@dataclass(frozen=True)
class CoreHeader:
    """The 128 bytes that name and bind everything else. ``raw`` are those bytes."""

    payload_bytes: int
    segments: int
    file_id: bytes
    floe_iv: bytes
    header_tag: bytes
    flags: int
    seg_log2: int
    raw: bytes

    @classmethod
    def parse(cls, head: bytes, *, seg_log2s: frozenset[int] = V1_SEG_LOG2) -> Self:
        """Read the first 128 bytes of ``head``; ``seg_log2s`` is widened by tests only.

        Raises NotAContainer, Truncated, UnsupportedVersion or Damaged.
        """
        if head[:8] != MAGIC:
            raise NotAContainer("The file does not begin like a sealed file.")
        if len(head) < CORE_BYTES:
            raise Truncated("The file ends inside its header.")
        raw = bytes(head[:CORE_BYTES])
        _, version, suite, seg_log2, flags, *rest = _CORE.unpack(raw)
        header_bytes, payload_bytes, segments, file_id, zero, iv, tag = rest
        if (version, suite) != (_VERSION, _SUITE):
            raise UnsupportedVersion(
                "Version {version}, suite {suite} is not known.", version=version, suite=suite
            )
        if seg_log2 not in seg_log2s:
            raise UnsupportedVersion("Segment size 2^{seg_log2} is not known.", seg_log2=seg_log2)
        if flags & ~FLAG_BUNDLE or zero != bytes(16):
            raise UnsupportedVersion("A reserved bit of the header is set.")
        if header_bytes != 1 << seg_log2:
            raise Damaged("The header's length is wrong.")
        if payload_bytes > PAYLOAD_MAX_BYTES:
            raise Damaged("The header promises an impossible size.")
        if segments != count_segments(payload_bytes, seg_log2):
            raise Damaged("The header's number of segments does not fit its size.")
        return cls(payload_bytes, segments, file_id, iv, tag, flags, seg_log2, raw)

    @property
    def is_bundle(self) -> bool:
        return bool(self.flags & FLAG_BUNDLE)

    @property
    def header_bytes(self) -> int:
        """H: core header and TLV area together; the first segment begins here."""
        return 1 << self.seg_log2

    @property
    def segment_bytes(self) -> int:
        """Stored length of every segment but the last."""
        return 1 << self.seg_log2

    @property
    def segment_payload_bytes(self) -> int:
        """Payload in every segment but the last."""
        return self.segment_bytes - floe.SEGMENT_OVERHEAD_BYTES

    @property
    def index_offset(self) -> int:
        body_bytes = self.payload_bytes + self.segments * floe.SEGMENT_OVERHEAD_BYTES
        return self.header_bytes + body_bytes

    @property
    def index_bytes(self) -> int:
        return INDEX_FIXED_BYTES + INDEX_ROW_BYTES * self.segments

    @property
    def total_bytes(self) -> int:
        """Exact size of the whole object."""
        return self.index_offset + self.index_bytes

    def segment_range(self, number: int) -> Span:
        """Where segment ``number`` is stored. Raises IndexError outside 0..N-1."""
        if not 0 <= number < self.segments:
            raise IndexError(number)
        offset = self.header_bytes + number * self.segment_bytes
        return Span(offset, min(self.segment_bytes, self.index_offset - offset))

    def is_final(self, number: int) -> bool:
        return number == self.segments - 1

    def check_size(self, size_bytes: int) -> None:
        """Raise Truncated or Damaged unless the object has exactly ``total_bytes``."""
        if size_bytes < self.total_bytes:
            raise Truncated(
                "The file has {size_bytes} of {total_bytes} bytes.",
                size_bytes=size_bytes,
                total_bytes=self.total_bytes,
            )
        if size_bytes > self.total_bytes:
            raise Damaged(
                "The file has {size_bytes} bytes instead of {total_bytes}.",
                size_bytes=size_bytes,
                total_bytes=self.total_bytes,
            )


def count_segments(payload_bytes: int, seg_log2: int = SEG_LOG2) -> int:
    """N: an empty payload still has one segment."""
    room = (1 << seg_log2) - floe.SEGMENT_OVERHEAD_BYTES
    return max(1, -(-payload_bytes // room))


def build_core_prefix(
    *, payload_bytes: int, file_id: bytes, flags: int = 0, seg_log2: int = SEG_LOG2
) -> bytes:
    """Return core[0:64], the part that FLOE's AAD holds."""
    segments = count_segments(payload_bytes, seg_log2)
    return _CORE.pack(
        MAGIC,
        _VERSION,
        _SUITE,
        seg_log2,
        flags,
        1 << seg_log2,
        payload_bytes,
        segments,
        file_id,
        bytes(16),
        b"",
        b"",
    )[:64]


@dataclass(frozen=True)
class Index:
    """The index of a container whose root was recomputed. ``rows`` holds N x (hash 32 | kc 32)."""

    rows: bytes
    root: bytes
    raw: bytes

    def segment_hash(self, number: int) -> bytes:
        """SHA-256 of the stored segment."""
        return self._cut(number, 0)

    def key_commitment(self, number: int) -> bytes:
        """kc_i."""
        return self._cut(number, 32)

    def _cut(self, number: int, skip: int) -> bytes:
        start = number * INDEX_ROW_BYTES + skip
        return self.rows[start : start + 32]


def build_index(core: CoreHeader, rows: bytes) -> Index:
    """Return the index over ``rows``, N x (segment hash | kc)."""
    root = merkle_root(_leaves(core, rows))
    head = INDEX_MAGIC + struct.pack(">Q", core.segments) + core.file_id
    raw = head + rows + root + struct.pack(">Q", core.index_bytes) + INDEX_END
    return Index(rows, root, raw)


def parse_index(raw: bytes, core: CoreHeader) -> Index:
    """Check every byte of the index against the header and its own root. Raises Damaged."""
    if len(raw) < core.index_bytes:
        raise Truncated("The file ends inside its index.")
    if len(raw) > core.index_bytes:
        raise Damaged("Bytes follow the index.")
    rows = raw[32 : 32 + core.segments * INDEX_ROW_BYTES]
    index = build_index(core, rows)
    if index.raw != raw:
        raise Damaged("The index contradicts itself or the header.")
    return index


def leaf_hash(core: CoreHeader, number: int, row: bytes) -> bytes:
    stored_bytes = core.segment_range(number).size_bytes
    place = struct.pack(">QI", number, stored_bytes)
    return hashlib.sha256(b"\0" + core.file_id + place + row).digest()


def merkle_root(leaves: Iterable[bytes]) -> bytes:
    """Root over leaf hashes in the shape of RFC 6962: an odd node rises unchanged."""
    level = list(leaves)
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=False)
        above = [hashlib.sha256(b"\1" + left + right).digest() for left, right in pairs]
        level = above + level[len(above) * 2 :]
    return level[0]


def content_id(core: CoreHeader, root: bytes) -> bytes:
    """The one name of what is sold, 32 bytes."""
    return hashlib.sha256(b"KIM1 cid" + core.raw + root).digest()


def _leaves(core: CoreHeader, rows: bytes) -> Iterable[bytes]:
    for number in range(core.segments):
        start = number * INDEX_ROW_BYTES
        yield leaf_hash(core, number, rows[start : start + INDEX_ROW_BYTES])
