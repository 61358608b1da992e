"""How every list is asked for in pages (API v1)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

_CURSOR_MAX = 200
_PAGE = 20
_PAGE_MAX = 100
_MANY = 200
_MANY_MAX = 1000


class PageInputSerializer(serializers.Serializer[Any]):
    """``cursor``: the ``next`` of the page above."""

    cursor = serializers.CharField(required=False, max_length=_CURSOR_MAX, default="")
    limit = serializers.IntegerField(min_value=1, max_value=_PAGE_MAX, default=_PAGE)


class ManyInputSerializer(PageInputSerializer):
    """For lists whose pages want to see them whole."""

    limit = serializers.IntegerField(min_value=1, max_value=_MANY_MAX, default=_MANY)
