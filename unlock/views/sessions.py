"""A creator proves who they are by the session cookie; every unsafe call carries the CSRF token.

DRF's own session authentication asks for the token only once somebody is signed in. Sign-up and
login need it too, or a foreign page could sign a person in as somebody else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import SessionAuthentication
from rest_framework.views import APIView

from unlock.creator_errors import NotSignedIn
from unlock.models import Creator

if TYPE_CHECKING:
    from rest_framework.request import Request

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
        if not request.user.is_authenticated:
            return None
        rows = Creator.objects.select_related("user").filter(user__is_staff=False)
        return rows.filter(user=request.user.pk, suspended_at__isnull=True).first()

    def me(self, request: Request) -> Creator:
        """Raises NotSignedIn."""
        creator = self.creator(request)
        if creator is None:
            raise NotSignedIn("You are not signed in.")
        return creator


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
