"""The push daemon and a worker as real processes: early when all is well, and never needed.

Also where the time goes: from broadcast to "seen", and from block to "paid", with hundreds open.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kim.embedded import _valkey
from tests import migrated
from tests.devchains import ROOT, Devchain, running, wait_until

pytestmark = pytest.mark.stack
OPEN = 300
SEEN_SECONDS = 0.3
PAID_SECONDS = 0.7

SELL = """
import django, json, sys
django.setup()
from uuid import uuid4
from django.utils import timezone
from payments import amounts, invoices, payouts
address, count = sys.argv[1], int(sys.argv[2])
now = timezone.now()
payout = payouts.set_current(uuid4(), address, now=now)
price = amounts.parse_price("0.0002", "BCH")
sold = [
    invoices.open(payout_id=payout.id, price=price, confirmations=1, now=now) for _ in range(count)
]
print(json.dumps([[invoice.id.hex, invoice.address] for invoice in sold]))
"""


class Stack:
    """Redis, a worker and the push daemon on one SQLite file."""

    def __init__(self, directory: Path, chain: Devchain) -> None:
        self.database = directory / "kim.sqlite3"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.redis_port = probe.getsockname()[1]
        self.environ = os.environ | {
            "DJANGO_SETTINGS_MODULE": "tests.environment",
            "KIM_DATABASE_URL": f"sqlite:///{self.database}",
            "KIM_REDIS_URL": f"redis://127.0.0.1:{self.redis_port}/0",
            "KIM_ELECTRUM_SERVERS": f"127.0.0.1:{chain.electrum_port}:t",
            "KIM_SWEEP_SECONDS": "2",
            "PYTHONPATH": str(ROOT),
        }
        self.parts: dict[str, subprocess.Popen[bytes]] = {}
        migrated.copy_to(self.database)

    def run(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, *words],
            cwd=ROOT, env=self.environ, check=True, capture_output=True, text=True,
        )  # fmt: skip
        return done.stdout

    def start(self, name: str) -> None:
        celery = (sys.executable, "-m", "celery", "-A", "kim.celery")
        command: dict[str, tuple[str, ...]] = {
            "redis": (
                *(str(_valkey()), "--port", str(self.redis_port), "--bind", "127.0.0.1"),
                *("--save", "", "--dir", str(self.database.parent)),
            ),
            "worker": (*celery, "worker", "-Q", "quick", "-P", "threads", "-c", "4", "-l", "ERROR"),
            "daemon": (sys.executable, "manage.py", "watch_payments"),
        }
        log = (self.database.parent / f"{name}.log").open("ab")
        with log:
            self.parts[name] = subprocess.Popen(
                command[name], cwd=ROOT, env=self.environ, stdout=log, stderr=log
            )

    def stop(self, name: str, how: signal.Signals = signal.SIGTERM) -> None:
        part = self.parts.pop(name)
        part.send_signal(how)
        part.wait(timeout=30)

    def ask(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.database, timeout=20) as connection:
            return connection.execute(query, values).fetchall()

    def state_of(self, invoice: str) -> str:
        return str(self.ask("SELECT state FROM payments_invoice WHERE id = ?", invoice)[0][0])

    def sell(self, chain: Devchain, count: int) -> list[tuple[str, str]]:
        return [
            tuple(pair)
            for pair in json.loads(self.run("-c", SELL, chain.new_address(), str(count)))
        ]

    def wait_for_watch(self, count: int) -> None:
        query = "SELECT detail FROM payments_heartbeat WHERE name = 'daemon'"
        wait_until(
            lambda: any(json.loads(row[0])["watched"] >= count for row in self.ask(query)),
            seconds=30,
            what="the daemon watching",
        )


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Devchain]:
    with running(tmp_path / "devchain") as devchain:
        yield devchain


@pytest.fixture
def stack(tmp_path: Path, chain: Devchain) -> Iterator[Stack]:
    found = Stack(tmp_path, chain)
    found.start("redis")
    try:
        yield found
    finally:
        for name in list(found.parts):
            found.stop(name, signal.SIGKILL)  # a polite end costs each half a second


def seconds_until(stack: Stack, invoice: str, state: str) -> float:
    started = time.monotonic()
    wait_until(lambda: stack.state_of(invoice) == state, seconds=60, what=f"{invoice} {state}")
    return time.monotonic() - started


def test_hundreds_are_open_and_each_payment_is_seen_and_settled_at_once(
    stack: Stack, chain: Devchain
) -> None:
    sold = stack.sell(chain, OPEN)
    stack.start("worker")
    stack.start("daemon")
    stack.wait_for_watch(OPEN)

    seen, paid = [], []
    for invoice, address in sold[:7]:
        chain.pay(address, 20_000)
        seen.append(seconds_until(stack, invoice, "SEEN"))
        chain.mine()
        paid.append(seconds_until(stack, invoice, "PAID"))

    print(f"seen {statistics.median(seen):.3f} s, paid {statistics.median(paid):.3f} s")
    assert statistics.median(seen) < SEEN_SECONDS
    assert statistics.median(paid) < PAID_SECONDS
    assert stack.ask("SELECT count(*) FROM payments_invoice WHERE state = 'OPEN'") == [(OPEN - 7,)]


def test_an_invoice_opened_later_is_watched_too(stack: Stack, chain: Devchain) -> None:
    stack.start("worker")
    stack.start("daemon")
    wait_until(lambda: stack.ask("SELECT 1 FROM payments_heartbeat"), seconds=30, what="a beat")
    ((invoice, address),) = stack.sell(chain, 1)

    chain.pay(address, 20_000)

    assert seconds_until(stack, invoice, "SEEN") < 5


def test_a_daemon_that_was_killed_catches_up_when_it_is_back(stack: Stack, chain: Devchain) -> None:
    ((invoice, address),) = stack.sell(chain, 1)
    stack.start("worker")
    stack.start("daemon")
    stack.wait_for_watch(1)
    stack.stop("daemon", signal.SIGKILL)
    chain.pay(address, 20_000)
    chain.mine()

    stack.start("daemon")

    seconds_until(stack, invoice, "PAID")


def test_a_daemon_outlives_its_servers_and_redis(stack: Stack, chain: Devchain) -> None:
    ((invoice, address),) = stack.sell(chain, 1)
    stack.start("worker")
    stack.start("daemon")
    stack.wait_for_watch(1)
    chain.stop()
    stack.stop("redis", signal.SIGKILL)
    stack.start("redis")
    chain.start()
    chain.pay(address, 20_000)
    chain.mine()

    seconds_until(stack, invoice, "PAID")
    assert stack.parts["daemon"].poll() is None


def test_with_the_daemon_and_redis_dead_the_sweep_settles(stack: Stack, chain: Devchain) -> None:
    stack.stop("redis", signal.SIGKILL)
    ((invoice, address),) = stack.sell(chain, 1)
    chain.pay(address, 20_000)
    chain.mine()

    wait_until(
        lambda: (
            stack.run("manage.py", "sweep_payments", "--all") and stack.state_of(invoice) == "PAID"
        ),
        seconds=20,
    )
