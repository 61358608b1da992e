"""File names from strangers, made safe for a disk and for a terminal."""

import re
import unicodedata
from collections.abc import Sequence

FALLBACK = "unlocked.bin"
PART_MAX_BYTES = 255
_NAME_MAX_BYTES = 200
_FORBIDDEN = frozenset('/\\<>:"|?*')
# What Windows opens as a device, with any ending (learn.microsoft.com, "Naming Files").
_DEVICES = r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])\s*(?:\.|$)"
_RESERVED = re.compile(_DEVICES, re.IGNORECASE)


def safe_name(name: str) -> str:
    """Return a plain file name: no folders, no control or direction marks, no device, not hidden."""
    base = name.replace("\\", "/").rsplit("/", 1)[-1]
    visible = unicodedata.normalize("NFC", printable(base))
    plain = "".join("_" if char in _FORBIDDEN else char for char in visible)
    plain = plain.strip().lstrip(".").rstrip(". ")
    if _RESERVED.match(plain):
        plain = f"_{plain}"
    return shorten(plain, _NAME_MAX_BYTES) or FALLBACK


def local_paths(paths: Sequence[str], *, is_windows: bool, folds_case: bool) -> list[str]:
    """Return the paths of a bundle, checked before, as this disk takes them, in the same order.

    They stay as they are where the disk can hold them. Parts over 255 bytes are cut, on Windows
    what it forbids is replaced, and where two become one name the later file gets a number.
    """
    fitted = [
        "/".join(_fit(part, is_windows=is_windows) for part in path.split("/")) for path in paths
    ]
    folders = {
        _key(path[:at], folds_case=folds_case)
        for path in fitted
        for at, char in enumerate(path)
        if char == "/"
    }
    taken: set[str] = set()
    found: list[str] = []
    for path in fitted:
        free, number = path, 1
        while (key := _key(free, folds_case=folds_case)) in taken or key in folders:
            number += 1
            free = _numbered(path, number)
        taken.add(key)
        found.append(free)
    return found


def shorten(name: str, most_bytes: int) -> str:
    """Cut ``name`` to so many bytes of UTF-8, before its ending."""
    stem, dot, suffix = name.rpartition(".")
    tail = f".{suffix}" if dot and stem and len(suffix) <= 16 else ""
    head = name[: len(name) - len(tail)] if tail else name
    room = most_bytes - len(tail.encode())
    return head.encode()[:room].decode(errors="ignore") + tail


def printable(text: str) -> str:
    """Without control characters, direction marks and lone surrogates (Cc, Cf, Cs, Zl, Zp)."""
    hidden = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    return "".join(char for char in text if unicodedata.category(char) not in hidden)


def _fit(part: str, *, is_windows: bool) -> str:
    if is_windows:
        part = "".join("_" if char in _FORBIDDEN or char < " " else char for char in part)
        if _RESERVED.match(part):
            part = f"_{part}"
        if part.endswith((".", " ")):
            part = f"{part}_"
    return part if len(part.encode()) <= PART_MAX_BYTES else shorten(part, PART_MAX_BYTES)


def _key(path: str, *, folds_case: bool) -> str:
    """Equal for paths that are one file on this disk."""
    return unicodedata.normalize("NFC", path.casefold()) if folds_case else path


def _numbered(path: str, number: int) -> str:
    folder, slash, name = path.rpartition("/")
    stem, dot, suffix = name.rpartition(".")
    mark = f" ({number})"
    tail = f"{mark}.{suffix}" if dot and stem else mark
    head = shorten(stem if dot and stem else name, PART_MAX_BYTES - len(tail.encode()))
    return f"{folder}{slash}{head}{tail}"
