"""What a buyer's calls carry, in and out (API v1). base64url is always without padding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rest_framework import serializers

from unlock import receipts
from unlock.serializers.fields import BytesField, PriceField
from unlock.serializers.files import OfferSerializer
from unlock.states import GrantKind, ReleaseState

if TYPE_CHECKING:
    from uuid import UUID

    from payments.invoices import InvoiceView
    from unlock.keys import Standing
    from unlock.models import PaidFile

_BUYER_KEY_BYTES = 65


class OrderSerializer(serializers.Serializer[Any]):
    buyer_key = BytesField(length=_BUYER_KEY_BYTES, max_length=100)


class InvoiceSerializer(serializers.Serializer[Any]):
    """An invoice as its buyer sees it; every ``_sat`` is an integer of satoshis."""

    state = serializers.CharField()
    flags = serializers.ListField(child=serializers.CharField())
    address = serializers.CharField()
    uri = serializers.CharField()
    due_sat = serializers.IntegerField()
    seen_sat = serializers.IntegerField()
    confirmed_sat = serializers.IntegerField()
    missing_sat = serializers.IntegerField()
    quote_until = serializers.DateTimeField()
    depth = serializers.IntegerField()
    confirmations = serializers.IntegerField()
    network = serializers.CharField()
    price = PriceField()
    stale = serializers.BooleanField()
    settled_at = serializers.DateTimeField(allow_null=True)
    is_instant = serializers.BooleanField()
    instant_wait = serializers.CharField()


class SignedSerializer(serializers.Serializer[Any]):
    body = BytesField()
    signature = BytesField()


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseShown:
    """One purchase for its buyer: the standing, spelled out, with the offer and the ticket."""

    id: UUID
    file: PaidFile
    release: ReleaseState
    grant: GrantKind | None
    ticket: receipts.Signed | None
    invoice: InvoiceView | None


def shown(standing: Standing, paid_file: PaidFile) -> PurchaseShown:
    purchase, invoice = standing.purchase, standing.invoice
    return PurchaseShown(
        id=purchase.id,
        file=paid_file,
        release=standing.release_state,
        grant=standing.grant,
        ticket=None if invoice is None else receipts.sign_ticket(purchase, invoice),
        invoice=invoice,
    )


class PurchaseSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    file = OfferSerializer()
    release = serializers.ChoiceField(choices=[state.value for state in ReleaseState])
    grant = serializers.ChoiceField(choices=[kind.value for kind in GrantKind], allow_null=True)
    ticket = SignedSerializer(allow_null=True)
    invoice = InvoiceSerializer(allow_null=True)


class ReleaseSerializer(serializers.Serializer[Any]):
    """S sealed to the buyer's key, with what is needed to check it."""

    sealed = BytesField()
    h_s = serializers.CharField()
    wrapped_key = BytesField()
    content_id = serializers.CharField(source="purchase.content_id")
    generation = serializers.IntegerField()


class PendingSerializer(serializers.Serializer[Any]):
    release = serializers.ChoiceField(choices=[ReleaseState.PENDING.value])


class LocationSerializer(serializers.Serializer[Any]):
    copy = serializers.UUIDField()
    url = serializers.URLField()
    bytes = serializers.IntegerField(source="size_bytes")
    etag = serializers.CharField()
    expires_at = serializers.DateTimeField()


class LocationsSerializer(serializers.Serializer[Any]):
    urls = LocationSerializer(many=True)


class ReceiptSerializer(serializers.Serializer[Any]):
    receipt = BytesField(source="body")
    signature = BytesField()
