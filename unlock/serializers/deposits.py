"""Keys deposited again, in and out (API v1)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from unlock.deposits import AT_ONCE, Given
from unlock.serializers.fields import BytesField
from unlock.serializers.files import GENERATION_MAX, S_BYTES


class WantedSerializer(serializers.Serializer[Any]):
    """S follows from R, ``file_id`` and ``generation``; it must fit ``h_s``."""

    file = serializers.UUIDField(source="paid_file")
    title = serializers.CharField()
    generation = serializers.IntegerField()
    file_id = serializers.CharField()
    h_s = serializers.CharField()


class WantedListSerializer(serializers.Serializer[Any]):
    """``left``: how many deposits are missing in all; at most a hundred are listed."""

    deposits = WantedSerializer(many=True)
    left = serializers.IntegerField()


class GivenSerializer(serializers.Serializer[Any]):
    file = serializers.UUIDField()
    generation = serializers.IntegerField(min_value=0, max_value=GENERATION_MAX)
    s = BytesField(length=S_BYTES, write_only=True)


class GivenListSerializer(serializers.Serializer[Any]):
    deposits = serializers.ListField(child=GivenSerializer(), min_length=1, max_length=AT_ONCE)

    def given(self) -> list[Given]:
        return [
            Given(paid_file=each["file"], generation=each["generation"], release_secret=each["s"])
            for each in self.validated_data["deposits"]
        ]
