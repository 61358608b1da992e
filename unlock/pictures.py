"""What a picture is, read from its own headers: WebP or JPEG, nothing in it but the picture.

No decoder: only the frame around the pixels is walked, so there is little to attack. What carries
notes of a camera, a second file, or bytes behind its end is refused. Sources: RFC 9649 (WebP),
ITU-T T.81 annex B (JPEG).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from unlock.creator_errors import CoverInvalid

MAX_BYTES: Final = 256 * 1024
MAX_SIDE: Final = 1280

_WEBP_CHUNKS: Final = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ICCP"})
_JPEG_FRAMES: Final = frozenset({0xC0, 0xC1, 0xC2})  # baseline, extended, progressive
_JPEG_TABLES: Final = frozenset({0xC4, 0xDB, 0xDD, 0xE0, 0xE2, 0xEE})  # E0 JFIF, E2 ICC, EE Adobe
_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA


@dataclass(frozen=True, slots=True)
class Picture:
    media_type: str
    width: int
    height: int


def measure(data: bytes) -> Picture:
    """Raises CoverInvalid for anything but a whole, bare WebP or JPEG of at most 1280 pixels a side."""
    if not data:
        raise CoverInvalid("It is empty.")
    if len(data) > MAX_BYTES:
        raise CoverInvalid("It has more than 256 KiB.")
    try:
        picture = _webp(data) if data[8:12] == b"WEBP" else _jpeg(data)
    except (struct.error, IndexError) as error:
        raise CoverInvalid("It ends too early.") from error
    if not 0 < picture.width <= MAX_SIDE or not 0 < picture.height <= MAX_SIDE:
        raise CoverInvalid(
            "It has {width} by {height} pixels.", width=picture.width, height=picture.height
        )
    return picture


def _webp(data: bytes) -> Picture:
    (size,) = struct.unpack_from("<I", data, 4)
    if data[:4] != b"RIFF" or size != len(data) - 8:
        raise CoverInvalid("It is not a whole WebP picture.")
    at, sides = 12, None
    while at < len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        body = data[at + 8 : at + 8 + length]
        if kind not in _WEBP_CHUNKS or len(body) != length:
            raise CoverInvalid("It holds more than a picture.")
        if kind in {b"VP8 ", b"VP8L"}:
            if sides is not None:
                raise CoverInvalid("It holds more than one picture.")
            sides = _vp8(body) if kind == b"VP8 " else _vp8l(body)
        at += 8 + length + length % 2
    if sides is None or at != len(data):
        raise CoverInvalid("It is not a whole WebP picture.")
    return Picture("image/webp", *sides)


def _vp8(body: bytes) -> tuple[int, int]:
    if body[0] & 1 or body[3:6] != b"\x9d\x01\x2a":
        raise CoverInvalid("It is not a still picture.")
    width, height = struct.unpack_from("<HH", body, 6)
    return width & 0x3FFF, height & 0x3FFF


def _vp8l(body: bytes) -> tuple[int, int]:
    mark, bits = struct.unpack_from("<BI", body)
    if mark != 0x2F:
        raise CoverInvalid("It is not a still picture.")
    return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1


def _jpeg(data: bytes) -> Picture:
    if data[:2] != bytes((0xFF, _SOI)):
        raise CoverInvalid("It is neither WebP nor JPEG.")
    at, sides, has_scan = 2, None, False
    while True:
        if data[at] != 0xFF:
            raise CoverInvalid("It is not a whole JPEG picture.")
        marker = data[at + 1]
        if marker == _EOI:
            break
        (length,) = struct.unpack_from(">H", data, at + 2)
        if marker in _JPEG_FRAMES and sides is None:
            height, width = struct.unpack_from(">HH", data, at + 5)
            sides = (width, height)
        elif marker != _SOS and marker not in _JPEG_TABLES:
            raise CoverInvalid("It holds more than a picture.")
        at += 2 + length
        if marker == _SOS:
            has_scan = True
            at = _end_of_scan(data, at)
    if sides is None or not has_scan or at + 2 != len(data):
        raise CoverInvalid("It is not a whole JPEG picture.")
    return Picture("image/jpeg", *sides)


def _end_of_scan(data: bytes, at: int) -> int:
    """The next marker that is neither a stuffed byte nor a restart."""
    while True:
        at = data.find(b"\xff", at)
        if at < 0:
            raise CoverInvalid("It ends too early.")
        if data[at + 1] != 0 and not 0xD0 <= data[at + 1] <= 0xD7:
            return at
        at += 2
