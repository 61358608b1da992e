"""How a file is sold, in and out (API v1): terms as its creator sets them, and as buyers see them."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rest_framework import serializers

from payments.amounts import BCH, Price
from unlock import codes
from unlock.pricing import COUNT_MAX, Terms
from unlock.serializers.fields import PriceField, WordField
from unlock.states import GrantKind, PriceKind

if TYPE_CHECKING:
    from collections.abc import Mapping

_NO_PRICE = Price(Decimal(0), BCH)  # stands until the file's own is put in


class PricingSerializer(serializers.Serializer[Any]):
    """All terms at once; what is left out goes back to how it is without. Times carry a zone.

    ``stock``: sold at most so often (null: no end); ``is_strict``: what is paid too late goes back.
    """

    kind = WordField(PriceKind, default=PriceKind.FIXED.value)
    suggested = PriceField(required=False, allow_null=True, default=None)
    free_first = serializers.IntegerField(min_value=0, max_value=COUNT_MAX, default=0)
    stock = serializers.IntegerField(
        min_value=0, max_value=COUNT_MAX, allow_null=True, default=None
    )
    shows_stock = serializers.BooleanField(default=False)
    is_strict = serializers.BooleanField(default=False)
    sells_from = serializers.DateTimeField(allow_null=True, default=None)
    sells_until = serializers.DateTimeField(allow_null=True, default=None)
    takes_tips = serializers.BooleanField(default=False)


def terms_from(given: Mapping[str, Any]) -> Terms:
    """What was asked for; the price is the file's own and is put in there. In a PATCH the
    serializer leaves out what was left out; ``Terms`` has the same defaults.
    """
    return Terms(
        price=_NO_PRICE, **{**given, "kind": PriceKind(given.get("kind", PriceKind.FIXED))}
    )


class SellingSerializer(serializers.Serializer[Any]):
    """How it is sold, as far as its creator shows it. ``free_at``: sold out, but a copy that is
    reserved may come free then.
    """

    kind = WordField(PriceKind)
    suggested = PriceField(allow_null=True)
    free_left = serializers.IntegerField()
    left = serializers.IntegerField(allow_null=True)
    is_sold_out = serializers.BooleanField()
    free_at = serializers.DateTimeField(allow_null=True)
    sells_from = serializers.DateTimeField(allow_null=True)
    sells_until = serializers.DateTimeField(allow_null=True)
    takes_tips = serializers.BooleanField()


class CodeAskedSerializer(serializers.Serializer[Any]):
    """The code of a link, in the body and never in an address: addresses are logged."""

    code = serializers.CharField(max_length=100)


class CodedPriceSerializer(serializers.Serializer[Any]):
    """What it costs with the code. ``is_floored``: the code would take more off, but less cannot be
    paid. With a ``grant`` it is free.
    """

    price = PriceField()
    grant = WordField(GrantKind, allow_null=True)
    is_floored = serializers.BooleanField()


class CodeMakingSerializer(serializers.Serializer[Any]):
    """``percent`` (100 is a gift to everybody who has the link), or ``amount_off`` in the file's
    currency, or ``is_gift`` with ``count`` codes of one use each.
    """

    note = serializers.CharField(max_length=codes.NOTE_MAX, allow_blank=True, default="")
    is_gift = serializers.BooleanField(default=False)
    percent = serializers.IntegerField(min_value=1, max_value=100, allow_null=True, default=None)
    amount_off = PriceField(required=False, allow_null=True, default=None)
    quantity = serializers.IntegerField(
        min_value=1, max_value=COUNT_MAX, allow_null=True, default=None
    )
    starts_at = serializers.DateTimeField(allow_null=True, default=None)
    ends_at = serializers.DateTimeField(allow_null=True, default=None)
    count = serializers.IntegerField(min_value=1, max_value=codes.BATCH_MAX, default=1)

    def making(self) -> codes.Making:
        return codes.Making(**self.validated_data)


class DiscountCodeSerializer(serializers.Serializer[Any]):
    """One code, for its creator. ``uses``: paid, given, or held by an order within its time."""

    id = serializers.UUIDField()
    code = serializers.CharField()
    note = serializers.CharField()
    is_gift = serializers.BooleanField()
    percent = serializers.IntegerField(allow_null=True)
    amount_off = PriceField(allow_null=True)
    quantity = serializers.IntegerField(allow_null=True)
    uses = serializers.IntegerField()
    starts_at = serializers.DateTimeField(allow_null=True)
    ends_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class DiscountCodesSerializer(serializers.Serializer[Any]):
    codes = DiscountCodeSerializer(many=True)


class DiscountCodesPageSerializer(DiscountCodesSerializer):
    next = serializers.CharField(allow_blank=True)
