"""Parts on their way to the store: sealed and sent by a few threads, signed late and in batches."""

import io
import queue
import threading
from collections.abc import Sequence
from typing import Any, Protocol

from urllib3.exceptions import HTTPError

from kimcli.errors import Refused, Unreachable
from kimcli.journals import Journal
from kimcli.means import Means
from kimcli.sealing import Sealed
from kimcli.wire import Api, make_pool
from unlock.container.meter import Meter

_BATCH = 20
_FRESH_SECONDS = 45 * 60  # a signature lives an hour by the server's clock; a 403 has the last word
_TRIES = 12
_PAUSE_MOST_SECONDS = 60.0
_FINAL = frozenset({400, 404, 405, 411, 412, 413})


class Maker(Protocol):
    """Makes a part when its turn has come; called by several threads."""

    def seal(self, number: int) -> Sealed: ...


class Senders:
    def __init__(
        self, api: Api, journal: Journal, sealer: Maker, meter: Meter, means: Means
    ) -> None:
        self._api = api
        self._journal = journal
        self._sealer = sealer
        self._meter = meter
        self._means = means
        self._pool = make_pool()
        self._lock = threading.Lock()  # of the meter, and of the one session
        self._signed: dict[int, tuple[float, Any]] = {}
        self._order: list[int] = []
        self._stopped = threading.Event()

    def run(self, numbers: Sequence[int], *, slots: int) -> None:
        """Until the store has all of them. Raises what the first failing one raised.

        The threads are daemons: Ctrl-C ends the command at once, and the journal knows the rest.
        """
        self._order = list(numbers)
        left: queue.SimpleQueue[int] = queue.SimpleQueue()
        ended: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        for number in numbers:
            left.put(number)
        count = min(slots, len(numbers))
        for _ in range(count):
            threading.Thread(target=self._work, args=(left, ended), daemon=True).start()
        try:
            for _ in range(count):
                failure = ended.get()
                if failure is not None:
                    raise failure
        finally:
            self._stopped.set()
        self._stopped.clear()

    def _work(
        self, left: "queue.SimpleQueue[int]", ended: "queue.SimpleQueue[BaseException | None]"
    ) -> None:
        try:
            while not self._stopped.is_set():
                try:
                    number = left.get_nowait()
                except queue.Empty:
                    break
                self._bring(self._sealer.seal(number))
        except BaseException as error:  # noqa: BLE001 - it is raised again in the main thread
            ended.put(error)
        else:
            ended.put(None)

    def _bring(self, part: Sealed) -> None:
        self._journal.note_sealed(part)
        for turn in range(_TRIES):
            watched = _Watched(part.raw, self._count)
            signed = self._signature(part.number)
            status, etag = self._put(signed, watched)
            if 200 <= status < 300:
                self._journal.note_stored(part, etag or part.md5)
                return
            self._count(-watched.given_bytes)
            if status in _FINAL:
                hint = "The person who runs this site has to look at the store."
                raise Refused("store_refused", f"The store answers {status}.", hint, status=status)
            with self._lock:
                self._signed.pop(part.number, None)
            if not (status == 403 and turn == 0):  # an old signature: a fresh one, at once
                self._means.wait(min(0.5 * 2**turn, _PAUSE_MOST_SECONDS))
        hint = "Nothing is lost: the same command goes on from here."
        raise Unreachable("store_unreachable", "The store does not take the file.", hint)

    def _put(self, signed: Any, body: "_Watched") -> tuple[int, str]:
        """HTTP status and ETag; 0 where nothing came back."""
        names = {name: value for name, value in signed["headers"].items() if name.lower() != "host"}
        names["Content-Length"] = str(signed["bytes"])
        try:
            answer = self._pool.request("PUT", signed["url"], body=body, headers=names)
        except HTTPError:
            return 0, ""
        return answer.status, answer.headers.get("ETag", "")

    def _signature(self, number: int) -> Any:
        with self._lock:
            known = self._signed.get(number)
            if known is not None and known[0] > self._means.clock():
                return known[1]
            return self._sign(number)

    def _sign(self, number: int) -> Any:
        """A part, and those that follow it and have no signature yet."""
        at = self._order.index(number) + 1
        following = [n for n in self._order[at : at + 4 * _BATCH] if n not in self._signed]
        numbers = [number, *following[: _BATCH - 1]]
        path = f"uploads/{self._journal.facts['upload']}/parts/"
        asked = {"numbers": numbers}
        urls = self._api.post(path, asked, session=True, repeatable=True)["urls"]
        until = self._means.clock() + _FRESH_SECONDS
        self._signed |= {part["number"]: (until, part) for part in urls}
        return self._signed[number][1]

    def _count(self, size_bytes: int) -> None:
        with self._lock:
            self._meter.add(size_bytes)


class _Watched(io.BytesIO):
    """A part that tells how much of it has left."""

    def __init__(self, raw: bytes, tell: "Any") -> None:
        super().__init__(raw)
        self._tell = tell
        self.given_bytes = 0

    def read(self, size: int | None = -1, /) -> bytes:
        piece = super().read(size)
        self.given_bytes += len(piece)
        self._tell(len(piece))
        return piece
