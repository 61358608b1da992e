"""Paid files in and out (API v1): what creators write, what anybody reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone
from rest_framework import serializers

from unlock import files, limits, offers
from unlock.serializers.fields import BytesField, HexField, PriceField, WordField
from unlock.serializers.pricing import PricingSerializer, SellingSerializer, terms_from
from unlock.serializers.showing import AuditSerializer, CoverSerializer, SampleBriefSerializer
from unlock.serializers.storefront import OwnShowcaseSerializer, ShowcaseSerializer
from unlock.states import FileState, UploadState
from unlock.storefront import Choices

if TYPE_CHECKING:
    from unlock.models import PaidFile

W_BYTES = 60
S_BYTES = 32
GENERATION_MAX = 2**31 - 1  # of the column on PostgreSQL; the format has room for 2**32 - 1


class FileInputSerializer(serializers.Serializer[Any]):
    """A new draft. Lengths are checked again, with the rules for text, in ``limits``."""

    title = serializers.CharField(max_length=2 * limits.TITLE_MAX)
    description = serializers.CharField(
        max_length=2 * limits.DESCRIPTION_MAX,
        allow_blank=True,
        required=False,
        trim_whitespace=False,
    )
    price = PriceField()
    confirmations = serializers.ChoiceField(choices=limits.CONFIRMATIONS, required=False)
    is_instant = serializers.BooleanField(required=False)
    stream_only = serializers.BooleanField(required=False)
    upload = serializers.UUIDField(required=False)
    pricing = PricingSerializer(required=False)
    showcase = OwnShowcaseSerializer(required=False)

    def draft(self) -> files.Draft:
        given = {key: value for key, value in self.validated_data.items() if key != "state"}
        if "pricing" in given:
            given["pricing"] = terms_from(given["pricing"])
        if "showcase" in given:
            given["showcase"] = Choices(**given["showcase"])
        return files.Draft(**given)


class FileChangeSerializer(FileInputSerializer):
    """Any of it, or a move: paused, published (again) or removed."""

    state = WordField((FileState.PAUSED, FileState.PUBLISHED, FileState.REMOVED), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs, partial=True)


class DepositSerializer(serializers.Serializer[Any]):
    content_id = HexField()
    generation = serializers.IntegerField(min_value=0, max_value=GENERATION_MAX)
    wrapped_key = BytesField(length=W_BYTES)
    h_s = HexField()
    s = BytesField(length=S_BYTES, write_only=True)

    def deposit(self) -> files.Deposit:
        given = dict(self.validated_data)
        return files.Deposit(release_secret=given.pop("s"), **given)


class SelftestSerializer(serializers.Serializer[Any]):
    purchase = serializers.UUIDField()


class PublicationSerializer(serializers.Serializer[Any]):
    """The page's word that the buyer's path passed, and which purchase it ran with."""

    selftest = serializers.UUIDField()
    passed = serializers.BooleanField()


class CreatorShownSerializer(serializers.Serializer[Any]):
    username = serializers.CharField(source="user.username")


class CopyShownSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="*")


class _OfferFields(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    state = WordField(FileState)
    title = serializers.CharField()
    description = serializers.CharField()
    price = PriceField()
    price_sat_estimate = serializers.IntegerField(allow_null=True)
    rate_missing = serializers.BooleanField()
    size_bytes = serializers.IntegerField()
    payload_bytes = serializers.IntegerField()
    content_id = serializers.CharField()
    wrapped_key = BytesField()
    h_s = serializers.CharField()
    generation = serializers.IntegerField()
    version = serializers.IntegerField()
    link_generation = serializers.IntegerField()
    meta_link = BytesField()
    core_header = BytesField()
    confirmations = serializers.IntegerField()
    is_instant = serializers.BooleanField()
    opens_instantly = serializers.BooleanField()
    stream_only = serializers.BooleanField()
    creator = CreatorShownSerializer()
    payout_kind = serializers.CharField(allow_null=True)
    floor_sat = serializers.IntegerField(allow_null=True)
    copies = CopyShownSerializer(many=True)
    sample = SampleBriefSerializer(allow_null=True)
    audit = AuditSerializer(allow_null=True)
    cover = CoverSerializer(allow_null=True)
    selling = SellingSerializer()
    showcase = ShowcaseSerializer()


class OfferSerializer(_OfferFields):
    """A PaidFile as anybody may see it."""

    def to_representation(self, instance: PaidFile) -> dict[str, Any]:
        return super().to_representation(offers.of(instance, now=timezone.now()))


class UploadBriefSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    state = WordField(UploadState)
    verified_bytes = serializers.IntegerField()
    size_bytes = serializers.IntegerField(source="container.size_bytes")


class ChecksSerializer(serializers.Serializer[Any]):
    selftest = serializers.BooleanField(source="has_selftest")
    address_proven = serializers.BooleanField(source="is_address_proven")


class FileSerializer(_OfferFields):
    """A PaidFile as its creator sees it."""

    upload = UploadBriefSerializer(allow_null=True)
    file_id = serializers.CharField()
    link_file_id = serializers.CharField()
    created_at = serializers.DateTimeField()
    sales = serializers.IntegerField(source="sales.count")
    income_sat = serializers.IntegerField(source="sales.income_sat")
    checks = ChecksSerializer(source="sales")
    pricing = PricingSerializer(source="terms")
    showcase = OwnShowcaseSerializer()

    def to_representation(self, instance: PaidFile) -> dict[str, Any]:
        return super().to_representation(offers.of_own(instance, now=timezone.now()))


class FilesSerializer(serializers.Serializer[Any]):
    files = FileSerializer(many=True)
    next = serializers.CharField(allow_blank=True)


class RangeSerializer(serializers.Serializer[Any]):
    """``others``: the same bytes in further copies, each asked for with the same headers."""

    url = serializers.CharField(source="signed.url")
    headers = serializers.DictField(source="signed.headers", child=serializers.CharField())
    bytes = serializers.IntegerField(source="signed.size_bytes")
    others = serializers.ListField(child=serializers.CharField())


class RunSerializer(serializers.Serializer[Any]):
    """Neighbouring segments whose keys are public. ``others`` as of a range."""

    first = serializers.IntegerField()
    count = serializers.IntegerField()
    url = serializers.CharField(source="stretch.signed.url")
    headers = serializers.DictField(source="stretch.signed.headers", child=serializers.CharField())
    bytes = serializers.IntegerField(source="stretch.signed.size_bytes")
    others = serializers.ListField(source="stretch.others", child=serializers.CharField())


class RangesSerializer(serializers.Serializer[Any]):
    header = RangeSerializer()
    index = RangeSerializer()
    segments = RunSerializer(many=True)
    expires_at = serializers.DateTimeField(source="header.signed.expires_at")
