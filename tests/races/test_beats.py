"""Two beats, one schedule: what is due is sent once, and goes on when the one that sends dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from kim import beats
from kim.embedded import ROOT
from payments import heartbeats
from payments.models import Heartbeat

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE_SECONDS = 60.0

# A beat with one task a second, whose broker is a file: one line for each task that was sent.
BEAT = """
import pathlib, sys
import django
django.setup()
from kim.celery import app
from kim import beats
beats.LOOK_SECONDS = 0.2
beats.LASTS = __import__("datetime").timedelta(seconds=3)
sent = pathlib.Path(sys.argv[1])
def send(self, entry, producer=None, advance=True, **more):
    with sent.open("a") as file:
        print(sys.argv[2], entry.name, file=file)
beats.Scheduler.apply_async = send
app.conf.broker_url = "memory://"
app.conf.beat_schedule = {"each": {"task": "each", "schedule": 1.0}}
app.conf.beat_max_loop_interval = 1
app.Beat(schedule=sys.argv[3], loglevel="WARNING").run()
"""


@contextmanager
def beat(name: str, sent: Path, directory: Path) -> Iterator[subprocess.Popen[bytes]]:
    place = connection.settings_dict
    url = f"postgres://{place['USER']}@{place['HOST']}:{place['PORT']}/{place['NAME']}"
    running = subprocess.Popen(
        [sys.executable, "-c", BEAT, str(sent), name, str(directory / name)],
        cwd=ROOT,
        env=os.environ | {"KIM_DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.environment"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield running
    finally:
        running.kill()
        running.wait()


def lines(sent: Path) -> list[str]:
    return [line.split()[0] for line in sent.read_text().splitlines()] if sent.exists() else []


def wait_for(sent: Path, count: int) -> list[str]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(found := lines(sent)) < count:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found


def test_of_two_beats_one_sends_and_the_other_takes_over(tmp_path: Path) -> None:
    sent = tmp_path / "sent"
    with ExitStack() as both:
        names = {name: both.enter_context(beat(name, sent, tmp_path)) for name in ("one", "other")}
        first = wait_for(sent, 4)
        assert len(set(first)) == 1

        names[first[0]].send_signal(signal.SIGKILL)
        after = wait_for(sent, len(lines(sent)) + 3)

        assert set(after[-2:]) == {"one", "other"} - {first[0]}


def test_whoever_ends_in_order_leaves_the_turn_to_the_next() -> None:
    first, second = beats.Turn(), beats.Turn()
    assert (first.is_mine(), second.is_mine()) == (True, False)

    first.end()
    second._looked = float("-inf")

    assert second.is_mine()


def test_it_asks_the_database_no_more_than_it_must() -> None:
    turn = beats.Turn()
    assert turn.is_mine()
    before = Heartbeat.objects.get(name=heartbeats.BEAT).at

    assert all(turn.is_mine() for _ in range(100))

    assert Heartbeat.objects.get(name=heartbeats.BEAT).at == before


def test_a_database_that_is_away_gives_the_turn_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    turn = beats.Turn()
    assert turn.is_mine()

    def away(*args: object, **named: object) -> bool:
        raise OperationalError("gone")

    with monkeypatch.context() as patched:
        patched.setattr(heartbeats.Lease, "hold", away)
        turn._looked = float("-inf")
        assert not turn.is_mine()

    turn._looked = float("-inf")
    assert turn.is_mine()
    assert Heartbeat.objects.get(name=heartbeats.BEAT).at <= timezone.now() + timedelta(seconds=1)
