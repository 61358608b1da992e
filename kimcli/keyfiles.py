"""The file with a root: R of a creator, B of a buyer. The pages write and read the same one.

Mode 0600, written whole or not at all. Whoever has it has everything that follows from it.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kimcli.errors import FilesWrong
from kimcli.words import from_words, to_words
from unlock.container import decode_b64url, encode_b64url

ROOT_BYTES = 32
_MOST_BYTES = 1 << 20


@dataclass(frozen=True, repr=False)
class KeyFile:
    """``role`` is "creator" or "buyer"; ``root`` 32 bytes."""

    path: Path
    role: str
    root: bytes

    @property
    def words(self) -> str:
        return to_words(self.root)


def read(path: Path, role: str) -> KeyFile | None:
    """The key file, or None where there is none. Raises FilesWrong for anything else there."""
    try:
        raw = path.read_bytes()[:_MOST_BYTES]
    except FileNotFoundError:
        return None
    try:
        found, root = _parse(raw)
    except (ValueError, KeyError, TypeError, FilesWrong):
        # Not chained: the frames hold the root.
        raise FilesWrong(
            "key_file_malformed", f"{path} is not a whole key file.", "Take the saved one."
        ) from None
    if found != role:
        hint = f"Choose the key file of a {role}."
        raise FilesWrong("wrong_role", f"{path} is a key file of a {found}.", hint)
    return KeyFile(path, role, root)


def make(path: Path, role: str, root: bytes | None = None) -> KeyFile:
    """A new file, of a new root unless one is given. Raises FileExistsError, never overwrites."""
    made = KeyFile(path, role, root or os.urandom(ROOT_BYTES))
    members: dict[str, Any] = {"kim": "root", "v": 1, "role": role}
    members |= {"root": encode_b64url(made.root), "words": made.words}
    if role == "creator":
        members["payouts"] = []
    write_new(path, (json.dumps(members, indent=2) + "\n").encode())
    return made


def write_new(path: Path, raw: bytes) -> None:
    """Mode 0600, and on disk when this returns. Raises FileExistsError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())


def replace(path: Path, raw: bytes) -> None:
    """As ``write_new``, over what is there: a crash leaves the old or the new, never a half."""
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    write_new(beside, raw)
    beside.replace(path)


def _parse(raw: bytes) -> tuple[str, bytes]:
    """Role and root. Raises what it stumbles over."""
    members: Any = json.loads(raw)
    if members["kim"] != "root" or members["v"] != 1:
        raise ValueError("another kind or version")
    root = decode_b64url(members["root"], ROOT_BYTES)
    if "words" in members and from_words(members["words"]) != root:
        raise ValueError("words and root differ")
    return str(members["role"]), root
