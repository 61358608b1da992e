"""A creator's terms of sale, in and out (API v1); every ``_sat`` is an integer of satoshis."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from payments import amounts


class TermsSerializer(serializers.Serializer[Any]):
    """``instant_invoice_sat`` is the most one sale may be for that opens before a block,
    ``instant_total_sat`` the most that all those may come to that are in no block yet. 0: never.
    """

    honour_sats = serializers.BooleanField()
    tolerance_bps = serializers.IntegerField(min_value=0, max_value=amounts.TOLERANCE_CAP_BPS)
    instant_invoice_sat = serializers.IntegerField(min_value=0, max_value=amounts.MAX_SAT)
    instant_total_sat = serializers.IntegerField(min_value=0, max_value=amounts.MAX_SAT)


class TermsShownSerializer(TermsSerializer):
    """``instant_possible``: the server has enough servers to ask; without, a block is waited for."""

    instant_possible = serializers.BooleanField()
