"""A creator's own exchange rates in and out (API v1)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class ManualRateInputSerializer(serializers.Serializer[Any]):
    currency = serializers.CharField(max_length=5)
    rate = serializers.CharField(
        max_length=24, help_text="Decimal: units of the currency for 1 BCH."
    )


class ManualRateCurrencySerializer(serializers.Serializer[Any]):
    currency = serializers.CharField(max_length=5)


class ManualRateSerializer(ManualRateInputSerializer):
    """``rate`` stands in while no other rate of the currency is valid."""

    at = serializers.DateTimeField(help_text="When it was set.")


class ManualRatesSerializer(serializers.Serializer[Any]):
    rates = ManualRateSerializer(many=True)
    currencies = serializers.ListField(
        child=serializers.CharField(), help_text="Those that a rate can be set for."
    )
