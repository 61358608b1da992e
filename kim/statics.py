"""The static address: files that never change under one address, so they are kept for ever."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseNotAllowed
from django.http.response import HttpResponseBase

from unlock import static_files

_FOR_EVER = "max-age=31536000, public, immutable"


class served:  # noqa: N801  (a middleware is named like the function it stands for)
    """Answers what lies below ``STATIC_URL``; all else goes on. Synchronous, as the chain is."""

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
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
