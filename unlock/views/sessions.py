"""A creator proves who they are by the session cookie; every unsafe call carries the CSRF token.

DRF's own session authentication asks for the token only once somebody is signed in. Sign-up and
login need it too, or a foreign page could sign a person in as somebody else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import SessionAuthentication
from rest_framework.views import APIView

from unlock import account_sessions
from unlock.creator_errors import NotSignedIn

if TYPE_CHECKING:
    from django.http import HttpRequest
    from rest_framework.request import Request

    from unlock.models import Creator

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class CreatorSession(SessionAuthentication):
    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        if request.method not in _SAFE:
            self.enforce_csrf(request)
        user = getattr(request._request, "user", None)  # noqa: SLF001 - DRF's own way to it
        return (user, None) if user is not None and user.is_active else None


class AnyoneView(APIView):
    """Open to all; unsafe calls need the CSRF token all the same."""

    authentication_classes = (CreatorSession,)

    def creator(self, request: Request) -> Creator | None:
        """The creator behind the session; staff and suspended people are none."""
        return creator_of(request)

    def me(self, request: Request) -> Creator:
        """Raises NotSignedIn."""
        creator = self.creator(request)
        if creator is None:
            raise NotSignedIn("You are not signed in.")
        return creator


def creator_of(request: HttpRequest | Request) -> Creator | None:
    """The creator behind the session, or None: staff, suspended and signed-out people are none."""
    if not request.user.is_authenticated:
        return None
    return account_sessions.creator_of(
        request.user.pk, request.session.session_key, browser=browser(request), now=timezone.now()
    )


def browser(request: HttpRequest | Request) -> str:
    return account_sessions.browser_of(request.META.get("HTTP_USER_AGENT", ""))


class CreatorView(AnyoneView):
    """For creators only. What is another's is not there: 404, never 403."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # Before the body is looked at: a stranger learns nothing from how it is refused.
        super().initial(request, *args, **kwargs)
        self.me(request)


class CreatorScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the schema tells it."""

    target_class = "unlock.views.sessions.CreatorSession"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        del auto_schema
        return {"type": "apiKey", "in": "cookie", "name": "kim-session"}
