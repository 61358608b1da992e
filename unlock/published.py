"""What of ``static/`` is published: scripts and styles without comments, all else as it lies there.

``python -m unlock.published`` prints the SHA-256 of every file as an instance of this very tree
serves it, and with a directory writes them there. An instance serves the same list as ``SHA256SUMS``
beside its files, so that anybody can compare the two (docs/adr/0011).
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from unlock import stripping

ROOT = Path(__file__).resolve().parent.parent / "static"


def version(*others: str) -> str:
    """Changes exactly when a served byte may: with a file, with the stripping, with ``others``."""
    digest = hashlib.sha256("\0".join(others).encode() + Path(stripping.__file__).read_bytes())
    for path in _paths():
        digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def content(source: bytes, suffix: str) -> bytes:
    """A file of ours as it is served."""
    if suffix == ".js":
        return stripping.script(source.decode()).encode()
    if suffix == ".css":
        return stripping.style(source.decode()).encode()
    return source


def tree() -> Iterator[tuple[str, bytes]]:
    """Path below ``static/`` and content, in order."""
    for path in _paths():
        yield path.relative_to(ROOT).as_posix(), content(path.read_bytes(), path.suffix)


def sums(files: Iterable[tuple[str, bytes]]) -> str:
    """As ``sha256sum`` writes and checks them."""
    return "".join(f"{hashlib.sha256(body).hexdigest()}  {name}\n" for name, body in files)


def _paths() -> list[Path]:
    return sorted(path for path in ROOT.rglob("*") if path.is_file())


def _write(directory: Path) -> None:
    for name, body in tree():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _write(Path(sys.argv[1]))
    sys.stdout.write(sums(tree()))
