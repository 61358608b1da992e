"""What a buyer's calls carry, in and out (API v1). base64url is always without padding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from rest_framework import serializers

from payments import refunds
from payments.states import RefundReason
from unlock import container, erasures, limits, receipts, versions, wordings
from unlock.errors import SecretUnusable
from unlock.serializers.fields import BytesField, HexField, PriceField, WordField
from unlock.serializers.files import OfferSerializer
from unlock.states import FileState, GrantKind, ReleaseState

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from payments.invoices import InvoiceView
    from payments.refunds import RefundView
    from unlock.keys import Standing
    from unlock.models import PaidFile, Purchase

_BUYER_KEY_BYTES = 65


class OrderSerializer(serializers.Serializer[Any]):
    """``pays``: what the buyer names where they name the price, else the most they saw (left out:
    whatever it costs); ``tip`` comes on top. ``code`` stood in the link. ``reference``: a shop's own
    word for this order, ``return_url`` where it wants its buyer back; both come back unchanged.
    ``content_id``: what the buyer looked at; another version on sale by now is refused.
    ``note``: L, sealed under the seed of the claim, for the buyer's other devices.
    """

    buyer_key = BytesField(length=_BUYER_KEY_BYTES, max_length=100)
    pays = PriceField(required=False, allow_null=True)
    tip = PriceField(required=False, allow_null=True)
    code = serializers.CharField(required=False, allow_blank=True, max_length=100)
    reference = serializers.CharField(
        default="", allow_blank=True, max_length=2 * limits.REFERENCE_MAX
    )
    return_url = serializers.CharField(
        default="", allow_blank=True, max_length=2 * limits.RETURN_URL_MAX
    )
    note = BytesField(length=container.NOTE_BYTES, required=False, max_length=100)
    content_id = HexField(required=False)


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
    over_sat = serializers.IntegerField()
    tolerance_sat = serializers.IntegerField()
    is_withdrawn = serializers.BooleanField()
    refund_address = serializers.CharField(allow_blank=True)


class BuyerRefundSerializer(serializers.Serializer[Any]):
    """What goes back. ``txid`` pays it: seen while ``closed_at`` is null, then in a block. Closed
    without one, ``note`` is the creator's word.
    """

    reason = WordField(RefundReason)
    due_sat = serializers.IntegerField()
    paid_sat = serializers.IntegerField()
    address = serializers.CharField(allow_blank=True)
    txid = serializers.CharField(allow_blank=True)
    asked_at = serializers.DateTimeField()
    seen_at = serializers.DateTimeField(allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True)
    note = serializers.CharField(allow_blank=True)


class RefundAddressSerializer(serializers.Serializer[Any]):
    address = serializers.CharField(max_length=200)


class TicketSerializer(serializers.Serializer[Any]):
    """An order ticket, as ``ticket`` of a purchase gave it."""

    body = BytesField(max_length=4000)
    signature = BytesField(length=64, max_length=100)


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
    refund: RefundView | None
    says: str
    tone: str
    notes: tuple[str, ...]
    is_payable: bool
    exchange_hint: str
    reference: str
    return_url: str
    pay_page: str
    has_note: bool
    newer: NewerShown | None
    is_erased: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NewerShown:
    """A later version that the purchase was given: the newest of them."""

    version: int
    note: str
    published_at: datetime
    file: PaidFile


def shown(standing: Standing, paid_file: PaidFile, *, now: datetime) -> PurchaseShown:
    invoice = standing.invoice
    refund = None if invoice is None else refunds.of([invoice.id]).get(invoice.id)
    return _shown(standing, paid_file, refund, now)


def shown_new(standing: Standing, paid_file: PaidFile, *, now: datetime) -> PurchaseShown:
    """``shown`` for an order of this moment, of which nothing can be owed back."""
    return _shown(standing, paid_file, None, now)


def _shown(
    standing: Standing, paid_file: PaidFile, refund: RefundView | None, now: datetime
) -> PurchaseShown:
    purchase, invoice = standing.purchase, standing.invoice
    said = wordings.say(standing, refund, now=now)
    return PurchaseShown(
        id=purchase.id,
        file=_bought(purchase, paid_file),
        release=standing.release_state,
        grant=standing.grant,
        ticket=None if invoice is None else receipts.sign_ticket(purchase, invoice),
        invoice=invoice,
        refund=refund,
        says=said.says,
        tone=said.tone,
        notes=said.notes,
        is_payable=said.is_payable,
        exchange_hint="" if invoice is None else wordings.exchange_hint(invoice),
        reference=purchase.reference,
        return_url=purchase.return_url,
        pay_page="" if invoice is None else reverse("pay", args=[invoice.id]),
        has_note=bool(purchase.note),
        newer=_newer(standing, paid_file),
        is_erased=paid_file.state == FileState.REMOVED and erasures.is_erased(paid_file),
    )


def _bought(purchase: Purchase, paid_file: PaidFile) -> PaidFile:
    try:
        return versions.of_generation(paid_file, purchase.generation)
    except SecretUnusable:
        return paid_file


def _newer(standing: Standing, paid_file: PaidFile) -> NewerShown | None:
    given = versions.given_to(standing.purchase) if standing.is_open else []
    if not given:
        return None
    newest = given[0]
    return NewerShown(
        version=newest.number,
        note=newest.note,
        published_at=newest.published_at or newest.created_at,
        file=versions.picture(paid_file, newest),
    )


class NewerSerializer(serializers.Serializer[Any]):
    """``note``: the seller's word on what is new. ``file`` is what it opens with."""

    version = serializers.IntegerField()
    note = serializers.CharField(allow_blank=True)
    published_at = serializers.DateTimeField()
    file = OfferSerializer()


