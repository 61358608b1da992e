"""Connections to PostgreSQL go from one request's thread to the next: none that is still at work."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest
from django.db import connection, connections, transaction
from django.test import Client

from kim import pools

T = TypeVar("T")
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _kept() -> Iterator[None]:
    """As in the web process; what is kept must not keep the test database from being dropped."""
    assert connection.vendor == "postgresql", "run races through tests.postgres"
    connection.ensure_connection()  # the test's own, which is not one of those handed on
    pools.CONNECTIONS.most = 2
    yield
    pools.CONNECTIONS.most = 0
    while kept := pools.CONNECTIONS.take(connection._place()):  # type: ignore[attr-defined]
        kept.close()


def backend() -> int:
    """The process of the server that answers this thread."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def in_a_thread(act: Callable[[], T]) -> T:
    """As a request: in a thread of its own that ends with it."""
    said: list[T] = []

    def run() -> None:
        said.append(act())
        connections["default"].close_if_unusable_or_obsolete()
        connections["default"].close()  # where none are kept, this is the thread's end

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(timeout=30)
    return said[0]


def test_the_next_request_gets_the_connection_of_the_last() -> None:
    assert in_a_thread(backend) == in_a_thread(backend)


def test_one_that_is_still_at_work_is_nobody_elses() -> None:
    first = in_a_thread(backend)
    is_on, is_done, seen = threading.Event(), threading.Event(), []

    def broken_off() -> None:  # its client went away; it works on
        seen.append(backend())
        is_on.set()
        is_done.wait(timeout=30)
        connections["default"].close_if_unusable_or_obsolete()

    thread = threading.Thread(target=broken_off)
    thread.start()
    assert is_on.wait(timeout=30)
    assert seen == [first]

    assert in_a_thread(backend) != first
    is_done.set()
    thread.join(timeout=30)
    assert in_a_thread(backend) == first


def test_one_in_a_transaction_is_closed_and_its_writes_are_undone() -> None:
    def left_open() -> int:
        number = backend()
        connection.set_autocommit(False)
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE left_open (id int)")
        return number

    first = in_a_thread(left_open)

    def look() -> tuple[int, bool, bool]:
        return backend(), connection.get_autocommit(), "left_open" in tables()

    number, is_autocommit, is_there = in_a_thread(look)
    assert number != first
    assert (is_autocommit, is_there) == (True, False)


def test_one_that_the_server_ended_is_not_lent() -> None:
    first = in_a_thread(backend)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [first])
        assert cursor.fetchone() == (True,)

    assert in_a_thread(backend) != first


def test_no_more_are_kept_than_may_be_and_none_where_threads_live_on() -> None:
    barrier = threading.Barrier(3)

    def meet() -> int:
        number = backend()
        barrier.wait(timeout=30)
        return number

    def rest() -> list[int]:
        found: list[int] = []
        threads = [threading.Thread(target=lambda: found.append(in_a_thread(meet))) for _ in "123"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=30)
        return found

    assert len(set(rest())) == 3
    place = connection._place()  # type: ignore[attr-defined]
    kept = [pools.CONNECTIONS.take(place) for _ in range(3)]
    assert [each is None for each in kept] == [False, False, True]
    for each in kept[:2]:
        assert each is not None
        each.close()

    pools.CONNECTIONS.most = 0
    in_a_thread(backend)
    assert pools.CONNECTIONS.take(place) is None


def test_a_transaction_that_failed_leaves_a_connection_that_works() -> None:
    def fail() -> None:
        with contextlib.suppress(ZeroDivisionError), transaction.atomic():
            backend()
            raise ZeroDivisionError

    in_a_thread(fail)

    assert in_a_thread(lambda: Client().get("/healthz").status_code) == 200
    assert in_a_thread(backend) > 0


def tables() -> list[str]:
    return connection.introspection.table_names()
