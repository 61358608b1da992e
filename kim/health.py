"""Liveness and readiness. ``/readyz`` asks each part within two seconds and names what is wrong."""

from __future__ import annotations

import logging
from collections.abc import Callable

import redis
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from payments import health as watching
from unlock import storage

log = logging.getLogger(__name__)


def live(request: HttpRequest) -> JsonResponse:
    """The process answers. Nothing else is asked: a restart would not mend a database."""
    del request
    return JsonResponse({"ok": True, "version": settings.KIM_VERSION})


def ready(request: HttpRequest) -> JsonResponse:
    """200 when every part answers, else 503; the body says which part does not."""
    del request
    parts = {name: _works(check) for name, check in _CHECKS.items()}
    ok = all(parts.values())
    return JsonResponse({"ok": ok, "parts": parts}, status=200 if ok else 503)


def _works(check: Callable[[], None]) -> bool:
    try:
        check()
    except Exception as error:  # noqa: BLE001  (whatever a part raises, it is not ready)
        log.warning("not ready: %s", type(error).__name__)
        return False
    return True


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _redis() -> None:
    client = redis.Redis.from_url(
        settings.KIM_REDIS_URL, socket_timeout=2, socket_connect_timeout=2
    )
    try:
        client.ping()
    finally:
        client.close()


_CHECKS: dict[str, Callable[[], None]] = {
    "database": _database,
    "redis": _redis,
    "store": storage.check_reachable,
    "watcher": lambda: watching.check_alive(now=timezone.now()),
}
