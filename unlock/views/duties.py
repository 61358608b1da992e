"""What needs a creator, and what they decide about a sale of theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from unlock import duties
from unlock.serializers.duties import (
    BillStandingSerializer,
    ClosingSerializer,
    OfferBackSerializer,
    OwedSerializer,
    TasksSerializer,
)
from unlock.views.sessions import CreatorView

if TYPE_CHECKING:
    from uuid import UUID

    from rest_framework.request import Request


class Tasks(CreatorView):
    @extend_schema(responses=TasksSerializer)
    def get(self, request: Request) -> Response:
        """Refunds to pay, short payments to accept, and troubles to know of; each closes itself."""
        found = duties.of(self.me(request), now=timezone.now())
        return Response(TasksSerializer({"tasks": found}).data)


class Acceptance(CreatorView):
    @extend_schema(request=None, responses=BillStandingSerializer)
    def post(self, request: Request, purchase_id: UUID) -> Response:
        """Take what came though it is less than the price; it settles once it is deep enough."""
        view = duties.accept(self.me(request), purchase_id, now=timezone.now())
        return Response(BillStandingSerializer(view).data)


class OfferBack(CreatorView):
    @extend_schema(request=OfferBackSerializer, responses=OwedSerializer)
    def post(self, request: Request, purchase_id: UUID) -> Response:
        """Owe the buyer something back by agreement; on an unpaid order, which then opens nothing."""
        asked = OfferBackSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        me, now = self.me(request), timezone.now()
        return Response(
            OwedSerializer(duties.offer_back(me, purchase_id, now=now, **asked.validated_data)).data
        )


class Closing(CreatorView):
    @extend_schema(request=ClosingSerializer, responses=OwedSerializer)
    def post(self, request: Request, purchase_id: UUID) -> Response:
        """Close a refund that was settled in another way."""
        asked = ClosingSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        me, now = self.me(request), timezone.now()
        return Response(
            OwedSerializer(duties.close(me, purchase_id, now=now, **asked.validated_data)).data
        )
