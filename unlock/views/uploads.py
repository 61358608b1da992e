"""Uploads: begin, sign parts, look, complete, abort. The bytes never come through here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from unlock import uploads
from unlock.serializers.uploads import (
    CompletedSerializer,
    CompletionSerializer,
    HeldPartsSerializer,
    PartNumbersSerializer,
    PartsPageSerializer,
    SignedPartsSerializer,
    UploadBegunSerializer,
    UploadInputSerializer,
    UploadSerializer,
    shown,
    signed,
)
from unlock.tasks.uploads import ask_verification
from unlock.views.sessions import CreatorView

if TYPE_CHECKING:
    from uuid import UUID

    from rest_framework.request import Request


_PAGE_PARTS = 1000


class Uploads(CreatorView):
    throttle_scope = "presign"

    @extend_schema(request=UploadInputSerializer, responses={201: UploadBegunSerializer})
    def post(self, request: Request) -> Response:
        """Begin an upload of one container. Asking again gives the same open upload."""
        asked = UploadInputSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        upload = uploads.begin(self.me(request), **asked.validated_data, now=timezone.now())
        return Response(UploadBegunSerializer(upload).data, status=status.HTTP_201_CREATED)


class UploadDetail(CreatorView):
    @extend_schema(responses=UploadSerializer)
    def get(self, request: Request, upload_id: UUID) -> Response:
        """The upload as it stands; while it is open, with the parts that the store holds."""
        upload = uploads.find(upload_id, creator=self.me(request))
        return Response(UploadSerializer(shown(upload, uploads.list_parts(upload))).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, upload_id: UUID) -> Response:
        """Give it up; 409 once it was completed."""
        upload = uploads.find(upload_id, creator=self.me(request))
        uploads.abort(upload, now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class UploadParts(CreatorView):
    throttle_scope = "presign"

    @extend_schema(parameters=[PartsPageSerializer], responses=HeldPartsSerializer)
    def get(self, request: Request, upload_id: UUID) -> Response:
        """What the store holds of an open upload, a page at a time; 409 closed, 410 expired."""
        asked = PartsPageSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        upload = uploads.find(upload_id, creator=self.me(request))
        parts, is_last = uploads.resumable_parts(
            upload, after=asked.validated_data["after"], limit=_PAGE_PARTS
        )
        return Response(HeldPartsSerializer({"parts": parts, "is_last": is_last}).data)

    @extend_schema(request=PartNumbersSerializer, responses=SignedPartsSerializer)
    def post(self, request: Request, upload_id: UUID) -> Response:
        """Sign PUTs of up to 20 parts, each with its exact length. Sign late: they live an hour."""
        asked = PartNumbersSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        upload = uploads.find(upload_id, creator=self.me(request))
        parts = uploads.sign_parts(upload, asked.validated_data["numbers"], now=timezone.now())
        return Response(SignedPartsSerializer(signed(parts)).data)


class UploadCompletion(CreatorView):
    @extend_schema(request=CompletionSerializer, responses={202: CompletedSerializer})
    def post(self, request: Request, upload_id: UUID) -> Response:
        """Say that all parts are there; 409 ``parts_missing`` names those that are not."""
        asked = CompletionSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        upload = uploads.find(upload_id, creator=self.me(request))
        if uploads.complete(upload, **asked.validated_data, now=timezone.now()):
            ask_verification(upload.id)
        return Response({"state": upload.state}, status=status.HTTP_202_ACCEPTED)
