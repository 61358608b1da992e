"""Accounts: how to derive, sign-up, the session, the password, and the limits everybody meets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth import login, logout, update_session_auth_hash
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from payments.amounts import BCH, FLOOR_SAT
from payments.states import PayoutKind
from unlock import account_sessions, creators, limits, offers, second_factors
from unlock.account_errors import AccountSuspended
from unlock.serializers.accounts import (
    LimitsSerializer,
    LoginParametersSerializer,
    LoginSerializer,
    PasswordSerializer,
    SessionsSerializer,
    SignUpSerializer,
    UsernameSerializer,
)
from unlock.views.sessions import AnyoneView, CreatorView, browser
from unlock.views.suspensions import let_in

if TYPE_CHECKING:
    import uuid

    from rest_framework.request import Request

    from unlock.models import Creator

_BACKEND = "django.contrib.auth.backends.ModelBackend"


class LoginParameters(AnyoneView):
    throttle_scope = "login"

    @extend_schema(request=UsernameSerializer, responses=LoginParametersSerializer)
    def post(self, request: Request) -> Response:
        """How this creator's browser derives what it logs in with; alike for names nobody has."""
        asked = UsernameSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        salt, scheme = creators.how_to_derive(asked.validated_data["username"])
        parameters = {
            "salt": salt,
            "scheme": scheme,
            "memory_kib": creators.MEMORY_KIB,
            "passes": creators.PASSES,
            "parallelism": creators.PARALLELISM,
        }
        return Response(LoginParametersSerializer(parameters).data)


class Creators(AnyoneView):
    throttle_scope = "signup"

    @extend_schema(request=SignUpSerializer, responses={201: UsernameSerializer})
    def post(self, request: Request) -> Response:
        """Sign up, and be logged in."""
        asked = SignUpSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        creator = creators.sign_up(asked.sign_up(), now=timezone.now())
        return enter(request, creator, http_status=status.HTTP_201_CREATED)


class Session(AnyoneView):
    @property
    def throttle_scope(self) -> str | None:
        return "login" if self.request.method == "POST" else None

    @extend_schema(responses=UsernameSerializer)
    def get(self, request: Request) -> Response:
        """Who is signed in; 401 ``not_signed_in``."""
        return Response({"username": self.me(request).user.get_username()})

    @extend_schema(request=LoginSerializer, responses=UsernameSerializer)
    def post(self, request: Request) -> Response:
        """Log in; 401 ``login_failed`` for every reason alike, ``second_step_required`` after it.

        403 ``account_suspended``, for whoever knows both: the page /suspended/ opens then, and no other.
        """
        asked = LoginSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        facts = asked.validated_data
        creator, now = creators.recognise(facts["username"], facts["derived"]), timezone.now()
        second_factors.check(creator, facts.get("code", ""), now=now)
        if creator.suspended_at is not None:
            let_in(request, creator, now=now)
            raise AccountSuspended("This account is suspended.")
        return enter(request, creator, http_status=status.HTTP_200_OK)

    @extend_schema(responses={204: None})
    def delete(self, request: Request) -> Response:
        """Log out. Being logged out already is no error."""
        account_sessions.end_this(request.session.session_key, now=timezone.now())
        logout(request)
        return Response(status=status.HTTP_204_NO_CONTENT)


class Password(CreatorView):
    throttle_scope = "login"

    @extend_schema(request=PasswordSerializer, responses={204: None})
    def put(self, request: Request) -> Response:
        """Change the password, and the vault with it; every other session of this creator ends."""
        asked = PasswordSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        creator = self.me(request)
        derived, now = asked.validated_data["derived"], timezone.now()
        creators.change_password(creator, derived=derived, new=asked.new(), now=now)
        go_on_alone(request, creator)
        return Response(status=status.HTTP_204_NO_CONTENT)


class SessionNotes(CreatorView):
    @extend_schema(responses=SessionsSerializer)
    def get(self, request: Request) -> Response:
        """The browsers that are signed in; none is named by an address."""
        key, now = request.session.session_key, timezone.now()
        rows = list(account_sessions.open_of(self.me(request), now=now))
        for row in rows:
            row.is_this = account_sessions.is_named(row, key)  # type: ignore[attr-defined]
        return Response(SessionsSerializer({"sessions": rows}).data)

    @extend_schema(operation_id="sessions_end_others", responses={204: None})
    def delete(self, request: Request) -> Response:
        """Sign out every other browser."""
        creator, now = self.me(request), timezone.now()
        account_sessions.end_others(creator, request.session.session_key, now=now)
        return Response(status=status.HTTP_204_NO_CONTENT)


class SessionNote(CreatorView):
    @extend_schema(responses={204: None})
    def delete(self, request: Request, session_id: uuid.UUID) -> Response:
        """Sign one out, this one as well. One that is signed out already is no error."""
        account_sessions.end(self.me(request), session_id, now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class Limits(AnyoneView):
    @extend_schema(responses=LimitsSerializer)
    def get(self, request: Request) -> Response:
        """What this instance allows; shown before an upload starts."""
        del request
        facts = {
            "max_file_bytes": settings.KIM_MAX_FILE_BYTES,
            "part_bytes_min": limits.PART_BYTES[0],
            "presign_batch": limits.PRESIGN_BATCH,
            "network": settings.KIM_NETWORK,
            "currencies": (BCH, *offers.currencies(now=timezone.now())),
            "confirmations": limits.CONFIRMATIONS,
            "floor_sat": {
                "address": FLOOR_SAT[PayoutKind.FORWARDER],
                "xpub": FLOOR_SAT[PayoutKind.XPUB],
            },
            "signup": settings.KIM_SIGNUP,
            "title_max": limits.TITLE_MAX,
            "description_max": limits.DESCRIPTION_MAX,
        }
        return Response(LimitsSerializer(facts).data)


def enter(request: Request, creator: Creator, *, http_status: int) -> Response:
    """Sign in, in a session of a new name: one that was signed out from elsewhere never goes on."""
    account_sessions.end_this(request.session.session_key, now=timezone.now())
    logout(request)
    login(request, creator.user, backend=_BACKEND)
    key = request.session.session_key or ""
    account_sessions.begin(creator, key, browser=browser(request), now=timezone.now())
    return Response({"username": creator.user.get_username()}, status=http_status)


def go_on_alone(request: Request, creator: Creator) -> None:
    """After a new proof: this session goes on under another key, every other one has ended."""
    before = request.session.session_key or ""
    update_session_auth_hash(request, creator.user)
    after = request.session.session_key or ""
    account_sessions.move(before, after)
    account_sessions.end_others(creator, after, now=timezone.now())
