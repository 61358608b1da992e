"""A creator's webhooks: list, add, test, switch, delete; what was sent there, and send it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from unlock import paging, webhook_events, webhooks
from unlock.serializers.paging import PageInputSerializer
from unlock.serializers.webhooks import (
    DeliveriesSerializer,
    DeliverySerializer,
    DeliveryWholeSerializer,
    WebhookChangeSerializer,
    WebhookInputSerializer,
    WebhookMadeSerializer,
    WebhookSerializer,
    WebhooksSerializer,
    shown_delivery,
    shown_webhook,
)
from unlock.views.sessions import CreatorView

if TYPE_CHECKING:
    from uuid import UUID

    from rest_framework.request import Request


class Webhooks(CreatorView):
    @extend_schema(operation_id="webhooks_list", responses=WebhooksSerializer)
    def get(self, request: Request) -> Response:
        """All of them, oldest first, and the events there are."""
        rows = webhooks.mine(self.me(request))
        return Response(
            {
                "webhooks": [shown_webhook(row) for row in rows],
                "kinds": list(webhook_events.NAMES),
                "most": webhooks.PER_CREATOR,
            }
        )

    @extend_schema(request=WebhookInputSerializer, responses={201: WebhookMadeSerializer})
    def post(self, request: Request) -> Response:
        """Add one. Its secret is in this answer and nowhere else."""
        asked = WebhookInputSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        row, secret = webhooks.add(
            self.me(request),
            asked.validated_data["url"],
            kinds=asked.validated_data.get("kinds", ()),
            now=timezone.now(),
        )
        return Response(shown_webhook(row, secret=secret), status=201)


class WebhookDetail(CreatorView):
    @extend_schema(responses=WebhookSerializer)
    def get(self, request: Request, webhook_id: UUID) -> Response:
        """One of them."""
        return Response(shown_webhook(webhooks.get(self.me(request), webhook_id)))

    @extend_schema(request=WebhookChangeSerializer, responses=WebhookSerializer)
    def patch(self, request: Request, webhook_id: UUID) -> Response:
        """Switch it on or off. Off drops what waits."""
        asked = WebhookChangeSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        row = webhooks.get(self.me(request), webhook_id)
        webhooks.switch(row, is_active=asked.validated_data["is_active"])
        return Response(shown_webhook(row))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, webhook_id: UUID) -> Response:
        """Delete it; nothing more is sent there."""
        row = webhooks.get(self.me(request), webhook_id)
        webhooks.remove(row, now=timezone.now())
        return Response(status=204)


class WebhookTest(CreatorView):
    @extend_schema(request=None, responses={201: DeliverySerializer})
    def post(self, request: Request, webhook_id: UUID) -> Response:
        """Send a test event. How it went is in the delivery, a moment later."""
        row = webhooks.get(self.me(request), webhook_id)
        return Response(shown_delivery(webhooks.test(row, now=timezone.now())), status=201)


class Deliveries(CreatorView):
    @extend_schema(
        operation_id="webhooks_deliveries_list",
        parameters=[PageInputSerializer],
        responses=DeliveriesSerializer,
    )
    def get(self, request: Request, webhook_id: UUID) -> Response:
        """What was sent and what waits, newest first."""
        asked = PageInputSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        hook = webhooks.get(self.me(request), webhook_id)
        found, after = paging.page(webhooks.deliveries(hook), **asked.validated_data)
        return Response({"deliveries": [shown_delivery(row) for row in found], "next": after})


class DeliveryDetail(CreatorView):
    @extend_schema(responses=DeliveryWholeSerializer)
    def get(self, request: Request, webhook_id: UUID, delivery_id: UUID) -> Response:
        """One message with its body and its attempts."""
        hook = webhooks.get(self.me(request), webhook_id)
        return Response(shown_delivery(webhooks.delivery(hook, delivery_id), with_body=True))


class DeliveryAgain(CreatorView):
    @extend_schema(request=None, responses={201: DeliverySerializer})
    def post(self, request: Request, webhook_id: UUID, delivery_id: UUID) -> Response:
        """Send it once more, as a new delivery that names the first."""
        hook = webhooks.get(self.me(request), webhook_id)
        row = webhooks.resend(webhooks.delivery(hook, delivery_id), now=timezone.now())
        return Response(shown_delivery(row), status=201)
