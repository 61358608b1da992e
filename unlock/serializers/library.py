"""What the library's calls carry: claims in, purchases in brief out; and what is given again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.urls import reverse
from rest_framework import serializers

from payments.states import InvoiceState
from unlock import container, friends, library
from unlock.serializers.fields import BytesField, PriceField, WordField
from unlock.serializers.purchases import BuyerRefundSerializer
from unlock.states import FileState, GrantKind, ReleaseState

if TYPE_CHECKING:
    from datetime import datetime

    from payments.invoices import InvoiceView
    from unlock.library import Held

_CLAIM_BYTES = 32


class ClaimsSerializer(serializers.Serializer[Any]):
    """Claims in the body of one call, over TLS as the header: of each is kept its hash, of none the
    rest.
    """

    claims = serializers.ListField(
        child=BytesField(length=_CLAIM_BYTES, max_length=64),
        min_length=1,
        max_length=library.MOST,
    )


class NoteSerializer(serializers.Serializer[Any]):
    note = BytesField(length=container.NOTE_BYTES, max_length=100)


class ClaimedSerializer(serializers.Serializer[Any]):
    """``note``: L, sealed under the seed of the claim; "" where none was left."""

    id = serializers.UUIDField()
    file = serializers.UUIDField(source="paid_file_id")
    note = BytesField(allow_blank=True)


class HeldFileSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    title = serializers.CharField()
    creator = serializers.CharField()
    state = WordField(FileState)
    removed_reason = serializers.CharField(allow_blank=True)
    payload_bytes = serializers.IntegerField()
    cover = serializers.CharField(allow_blank=True)


class HeldSerializer(serializers.Serializer[Any]):
    """A purchase in brief. ``at``: the place of its claim in what was asked. ``state``, ``price`` and
    the amounts are of its invoice; "", null and 0 where it has none. ``says``, ``tone`` and ``notes``
    as in a purchase.
    """

    at = serializers.IntegerField()
    id = serializers.UUIDField()
    file = HeldFileSerializer()
    created_at = serializers.DateTimeField()
    settled_at = serializers.DateTimeField(allow_null=True)
    release = WordField(ReleaseState)
    grant = WordField(GrantKind, allow_null=True)
    is_proof = serializers.BooleanField()
    state = serializers.CharField(allow_blank=True)
    price = PriceField(allow_null=True)
    due_sat = serializers.IntegerField()
    seen_sat = serializers.IntegerField()
    missing_sat = serializers.IntegerField()
    quote_until = serializers.DateTimeField(allow_null=True)
    is_withdrawn = serializers.BooleanField()
    refund = BuyerRefundSerializer(allow_null=True)
    says = serializers.CharField()
    tone = serializers.ChoiceField(choices=["", "amber", "red"])
    notes = serializers.ListField(child=serializers.CharField())
    is_payable = serializers.BooleanField()
    pay_page = serializers.CharField(allow_blank=True)
    note = BytesField(allow_blank=True)

    def to_representation(self, instance: Held) -> dict[str, Any]:
        return super().to_representation(_brief(instance))


class HeldManySerializer(serializers.Serializer[Any]):
    purchases = HeldSerializer(many=True)


class PaymentStandingSerializer(serializers.Serializer[Any]):
    """An invoice for whoever pays it for somebody else: no buyer, no file, no secret."""

    state = WordField(InvoiceState)
    address = serializers.CharField()
    uri = serializers.CharField()
    network = serializers.CharField()
    price = PriceField()
    due_sat = serializers.IntegerField()
    seen_sat = serializers.IntegerField()
    missing_sat = serializers.IntegerField()
    quote_until = serializers.DateTimeField()
    says = serializers.CharField()
    tone = serializers.ChoiceField(choices=["", "amber", "red"])
    is_payable = serializers.BooleanField()


class AskAgainSerializer(serializers.Serializer[Any]):
    buyer_key = BytesField(length=65, max_length=100)
    note = BytesField(length=container.NOTE_BYTES, required=False, max_length=100)


class SearchSerializer(serializers.Serializer[Any]):
    q = serializers.CharField(default="", allow_blank=True, max_length=200)


class PastSerializer(serializers.Serializer[Any]):
    """A paid sale. ``given``: how often it was given again already."""

    purchase = serializers.UUIDField(source="purchase.id")
    reference = serializers.CharField(source="purchase.reference", allow_blank=True)
    created_at = serializers.DateTimeField(source="bill.created_at")
    settled_at = serializers.DateTimeField(source="bill.settled_at", allow_null=True)
    price = PriceField(source="bill.price")
    settled_sat = serializers.IntegerField(source="bill.settled_sat")
    address = serializers.CharField(source="bill.address")
    txids = serializers.SerializerMethodField()
    given = serializers.IntegerField()

    def get_txids(self, past: Any) -> list[str]:
        return list(dict.fromkeys(payment.txid for payment in past.bill.payments))


class AskedAgainSerializer(serializers.Serializer[Any]):
    purchase = serializers.UUIDField()
    file = serializers.UUIDField()
    title = serializers.CharField()
    asked_at = serializers.DateTimeField()
    is_given = serializers.BooleanField()
    sales = PastSerializer(many=True)


class GiveAgainSerializer(serializers.Serializer[Any]):
    """``given``: how often the creator saw that this sale had been given again."""

    purchase = serializers.UUIDField()
    given = serializers.IntegerField(min_value=0, max_value=10_000)


class GivenAgainSerializer(serializers.Serializer[Any]):
    purchase = serializers.UUIDField()
    given = serializers.IntegerField()


def payment_of(invoice: InvoiceView, *, now: datetime) -> dict[str, Any]:
    said = friends.say(invoice, now=now)
    names = ("state", "address", "uri", "network", "price", "due_sat", "seen_sat", "missing_sat")
    facts = {name: getattr(invoice, name) for name in (*names, "quote_until")}
    return {**facts, "says": said.says, "tone": said.tone, "is_payable": said.is_payable}


def _brief(held: Held) -> dict[str, Any]:
    row, invoice = held.purchase, held.standing.invoice
    return {
        "at": held.at,
        "id": row.id,
        "file": _file(held),
        "created_at": row.created_at,
        "settled_at": None if invoice is None else invoice.settled_at,
        "release": held.standing.release_state,
        "grant": held.standing.grant,
        "is_proof": row.is_proof,
        "state": "" if invoice is None else invoice.state,
        "price": None if invoice is None else invoice.price,
        "due_sat": 0 if invoice is None else invoice.due_sat,
        "seen_sat": 0 if invoice is None else invoice.seen_sat,
        "missing_sat": 0 if invoice is None else invoice.missing_sat,
        "quote_until": None if invoice is None else invoice.quote_until,
        "is_withdrawn": invoice is not None and invoice.is_withdrawn,
        "refund": held.refund,
        "says": held.said.says,
        "tone": held.said.tone,
        "notes": held.said.notes,
        "is_payable": held.said.is_payable,
        "pay_page": "" if invoice is None else reverse("pay", args=[invoice.id]),
        "note": bytes(row.note),
    }


def _file(held: Held) -> dict[str, Any]:
    file = held.purchase.paid_file
    where = reverse("cover", args=[file.id])
    return {
        "id": file.id,
        "title": file.title,
        "creator": file.creator.user.get_username(),
        "state": file.state,
        "removed_reason": file.removed_reason,
        "payload_bytes": file.container.payload_bytes if file.container else 0,
        "cover": f"{where}?v={held.cover}" if held.cover else "",
    }
