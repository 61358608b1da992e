"""The shapes of payments' answers, for the API and its schema."""

from __future__ import annotations

from rest_framework import serializers


class RateSerializer(serializers.Serializer[object]):
    """The price of 1 BCH. ``label`` is set when it is no market's price."""

    rate = serializers.CharField(help_text="Decimal: units of the currency for 1 BCH.")
    at = serializers.DateTimeField()
    sources = serializers.ListField(child=serializers.CharField())
    via = serializers.CharField(
        allow_null=True, help_text="The currency a cross rate went through; null: asked directly."
    )
    age_seconds = serializers.IntegerField(min_value=0)
    is_manual = serializers.BooleanField(
        help_text="A creator set it by hand. Never so in this list."
    )
    label = serializers.CharField(allow_null=True)  # type: ignore[assignment]  # a field's caption


class RatesSerializer(serializers.Serializer[object]):
    """All currencies with a valid rate; ``stale`` when there is none at all."""

    currencies = serializers.DictField(child=RateSerializer())
    stale = serializers.BooleanField()
