"""A failure after payment, in and out (API v1)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from unlock import failures
from unlock.serializers.fields import WordField

_SEGMENT_MAX = 2**40


class ToldSerializer(serializers.Serializer[Any]):
    """What failed while a buyer's page opened the file, and at which step."""

    step = WordField(failures.Step)
    code = WordField(failures.Code)
    segment = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=0, max_value=_SEGMENT_MAX
    )

    def told(self) -> failures.Told:
        given = self.validated_data
        return failures.Told(
            step=failures.Step(given["step"]),
            code=failures.Code(given["code"]),
            segment=given["segment"],
        )


class FailureSerializer(serializers.Serializer[Any]):
    """``says`` is the failure in one plain line; ``note`` how it was settled, once it is closed."""

    step = WordField(failures.Step)
    code = WordField(failures.Code)
    segment = serializers.IntegerField(allow_null=True)
    says = serializers.CharField()
    note = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)


class FailuresSerializer(serializers.Serializer[Any]):
    failures = FailureSerializer(many=True)
