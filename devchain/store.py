"""The journal: an append-only file of records, replayed at start.

One line a record: a word, then fields, separated by spaces. A line cut short by a crash was never
answered for, so it is dropped. Records of one act are written with one call, blocks are synced.
"""

import fcntl
import os
from pathlib import Path
from typing import Protocol

from devchain.errors import DevchainError

Record = tuple[str, ...]


class Store(Protocol):
    def read(self) -> list[Record]: ...
    def append(self, records: list[Record]) -> None: ...
    def close(self) -> None: ...


class MemoryStore:
    """Keeps nothing: for tests that need no restart."""

    def read(self) -> list[Record]:
        return []

    def append(self, records: list[Record]) -> None:
        del records

    def close(self) -> None:
        return


class Journal:
    """The file `journal` in a folder, locked against a second process."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "journal"
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._failure: OSError | None = None
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as problem:
            os.close(self._descriptor)
            raise DevchainError(
                "data_in_use",
                f"{folder} is used by another devchain",
                "Stop the other one, or give another folder with --data.",
            ) from problem

    def read(self) -> list[Record]:
        whole = self.path.read_bytes()
        kept = whole.rfind(b"\n") + 1
        if kept < len(whole):
            os.ftruncate(self._descriptor, kept)
        return [tuple(line.split(" ")) for line in whole[:kept].decode().splitlines()]

    def append(self, records: list[Record]) -> None:
        """Raises DevchainError when the disk refuses; from then on nothing is taken any more,
        because what is in memory is ahead of what a restart will find."""
        if self._failure is None:
            try:
                self._write("".join(" ".join(record) + "\n" for record in records).encode())
                if any(record[0] == "block" for record in records):
                    os.fdatasync(self._descriptor)
            except OSError as problem:
                self._failure = problem
        if self._failure is not None:
            raise DevchainError(
                "disk_refused",
                f"The journal {self.path} cannot be written ({self._failure.strerror}).",
                "Make room on the disk, then start the devchain again.",
                500,
            ) from self._failure

    def _write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._descriptor, data) :]

    def close(self) -> None:
        os.close(self._descriptor)
