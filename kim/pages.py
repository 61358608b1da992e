"""Error pages: JSON of the one shape under /api/, a readable page elsewhere."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import TemplateDoesNotExist

from kim import api


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    del exception
    return _page(request, 400, "bad_request", "This request could not be read.")


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    del exception
    return _page(request, 403, "forbidden", "This is not allowed.")


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    del exception
    return _page(request, 404, "not_found", "There is nothing here.", hint="Check the link.")


def failed(request: HttpRequest) -> HttpResponse:
    hint = "Nothing was lost. Try again; the operator has been told in the log."
    return _page(request, 500, "internal", "Something broke on our side.", hint=hint)


def _page(
    request: HttpRequest, status: int, code: str, message: str, *, hint: str = ""
) -> HttpResponse:
    if request.path.startswith("/api/"):
        return api.plain(request, code, message, hint=hint, http_status=status)
    try:
        return render(request, f"{status}.html", {"message": message, "hint": hint}, status=status)
    except TemplateDoesNotExist:
        return HttpResponse(f"{message} {hint}", status=status, content_type="text/plain")
