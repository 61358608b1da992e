"""File names from strangers, made safe for a disk and for a terminal."""

import unicodedata

FALLBACK = "unlocked.bin"
_NAME_MAX_BYTES = 200
_FORBIDDEN = frozenset('/\\<>:"|?*')


def safe_name(name: str) -> str:
    """Return a plain file name: no folders, no control or direction marks, not hidden."""
    base = name.replace("\\", "/").rsplit("/", 1)[-1]
    visible = unicodedata.normalize("NFC", printable(base))
    plain = "".join("_" if char in _FORBIDDEN else char for char in visible)
    plain = plain.strip().lstrip(".").rstrip(". ")
    stem, dot, suffix = plain.rpartition(".")
    tail = f".{suffix}" if dot and stem and len(suffix) <= 16 else ""
    head = plain[: len(plain) - len(tail)] if tail else plain
    room = _NAME_MAX_BYTES - len(tail.encode())
    return (head.encode()[:room].decode(errors="ignore") + tail) or FALLBACK


def printable(text: str) -> str:
    """Without control characters, direction marks and lone surrogates (Cc, Cf, Cs, Zl, Zp)."""
    hidden = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    return "".join(char for char in text if unicodedata.category(char) not in hidden)
