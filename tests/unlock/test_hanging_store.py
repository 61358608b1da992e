"""A store that takes connections and falls silent: given up in time, tried later, nothing lost.

``Line`` is a real TCP relay in front of the real store. It lets so many bytes of each answer through
and then says nothing more, for ever.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.stores import ORIGIN
from tests.unlock import creating
from tests.unlock.creating import NOW, b64, refusal
from tests.unlock.test_api_files import draft, upload
from unlock import container, mending, s3_clients, storage, verification
from unlock.errors import StoreUnavailable
from unlock.models import Copy
from unlock.s3_clients import Limits, Patience
from unlock.showing_rows import Audit
from unlock.states import UploadState
from unlock.storage import S3Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django.fixtures import Settings

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(hours=1)
GIVEN_UP_SECONDS = 20  # with the limits below it takes about one
MOST = 2**62


class Line:
    """A relay to ``target``. ``most_bytes`` of an answer pass, and then nothing."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._target = (parts.hostname or "", parts.port or 0)
        self.most_bytes = MOST
        self.swallowed = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.endpoint = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def hang(self, *, after_bytes: int = 0) -> None:
        self.most_bytes = after_bytes
        self.cut()

    def mend(self) -> None:
        self.most_bytes = MOST
        self.cut()

    def cut(self) -> None:
        """Ends what is open, so that the next request comes on a line of its own."""
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._open.clear()

    def close(self) -> None:
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._target)
                self._open += [near, far]
                for one, other, is_answer in ((near, far, False), (far, near, True)):
                    argument = (one, other, is_answer)
                    threading.Thread(target=self._relay, args=argument, daemon=True).start()

    def _relay(self, one: socket.socket, other: socket.socket, is_answer: bool) -> None:
        passed = 0
        with suppress(OSError):
            while data := one.recv(65_536):
                if is_answer and passed + len(data) > self.most_bytes:
                    data = data[: max(0, self.most_bytes - passed)]
                    self.swallowed += 1
                other.sendall(data)
                passed += len(data)


@pytest.fixture
def line(store: S3Store, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    """The one store, behind a line that can fall silent; what is waited for is short."""
    made = Line(store.config.endpoint)
    settings.KIM_STORES = (replace(store.config, endpoint=made.endpoint),)  # type: ignore[type-var]
    settings.KIM_REHASH_MBIT = 100_000
    for patience in Patience:
        monkeypatch.setitem(s3_clients.LIMITS, patience, Limits(1, 0.3, tries=1))
    yield made
    made.close()


@pytest.fixture
def clock() -> Iterator[None]:
    """Nothing here may take as long as a hanging store would."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < GIVEN_UP_SECONDS


def test_no_patience_is_without_end() -> None:
    for limits in s3_clients.LIMITS.values():
        most = limits.tries * (limits.connect_seconds + limits.silence_seconds)
        assert 0 < most < verification.STORE_PATIENCE.total_seconds()
    reading = s3_clients.LIMITS[Patience.READ]
    most = storage.READ_TRIES * (reading.connect_seconds + storage.RANGE_SECONDS)
    assert most < verification.STORE_PATIENCE.total_seconds()


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("after_bytes", [0, 200_000])
def test_an_upload_is_verified_once_the_store_speaks_again(line: Line, after_bytes: int) -> None:
    """Silent from the start; and in the middle of the bytes that are compared."""
    sent = creating.upload_whole(creating.creator(), creating.seal(os.urandom(700_000)))
    line.hang(after_bytes=after_bytes)

    with pytest.raises(StoreUnavailable):
        verification.advance(sent.id, clock=lambda: NOW)

    sent.refresh_from_db()
    assert sent.state in {UploadState.COMPLETING, UploadState.VERIFYING}
    assert sent.error_code == ""
    assert line.swallowed
    line.mend()
    assert sent.id in verification.waiting(now=LATER)
    assert verification.advance(sent.id, clock=lambda: LATER) == UploadState.VERIFIED


@pytest.mark.usefixtures("clock")
def test_a_copy_is_not_called_damaged_by_silence_and_is_read_again(line: Line) -> None:
    creating.verified_upload(creating.creator(), creating.seal(os.urandom(700_000)))
    Copy.objects.update(wanted_at=NOW)
    [due] = mending.due(now=NOW)
    line.hang(after_bytes=300_000)

    mending.tend(due, clock=lambda: NOW)

    waiting = {"damaged_at": None, "checked_at": None, "wanted_at": NOW + mending.RETRY}
    assert Copy.objects.filter(verified_at__isnull=False).values(*waiting).get() == waiting
    line.mend()
    mending.tend(due, clock=lambda: LATER)
    done = {"damaged_at": None, "checked_at": LATER, "wanted_at": None}
    assert Copy.objects.values(*done).get() == done


@pytest.mark.usefixtures("clock")
def test_a_copy_is_brought_to_a_store_that_was_silent_at_first(
    line: Line, store: S3Store, settings: Settings
) -> None:
    other = replace(settings.KIM_STORES[0], name="second", bucket="kim-second")
    storage.S3Store(replace(other, endpoint=store.config.endpoint)).ensure_bucket([ORIGIN])
    settings.KIM_STORES = (store.config, other)
    settings.KIM_COPIES = 2
    creating.verified_upload(creating.creator(), creating.seal(os.urandom(700_000)))
    assert mending.plan(now=NOW) == 1
    [due] = mending.due(now=NOW)
    line.hang()

    mending.tend(due, clock=lambda: NOW)

    made, first = Copy.objects.get(store="second"), Copy.objects.get(store="test")
    assert (made.verified_at, made.wanted_at) == (None, NOW + mending.RETRY)
    assert (first.damaged_at, first.wanted_at) == (None, None)
    line.mend()
    mending.tend(due, clock=lambda: LATER)
    made.refresh_from_db()
    assert made.verified_at == LATER


@pytest.mark.usefixtures("clock")
def test_an_audit_waits_for_the_store_and_keeps_nothing_meanwhile(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container, "audit_count", lambda segments: 1)  # of two, as of two hundred
    sealed = creating.seal(os.urandom(400_000))
    maya = creating.signed_in()
    file_id = draft(maya, upload=upload(maya, sealed))["id"]
    [drawn] = maya.post(f"files/{file_id}/audit/").json()["segments"]
    floe = container.open_content(sealed.packed.core, sealed.secrets.content_key)
    key = container.SegmentKey(drawn, floe.segment_key(floe.message_key(), drawn))
    asked = {"entries": b64(container.build_entries([key]))}
    line.hang()

    answer = maya.put(f"files/{file_id}/audit/", asked)

    assert refusal(answer) == (503, "copy_unavailable")
    assert Audit.objects.get().passed_at is None
    line.mend()
    assert maya.put(f"files/{file_id}/audit/", asked).status_code == 200
    assert Audit.objects.get().passed_at is not None
