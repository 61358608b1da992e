"""What stands under /x/: the service worker, the player's page, and what answers without a worker.

The worker is a bridge between the browser and the page that has the bytes (docs/adr/0009); the
server has none of them. Each of these addresses carries a policy of its own, stricter than that of
the pages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from unlock import static_files

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

_WORKER = "js/worker/service.js"
# It fetches nothing, imports nothing and runs nothing.
_WORKER_POLICY = "default-src 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
# media-src: /x/v/, from the worker.
_PLAYER_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; media-src 'self'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'self'; require-trusted-types-for 'script';"
    " trusted-types 'none'"
)


@require_safe
def worker(request: HttpRequest) -> HttpResponseBase:
    """/x/sw.js: unhashed, because its address is what browsers know it by; asked for each time."""
    answer = static_files.answer(request, static_files.files()[_WORKER])
    answer["Cache-Control"] = "no-cache"
    answer["Content-Security-Policy"] = _WORKER_POLICY
    return answer


@require_safe
def player(request: HttpRequest) -> HttpResponse:
    """/x/play: a frame of our own pages, inside the worker's scope. The token stands behind the #."""
    answer = render(request, "unlock/play.html")
    answer["Content-Security-Policy"] = _PLAYER_POLICY
    answer["X-Frame-Options"] = "SAMEORIGIN"
    return answer


@require_safe
def missing(request: HttpRequest, token: str) -> HttpResponse:
    """/x/d/ and /x/v/ without a worker: nothing here looks like a file."""
    del request, token
    said = (
        "incomplete: the page that had this file is gone, or this browser has no service worker\n"
    )
    answer = HttpResponse(said, status=404, content_type="text/plain; charset=utf-8")
    answer["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'self'; sandbox"
    answer["X-Frame-Options"] = "SAMEORIGIN"
    return answer
