"""Sealing on this side of the wire: tests, fixtures and creators who script. Streams both ways."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from unlock.container import floe, keys, layout, tlvs
from unlock.container.bundle import build_directory
from unlock.container.keys import Meta, MetaFile, RandomBytes, Secrets
from unlock.container.layout import CoreHeader, Index


@dataclass(frozen=True)
class Source:
    """One file to seal: exactly ``size_bytes`` are read from ``stream``."""

    path: str
    size_bytes: int
    stream: BinaryIO
    media_type: str = "application/octet-stream"


@dataclass(frozen=True)
class Sealing:
    """The choices of one container. ``gcm_ivs`` and ``seg_log2`` change in tests only."""

    secrets: Secrets
    file_id: bytes
    title: str = ""
    hint: bytes | None = None
    is_bundle: bool = False
    random_bytes: RandomBytes = os.urandom
    seg_log2: int = layout.SEG_LOG2


@dataclass(frozen=True)
class Packed:
    """What the server is told about a container that was written."""

    core: CoreHeader
    index: Index
    content_id: bytes
    wrapped_key: bytes


def pack(out: BinaryIO, sources: Sequence[Source], sealing: Sealing) -> Packed:
    """Write a whole container to ``out``: one file, or a bundle of several.

    IVs are drawn in this order: FLOE, wrap, description, segments. Raises ValueError where a source
    is shorter or longer than it said, BadDirectory for a path that no reader would accept.
    """
    payload = _Payload(sources, is_bundle=sealing.is_bundle)
    core, session = begin(sealing, payload.size_bytes)
    wrapped = keys.wrap(core, sealing.secrets, gcm_iv=sealing.random_bytes(12))
    out.write(core.raw)
    out.write(_tlv_area(core, sources, sealing, wrapped))
    index = layout.build_index(core, _write_segments(out, payload, core, session, sealing))
    payload.check_end()
    out.write(index.raw)
    return Packed(core, index, layout.content_id(core, index.root), wrapped)


def begin(sealing: Sealing, payload_bytes: int) -> tuple[CoreHeader, floe.Floe]:
    """Return the finished core header, and the FLOE session that it commits to."""
    prefix = layout.build_core_prefix(
        payload_bytes=payload_bytes,
        file_id=sealing.file_id,
        flags=layout.FLAG_BUNDLE if sealing.is_bundle else 0,
        seg_log2=sealing.seg_log2,
    )
    floe_iv = sealing.random_bytes(floe.IV_BYTES)
    content_key = sealing.secrets.content_key
    session = keys.floe_of(prefix, content_key, floe_iv=floe_iv, file_id=sealing.file_id)
    raw = prefix + floe_iv + session.header_tag()
    return CoreHeader.parse(raw, seg_log2s=frozenset({sealing.seg_log2})), session


def _write_segments(
    out: BinaryIO, payload: "_Payload", core: CoreHeader, session: floe.Floe, sealing: Sealing
) -> bytes:
    message_key = session.message_key()
    rows = bytearray()
    for number in range(core.segments):
        plaintext = payload.read(core.segment_payload_bytes)
        segment_key = session.segment_key(message_key, number)
        is_final = core.is_final(number)
        gcm_iv = sealing.random_bytes(12)
        stored = floe.seal_segment(segment_key, number, plaintext, is_final=is_final, gcm_iv=gcm_iv)
        out.write(stored)
        rows += hashlib.sha256(stored).digest()
        rows += keys.key_commitment(core.file_id, number, segment_key)
    return bytes(rows)


def _tlv_area(
    core: CoreHeader, sources: Sequence[Source], sealing: Sealing, wrapped: bytes
) -> bytes:
    files = tuple(MetaFile(source.path, source.size_bytes) for source in sources)
    first = sources[0]
    name, media_type = (sealing.title, "") if sealing.is_bundle else (first.path, first.media_type)
    shown = files if sealing.is_bundle else ()
    meta = Meta(sealing.title, name, media_type, shown, len(files))
    gcm_iv = sealing.random_bytes(12)
    described = keys.seal_meta(core, sealing.secrets.link_secret, meta, gcm_iv=gcm_iv)
    entries = [tlvs.Tlv(tlvs.TYPE_WRAP, wrapped), tlvs.Tlv(tlvs.TYPE_META_LINK, described)]
    if sealing.hint is not None:
        entries.insert(0, tlvs.Tlv(tlvs.TYPE_HINT, sealing.hint))
    return tlvs.build_tlvs(entries, seg_log2=core.seg_log2)


class _Payload:
    """The payload as one stream: the files in order and, for a bundle, the directory."""

    def __init__(self, sources: Sequence[Source], *, is_bundle: bool) -> None:
        self._sources = list(sources)
        self._is_bundle = is_bundle
        self._hashes: list[bytes] = []
        self._hash = hashlib.sha256()
        self._left = sources[0].size_bytes
        self._tail = self._directory([bytes(32)] * len(sources)) if is_bundle else b""
        self.size_bytes = sum(source.size_bytes for source in sources) + len(self._tail)

    def read(self, size_bytes: int) -> bytes:
        """Return the next ``size_bytes``, fewer only at the very end."""
        pieces: list[bytes] = []
        while size_bytes and len(self._hashes) < len(self._sources):
            piece = self._sources[len(self._hashes)].stream.read(min(size_bytes, self._left))
            if not piece and self._left:
                raise ValueError("A file is shorter than it said.")
            pieces.append(piece)
            size_bytes -= len(piece)
            self._count(piece)
        pieces.append(self._tail[:size_bytes])
        self._tail = self._tail[size_bytes:]
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def check_end(self) -> None:
        if any(source.stream.read(1) for source in self._sources):
            raise ValueError("A file is longer than it said.")

    def _count(self, piece: bytes) -> None:
        if self._is_bundle:
            self._hash.update(piece)
        self._left -= len(piece)
        if self._left == 0:
            self._hashes.append(self._hash.digest())
            self._hash = hashlib.sha256()
            if len(self._hashes) < len(self._sources):
                self._left = self._sources[len(self._hashes)].size_bytes
            elif self._is_bundle:
                self._tail = self._directory(self._hashes)

    def _directory(self, hashes: Sequence[bytes]) -> bytes:
        named = zip(self._sources, hashes, strict=True)
        return build_directory([(s.path, s.size_bytes, s.media_type, h) for s, h in named])
