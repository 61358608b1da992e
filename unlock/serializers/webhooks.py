"""Webhooks and their deliveries in and out (API v1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework import serializers

from unlock.serializers.fields import SaidField, WordField
from unlock.speech import say
from unlock.states import DeliveryState
from unlock.webhook_events import NAMES
from unlock.webhook_targets import URL_MAX

if TYPE_CHECKING:
    from unlock.models import Delivery, Webhook


class WebhookInputSerializer(serializers.Serializer[Any]):
    """``kinds``: which events; empty for all of them."""

    url = serializers.CharField(max_length=URL_MAX)
    kinds = serializers.ListField(
        child=serializers.RegexField(r"\A[a-z_.]{1,40}\Z"), max_length=len(NAMES), required=False
    )

    def validate_kinds(self, value: list[str]) -> list[str]:
        if unknown := sorted(set(value) - set(NAMES)):
            raise serializers.ValidationError(say("There is no event {name}.", name=unknown[0]))
        return value


class WebhookChangeSerializer(serializers.Serializer[Any]):
    is_active = serializers.BooleanField()


class WebhookSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    url = serializers.CharField()
    kinds = serializers.ListField(child=serializers.CharField())
    is_active = serializers.BooleanField()
    created_at = serializers.DateTimeField()


class WebhookMadeSerializer(WebhookSerializer):
    """``secret`` is told here and never again: null where the answer is given once more."""

    secret = serializers.CharField(allow_null=True)


class WebhooksSerializer(serializers.Serializer[Any]):
    webhooks = WebhookSerializer(many=True)
    kinds = serializers.ListField(child=serializers.CharField())
    most = serializers.IntegerField()


class AttemptSerializer(serializers.Serializer[Any]):
    at = serializers.CharField()
    status = serializers.IntegerField(allow_null=True)
    error = SaidField()
    ms = serializers.IntegerField()


class DeliverySerializer(serializers.Serializer[Any]):
    """``due_at``: when it is tried next, while it waits."""

    id = serializers.UUIDField()
    original_id = serializers.UUIDField()
    is_redelivery = serializers.BooleanField()
    kind = serializers.CharField()
    purchase = serializers.UUIDField(allow_null=True)
    state = WordField(DeliveryState)
    attempts = serializers.IntegerField()
    log = AttemptSerializer(many=True)
    due_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    delivered_at = serializers.DateTimeField(allow_null=True)


class DeliveryWholeSerializer(DeliverySerializer):
    """``body`` is the very text that is signed and sent."""

    body = serializers.CharField()


class DeliveriesSerializer(serializers.Serializer[Any]):
    deliveries = DeliverySerializer(many=True)
    next = serializers.CharField(allow_blank=True)


def shown_webhook(row: Webhook, *, secret: str | None = None) -> Any:
    if secret is None:
        return WebhookSerializer(row).data
    return {**WebhookSerializer(row).data, "secret": secret}


def shown_delivery(row: Delivery, *, with_body: bool = False) -> Any:
    facts = {
        "id": row.id,
        "original_id": row.original_id or row.id,
        "is_redelivery": row.original_id is not None,
        "kind": row.kind,
        "purchase": row.subject,
        "state": row.state,
        "attempts": row.attempts,
        "log": row.log,
        "due_at": row.due_at if row.state == DeliveryState.WAITING else None,
        "created_at": row.created_at,
        "delivered_at": row.delivered_at,
        "body": row.body,
    }
    return (DeliveryWholeSerializer if with_body else DeliverySerializer)(facts).data
