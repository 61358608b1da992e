"""Fixtures that more than one part of the suite uses. Each starts only if a test asks for it."""

from __future__ import annotations

import importlib
import sqlite3
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.cache import cache
from django.db.backends.sqlite3.base import DatabaseWrapper
from django.db.backends.sqlite3.creation import DatabaseCreation
from rest_framework.throttling import SimpleRateThrottle

from tests import migrated
from tests.stacks import scratch, stack
from tests.stores import configured_store, seaweed, store, store_config

__all__ = [
    "configured_store",
    "emptied_with_the_log",
    "migrated_before",
    "scratch",
    "seaweed",
    "stack",
    "store",
    "store_config",
    "uncounted",
    "unlimited",
]


@pytest.fixture(scope="session", autouse=True)
def emptied_with_the_log() -> Iterator[None]:
    """Between transactional tests all tables are emptied, which SQLite's triggers on the audit log
    refuse: they go for that moment and stand again after it.
    """
    log = importlib.import_module("unlock.migrations.0020_moderation")
    operations = DatabaseWrapper.ops_class
    original = operations.sql_flush

    def flush(self: Any, style: Any, tables: Any, **options: Any) -> list[str]:
        statements = original(self, style, tables, **options)
        if log.TABLE not in tables:
            return statements
        before: list[str] = []
        after: list[str] = []
        log.unprotect(None, SimpleNamespace(connection=self.connection, execute=before.append))
        log.protect(None, SimpleNamespace(connection=self.connection, execute=after.append))
        return [*before, *statements, *after]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(operations, "sql_flush", flush)
        yield


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    """What a test's rows said of the instance is not told to the next test."""
    from unlock import instances

    instances.forget()


@pytest.fixture(scope="session", autouse=True)
def migrated_before() -> Iterator[None]:
    """The database in memory begins as the migrated file: ``migrate`` then has nothing to do."""
    original: Any = DatabaseCreation._create_test_db  # type: ignore[attr-defined]
    held: list[sqlite3.Connection] = []  # while one is open the memory stays

    def create(self: Any, *arguments: Any, **options: Any) -> str:
        name: str = original(self, *arguments, **options)
        held.append(sqlite3.connect(name, uri=True))
        migrated.fill(held[-1])
        return name

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(DatabaseCreation, "_create_test_db", create)
        yield
    for each in held:
        each.close()


@pytest.fixture(autouse=True)
def uncounted() -> Iterator[None]:
    """No call of another test counts towards a limit of this one, nor one of this towards theirs."""
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def unlimited(monkeypatch: pytest.MonkeyPatch, uncounted: None) -> None:
    """Thousands of calls from one address are the point there; the limits have tests of their own."""
    rates = dict.fromkeys(SimpleRateThrottle.THROTTLE_RATES)
    monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", rates)
