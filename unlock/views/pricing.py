"""Codes: what a link's code makes of a price, and a creator's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response
from rest_framework.views import APIView

from unlock import codes, paging, purchases
from unlock.serializers.paging import ManyInputSerializer
from unlock.serializers.pricing import (
    CodeAskedSerializer,
    CodedPriceSerializer,
    CodeMakingSerializer,
    DiscountCodesPageSerializer,
    DiscountCodesSerializer,
)
from unlock.views.sessions import CreatorView

if TYPE_CHECKING:
    from uuid import UUID

    from rest_framework.request import Request


class CodedPrice(APIView):
    authentication_classes = ()  # a buyer's call: open to every origin, without a session
    throttle_scope = "purchase"

    @extend_schema(request=CodeAskedSerializer, responses=CodedPriceSerializer)
    def post(self, request: Request, file_id: UUID) -> Response:
        """What the file costs with a code; nothing is ordered. 409 ``code_invalid``."""
        asked = CodeAskedSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        owed = purchases.price_with(file_id, asked.validated_data["code"], now=timezone.now())
        return Response(CodedPriceSerializer(owed).data)


class Codes(CreatorView):
    @extend_schema(parameters=[ManyInputSerializer], responses=DiscountCodesPageSerializer)
    def get(self, request: Request, file_id: UUID) -> Response:
        """The codes of a file, newest first."""
        asked = ManyInputSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        every = codes.of_file(file_id, creator=self.me(request))
        made, after = paging.page(every, **asked.validated_data)
        shown = codes.show(made, now=timezone.now())
        return Response(DiscountCodesPageSerializer({"codes": shown, "next": after}).data)

    @extend_schema(request=CodeMakingSerializer, responses={201: DiscountCodesSerializer})
    def post(self, request: Request, file_id: UUID) -> Response:
        """Make a code, or several gifts at once."""
        asked = CodeMakingSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        now = timezone.now()
        made = codes.make(file_id, asked.making(), creator=self.me(request), now=now)
        shown = codes.show(made, now=now)
        return Response(
            DiscountCodesSerializer({"codes": shown}).data, status=status.HTTP_201_CREATED
        )


class CodeDetail(CreatorView):
    @extend_schema(responses={204: None})
    def delete(self, request: Request, code_id: UUID) -> Response:
        """End a code. Orders that were made with it keep their price."""
        codes.end(code_id, creator=self.me(request), now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)
