"""What every answer carries, and what every failure becomes outside the API.

Which headers: kim/policies.py. Which refusals: each middleware says so.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.db import OperationalError
from django.http import HttpRequest, HttpResponseNotAllowed, HttpResponsePermanentRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import translation
from django.utils.decorators import sync_and_async_middleware

from kim import api, deprecations, origins, policies, security_log, throttles
from kim import languages as spoken
from payments.errors import ServiceError
from payments.words import Words
from unlock.speech import mark, tell

_TOO_LARGE = mark("The request is too large.")
_NEVER_HERE = mark("Files never pass through this server.")

type_of_get = Callable[[HttpRequest], Any]

# What a page of another origin may read of an answer's headers.
_EXPOSED = ("Retry-After", "RateLimit", "RateLimit-Policy", "Deprecation", "Sunset", "Link")


@sync_and_async_middleware
def headers(get_response: type_of_get) -> Callable[..., Any]:
    """Security headers on every answer, error pages and static files included."""
    return _both(get_response, after=policies.dress)


@sync_and_async_middleware
def noted(get_response: type_of_get) -> Callable[..., Any]:
    """Logins and refusals are in the log."""
    return _both(get_response, after=security_log.note)


@sync_and_async_middleware
def any_origin(get_response: type_of_get) -> Callable[..., Any]:
    """Pages of any origin may use the buyer's side of the API; refusals are readable there too."""

    def allow(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if origins.methods_of(request.path_info):
            response["Access-Control-Allow-Origin"] = "*"
            response["Access-Control-Expose-Headers"] = ", ".join(_EXPOSED)
        return response

    return _both(get_response, before=origins.preflight, after=allow)


@sync_and_async_middleware
def standing(get_response: type_of_get) -> Callable[..., Any]:
    """How many calls are left, and whether the call is going to go."""

    def tell(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        match = request.resolver_match
        for name, value in (
            *throttles.headers_of(request).items(),
            *deprecations.headers_of(match.url_name if match else None).items(),
        ):
            response.setdefault(name, value)
        return response

    return _both(get_response, after=tell)


@sync_and_async_middleware
def languages(get_response: type_of_get) -> Callable[..., Any]:
    """English or German, as the person chose or the browser asks."""
    return _both(get_response, before=spoken.speak, after=spoken.tell)


@sync_and_async_middleware
def one_origin(get_response: type_of_get) -> Callable[..., Any]:
    """``localhost`` goes to the public address: keys in IndexedDB belong to one origin."""
    public = urlsplit(settings.KIM_PUBLIC_URL)

    def redirect(request: HttpRequest) -> HttpResponseBase | None:
        host = request.META.get("HTTP_HOST", "").partition(":")[0]
        if host != "localhost" or public.hostname == "localhost" or request.method != "GET":
            return None
        return HttpResponsePermanentRedirect(settings.KIM_PUBLIC_URL + request.get_full_path())

    return _both(get_response, before=redirect)


@sync_and_async_middleware
def small(get_response: type_of_get) -> Callable[..., Any]:
    """Bodies above the limit are refused unread: DRF's parsers read past Django's own limit.

    And a refusal that Django words itself (a method that is not there) gets our shape.
    """

    def refuse(request: HttpRequest) -> HttpResponseBase | None:
        length = request.META.get("CONTENT_LENGTH") or "0"
        is_number = length.isascii() and length.isdecimal() and len(length) < 12
        if is_number and int(length) <= settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            return None
        said = ("too_large", Words(_TOO_LARGE), Words(_NEVER_HERE))
        return _say(request, said, http_status=413)

    def reshape(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        is_bare = response.status_code == 405 and isinstance(response, HttpResponseNotAllowed)
        if not is_bare or not request.path.startswith("/api/"):
            return response
        no = Words.of("{method} is not possible here.", method=str(request.method))
        said = ("method_not_allowed", no, Words(mark("Use another.")))
        made = _say(request, said, http_status=405)
        made["Allow"] = response["Allow"]
        return made

    return _both(get_response, before=refuse, after=reshape)


class errors:  # noqa: N801  (a middleware is named like the function it stands for)
    """A refusal outside DRF becomes the same JSON under /api/, a readable page elsewhere.

    The innermost one, and synchronous: so the whole chain runs in the request's thread. In an
    asynchronous chain each of Django's own would change threads twice, for a third of the time.
    """

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: type_of_get) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> Any:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponseBase | None:
        if isinstance(error, OperationalError):
            code, message, hint = api.refusal_of(error)
            return _say(request, (code, Words(message), Words(hint)), http_status=503)
        if isinstance(error, ServiceError):
            said = (error.code, error.words, error.advice)
            return _say(request, said, http_status=error.http_status)
        return None


def _say(
    request: HttpRequest, said: tuple[str, Words, Words], *, http_status: int
) -> HttpResponseBase:
    """Code, message and hint: as JSON under /api/, as a page elsewhere."""
    # A refusal may come before the request has a language.
    with translation.override(spoken.language_of(request)):
        code, message, hint = said[0], tell(said[1]), tell(said[2])
        if request.path.startswith("/api/"):
            return api.plain(code, message, hint=hint, http_status=http_status)
        page = {"code": code, "message": message, "hint": hint}
        return render(request, "refused.html", page, status=http_status)


def _both(
    get_response: type_of_get,
    *,
    before: Callable[[HttpRequest], HttpResponseBase | None] | None = None,
    after: Callable[[HttpRequest, HttpResponseBase], HttpResponseBase] | None = None,
) -> Callable[..., Any]:
    """One middleware for both kinds of server: ``before`` may answer, ``after`` may dress."""
    if iscoroutinefunction(get_response):
        waiting: Callable[[HttpRequest], Awaitable[HttpResponseBase]] = get_response

        async def in_async(request: HttpRequest) -> HttpResponseBase:
            early = before(request) if before else None
            response = early if early is not None else await waiting(request)
            return after(request, response) if after else response

        return in_async

    def in_sync(request: HttpRequest) -> HttpResponseBase:
        early = before(request) if before else None
        response: HttpResponseBase = early if early is not None else get_response(request)
        return after(request, response) if after else response

    return in_sync
