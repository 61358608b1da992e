"""Replacing a file's content or its link, in (API v1)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from unlock import limits, replacements
from unlock.serializers.fields import BytesField, HexField
from unlock.serializers.files import GENERATION_MAX, S_BYTES, W_BYTES
from unlock.speech import say

_META_MAX = 28 + 65_536  # what stands in the header has no more room either


class KeySerializer(serializers.Serializer[Any]):
    """The server's share under one link. ``meta_link``: the description sealed under that link,
    left out where the stored object's own is.
    """

    link_generation = serializers.IntegerField(min_value=0, max_value=replacements.LINKS_MOST)
    generation = serializers.IntegerField(min_value=0, max_value=GENERATION_MAX)
    wrapped_key = BytesField(length=W_BYTES)
    h_s = HexField()
    s = BytesField(length=S_BYTES, write_only=True)
    meta_link = BytesField(required=False, allow_blank=True, max_length=_META_MAX * 4 // 3 + 4)

    def validate_meta_link(self, value: bytes) -> bytes:
        if value and (len(value) <= 28 or (len(value) - 28) % 256):
            raise serializers.ValidationError(say("Not a sealed description."))
        return value


class ReplacementSerializer(serializers.Serializer[Any]):
    """``upload`` left out: the same content under a new link. ``keys``: one for the link that is
    given out from then on and, with ``is_for_earlier``, one for each older link.
    """

    upload = serializers.UUIDField(required=False, allow_null=True)
    note = serializers.CharField(
        default="", allow_blank=True, max_length=2 * limits.VERSION_NOTE_MAX
    )
    is_for_earlier = serializers.BooleanField(default=False)
    keys = serializers.ListField(
        child=KeySerializer(), min_length=1, max_length=replacements.LINKS_MOST
    )

    def wanted(self) -> replacements.Wanted:
        given = self.validated_data
        return replacements.Wanted(
            upload=given.get("upload"),
            note=given["note"],
            is_for_earlier=given["is_for_earlier"],
            keys=tuple(_key(dict(each)) for each in given["keys"]),
        )


class StagedSerializer(serializers.Serializer[Any]):
    """What waits to take the place of what is on sale."""

    content_id = serializers.CharField(source="container.content_id")
    generation = serializers.IntegerField()


def _key(given: dict[str, Any]) -> replacements.Key:
    return replacements.Key(release_secret=given.pop("s"), **given)
