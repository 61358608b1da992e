"""Reports and appeals, in and out (API v1)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from unlock import limits, reports, suspensions
from unlock.serializers.fields import BytesField, WordField
from unlock.states import ReportKind

_SEGMENT_MAX = 2**40


class PieceSerializer(serializers.Serializer[Any]):
    """One segment: its row of the index, its Merkle path (32 bytes each) and its key alone."""

    content_id = serializers.RegexField(r"\A[0-9a-f]{64}\Z")
    segment = serializers.IntegerField(min_value=0, max_value=_SEGMENT_MAX)
    row = BytesField(length=reports.ROW_BYTES)
    path = BytesField(max_length=4 * reports.PATH_MOST * 32, allow_blank=True)
    key = BytesField(length=32)

    def proof(self, given: dict[str, Any]) -> reports.Proof:
        return reports.Proof(**{**given, "path": tuple(reports.split_path(given["path"]))})


class ReportInputSerializer(serializers.Serializer[Any]):
    """``name``, ``work`` and ``good_faith`` belong to the notice of a rights holder."""

    kind = WordField(ReportKind)
    text = serializers.CharField(max_length=limits.REPORT_MAX, allow_blank=True, default="")
    email = serializers.EmailField(max_length=254, allow_blank=True, default="")
    name = serializers.CharField(max_length=reports.NAME_MAX, allow_blank=True, default="")
    work = serializers.CharField(max_length=reports.WORK_MAX, allow_blank=True, default="")
    good_faith = serializers.BooleanField(default=False)
    proof = PieceSerializer(required=False, allow_null=True, default=None)

    def said(self, *, source: str) -> reports.Said:
        given = self.validated_data
        proof = given["proof"] and PieceSerializer().proof(given["proof"])
        return reports.Said(
            kind=ReportKind(given["kind"]),
            text=given["text"],
            email=given["email"],
            name=given["name"],
            work=given["work"],
            is_good_faith=given["good_faith"],
            proof=proof,
            source=source,
        )


class ReportMadeSerializer(serializers.Serializer[Any]):
    """``reference`` opens ``/reports/<reference>``, which tells what became of it."""

    reference = serializers.CharField()


class AppealSerializer(serializers.Serializer[Any]):
    text = serializers.CharField(max_length=limits.REPORT_MAX)


class SuspensionAppealSerializer(serializers.Serializer[Any]):
    text = serializers.CharField(max_length=suspensions.APPEAL_MAX)


class SuspensionSerializer(serializers.Serializer[Any]):
    """The suspension of an account, as its creator reads it."""

    created_at = serializers.DateTimeField()
    reason = serializers.CharField(allow_blank=True)
    appealed_at = serializers.DateTimeField(allow_null=True)
    answer = serializers.CharField(allow_blank=True)


class MeasureSerializer(serializers.Serializer[Any]):
    """One decision about a file, as its creator reads it."""

    id = serializers.UUIDField()
    kind = serializers.CharField()
    reason = serializers.CharField()
    appealed_at = serializers.DateTimeField(allow_null=True)
    answer = serializers.CharField(allow_blank=True)
