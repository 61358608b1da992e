"""Uploads in and out (API v1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from unlock import container, limits, speech
from unlock.serializers.fields import BytesField, HexField, WordField
from unlock.states import UploadState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from unlock.models import Upload
    from unlock.storage import SignedRequest, StoredPart


class UploadInputSerializer(serializers.Serializer[Any]):
    size_bytes = serializers.IntegerField(min_value=1)
    core_header = BytesField(length=container.CORE_BYTES)


class UploadBegunSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    container_id = serializers.UUIDField()
    file_id = serializers.SerializerMethodField()
    part_bytes = serializers.IntegerField()
    part_count = serializers.IntegerField()
    key_hint = serializers.CharField(allow_null=True, default=None)  # reserved: several keys

    @extend_schema_field(serializers.CharField())
    def get_file_id(self, upload: Upload) -> str:
        return bytes(upload.container.file_id).hex()


class PartNumbersSerializer(serializers.Serializer[Any]):
    numbers = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=limits.PARTS_MAX),
        min_length=1,
        max_length=limits.PRESIGN_BATCH,
    )


class SignedPartSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    url = serializers.CharField()
    headers = serializers.DictField(child=serializers.CharField())
    bytes = serializers.IntegerField()


class SignedPartsSerializer(serializers.Serializer[Any]):
    urls = SignedPartSerializer(many=True)
    expires_at = serializers.DateTimeField()


class StoredPartSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    bytes = serializers.IntegerField(source="size_bytes")
    etag = serializers.CharField()


class PartsPageSerializer(serializers.Serializer[Any]):
    after = serializers.IntegerField(min_value=0, max_value=limits.PARTS_MAX, default=0)


class HeldPartSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    size_bytes = serializers.IntegerField()
    etag = serializers.CharField()


class HeldPartsSerializer(serializers.Serializer[Any]):
    parts = HeldPartSerializer(many=True)
    is_last = serializers.BooleanField()


class UploadErrorSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()


class UploadSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    state = WordField(UploadState)
    parts = StoredPartSerializer(many=True)
    part_bytes = serializers.IntegerField()
    part_count = serializers.IntegerField()
    size_bytes = serializers.IntegerField()
    verified_bytes = serializers.IntegerField()
    error = UploadErrorSerializer(allow_null=True)


class CompletionSerializer(serializers.Serializer[Any]):
    content_id = HexField()


class CompletedSerializer(serializers.Serializer[Any]):
    state = WordField(UploadState)


def shown(upload: Upload, parts: Iterable[StoredPart]) -> dict[str, Any]:
    """What ``UploadSerializer`` tells of an upload."""
    error = {"code": upload.error_code, "message": speech.say(upload.error_message)}
    return {
        "id": upload.id,
        "state": upload.state,
        "parts": parts,
        "part_bytes": upload.part_bytes,
        "part_count": upload.part_count,
        "size_bytes": upload.container.size_bytes,
        "verified_bytes": upload.verified_bytes,
        "error": error if upload.error_code else None,
    }


def signed(parts: Iterable[tuple[int, SignedRequest]]) -> dict[str, Any]:
    """What ``SignedPartsSerializer`` tells of signed parts; they all expire together."""
    pairs = tuple(parts)
    urls = [
        {
            "number": number,
            "url": request.url,
            "headers": request.headers,
            "bytes": request.size_bytes,
        }
        for number, request in pairs
    ]
    return {"urls": urls, "expires_at": pairs[0][1].expires_at}
