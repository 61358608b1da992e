"""Sales in and out (API v1): the creator's list, its filters, its totals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rest_framework import serializers

from payments.states import InvoiceFlag, InvoiceState
from unlock import sales
from unlock.serializers.fields import PriceField, WordField
from unlock.speech import say

if TYPE_CHECKING:
    from unlock.sales import Sale

_PAGE = 50


class FiltersSerializer(serializers.Serializer[Any]):
    """What of the sales. The period is of the settling, or of the order while it is not settled."""

    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False)
    state = serializers.ListField(child=WordField(InvoiceState), required=False)
    flag = WordField(InvoiceFlag, required=False)
    file = serializers.UUIDField(required=False)
    q = serializers.CharField(required=False, allow_blank=True, max_length=120)

    def filters(self) -> sales.Filters:
        given = self.validated_data
        return sales.Filters(
            since=given.get("since"),
            until=given.get("until"),
            states=tuple(given.get("state", ())),
            flag=given.get("flag", ""),
            file=given.get("file"),
            text=given.get("q", ""),
        )


class PageSerializer(FiltersSerializer):
    cursor = serializers.CharField(required=False, max_length=200)
    limit = serializers.IntegerField(required=False, min_value=1, max_value=200, default=_PAGE)


class ExportSerializer(FiltersSerializer):
    """``as``: "format" is the framework's own word for something else."""

    def get_fields(self) -> dict[str, Any]:
        choice = serializers.ChoiceField(choices=("csv", "json"), default="csv")
        return {**super().get_fields(), "as": choice}


class SummaryInputSerializer(FiltersSerializer):
    by = WordField(sales.Step, required=False)
    tz = serializers.CharField(required=False, max_length=60, default="UTC")

    def validate_tz(self, value: str) -> ZoneInfo:
        try:
            return ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise serializers.ValidationError(say("Not the name of a time zone.")) from error


class PaymentSerializer(serializers.Serializer[Any]):
    txid = serializers.CharField()
    vout = serializers.IntegerField()
    value_sat = serializers.IntegerField()
    seen = serializers.CharField()
    first_seen_at = serializers.DateTimeField()
    height = serializers.IntegerField(allow_null=True)
    confirmations = serializers.IntegerField()
    worth = PriceField(allow_null=True)
    forward_txid = serializers.CharField()


class RepaymentSerializer(serializers.Serializer[Any]):
    due_sat = serializers.IntegerField()
    paid_sat = serializers.IntegerField()
    txid = serializers.CharField()
    is_closed = serializers.BooleanField()


class SaleSerializer(serializers.Serializer[Any]):
    """One purchase that has an invoice. ``derivation``: of its address, ``m/0/7`` below the xpub or
    ``forwarder 7``. ``worth``: what it was worth when it came; ``tip`` is the part
    of ``price`` that was added for nothing.
    """

    purchase = serializers.UUIDField(source="purchase.id")
    invoice = serializers.UUIDField(source="bill.id")
    file = serializers.UUIDField(source="purchase.paid_file_id")
    title = serializers.CharField(source="purchase.paid_file.title")
    reference = serializers.CharField(source="purchase.reference")
    is_proof = serializers.BooleanField(source="purchase.is_proof")
    state = WordField(InvoiceState, source="bill.state")
    flags = serializers.ListField(child=serializers.CharField(), source="bill.flags")
    created_at = serializers.DateTimeField(source="bill.created_at")
    settled_at = serializers.DateTimeField(source="bill.settled_at", allow_null=True)
    is_instant = serializers.BooleanField(source="bill.is_instant")
    price = PriceField(source="bill.price")
    tip = PriceField(allow_null=True)
    due_sat = serializers.IntegerField(source="bill.due_sat")
    seen_sat = serializers.IntegerField(source="bill.seen_sat")
    missing_sat = serializers.IntegerField(source="bill.missing_sat")
    settled_sat = serializers.IntegerField(source="bill.settled_sat")
    over_sat = serializers.IntegerField(source="bill.over_sat")
    worth = PriceField(source="bill.worth", allow_null=True)
    address = serializers.CharField(source="bill.address")
    derivation = serializers.CharField(source="bill.derivation")
    payments = PaymentSerializer(source="bill.payments", many=True)
    refund = RepaymentSerializer(source="bill.refund", allow_null=True)


class SalesSerializer(serializers.Serializer[Any]):
    """``next``: the cursor of the page that follows, "" at the end."""

    sales = SaleSerializer(many=True)
    next = serializers.CharField(allow_blank=True)


class TakingsSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    income_sat = serializers.IntegerField()
    worth = serializers.ListField(child=PriceField(), source="prices")
    unpriced = serializers.IntegerField()


class BarSerializer(serializers.Serializer[Any]):
    start = serializers.DateField(source="day")
    takings = TakingsSerializer()


class SummarySerializer(serializers.Serializer[Any]):
    total = TakingsSerializer()
    refunded_sat = serializers.IntegerField()
    reversed = serializers.IntegerField()
    refunds_due = serializers.IntegerField()
    waiting = serializers.IntegerField()
    free = serializers.IntegerField()
    step = WordField(sales.Step)
    bars = BarSerializer(many=True)


def shown(found: tuple[Sale, ...], after: str) -> dict[str, Any]:
    """A page as it goes out."""
    return dict(SalesSerializer({"sales": found, "next": after}).data)
