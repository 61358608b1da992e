"""One container, made part by part and in any order: what a multipart upload sends.

Every part but the last is a whole number of segments. Its IVs are random, so a part that is sealed
again has other bytes: the rows of the index always belong to the try that was sent.
"""

import hashlib
import json
import os
import threading
from dataclasses import dataclass

from kimcli.selection import Payload
from unlock import container
from unlock.container import CoreHeader, Index, Meta, Tlv, floe, keys, layout, writer
from unlock.container.layout import INDEX_ROW_BYTES
from unlock.container.tlvs import TYPE_HINT, TYPE_META_LINK, TYPE_WRAP

_IV_BYTES = 12


@dataclass(frozen=True, repr=False)
class Head:
    """What is fixed before the first byte leaves: public, so a journal may keep it."""

    core: CoreHeader
    wrapped_key: bytes
    described: bytes
    hint: bytes

    @property
    def raw(self) -> bytes:
        """The first ``core.header_bytes`` of the object."""
        tlvs = [
            Tlv(TYPE_HINT, self.hint),
            Tlv(TYPE_WRAP, self.wrapped_key),
            Tlv(TYPE_META_LINK, self.described),
        ]
        return self.core.raw + container.build_tlvs(tlvs, seg_log2=self.core.seg_log2)


def begin(root: bytes, payload: Payload, meta: Meta, *, server: str, is_bundle: bool) -> Head:
    """A new container under a fresh file id, sealed with what follows from ``root``."""
    file_id = os.urandom(layout.FILE_ID_BYTES)
    secrets = container.derive_secrets(root, file_id)
    sealing = container.Sealing(secrets, file_id, is_bundle=is_bundle)
    core, _ = writer.begin(sealing, payload.size_bytes)
    iv = os.urandom(_IV_BYTES)
    return Head(
        core=core,
        wrapped_key=keys.wrap(core, secrets, gcm_iv=os.urandom(_IV_BYTES)),
        described=keys.seal_meta(core, secrets.link_secret, meta, gcm_iv=iv),
        # For whoever finds the file elsewhere; its offer has no address yet.
        hint=json.dumps({"u": f"{server}/open/"}).encode(),
    )


@dataclass(frozen=True)
class Sealed:
    """One part as it is sent; ``rows`` are those of its segments, ``md5`` what S3 calls its ETag."""

    number: int
    raw: bytes
    rows: bytes
    md5: str


class Parts:
    """How a container is cut: parts of ``part_bytes``, which is a whole number of segments."""

    def __init__(self, core: CoreHeader, part_bytes: int) -> None:
        self.core = core
        self.part_bytes = part_bytes
        self.part_count = -(-core.total_bytes // part_bytes)

    def size_of(self, number: int) -> int:
        """Bytes of part ``number``, from 1."""
        return min(self.part_bytes, self.core.total_bytes - (number - 1) * self.part_bytes)

    def holds_index(self, number: int) -> bool:
        """Such a part can be made only once every segment has been sealed."""
        return (number - 1) * self.part_bytes + self.size_of(number) > self.core.index_offset

    def segments_of(self, number: int) -> range:
        """The segments that lie in this part, each whole."""
        step, skip = self.core.segment_bytes, self.core.header_bytes
        start = (number - 1) * self.part_bytes
        first = max(0, start - skip) // step
        after = -(-max(0, min(start + self.part_bytes, self.core.index_offset) - skip) // step)
        return range(min(first, after), after)

    def index_in(self, number: int, raw_index: bytes) -> bytes:
        """As much of the index as lies in this part."""
        start = (number - 1) * self.part_bytes - self.core.index_offset
        return raw_index[max(0, start) : max(0, start + self.size_of(number))]


class Sealer(Parts):
    """Any number of threads may seal; ``rows`` fills up as they do."""

    def __init__(self, head: Head, content_key: bytes, payload: Payload, part_bytes: int) -> None:
        super().__init__(head.core, part_bytes)
        self._head = head
        self._payload = payload
        self._session = keys.open_content(head.core, content_key)
        self._message_key = self._session.message_key()
        self._rows = bytearray(INDEX_ROW_BYTES * head.core.segments)
        self._index: Index | None = None
        self._lock = threading.Lock()

    def take(self, number: int, rows: bytes) -> None:
        """The rows of a part that the store has from an earlier run."""
        at = INDEX_ROW_BYTES * self.segments_of(number).start
        self._rows[at : at + len(rows)] = rows

    def seal(self, number: int) -> Sealed:
        """Raises FilesWrong where a file changed."""
        pieces: list[bytes] = [self._head.raw] if number == 1 else []
        rows = bytearray()
        for segment in self.segments_of(number):
            stored, row = self._segment(segment)
            pieces.append(stored)
            rows += row
        self.take(number, bytes(rows))
        if self.holds_index(number):
            pieces.append(self.index_in(number, self.index().raw))
        raw = b"".join(pieces)
        return Sealed(number, raw, bytes(rows), hashlib.md5(raw, usedforsecurity=False).hexdigest())

    def index(self) -> Index:
        """Over all rows; to be asked for once every segment has been sealed."""
        with self._lock:
            if self._index is None:
                self._index = layout.build_index(self.core, bytes(self._rows))
            return self._index

    def content_id(self) -> bytes:
        return layout.content_id(self.core, self.index().root)

    def _segment(self, number: int) -> tuple[bytes, bytes]:
        room = self.core.segment_payload_bytes
        size_bytes = min(room, self.core.payload_bytes - number * room)
        plaintext = self._payload.read(number * room, size_bytes)
        key = self._session.segment_key(self._message_key, number)
        is_final = self.core.is_final(number)
        iv = os.urandom(_IV_BYTES)
        stored = floe.seal_segment(key, number, plaintext, is_final=is_final, gcm_iv=iv)
        row = hashlib.sha256(stored).digest()
        return stored, row + keys.key_commitment(self.core.file_id, number, key)
