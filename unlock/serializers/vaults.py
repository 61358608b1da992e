"""Vaults and recoveries in and out (API v1)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from unlock.creators import DERIVED_BYTES, SALT_BYTES
from unlock.serializers.fields import BytesField, HexField
from unlock.vaults import SEALED_BYTES, SECRET_BYTES, Sealed

_NAME_MAX = 150


class SealedSerializer(serializers.Serializer[Any]):
    """R as the browser sealed it, and the SHA-256 of its recovery secret."""

    sealed_root = BytesField(length=SEALED_BYTES)
    recovery_hash = HexField()


class VaultInputSerializer(SealedSerializer):
    """``derived`` is the proof as it is now, ``new_derived`` the one of scheme 2, same salt."""

    derived = BytesField(length=DERIVED_BYTES, write_only=True)
    new_derived = BytesField(length=DERIVED_BYTES, write_only=True)


class VaultSerializer(serializers.Serializer[Any]):
    """All null while there is no vault."""

    sealed_root = BytesField(allow_null=True)
    recovery_hash = serializers.CharField(allow_null=True)
    saved_at = serializers.DateTimeField(allow_null=True)


class RecoveryInputSerializer(serializers.Serializer[Any]):
    """``recovery`` follows from R alone; the server keeps its SHA-256."""

    username = serializers.CharField(max_length=_NAME_MAX)
    recovery = BytesField(length=SECRET_BYTES, write_only=True)
    new_salt = BytesField(length=SALT_BYTES)
    new_derived = BytesField(length=DERIVED_BYTES, write_only=True)
    sealed_root = BytesField(length=SEALED_BYTES)


def sealed_of(facts: dict[str, Any] | None) -> Sealed | None:
    return None if facts is None else Sealed(**facts)
