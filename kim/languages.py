"""Which language an answer is in: the person's own choice, else what their browser asks for.

Staff pages stay English: Django would translate its own half of them and leave ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.utils import translation
from django.utils.cache import patch_vary_headers

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

_STAFF = "/admin/"


def language_of(request: HttpRequest) -> str:
    """Of the cookie that the page's own switch sets, or of ``Accept-Language``; "en" or "de"."""
    if request.path_info.startswith(_STAFF):
        return str(settings.LANGUAGE_CODE)
    return translation.get_language_from_request(request)


def speak(request: HttpRequest) -> None:
    """The rest of this request is answered in that language."""
    translation.activate(language_of(request))


def tell(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Pages and errors say which language they are in, and what it depends on."""
    if response.get("Content-Type", "").startswith(("text/html", "application/json")):
        response.setdefault("Content-Language", language_of(request))
        patch_vary_headers(response, ("Accept-Language",))
    translation.deactivate()  # the thread goes on with somebody else
    return response
