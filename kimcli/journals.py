"""What an upload needs to go on after it was cut: lines of JSON beside the key file.

The first line holds what is fixed; then, for every part, one before it is sent (its rows and the
ETag it will have) and one when the store has it. Nothing in it is secret, and it is only appended
to: a kill leaves at most a half line at its end, which is not read.
"""

import hashlib
import json
import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from kimcli import keyfiles
from kimcli.sealing import Head, Sealed
from unlock.container import CoreHeader, decode_b64url, encode_b64url
from unlock.errors import ContainerError

_VERSION = 1


@dataclass(frozen=True)
class Try:
    """A part as it was sealed once; ``etags`` are what the store may call it."""

    rows: bytes
    etags: frozenset[str]


@dataclass
class Journal:
    path: Path
    facts: dict[str, Any]
    tries: dict[int, list[Try]] = field(default_factory=dict)
    _file: TextIO | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def head(self) -> Head:
        """Raises ValueError or ContainerError where the journal was changed by hand."""
        core = CoreHeader.parse(decode_b64url(self.facts["core"]))
        small = (decode_b64url(self.facts[name]) for name in ("wrapped", "described", "hint"))
        return Head(core, *small)

    def find(self, number: int, etag: str) -> Try | None:
        """The try of this part that the store holds, if it is one of ours."""
        plain = etag.strip('"')
        return next((one for one in self.tries.get(number, ()) if plain in one.etags), None)

    def note_sealed(self, part: Sealed) -> None:
        """To be called before the part is sent."""
        self._append({"part": part.number, "md5": part.md5, "rows": encode_b64url(part.rows)})

    def note_stored(self, part: Sealed, etag: str) -> None:
        self._append({"part": part.number, "md5": part.md5, "etag": etag.strip('"')})

    def keep(self, **facts: Any) -> None:
        """Facts that came later: the page's id, say."""
        self.facts |= facts
        self._append({"facts": facts})

    def close(self) -> None:
        if self._file:
            self._file.close()
            self._file = None

    def remove(self) -> None:
        self.close()
        self.path.unlink(missing_ok=True)

    def _append(self, members: dict[str, Any]) -> None:
        with self._lock:
            if self._file is None:
                self._file = self.path.open("a")
            self._file.write(json.dumps(members) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())


def path_for(key_path: Path, *, server: str, username: str, chosen: Path) -> Path:
    """One journal for one chosen file or folder of one account."""
    return _path(key_path, "upload", server, username, str(chosen.resolve()))


def path_of_move(key_path: Path, *, server: str, username: str, content_id: str) -> Path:
    """One journal for one content that an account at ``server`` takes over."""
    return _path(key_path, "move", server, username, content_id)


def _path(key_path: Path, kind: str, *names: str) -> Path:
    mark = hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]
    return key_path.with_name(f"{key_path.stem}.{kind}-{mark}.jsonl")


def start(path: Path, head: Head, **facts: Any) -> Journal:
    """A new journal, over an old one that nothing can go on with."""
    fixed = {
        "kim": "upload",
        "v": _VERSION,
        "core": encode_b64url(head.core.raw),
        "wrapped": encode_b64url(head.wrapped_key),
        "described": encode_b64url(head.described),
        "hint": encode_b64url(head.hint),
        **facts,
    }
    keyfiles.replace(path, (json.dumps(fixed) + "\n").encode())
    return Journal(path, fixed)


def load(path: Path) -> Journal | None:
    """None where there is none, or none that can be read: the upload then begins anew."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return None
    whole = raw[: raw.rfind(b"\n") + 1]
    try:
        first, *rest = map(json.loads, whole.splitlines())
        if first["kim"] != "upload" or first["v"] != _VERSION:
            return None
        journal = Journal(path, first)
        _replay(journal, rest)
        journal.head()
    except (ValueError, KeyError, TypeError, ContainerError):
        return None
    if whole != raw:  # a half line: what is appended next must begin a line
        keyfiles.replace(path, whole)
    return journal


def _replay(journal: Journal, lines: Iterable[dict[str, Any]]) -> None:
    for line in lines:
        if "facts" in line:
            journal.facts |= line["facts"]
            continue
        tries = journal.tries.setdefault(int(line["part"]), [])
        if "rows" in line:
            tries.append(Try(decode_b64url(line["rows"]), frozenset({line["md5"]})))
        else:
            last = tries.pop()
            tries.append(Try(last.rows, last.etags | {line["etag"]}))
