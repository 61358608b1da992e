"""Errors become HTTP here and nowhere else: ``{"error": {"code", "message", "hint"}}``."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.http import Http404, JsonResponse
from rest_framework import exceptions
from rest_framework.parsers import JSONParser
from rest_framework.response import Response

from payments.errors import ServiceError
from payments.words import Words
from unlock import disks
from unlock.errors import DiskFull
from unlock.speech import mark, say, tell

log = logging.getLogger(__name__)

BUSY = ("database_busy", mark("The database is busy."), mark("Nothing was changed. Try again."))
FULL = (DiskFull.code, mark("The disk of this site is full."), DiskFull.hint)
BUSY_SECONDS = 2
_MESSAGE_MAX = 1000
_NOT_JSON = ("not_json", mark("The body is not JSON."), mark("Send UTF-8 JSON."))
_HINTS = {
    401: mark("Log in and try again."),
    403: mark("Reload the page and try again."),
    404: mark("Check the address."),
    405: mark("See /api/v1/schema/ for what may be done here."),
    406: mark("Ask for application/json."),
    415: mark("Send UTF-8 JSON, as Content-Type: application/json."),
}


def body(code: str, message: str, hint: str = "") -> dict[str, dict[str, str]]:
    """The one shape of an error, for people (message, hint: as they are) and programs (code)."""
    # Messages may repeat what was sent: half a character could not be encoded, and a page is enough.
    sayable = message.encode(errors="replace").decode()[:_MESSAGE_MAX]
    return {"error": {"code": code, "message": sayable, "hint": hint}}


def said(code: str, message: str, hint: str = "") -> dict[str, dict[str, str]]:
    """The same of two texts of the catalogues, in the reader's language."""
    return body(code, tell(Words(message)), tell(Words(hint)))


def of_error(error: ServiceError) -> dict[str, dict[str, str]]:
    """A refusal, in the reader's language; its code is the same in all."""
    return body(error.code, tell(error.words), tell(error.advice))


def refusal_of(error: OperationalError) -> tuple[str, str, str]:
    """Code, message and hint of a database that refused; the operator is told in the log."""
    if disks.is_full(error):
        log.error("the disk of the database is full: nothing can be written until there is room")
        return FULL
    log.warning("database refused: %s", type(error).__name__)
    return BUSY


def answer(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's exception handler. Unknown errors return None: Django answers 500 and logs them."""
    del context
    if isinstance(error, ServiceError):
        return Response(
            of_error(error),
            status=error.http_status,
            headers=_retry(error.http_status),
        )
    if isinstance(error, Http404):
        return Response(
            said("not_found", mark("There is nothing here."), mark("Check the link.")), status=404
        )
    if isinstance(error, PermissionDenied):
        return Response(said("forbidden", mark("This is not allowed."), _HINTS[403]), status=403)
    if isinstance(error, OperationalError):
        return Response(said(*refusal_of(error)), status=503, headers=_retry(503))
    if isinstance(error, exceptions.APIException):
        return _framework(error)
    return None


def plain(code: str, message: str, *, hint: str, http_status: int) -> JsonResponse:
    """The same shape outside DRF, for paths under /api/; ``message`` and ``hint`` are said already."""
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
            body(
                "invalid",
                _flatten(error.detail),
                say("Correct the named fields and send it again."),
            ),
            status=400,
        )
    if isinstance(error, exceptions.ParseError):
        return Response(said(*_NOT_JSON), status=400)
    if isinstance(error, exceptions.Throttled):
        wait = int(getattr(error, "wait", None) or 60) + 1
        headers["Retry-After"] = str(wait)
        return Response(
            body(
                "too_many_requests",
                say("Too many requests."),
                say("Try again in {wait} seconds.", wait=wait),
            ),
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
    hint = _HINTS.get(error.status_code, mark("Correct the request and send it again."))
    told = body(code, _flatten(error.detail), tell(Words(hint)))
    return Response(told, status=error.status_code, headers=headers)


def _retry(http_status: int) -> dict[str, str]:
    return {"Retry-After": str(BUSY_SECONDS)} if http_status == 503 else {}


def _flatten(detail: Any) -> str:
    """DRF's nested details as one line: ``field: what is wrong; …``."""
    if isinstance(detail, Mapping):
        return "; ".join(f"{key}: {_flatten(value)}" for key, value in detail.items())
    if isinstance(detail, list | tuple):
        return " ".join(_flatten(item) for item in detail)
    return str(detail)
