"""The static address: files that never change under one address, so they are kept for ever."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseNotFound
from django.http.response import HttpResponseBase
from django.utils.module_loading import import_string

from unlock import static_files

_FOR_EVER = "max-age=31536000, public, immutable"
_HERE = "kim.statics.served"
type_of_get = Callable[[HttpRequest], HttpResponseBase]


class served:  # noqa: N801  (a middleware is named like the function it stands for)
    """Answers what lies below ``STATIC_URL``; all else goes on. Synchronous, as the chain is."""

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: type_of_get) -> None:
        self.get_response = get_response
        self.files = static_files.files()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        prefix = settings.STATIC_URL
        path = request.path_info
        file = self.files.get(path[len(prefix) :]) if path.startswith(prefix) else None
        if file is None:
            return self.get_response(request)
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(("GET", "HEAD"))
        response = static_files.answer(request, file)
        response["Cache-Control"] = _FOR_EVER
        return response


def at_once(scope: Mapping[str, Any]) -> HttpResponse | None:
    """For the event loop: the answer to a request for one of these files, None for all others.

    The same middleware in the same order, but no thread: a page asks for a hundred files at once,
    and a thread each would be most of the second it waits for them.
    """
    if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
        return None
    if not scope["path"].startswith(settings.STATIC_URL):
        return None
    response = _chain()(ASGIRequest(scope, io.BytesIO()))
    return response if isinstance(response, HttpResponse) and response.status_code != 404 else None


@cache
def _chain() -> type_of_get:
    """All middleware down to ours; none of it waits for anything."""
    names = settings.MIDDLEWARE
    get_response: type_of_get = _nothing
    for name in reversed(names[: names.index(_HERE) + 1]):
        get_response = import_string(name)(get_response)
    return get_response


def _nothing(request: HttpRequest) -> HttpResponseBase:
    del request
    return HttpResponseNotFound()
