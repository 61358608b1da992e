"""What pages of any origin may call: the buyer's side of the API, and nothing with a session.

A claim travels in a header that the calling page itself must know, and no cookie goes along
(``Access-Control-Allow-Credentials`` is never sent): a foreign page can do with these calls what a
program on its visitor's machine could do, and no more. docs/api.md.
"""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve

_READ: Final = "GET, HEAD"
_ORDER: Final = "POST"

# Route names, with the methods that are a buyer's.
METHODS: Final = {
    "offer": _READ,
    "api-file": _READ,
    "content": _READ,
    "file-ranges": _READ,
    "file-samples": _READ,
    "limits": _READ,
    "rates": _READ,
    "schema": _READ,
    "file-purchases": _ORDER,
    "file-price": _ORDER,
    "purchases-restored": _ORDER,
    "purchases-claimed": _READ,
    "purchases-claims": _ORDER,
    "purchase-note": "PUT",
    "file-again": _ORDER,
    "payment": _READ,
    "purchase-quotes": _ORDER,
    "purchase-release": _ORDER,
    "purchase-location": _ORDER,
    "purchase-complaints": _ORDER,
    "purchase-failures": "GET, HEAD, POST",
    "refund-address": "PUT",
    "api-purchase": _READ,
    "purchase-events": _READ,
    "purchase-receipt": _READ,
    "purchase-evidence": _READ,
}
_PREFIXES: Final = ("/api/v1/", "/f/")
_ASKED: Final = "Access-Control-Request-Method"


def methods_of(path: str) -> str:
    """The methods that any origin may use on this path; empty for none."""
    if not path.startswith(_PREFIXES):
        return ""
    try:
        return METHODS.get(resolve(path).url_name or "", "")
    except Resolver404:
        return ""


def preflight(request: HttpRequest) -> HttpResponse | None:
    """The answer to a browser that asks before it calls; None for every other request."""
    if request.method != "OPTIONS" or _ASKED not in request.headers:
        return None
    methods = methods_of(request.path_info)
    if not methods:
        return None
    headers = {
        "Access-Control-Allow-Methods": methods,
        "Access-Control-Allow-Headers": "authorization, content-type",
        "Access-Control-Max-Age": "86400",
    }
    return HttpResponse(status=204, headers=headers)
