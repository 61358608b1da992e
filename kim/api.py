"""Errors become HTTP here and nowhere else: ``{"error": {"code", "message", "hint"}}``."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions
from rest_framework.parsers import JSONParser
from rest_framework.response import Response

from payments.errors import ServiceError

log = logging.getLogger(__name__)

BUSY = ("database_busy", "The database is busy.", "Nothing was changed. Try again.")
BUSY_SECONDS = 2
_MESSAGE_MAX = 1000
_NOT_JSON = ("not_json", "The body is not JSON.", "Send UTF-8 JSON.")
_HINTS = {
    401: "Log in and try again.",
    403: "Reload the page and try again.",
    404: "Check the address.",
    405: "See /api/v1/schema/ for what may be done here.",
    406: "Ask for application/json.",
    415: "Send UTF-8 JSON, as Content-Type: application/json.",
}


def body(code: str, message: str, hint: str = "") -> dict[str, dict[str, str]]:
    """The one shape of an error, for people (message, hint) and programs (code)."""
    # Messages may repeat what was sent: half a character could not be encoded, and a page is enough.
    sayable = message.encode(errors="replace").decode()[:_MESSAGE_MAX]
    return {"error": {"code": code, "message": sayable, "hint": hint}}


def answer(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's exception handler. Unknown errors return None: Django answers 500 and logs them."""
    del context
    if isinstance(error, ServiceError):
        return Response(
            body(error.code, error.message, error.said_hint),
            status=error.http_status,
            headers=_retry(error.http_status),
        )
    if isinstance(error, Http404):
        return Response(body("not_found", "There is nothing here.", "Check the link."), status=404)
    if isinstance(error, PermissionDenied):
        return Response(body("forbidden", "This is not allowed.", _HINTS[403]), status=403)
    if isinstance(error, OperationalError):
        log.warning("database refused: %s", type(error).__name__)
        return Response(body(*BUSY), status=503, headers=_retry(503))
    if isinstance(error, exceptions.APIException):
        return _framework(error)
    return None


def plain(
    request: HttpRequest, code: str, message: str, *, hint: str, http_status: int
) -> JsonResponse:
    """The same shape outside DRF, for paths under /api/."""
    del request
    return JsonResponse(body(code, message, hint), status=http_status, headers=_retry(http_status))


class Parser(JSONParser):
    """JSON of our size: what nests deeper than Python can follow is no JSON of ours either."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError as error:
            raise exceptions.ParseError("It nests too deep.") from error


def _framework(error: exceptions.APIException) -> Response:
    headers = dict(_retry(error.status_code))
    if isinstance(error, exceptions.ValidationError):
        return Response(
            body("invalid", _flatten(error.detail), "Correct the named fields and send it again."),
            status=400,
        )
    if isinstance(error, exceptions.ParseError):
        return Response(body(*_NOT_JSON), status=400)
    if isinstance(error, exceptions.Throttled):
        wait = int(getattr(error, "wait", None) or 60) + 1
        headers["Retry-After"] = str(wait)
        return Response(
            body("too_many_requests", "Too many requests.", f"Try again in {wait} seconds."),
            status=429,
            headers=headers,
        )
    codes = {
        401: "not_signed_in",
        403: "not_signed_in",
        404: "not_found",
        405: "method_not_allowed",
    }
    if isinstance(error, exceptions.PermissionDenied):
        codes[403] = "forbidden"
    code = codes.get(error.status_code, str(error.default_code))
    hint = _HINTS.get(error.status_code, "Correct the request and send it again.")
    said = body(code, _flatten(error.detail), hint)
    return Response(said, status=error.status_code, headers=headers)


def _retry(http_status: int) -> dict[str, str]:
    return {"Retry-After": str(BUSY_SECONDS)} if http_status == 503 else {}


def _flatten(detail: Any) -> str:
    """DRF's nested details as one line: ``field: what is wrong; …``."""
    if isinstance(detail, Mapping):
        return "; ".join(f"{key}: {_flatten(value)}" for key, value in detail.items())
    if isinstance(detail, list | tuple):
        return " ".join(_flatten(item) for item in detail)
    return str(detail)
