"""The dashboard in and out (API v1): sums over everything, and one page of files."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from rest_framework import serializers

from unlock import dashboard
from unlock.sales import Step
from unlock.serializers.fields import PriceField, WordField
from unlock.serializers.pricing import PricingSerializer
from unlock.serializers.sales import BarSerializer, SummaryInputSerializer, TakingsSerializer
from unlock.states import FileState

_PAGE_MAX = 100


class DashboardInputSerializer(serializers.Serializer[Any]):
    """Which files, and where days begin. ``q``: words of the title; ``page`` counts from 1."""

    q = serializers.CharField(required=False, allow_blank=True, max_length=200, default="")
    state = WordField(FileState, required=False)
    sort = WordField(dashboard.Sort, default=dashboard.Sort.NEWEST.value)
    page = serializers.IntegerField(required=False, min_value=1, max_value=10**6, default=1)
    limit = serializers.IntegerField(
        required=False, min_value=1, max_value=_PAGE_MAX, default=dashboard.PER_PAGE
    )
    tz = serializers.CharField(required=False, max_length=60, default="UTC")

    def validate_tz(self, value: str) -> ZoneInfo:
        return SummaryInputSerializer().validate_tz(value)

    def asked(self) -> dashboard.Asked:
        given = self.validated_data
        state = given.get("state")
        return dashboard.Asked(
            text=given["q"],
            state=None if state is None else FileState(state),
            sort=dashboard.Sort(given["sort"]),
            page=given["page"],
            limit=given["limit"],
        )


class NeedSerializer(serializers.Serializer[Any]):
    """Something that needs the creator now. ``due_at``: of a change that waits."""

    kind = WordField(dashboard.NeedKind)
    count = serializers.IntegerField()
    due_at = serializers.DateTimeField(allow_null=True)


class DashboardFileSerializer(serializers.Serializer[Any]):
    """One file and what it brought in. ``given``: copies that cost nothing; ``generation``,
    ``link_generation``, ``link_file_id`` and ``h_s`` are what a browser that holds the key makes the link from.
    """

    id = serializers.UUIDField(source="file.id")
    state = WordField(FileState, source="file.state")
    title = serializers.CharField(source="file.title")
    price = PriceField()
    pricing = PricingSerializer(source="terms")
    payload_bytes = serializers.IntegerField()
    cover = serializers.CharField()
    link_file_id = serializers.CharField()
    link_generation = serializers.IntegerField(source="edition.link_generation")
    h_s = serializers.CharField(source="file.h_s")
    generation = serializers.IntegerField(source="file.generation")
    created_at = serializers.DateTimeField(source="file.created_at")
    takings = TakingsSerializer(source="sums.takings")
    given = serializers.IntegerField(source="sums.given")
    last_at = serializers.DateTimeField(source="sums.last_at", allow_null=True)
    is_proven = serializers.BooleanField()


class StatesSerializer(serializers.Serializer[Any]):
    """How many files there are in each state."""

    draft = serializers.IntegerField(default=0)
    published = serializers.IntegerField(default=0)
    paused = serializers.IntegerField(default=0)
    removed = serializers.IntegerField(default=0)


class DashboardSerializer(serializers.Serializer[Any]):
    """Sums are of all files, whatever ``files`` are asked for; ``found`` is how many of them fit."""

    needs = NeedSerializer(many=True)
    total = TakingsSerializer()
    given = serializers.IntegerField()
    step = WordField(Step)
    bars = BarSerializer(many=True)
    floor_sat = serializers.IntegerField(allow_null=True)
    states = StatesSerializer()
    files = DashboardFileSerializer(many=True, source="rows")
    found = serializers.IntegerField()
    page = serializers.IntegerField()
    pages = serializers.IntegerField()
