"""Error pages: JSON of the one shape under /api/, a readable page elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import TemplateDoesNotExist
from django.utils import translation
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_safe
from rest_framework.request import Request
from rest_framework.views import APIView

from kim import api, languages
from kim.throttles import LoginThrottle
from unlock import instances, markdown, published, speech
from unlock.speech import mark
from unlock.views import pages

_RELOAD = mark("Reload the page and try again.")


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    del exception
    return _page(request, 400, "bad_request", mark("This request could not be read."), hint=_RELOAD)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    del exception
    return _page(request, 403, "forbidden", mark("This is not allowed."), hint=_RELOAD)


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form without its token: an old page, cookies switched off, or another site's page."""
    del reason
    return forbidden(request)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    del exception
    return _page(
        request, 404, "not_found", mark("There is nothing here."), hint=mark("Check the link.")
    )


def failed(request: HttpRequest) -> HttpResponse:
    # Sessions are stored after the view has answered, where no other handler reaches.
    error = sys.exc_info()[1]
    if isinstance(error, OperationalError):
        return _refused(request, error)
    hint = mark("Nothing was lost. Try again; the operator has been told in the log.")
    return _page(request, 500, "internal", mark("Something broke on our side."), hint=hint)


@require_safe
def imprint(request: HttpRequest) -> HttpResponse:
    """Who runs this instance, in their own words."""
    said = instances.said()
    if not said.imprint and not said.contact:
        raise Http404
    return _words(request, speech.say("Imprint"), said.imprint, contact=said.contact)


@require_safe
def terms(request: HttpRequest) -> HttpResponse:
    """What the operator expects of creators and buyers."""
    said = instances.said()
    if not said.terms:
        raise Http404
    return _words(request, speech.say("Terms"), said.terms)


def _words(request: HttpRequest, heading: str, text: str, *, contact: str = "") -> HttpResponse:
    facts = {
        "heading": heading,
        "text": mark_safe(markdown.to_html(text)),  # noqa: S308 - its one source
        "contact": contact,
    }
    return pages.shell(request, "words", **facts)


def staff_login(request: HttpRequest) -> HttpResponse:
    """The login of staff, with as few guesses as a creator has."""
    return _with_few_guesses(request, admin.site.login)


def staff_second_step(request: HttpRequest) -> HttpResponse:
    """And its second step (``kim.staff_site``)."""
    site: Any = admin.site
    return _with_few_guesses(request, site.second_step)


def _with_few_guesses(request: HttpRequest, view: Callable[..., HttpResponse]) -> HttpResponse:
    throttle = LoginThrottle()
    if request.method == "POST" and not throttle.allow_request(Request(request), APIView()):
        wait = int(throttle.wait() or 60) + 1
        said = ("too_many_requests", "Too many tries.", f"Try again in {wait} seconds.")
        answer = _page(request, 429, said[0], said[1], hint=said[2])
        answer["Retry-After"] = str(wait)
        return answer
    return view(request)


def _refused(request: HttpRequest, error: OperationalError) -> HttpResponse:
    """The database's disk is full, or another writer held it for too long."""
    code, message, hint = api.refusal_of(error)
    answer = _page(request, 503, code, message, hint=hint)
    answer["Retry-After"] = str(api.BUSY_SECONDS)
    return answer


def _page(
    request: HttpRequest, status: int, code: str, message: str, *, hint: str = ""
) -> HttpResponse:
    # A failure may come before the request has a language.
    with translation.override(languages.language_of(request)):
        message, hint = speech.say(message), speech.say(hint)
        if request.path.startswith("/api/"):
            return api.plain(code, message, hint=hint, http_status=status)
        facts = {"code": code, "message": message, "hint": hint}
        try:
            return render(request, [f"{status}.html", "refused.html"], facts, status=status)
        except TemplateDoesNotExist:
            return HttpResponse(f"{message} {hint}", status=status, content_type="text/plain")


@require_safe
def components(request: HttpRequest) -> HttpResponse:
    """/components/: every piece of the pages in every state, for whoever works on them. Raises Http404
    unless KIM_DEBUG is on.
    """
    if not settings.DEBUG:
        raise Http404
    return render(request, "components.html", {"styles": component_styles()})


def component_styles() -> list[str]:
    pieces = (published.ROOT / "css/components").glob("*.css")
    return sorted(path.relative_to(published.ROOT).as_posix() for path in pieces)
