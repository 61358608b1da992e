"""The TLV area between core header and first segment: hint, wrapped keys, sealed description.

It may be rewritten at any time and is not part of ``content_id``: nothing in it is trusted until
a key opens it.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from unlock.container.layout import CORE_BYTES, CoreHeader
from unlock.errors import Damaged, Truncated

TYPE_END = 0
TYPE_HINT = 1
TYPE_WRAP = 2
TYPE_META_LINK = 3
WRAP_BYTES = 60
META_STEP_BYTES = 256
_GCM_OVERHEAD_BYTES = 28

_HEAD = struct.Struct(">HI")


@dataclass(frozen=True)
class Tlv:
    kind: int
    value: bytes


def parse_tlvs(area: bytes, core: CoreHeader) -> tuple[Tlv, ...]:
    """Read bytes 128..H of the object, in order, unknown types included.

    Raises Truncated if ``area`` is short, Damaged on an overrun, a missing end mark, anything but
    zeros behind it, a second META_LINK, or a WRAP or META_LINK of impossible length.
    """
    size_bytes = core.header_bytes - CORE_BYTES
    if len(area) < size_bytes:
        raise Truncated("The file ends inside its header.")
    found: list[Tlv] = []
    at = 0
    while at + 2 <= size_bytes:
        (kind,) = struct.unpack_from(">H", area, at)
        if kind == TYPE_END:
            if any(area[at:size_bytes]):
                raise Damaged("The header's padding is not empty.")
            return tuple(found)
        if at + _HEAD.size > size_bytes:
            break
        _, length = _HEAD.unpack_from(area, at)
        at += _HEAD.size
        if length > size_bytes - at:
            break
        found.append(_check(Tlv(kind, bytes(area[at : at + length])), found))
        at += length
    raise Damaged("An entry of the header runs over its end.")


def build_tlvs(tlvs: Sequence[Tlv], *, seg_log2: int) -> bytes:
    """Return the whole padded area. Raises ValueError where it does not fit."""
    entries = b"".join(_HEAD.pack(tlv.kind, len(tlv.value)) + tlv.value for tlv in tlvs)
    room = (1 << seg_log2) - CORE_BYTES
    if len(entries) + 2 > room:
        raise ValueError("The TLV area is full.")
    return entries.ljust(room, b"\0")


def _check(tlv: Tlv, before: Sequence[Tlv]) -> Tlv:
    if tlv.kind == TYPE_WRAP and len(tlv.value) != WRAP_BYTES:
        raise Damaged("A wrapped key has the wrong length.")
    if tlv.kind == TYPE_META_LINK:
        if any(other.kind == TYPE_META_LINK for other in before):
            raise Damaged("The header holds two descriptions.")
        padded_bytes = len(tlv.value) - _GCM_OVERHEAD_BYTES
        if padded_bytes < META_STEP_BYTES or padded_bytes % META_STEP_BYTES:
            raise Damaged("The description has the wrong length.")
    return tlv
