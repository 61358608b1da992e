"""The directory of a bundle: which files lie one after another in the payload, and under which names.

A directory comes from a stranger. Its paths are checked here, before anything touches a disk.
"""

import json
import re
import struct
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from unlock.errors import BadDirectory, UnsupportedVersion

LENGTH_BYTES = 8
DIRECTORY_MAX_BYTES = 64 * 1024 * 1024
_HEX_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Entry:
    """One file of a bundle; ``offset`` counts from the payload's first byte."""

    path: str
    size_bytes: int
    media_type: str
    sha256: bytes
    offset: int


def build_directory(files: Sequence[tuple[str, int, str, bytes]]) -> bytes:
    """Return directory and length mark for (path, size, media type, SHA-256), in order.

    The result's length does not depend on the hashes, so it is known before they are.
    """
    check_paths([path for path, *_ in files])
    members = [
        {"path": path, "size": size_bytes, "type": media_type, "sha256": sha256.hex()}
        for path, size_bytes, media_type, sha256 in files
    ]
    text = json.dumps({"v": 1, "files": members}, ensure_ascii=False, separators=(",", ":"))
    raw = text.encode()
    return raw + struct.pack(">Q", len(raw))


def directory_bytes(length_mark: bytes, payload_bytes: int) -> int:
    """Length of the directory, from the payload's last 8 bytes. Raises BadDirectory."""
    if len(length_mark) == LENGTH_BYTES:
        (size_bytes,) = struct.unpack(">Q", length_mark)
        if size_bytes <= min(payload_bytes - LENGTH_BYTES, DIRECTORY_MAX_BYTES):
            return int(size_bytes)
    raise BadDirectory("The bundle's directory has an impossible length.")


def parse_directory(raw: bytes, payload_bytes: int) -> tuple[Entry, ...]:
    """Return the files of a bundle. Raises BadDirectory or UnsupportedVersion."""
    try:
        members = json.loads(raw.decode())
        if type(members["v"]) is not int or members["v"] != 1:
            raise UnsupportedVersion("The bundle's directory is of a newer version.")
        entries = _entries(members["files"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadDirectory("The bundle's directory cannot be read.") from error
    check_paths([entry.path for entry in entries])
    files_bytes = sum(entry.size_bytes for entry in entries)
    if files_bytes + len(raw) + LENGTH_BYTES != payload_bytes:
        raise BadDirectory("The bundle's sizes do not add up.")
    return entries


def check_paths(paths: Sequence[str]) -> None:
    """Raise BadDirectory unless every path is safe and no two collide."""
    for path in paths:
        if any(part in {"", ".", ".."} for part in path.split("/")):
            raise BadDirectory("A path of the bundle has an empty, '.' or '..' part.")
        if "\\" in path or "\0" in path:
            raise BadDirectory("A path of the bundle holds a backslash or a NUL.")
        if not _is_nfc(path):
            raise BadDirectory("A path of the bundle is not in Unicode's form NFC.")
    if len(set(paths)) != len(paths):
        raise BadDirectory("Two files of the bundle have the same path.")
    folders = {path[:at] for path in paths for at, char in enumerate(path) if char == "/"}
    if not folders.isdisjoint(paths):
        raise BadDirectory("A path of the bundle is both a file and a folder.")


def _is_nfc(path: str) -> bool:
    has_surrogate = any("\ud800" <= char <= "\udfff" for char in path)
    return not has_surrogate and unicodedata.is_normalized("NFC", path)


def _entries(files: list[dict[str, Any]]) -> tuple[Entry, ...]:
    entries: list[Entry] = []
    offset = 0
    for file in files:
        path, size_bytes, media_type = file["path"], file["size"], file["type"]
        if not (isinstance(path, str) and isinstance(media_type, str)):
            raise TypeError(path)
        if type(size_bytes) is not int or size_bytes < 0:
            raise ValueError(size_bytes)
        if not _HEX_HASH.fullmatch(file["sha256"]):
            raise ValueError(path)
        entries.append(Entry(path, size_bytes, media_type, bytes.fromhex(file["sha256"]), offset))
        offset += size_bytes
    return tuple(entries)
