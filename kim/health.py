"""Liveness and readiness. ``/readyz`` asks each part within two seconds and names what is wrong."""

from __future__ import annotations

import logging
from collections.abc import Callable

import redis
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from payments import health
from payments.errors import ServiceError
from payments.health import Level, Part
from unlock import disks, storage

log = logging.getLogger(__name__)


class NotReady(ServiceError):
    """A part is red; ``message`` is its stable code."""


@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """The process answers. Nothing else is asked: a restart would not mend a database."""
    del request
    return JsonResponse({"ok": True, "version": settings.KIM_VERSION})


def ready(request: HttpRequest) -> JsonResponse:
    """200 when every part answers, else 503; ``reasons`` says in a code what is wrong with which.

    ``warnings``: codes of what needs a look and keeps nobody from working.
    """
    del request
    found = {name: _reason(check) for name, check in _CHECKS.items()}
    reasons = {name: reason for name, reason in found.items() if reason}
    parts = {name: not reason for name, reason in found.items()}
    answer = {"ok": not reasons, "parts": parts, "reasons": reasons, "warnings": _warnings()}
    return JsonResponse(answer, status=503 if reasons else 200)


def _reason(check: Callable[[], None]) -> str:
    """Nothing when it works, else a stable code: the part's own, or that it does not answer."""
    try:
        check()
    except NotReady as error:
        return error.message
    except ServiceError as error:
        return error.code
    except Exception as error:  # noqa: BLE001  (whatever a part raises, it is not ready)
        log.warning("not ready: %s", type(error).__name__)
        return "no_answer"
    return ""


def _warnings() -> list[str]:
    try:
        found = health.report(now=timezone.now()).findings
    except Exception as error:  # noqa: BLE001  (without a database ``reasons`` says so)
        log.warning("no warnings: %s", type(error).__name__)
        return []
    low = {"disk_low"} if _is_low() else set()
    return sorted(low | {each.code for each in found if each.level is Level.WARN})


def _is_low() -> bool:
    free = disks.free_bytes()
    return free is not None and free < disks.LOW_BYTES


def _disk() -> None:
    disks.check_room()


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


def _chain() -> None:
    """A server can be reached, and what it shows may settle."""
    _refuse_red(Part.SERVERS, Part.CHAIN)


def _watcher() -> None:
    health.check_alive(now=timezone.now())


def _refuse_red(*parts: Part) -> None:
    for finding in health.report(now=timezone.now()).findings:
        if finding.part in parts and finding.level is Level.BAD:
            raise NotReady(finding.code)


_CHECKS: dict[str, Callable[[], None]] = {
    "database": _database,
    "disk": _disk,
    "redis": _redis,
    "store": storage.check_reachable,
    "chain": _chain,
    "watcher": _watcher,
}
