"""Whoever can write to Redis runs no code here: counters are JSON, and anything else is not read."""

from __future__ import annotations

import json
import os
import pickle
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache.backends.base import BaseCache
from redis import Redis

from kim import pools
from tests import deployed
from tests.redises import RedisServer


class Evil:
    """Unpickled, it would make a file."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.path,)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    made = RedisServer(tmp_path)
    yield made
    made.stop()


def cache_of(url: str, monkeypatch: pytest.MonkeyPatch) -> BaseCache:
    said = deployed.settings_of(monkeypatch, deployed.environment())["CACHES"]["default"]
    return pools.Cache(url, {name: said[name] for name in ("OPTIONS", "VERSION")})


def test_what_counters_keep_comes_back_and_a_planted_pickle_is_not_run(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = cache_of(server.url, monkeypatch)
    client = Redis.from_url(server.url)
    kept = [1.5, 2.25, str(uuid.UUID(int=5))]

    cache.set("history", kept, 60)
    cache.add("count", 0, 60)
    assert (cache.get("history"), cache.incr("count"), cache.get("count")) == (kept, 1, 1)
    assert json.loads(client.get(":2:history") or b"") == kept
    client.set(":2:history", pickle.dumps(Evil(str(tmp_path / "run"))))

    with pytest.raises(ValueError, match=r"codec|JSON|Expecting"):
        cache.get("history")
    assert not (tmp_path / "run").exists()
    client.close()


def test_tasks_are_taken_as_json_alone() -> None:
    from kim.celery import app

    assert list(app.conf.accept_content) == ["json"]
    assert (app.conf.task_serializer, app.conf.result_serializer) == ("json", "json")
