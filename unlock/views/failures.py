"""What a buyer's page could not open after payment, and how its creator settled it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.response import Response

from unlock import failures, sales
from unlock.creator_errors import NoteMissing
from unlock.serializers.duties import ClosingSerializer
from unlock.serializers.failures import FailureSerializer, FailuresSerializer, ToldSerializer
from unlock.views.purchases import BuyerView
from unlock.views.sessions import CreatorView

if TYPE_CHECKING:
    from uuid import UUID

    from rest_framework.request import Request


class Failures(BuyerView):
    throttle_scope = "purchase"

    @extend_schema(responses=FailuresSerializer)
    def get(self, request: Request, purchase_id: UUID) -> Response:
        """What was told of this purchase, the oldest first."""
        found = failures.of(self.find(request, purchase_id).id)
        return Response(FailuresSerializer({"failures": found}).data)

    @extend_schema(
        request=ToldSerializer,
        responses={
            201: FailureSerializer,
            402: OpenApiResponse(description="`not_paid`"),
        },
    )
    def post(self, request: Request, purchase_id: UUID) -> Response:
        """A paid file that does not open: its creator is told. Once per step and code; repeatable."""
        asked = ToldSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        found = self.find(request, purchase_id)
        view = failures.note(found, asked.told(), now=timezone.now())
        return Response(FailureSerializer(view).data, status=status.HTTP_201_CREATED)


class SaleFailures(CreatorView):
    @extend_schema(responses=FailuresSerializer)
    def get(self, request: Request, purchase_id: UUID) -> Response:
        """What the buyer's page told of this sale."""
        found = failures.of(sales.find(self.me(request), purchase_id).id)
        return Response(FailuresSerializer({"failures": found}).data)

    @extend_schema(request=ClosingSerializer, responses=FailuresSerializer)
    def post(self, request: Request, purchase_id: UUID) -> Response:
        """Settled without money going back (mended, say); the buyer reads the note."""
        asked = ClosingSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        me, note = self.me(request), asked.validated_data["note"]
        purchase = sales.find(me, purchase_id)
        if not note.strip():
            raise NoteMissing("Say how it was settled: the buyer reads it.")
        failures.close(me, purchase.id, note=note, now=timezone.now())
        return Response(FailuresSerializer({"failures": failures.of(purchase.id)}).data)
