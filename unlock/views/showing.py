"""What may be seen before paying: samples, the audit at publish, covers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404, HttpResponse, HttpResponseNotModified
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_safe
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import BaseParser
from rest_framework.response import Response

from unlock import audits, covers, files, samples
from unlock.creator_errors import FileMissing
from unlock.models import PaidFile
from unlock.serializers.showing import (
    AuditInputSerializer,
    AuditSerializer,
    CoverSerializer,
    DrawnSerializer,
    SampleInputSerializer,
    SampleSerializer,
)
from unlock.states import FileState
from unlock.views.sessions import AnyoneView, CreatorView

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest
    from rest_framework.request import Request

_YEAR_SECONDS = 365 * 24 * 3600


class FileSamples(AnyoneView):
    throttle_scope = "presign"

    @extend_schema(responses=SampleSerializer)
    def get(self, request: Request, file_id: UUID) -> Response:
        """The keys of the segments that anybody may open. 404 where there are none."""
        paid_file = files.find(file_id)
        creator = self.creator(request)
        if paid_file.state == FileState.DRAFT and paid_file.creator_id != getattr(creator, "id", 0):
            raise FileMissing("There is no such file.")
        return Response(SampleSerializer(samples.get(paid_file)).data)

    @extend_schema(request=SampleInputSerializer, responses=SampleSerializer)
    def put(self, request: Request, file_id: UUID) -> Response:
        """Show these segments to everybody. Keys that were shown once cannot be taken back."""
        paid_file = files.find(file_id, creator=self.me(request))
        asked = SampleInputSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        kept = samples.keep(
            paid_file,
            kind=asked.validated_data["kind"],
            entries=asked.validated_data["entries"],
            is_confirmed=asked.validated_data["confirmed"],
            now=timezone.now(),
        )
        return Response(SampleSerializer(kept).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, file_id: UUID) -> Response:
        """Show nothing any more; who looked may have kept it."""
        samples.drop(files.find(file_id, creator=self.me(request)))
        return Response(status=204)


class FileAudit(CreatorView):
    @extend_schema(request=None, responses=DrawnSerializer)
    def post(self, request: Request, file_id: UUID) -> Response:
        """The segments that are drawn for this content: the same each time."""
        paid_file = files.find(file_id, creator=self.me(request))
        audit, drawn = audits.draw(paid_file, now=timezone.now())
        return Response(DrawnSerializer({"nonce": audit.nonce, "segments": drawn}).data)

    @extend_schema(request=AuditInputSerializer, responses=AuditSerializer)
    def put(self, request: Request, file_id: UUID) -> Response:
        """Their keys; each segment is opened before this is answered."""
        paid_file = files.find(file_id, creator=self.me(request))
        asked = AuditInputSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        entries = asked.validated_data["entries"]
        kept = audits.keep(paid_file, entries=entries, now=timezone.now())
        return Response(AuditSerializer(kept).data)


class PictureParser(BaseParser):
    """The body as it came: no form, no base64. ``kim.middleware.small`` limits its length."""

    media_type = "image/*"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        del media_type, parser_context
        return stream.read()


class FileCover(CreatorView):
    parser_classes = (PictureParser,)

    @extend_schema(
        request={"image/webp": OpenApiTypes.BINARY, "image/jpeg": OpenApiTypes.BINARY},
        responses=CoverSerializer,
    )
    def put(self, request: Request, file_id: UUID) -> Response:
        """A public picture: the bytes of a WebP or JPEG of at most 256 KiB, 1280 pixels a side."""
        paid_file = files.find(file_id, creator=self.me(request))
        body: object = request.data  # no body at all is an empty form
        picture = body if isinstance(body, bytes) else b""
        kept = covers.keep(paid_file, picture, now=timezone.now())
        return Response(CoverSerializer(kept).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, file_id: UUID) -> Response:
        covers.drop(files.find(file_id, creator=self.me(request)))
        return Response(status=204)


@require_safe
def cover(request: HttpRequest, file_id: UUID) -> HttpResponse:
    """/f/<id>/cover: the picture itself, for pages and for previews of a link.

    With ``?v=`` and its SHA-256 it never changes; without, browsers ask whether it did.
    """
    shown = covers.of(get_object_or_404(PaidFile, pk=file_id))
    if shown is None:
        raise Http404
    etag = f'"{shown.sha256}"'
    if request.headers.get("If-None-Match") == etag:
        answer: HttpResponse = HttpResponseNotModified()
    else:
        answer = HttpResponse(bytes(shown.picture), content_type=shown.media_type)
    is_named = request.GET.get("v") == shown.sha256
    fresh = f"public, max-age={_YEAR_SECONDS}, immutable" if is_named else "public, no-cache"
    answer["Cache-Control"] = fresh
    answer["ETag"] = etag
    answer["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'; sandbox"
    return answer
