"""What may be seen before paying, in and out (API v1): samples, the audit, covers."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from unlock import samples
from unlock.serializers.fields import BytesField

_AUDIT_MAX_BYTES = 20 * 40


class SampleInputSerializer(serializers.Serializer[Any]):
    """``entries``: u64 segment ‖ key 32, ascending. ``confirmed``: more than a tenth is meant."""

    kind = serializers.RegexField(rf"\A({'|'.join(samples.KINDS)})\Z")
    entries = BytesField(max_length=samples.ENTRIES_MAX_BYTES * 4 // 3 + 44)
    confirmed = serializers.BooleanField(default=False)


class SampleSerializer(serializers.Serializer[Any]):
    """The keys that are shown, for the content they belong to."""

    content_id = serializers.CharField()
    kind = serializers.CharField()
    entries = BytesField()


class SampleBriefSerializer(serializers.Serializer[Any]):
    kind = serializers.CharField()
    segments = serializers.IntegerField()


class AuditInputSerializer(serializers.Serializer[Any]):
    """``entries``: the keys of the drawn segments, in the order they were drawn."""

    entries = BytesField(allow_blank=True, max_length=_AUDIT_MAX_BYTES * 4 // 3 + 4)


class DrawnSerializer(serializers.Serializer[Any]):
    nonce = BytesField()
    segments = serializers.ListField(child=serializers.IntegerField())


class AuditSerializer(serializers.Serializer[Any]):
    """Nonce and keys: with content_id all that anybody needs to check it again."""

    nonce = BytesField()
    entries = BytesField()
    passed_at = serializers.DateTimeField()


class CoverSerializer(serializers.Serializer[Any]):
    media_type = serializers.CharField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    sha256 = serializers.CharField()
