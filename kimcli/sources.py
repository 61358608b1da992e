"""Sealed bytes of a known content, from whichever place gives them right; nothing is opened."""

import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import BinaryIO, TypeVar, cast

from kimcli.errors import CommandFailed
from unlock.container import CORE_BYTES, Container, CoreHeader
from unlock.container.remote import RemoteFile, Wait
from unlock.errors import ContainerError

_TRIES = 6
_PAUSE_MOST_SECONDS = 30.0
Place = Path | str
T = TypeVar("T")


def in_folder(folder: Path, cores: Iterable[CoreHeader]) -> dict[bytes, Path]:
    """Sealed files below ``folder`` by their core header, whatever they are called. Raises OSError."""
    wanted = {core.raw for core in cores}
    found: dict[bytes, Path] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                head = file.read(CORE_BYTES)
            if head in wanted:
                found.setdefault(head, path)
    return found


class Ciphertext:
    """One sealed file. Any number of threads may read; ``find`` names the places, best first, and is
    asked anew when one failed: signed addresses end.
    """

    def __init__(
        self, core: CoreHeader, content_id: bytes, find: Callable[[], Sequence[Place]], wait: Wait
    ) -> None:
        self.core = core
        self._content_id = content_id
        self._find = find
        self._wait = wait
        self._lock = threading.Lock()
        self._open: tuple[Container, BinaryIO] | None = None
        self._failures = 0

    def container(self) -> Container:
        """Header, description and index, which fit the content_id."""
        return self._tried(lambda found, _file: found)

    def header(self) -> bytes:
        """The first ``core.header_bytes``, as they lie there."""

        def read(_found: Container, file: BinaryIO) -> bytes:
            file.seek(0)
            return file.read(self.core.header_bytes)

        return self._tried(read)

    def segment(self, number: int) -> bytes:
        """As it is stored, its hash compared. Raises CommandFailed where no place gives it."""
        return self._tried(lambda found, _file: found.stored_segment(number))

    def close(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None

    def _tried(self, read: Callable[[Container, BinaryIO], T]) -> T:
        with self._lock:
            for turn in range(_TRIES):
                try:
                    return read(*self._opened())
                except (ContainerError, OSError) as error:
                    failure = error
                    self.close()
                    self._failures += 1
                    self._wait(min(0.5 * 2**turn, _PAUSE_MOST_SECONDS))
            raise CommandFailed(
                "source_unreadable",
                f"No place gives the sealed bytes whole: {failure}",
                "Save the sealed file and name its folder with --from.",
            ) from failure

    def _opened(self) -> tuple[Container, BinaryIO]:
        if self._open is None:
            places = self._find()
            if not places:
                hint = "Name a folder that holds it with --from, or the old instance with --old."
                raise CommandFailed("source_missing", "Nobody gives its sealed bytes.", hint)
            file = self._file_at(places[self._failures % len(places)])
            try:
                found = Container(file)
                found.check_content_id(self._content_id)
            except BaseException:
                file.close()
                raise
            self._open = (found, file)
        return self._open

    def _file_at(self, place: Place) -> BinaryIO:
        if isinstance(place, Path):
            return place.open("rb")
        return cast("BinaryIO", RemoteFile(place, self._wait))
