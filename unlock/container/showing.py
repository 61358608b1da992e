"""What may be seen without paying: keys of single segments, as samples and as the audit at publish.

A key of one segment opens that segment alone. It is checked against the committed index before
anything is opened with it (docs/protocol.md, "Samples and audit").
"""

import hashlib
import struct
from collections.abc import Sequence
from typing import NamedTuple

from unlock.container import floe, keys
from unlock.container.layout import CoreHeader, Index
from unlock.errors import Damaged, Forged

ENTRY_BYTES = 40
NONCE_BYTES = 32
AUDIT_LEAST_SEGMENTS = 200
AUDIT_MOST = 20

_ENTRY = struct.Struct(">Q32s")


class SegmentKey(NamedTuple):
    """The key of one segment, made public. 32 bytes: DEK_i."""

    segment: int
    key: bytes


def build_entries(shown: Sequence[SegmentKey]) -> bytes:
    return b"".join(_ENTRY.pack(*entry) for entry in shown)


def parse_entries(raw: bytes) -> tuple[SegmentKey, ...]:
    """Read u64 segment || DEK 32, one after another. Raises Damaged for a broken length."""
    if len(raw) % ENTRY_BYTES:
        raise Damaged("Keys of segments are 40 bytes each.")
    return tuple(SegmentKey(*fields) for fields in _ENTRY.iter_unpack(raw))


def audit_count(segments: int, *, least_segments: int = AUDIT_LEAST_SEGMENTS) -> int:
    """How many segments an audit opens: one of a hundred, at most 20; none of few."""
    if segments < least_segments:
        return 0
    return max(1, min(AUDIT_MOST, segments // 100))


def audit_segments(content_id: bytes, nonce: bytes, *, segments: int, count: int) -> list[int]:
    """The segments that an audit opens, in the order they are drawn; each stands there once."""
    drawn: dict[int, None] = {}
    turn = 0
    while len(drawn) < min(count, segments):
        block = b"KIM1 audit" + content_id + nonce + struct.pack(">I", turn)
        drawn[int.from_bytes(hashlib.sha256(block).digest()[:8]) % segments] = None
        turn += 1
    return list(drawn)


def check_keys(core: CoreHeader, index: Index, shown: Sequence[SegmentKey]) -> None:
    """Raise Forged where a key is not the committed one, Damaged where there is no such segment."""
    for segment, key in shown:
        if segment >= core.segments:
            raise Damaged("There is no segment {segment}.", segment=segment)
        if keys.key_commitment(core.file_id, segment, key) != index.key_commitment(segment):
            raise Forged("Segment {segment} commits to another key.", segment=segment)


def open_shown(core: CoreHeader, index: Index, shown: SegmentKey, stored: bytes) -> bytes:
    """Return the payload of one segment, after every check. Raises Damaged, Forged."""
    segment, key = shown
    check_keys(core, index, [shown])
    if hashlib.sha256(stored).digest() != index.segment_hash(segment):
        raise Damaged("Segment {segment} is damaged.", segment=segment)
    plaintext = floe.open_segment(key, segment, stored, is_final=core.is_final(segment))
    if plaintext is None:
        raise Forged("Segment {segment} does not open with its key.", segment=segment)
    return plaintext
