"""The second step of a login in and out (API v1)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from unlock.creators import DERIVED_BYTES
from unlock.serializers.fields import BytesField

CODE_MAX = 40


class SecondStepSerializer(serializers.Serializer[Any]):
    is_on = serializers.BooleanField()
    spare_left = serializers.IntegerField()


class StepProofSerializer(serializers.Serializer[Any]):
    derived = BytesField(length=DERIVED_BYTES, write_only=True)


class OfferedSerializer(serializers.Serializer[Any]):
    """Told once: the seed as base32, and the address that a QR code of it says."""

    secret = serializers.CharField()
    uri = serializers.CharField()


class StepCodeSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(max_length=CODE_MAX)


class StepProofAndCodeSerializer(StepProofSerializer):
    code = serializers.CharField(max_length=CODE_MAX)


class ProofSerializer(serializers.Serializer[Any]):
    """The password as its browser worked it out, and a code where the second step is on."""

    derived = BytesField(length=DERIVED_BYTES, write_only=True, required=False)
    code = serializers.CharField(
        max_length=CODE_MAX, required=False, allow_blank=True, write_only=True
    )


class SpareCodesSerializer(serializers.Serializer[Any]):
    """Told once."""

    spare_codes = serializers.ListField(child=serializers.CharField())
