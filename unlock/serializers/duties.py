"""What needs a creator, in and out (API v1); every ``_sat`` is an integer of satoshis."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from payments import amounts
from payments.states import InvoiceState
from unlock.duties import DutyKind
from unlock.serializers.fields import WordField
from unlock.serializers.purchases import BuyerRefundSerializer


class OwedSerializer(BuyerRefundSerializer):
    """``uri`` asks a wallet for exactly what is still to be sent; "" until the buyer says where."""

    uri = serializers.CharField(allow_blank=True)


class BillStandingSerializer(serializers.Serializer[Any]):
    state = WordField(InvoiceState)
    flags = serializers.ListField(child=serializers.CharField())
    due_sat = serializers.IntegerField()
    seen_sat = serializers.IntegerField()
    confirmed_sat = serializers.IntegerField()
    missing_sat = serializers.IntegerField()
    over_sat = serializers.IntegerField()


class TaskSerializer(serializers.Serializer[Any]):
    """``purchase`` is null where it is not about one sale."""

    kind = WordField(DutyKind)
    purchase = serializers.UUIDField(allow_null=True)
    title = serializers.CharField()
    says = serializers.CharField()
    invoice = BillStandingSerializer(allow_null=True)
    refund = OwedSerializer(allow_null=True)
    txid = serializers.CharField(allow_blank=True)


class TasksSerializer(serializers.Serializer[Any]):
    tasks = TaskSerializer(many=True)


class OfferBackSerializer(serializers.Serializer[Any]):
    due_sat = serializers.IntegerField(min_value=1, max_value=amounts.MAX_SAT)


class ClosingSerializer(serializers.Serializer[Any]):
    """``note``: how it was settled instead. The buyer reads it."""

    note = serializers.CharField(max_length=300, allow_blank=True)
