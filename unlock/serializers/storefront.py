"""Profiles, showcases and shops in and out (API v1)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from unlock import limits, shops
from unlock.serializers.fields import BytesField, HexField, PriceField
from unlock.serializers.pricing import SellingSerializer
from unlock.serializers.showing import CoverSerializer

_GENERATION_MAX = 2**31 - 1


class ShowcaseSerializer(serializers.Serializer[Any]):
    """How a file is shown. ``is_listed`` is told to its creator alone, and changed by the shop."""

    is_adult = serializers.BooleanField(required=False)
    shows_contents = serializers.BooleanField(required=False)


class OwnShowcaseSerializer(ShowcaseSerializer):
    has_card = serializers.BooleanField(required=False)
    is_listed = serializers.BooleanField(read_only=True)


class ProfileInputSerializer(serializers.Serializer[Any]):
    about = serializers.CharField(
        max_length=2 * limits.ABOUT_MAX, allow_blank=True, trim_whitespace=False
    )
    contact = serializers.CharField(max_length=2 * limits.CONTACT_MAX, allow_blank=True)


class ProfileSerializer(serializers.Serializer[Any]):
    """A creator as buyers see them. ``avatar_sha256`` names /avatars/<it>; empty for none."""

    username = serializers.CharField()
    about = serializers.CharField()
    contact = serializers.CharField()
    avatar_sha256 = serializers.CharField()


class DescriptionInputSerializer(serializers.Serializer[Any]):
    text = serializers.CharField(
        max_length=limits.DESCRIPTION_MAX, allow_blank=True, trim_whitespace=False
    )


class DescriptionSerializer(serializers.Serializer[Any]):
    """``nodes``: text, or ``{"tag", "href"?, "children"}``, from a short list of tags."""

    nodes = serializers.ListField(child=serializers.JSONField())


class EntrySerializer(serializers.Serializer[Any]):
    """A listed file: L, sealed under the shop's key; ``generation`` is that of the file's link."""

    file = serializers.UUIDField()
    entry = BytesField(length=shops.ENTRY_BYTES)
    generation = serializers.IntegerField(min_value=0, max_value=_GENERATION_MAX)


class ShopInputSerializer(serializers.Serializer[Any]):
    """The whole shop. ``access_hash``: hex SHA-256 of the proof that the shop's link gives."""

    generation = serializers.IntegerField(min_value=0, max_value=_GENERATION_MAX)
    access_hash = HexField()
    files = serializers.ListField(child=EntrySerializer(), max_length=shops.LISTED_MAX)

    def entries(self) -> list[shops.Entry]:
        return [shops.Entry(**each) for each in self.validated_data["files"]]


class OwnShopSerializer(serializers.Serializer[Any]):
    is_open = serializers.BooleanField()
    generation = serializers.IntegerField()
    files = EntrySerializer(many=True)
    stale = serializers.IntegerField()


class TileSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    title = serializers.CharField()
    price = PriceField()
    selling = SellingSerializer()
    payload_bytes = serializers.IntegerField()
    is_adult = serializers.BooleanField()
    cover = CoverSerializer(allow_null=True)
    entry = BytesField()


class ShopSerializer(serializers.Serializer[Any]):
    generation = serializers.IntegerField()
    files = TileSerializer(many=True)
