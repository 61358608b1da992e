"""Who a creator is to buyers: words, a small picture; and a look at a description before it is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404, HttpResponse
from django.views.decorators.http import require_safe
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from unlock import limits, markdown, storefront
from unlock.serializers.storefront import (
    DescriptionInputSerializer,
    DescriptionSerializer,
    ProfileInputSerializer,
    ProfileSerializer,
)
from unlock.views.sessions import CreatorView
from unlock.views.showing import PictureParser

if TYPE_CHECKING:
    from django.http import HttpRequest
    from rest_framework.request import Request

_YEAR_SECONDS = 365 * 24 * 3600


class Profile(CreatorView):
    @extend_schema(operation_id="profile_retrieve", responses=ProfileSerializer)
    def get(self, request: Request) -> Response:
        return Response(ProfileSerializer(storefront.maker_of(self.me(request))).data)

    @extend_schema(
        operation_id="profile_update", request=ProfileInputSerializer, responses=ProfileSerializer
    )
    def put(self, request: Request) -> Response:
        """Words for every page of this creator, public at once."""
        me = self.me(request)
        asked = ProfileInputSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        storefront.set_profile(me, **asked.validated_data)
        return Response(ProfileSerializer(storefront.maker_of(me)).data)


class ProfileAvatar(CreatorView):
    parser_classes = (PictureParser,)

    @extend_schema(
        request={"image/webp": OpenApiTypes.BINARY, "image/jpeg": OpenApiTypes.BINARY},
        responses=ProfileSerializer,
    )
    def put(self, request: Request) -> Response:
        """The bytes of a WebP or JPEG of at most 64 KiB, 512 pixels a side."""
        me = self.me(request)
        body: object = request.data  # no body at all is an empty form
        storefront.set_avatar(me, body if isinstance(body, bytes) else b"")
        return Response(ProfileSerializer(storefront.maker_of(me)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request) -> Response:
        storefront.drop_avatar(self.me(request))
        return Response(status=204)


class DescriptionPreview(CreatorView):
    @extend_schema(request=DescriptionInputSerializer, responses=DescriptionSerializer)
    def post(self, request: Request) -> Response:
        """Markdown as buyers will see it. Nothing is kept."""
        asked = DescriptionInputSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        text = limits.clean_description(asked.validated_data["text"])
        return Response(DescriptionSerializer({"nodes": markdown.to_tree(text)}).data)


@require_safe
def avatar(request: HttpRequest, sha256: str) -> HttpResponse:
    """/avatars/<sha256>: its name is its content, so it never changes."""
    del request
    owner = storefront.find_avatar(sha256)
    if owner is None:
        raise Http404
    answer = HttpResponse(bytes(owner.avatar), content_type=owner.avatar_type)
    answer["Cache-Control"] = f"public, max-age={_YEAR_SECONDS}, immutable"
    answer["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'; sandbox"
    return answer
