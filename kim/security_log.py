"""What a search for a break-in needs: who tried to come in, and what was refused. One line each.

No name that was typed (people type passwords there), no address, no path: the route's name, the method, the
status, and the number of the account once it is known. docs/operations.md lists what is logged.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

log = logging.getLogger(__name__)

# Coming in, and what changes who may: told whatever the answer.
DOORS: Final = frozenset(
    {
        "session", "creators", "password", "account-recoveries", "second-step",
        "second-step-removal", "sessions", "session-note", "tokens", "token", "vault", "payout",
        "payout-waiting", "notice-email", "notice-email-removal", "notice-email-code",
        "account-closing", "staff-login", "staff-step", "setup",
    }
)  # fmt: skip
REFUSALS: Final = frozenset({400, 401, 403, 413, 429})
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def note(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """After the answer is made; it stays as it is."""
    match = request.resolver_match
    route = (match.url_name or "") if match else ""
    is_door = route in DOORS and request.method not in _SAFE
    status = response.status_code
    if is_door or status in REFUSALS:
        event = "door" if is_door else "refused"
        facts = {
            "event": event,
            "route": route or "none",
            "method": _method(request),
            "status": status,
            "account": _account(request),
        }
        log.info("security: %s", event, extra={"facts": facts})
    return response


def _method(request: HttpRequest) -> str:
    known = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    return request.method if request.method in known else "other"


def _account(request: HttpRequest) -> str:
    """The account's number; empty before anybody was let in."""
    user = request.__dict__.get("user")  # set by a login, or by Django's middleware
    return str(user.pk) if user is not None and user.is_authenticated else ""
