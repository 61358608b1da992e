"""A stranger's bytes, shown so that a moderator sees them and nothing in them can act. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SHAPES: Final = ("text", "hex", "image")
HEX_MOST: Final = 64 * 1024
_LINE: Final = 16
_DOT: Final = "."
_TEXT: Final = "text/plain; charset=utf-8"
_FORGED: Final = (
    "The committed key does not open this piece. Whoever sealed the file sold bytes that open to"
    " nothing: that is proved."
)


@dataclass(frozen=True, slots=True)
class Sighting:
    body: bytes
    content_type: str


def of(plain: bytes | None, shape: str) -> Sighting:
    """``plain`` as text, as hex digits, or as the picture that it begins with. None: it did not open."""
    if plain is None:
        return Sighting(_FORGED.encode(), _TEXT)
    if shape == "image":
        kind = picture_type(plain)
        said = Sighting(b"This piece does not begin with a picture that can be shown.", _TEXT)
        return Sighting(plain, kind) if kind else said
    if shape == "hex":
        return Sighting(hex_dump(plain).encode(), _TEXT)
    return Sighting(plain.decode("utf-8", errors="replace").encode(), _TEXT)


def picture_type(plain: bytes) -> str:
    """The media type of a picture by its first bytes; '' for all else, SVG (which can act) included."""
    if plain.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if plain.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if plain.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if plain[:4] == b"RIFF" and plain[8:12] == b"WEBP":
        return "image/webp"
    return ""


def hex_dump(plain: bytes) -> str:
    """Offset, sixteen bytes, letters; of the first 64 KiB."""
    lines = []
    for at in range(0, min(len(plain), HEX_MOST), _LINE):
        row = plain[at : at + _LINE]
        letters = "".join(chr(each) if 32 <= each < 127 else _DOT for each in row)
        lines.append(f"{at:08x}  {row.hex(' '):47}  {letters}")
    return "\n".join(lines)
