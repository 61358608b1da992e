"""A creator's notices: the list, what is read, what is wanted, and where e-mails go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from unlock import creators, mail, notices, paging
from unlock.serializers.notices import (
    CodeSerializer,
    EmailSerializer,
    MutedSerializer,
    NoticeSerializer,
    NoticesSerializer,
    ReadingSerializer,
    UnreadSerializer,
    WishesSerializer,
    wishes_of,
)
from unlock.serializers.paging import PageInputSerializer
from unlock.serializers.second_steps import ProofSerializer
from unlock.states import NoticeKind
from unlock.views.sessions import CreatorView

if TYPE_CHECKING:
    from rest_framework.request import Request


class Notices(CreatorView):
    @extend_schema(parameters=[PageInputSerializer], responses=NoticesSerializer)
    def get(self, request: Request) -> Response:
        """Newest first."""
        asked = PageInputSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        creator = self.me(request)
        found, after = paging.page(notices.of(creator), **asked.validated_data)
        return Response(
            {
                "notices": NoticeSerializer(found, many=True).data,
                "unread": notices.unread(creator),
                "next": after,
            }
        )


class NoticesRead(CreatorView):
    @extend_schema(request=ReadingSerializer, responses=UnreadSerializer)
    def post(self, request: Request) -> Response:
        """Mark these as read, or all of them. Repeatable."""
        asked = ReadingSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        creator = self.me(request)
        notices.mark_read(creator, ids=asked.validated_data.get("ids"), now=timezone.now())
        return Response({"unread": notices.unread(creator)})


class NoticeWishes(CreatorView):
    @extend_schema(responses=WishesSerializer)
    def get(self, request: Request) -> Response:
        """Which kinds there are, which are on, and where e-mails go."""
        return Response(wishes_of(self.me(request)))

    @extend_schema(request=MutedSerializer, responses=WishesSerializer)
    def put(self, request: Request) -> Response:
        """Name the kinds that are not wanted; all others are."""
        asked = MutedSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        creator = self.me(request)
        notices.mute(creator, [NoticeKind(kind) for kind in asked.validated_data["muted"]])
        return Response(wishes_of(creator))


class NoticeEmail(CreatorView):
    throttle_scope = "login"

    @extend_schema(request=EmailSerializer, responses=WishesSerializer)
    def put(self, request: Request) -> Response:
        """With the password: send a code to this address. Notices go there once it came back."""
        asked = EmailSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        creator, now, facts = self.me(request), timezone.now(), asked.validated_data
        creators.prove(creator, facts.get("derived"), facts.get("code", ""), now=now)
        mail.ask(creator, facts["email"], now=now)
        return Response(wishes_of(self.me(request)))


class NoticeEmailRemoval(CreatorView):
    throttle_scope = "login"

    @extend_schema(request=ProofSerializer, responses={204: None})
    def post(self, request: Request) -> Response:
        """With the password: forget the address; no e-mail any more."""
        asked = ProofSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        creator, now, facts = self.me(request), timezone.now(), asked.validated_data
        creators.prove(creator, facts.get("derived"), facts.get("code", ""), now=now)
        mail.stop(creator)
        return Response(status=204)


class NoticeEmailCode(CreatorView):
    throttle_scope = "login"

    @extend_schema(request=CodeSerializer, responses=WishesSerializer)
    def post(self, request: Request) -> Response:
        """The code from the e-mail."""
        asked = CodeSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        mail.confirm(self.me(request), asked.validated_data["code"], now=timezone.now())
        return Response(wishes_of(self.me(request)))
