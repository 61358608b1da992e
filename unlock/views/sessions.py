"""A creator proves who they are by the session cookie; every unsafe call carries the CSRF token.

DRF's own session authentication asks for the token only once somebody is signed in. Sign-up and
login need it too, or a foreign page could sign a person in as somebody else.

A program of theirs carries ``Authorization: Bearer kim_…`` instead: then no cookie is read and no CSRF
token asked for, and ``unlock.scopes`` says what it may do. A POST of either may be repeated under an
Idempotency-Key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.response import Response
from rest_framework.views import APIView

from payments.errors import ServiceError
from unlock import account_sessions, creators, replays, scopes, speech, tokens
from unlock.creator_errors import NotSignedIn
from unlock.models import ApiToken

if TYPE_CHECKING:
    from rest_framework.request import Request

    from unlock.models import Creator

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class CreatorSession(SessionAuthentication):
    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        if request.method not in _SAFE:
            self.enforce_csrf(request)
        user = getattr(request._request, "user", None)  # noqa: SLF001 - DRF's own way to it
        return (user, None) if user is not None and user.is_active else None


class CreatorToken(BaseAuthentication):
    """A token that is none is an answer too (``request.auth`` is the error): so it can be counted
    before it is refused, and no cookie is read in its place.
    """

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        try:
            token = tokens.find(value.strip(), now=timezone.now())
        except ServiceError as error:
            return AnonymousUser(), error
        return token.creator.user, token


class AnyoneView(APIView):
    """Open to all; unsafe calls need the CSRF token all the same."""

    authentication_classes = (CreatorToken, CreatorSession)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Raises what is wrong with a token: unknown, expired, or not for this call."""
        super().initial(request, *args, **kwargs)
        if isinstance(request.auth, ServiceError):
            raise request.auth
        if isinstance(request.auth, ApiToken):
            scopes.check(request.auth.scopes, route=_route(request), method=str(request.method))

    def creator(self, request: Request) -> Creator | None:
        """The creator behind token or session; staff and suspended people are none."""
        if isinstance(request.auth, ApiToken):
            return request.auth.creator
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
    now = timezone.now()
    creator = account_sessions.creator_of(
        request.user.pk, request.session.session_key, browser=browser(request), now=now
    )
    if account_sessions.is_noted_anew(getattr(creator, "seen", None), now=now):
        request.session.modified = True  # two weeks from now: it ends unused, not by the calendar
    if creator is not None and isinstance(request, HttpRequest):
        _note_language(creator, request)
    return creator


def _note_language(creator: Creator, request: HttpRequest) -> None:
    """Whoever opens a page is written to in its language. A program that names none changes nothing."""
    is_named = settings.LANGUAGE_COOKIE_NAME in request.COOKIES or request.headers.get(
        "Accept-Language"
    )
    if is_named and speech.language() != creator.language:
        creators.note_language(creator, speech.language())


def browser(request: HttpRequest | Request) -> str:
    return account_sessions.browser_of(request.META.get("HTTP_USER_AGENT", ""))


class CreatorView(AnyoneView):
    """For creators only. What is another's is not there: 404, never 403."""

    _begun: tuple[Creator, str] | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # Before the body is looked at: a stranger learns nothing from how it is refused.
        super().initial(request, *args, **kwargs)
        self._begin_once(request, self.me(request))

    def _begin_once(self, request: Request, creator: Creator) -> None:
        """Raises ``_Repeated``, with the answer that was given, and what ``replays.begin`` does."""
        key = request.headers.get("Idempotency-Key")
        if key is None or not scopes.is_kept(_route(request), str(request.method)):
            return
        whole = (request.get_full_path().encode(), _claim_of(request), request._request.body)  # noqa: SLF001
        answer = replays.begin(creator.id, key, request=whole, now=timezone.now())
        if answer is not None:
            raise _Repeated(answer)
        self._begun = creator, key

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, _Repeated):
            headers = {"Idempotent-Replayed": "true"}
            return Response(exc.answer.body, status=exc.answer.status, headers=headers)
        return super().handle_exception(exc)

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        self._settle(response)
        return super().finalize_response(request, response, *args, **kwargs)

    def _settle(self, response: Response) -> None:
        """Keep what was done under its key; a refusal frees it. A crash leaves it begun: nobody knows."""
        if self._begun is None:
            return
        (creator, key), self._begun = self._begun, None
        if response.status_code < 400:
            answer = replays.Answer(response.status_code, response.data)
            told_once = scopes.TOLD_ONCE.get(_route(self.request), ())
            replays.keep(creator.id, key, answer, told_once=told_once)
        else:
            replays.free(creator.id, key)


class _Repeated(Exception):
    """The request was made before: this is what it was answered."""

    def __init__(self, answer: replays.Answer) -> None:
        super().__init__()
        self.answer = answer


def _route(request: HttpRequest | Request) -> str:
    match = request.resolver_match
    return "" if match is None else match.url_name or ""


def _claim_of(request: Request) -> bytes:
    """A buyer's claim, where a creator's call carries one: another claim is another request."""
    given = request.headers.get("Kim-Claim") or request.headers.get("Authorization", "")
    return b"" if given.lower().startswith("bearer") else given.encode()


class CreatorScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the schema tells it."""

    target_class = "unlock.views.sessions.CreatorSession"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        del auto_schema
        return {"type": "apiKey", "in": "cookie", "name": "kim-session"}


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "unlock.views.sessions.CreatorToken"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        del auto_schema
        return {"type": "http", "scheme": "bearer", "description": "A creator's token: kim_…"}