class PurchaseSerializer(serializers.Serializer[Any]):
    """``says`` is how it stands in one plain line, ``notes`` what is odd beside it; ``is_payable``:
    the amount that is missing may be sent now. ``exchange_hint`` is to be read before paying.
    ``file`` is the version that was bought; ``newer`` the newest that came with it since.
    ``pay_page`` is for somebody else who pays: it holds no secret, and tells nothing of what is bought.
    """

    id = serializers.UUIDField()
    file = OfferSerializer()
    release = serializers.ChoiceField(choices=[state.value for state in ReleaseState])
    grant = serializers.ChoiceField(choices=[kind.value for kind in GrantKind], allow_null=True)
    ticket = SignedSerializer(allow_null=True)
    invoice = InvoiceSerializer(allow_null=True)
    refund = BuyerRefundSerializer(allow_null=True)
    says = serializers.CharField()
    tone = serializers.RegexField("^(amber|red)?$")
    notes = serializers.ListField(child=serializers.CharField())
    is_payable = serializers.BooleanField()
    exchange_hint = serializers.CharField(allow_blank=True)
    reference = serializers.CharField(allow_blank=True)
    return_url = serializers.CharField(allow_blank=True)
    pay_page = serializers.CharField(allow_blank=True)
    has_note = serializers.BooleanField()
    newer = NewerSerializer(allow_null=True)
    is_erased = serializers.BooleanField()


class VersionAskSerializer(serializers.Serializer[Any]):
    """``content_id``: of the version that is meant; left out, the one that was bought."""

    content_id = HexField(required=False)


class ReleaseSerializer(serializers.Serializer[Any]):
    """S sealed to the buyer's key, with what is needed to check it."""

    sealed = BytesField()
    h_s = serializers.CharField()
    wrapped_key = BytesField()
    content_id = serializers.CharField()
    generation = serializers.IntegerField()


class PendingSerializer(serializers.Serializer[Any]):
    release = serializers.ChoiceField(choices=[ReleaseState.PENDING.value])


class LocationSerializer(serializers.Serializer[Any]):
    copy = serializers.UUIDField()
    url = serializers.URLField()
    bytes = serializers.IntegerField(source="size_bytes")
    etag = serializers.CharField(allow_blank=True)
    expires_at = serializers.DateTimeField()
    is_lasting = serializers.BooleanField()


class LocationsSerializer(serializers.Serializer[Any]):
    urls = LocationSerializer(many=True)


class ReceiptSerializer(serializers.Serializer[Any]):
    receipt = BytesField(source="body")
    signature = BytesField()
