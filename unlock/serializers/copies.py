"""Copies in and out (API v1): where a file lies, for its creator; what a buyer's page got elsewhere."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from unlock.serializers.fields import WordField
from unlock.states import CopyState


class CopyInputSerializer(serializers.Serializer[Any]):
    """``url``: https, answering ranges, readable by our pages (CORS). Looked at before it is kept."""

    url = serializers.CharField(max_length=600)


class CopySerializer(serializers.Serializer[Any]):
    """``kind`` is ``store`` or ``url``; ``host`` a store's name, or where the address leads.
    ``address``: gives the sealed bytes for an hour; empty unless asked for.
    """

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=["store", "url"])
    host = serializers.CharField()
    url = serializers.CharField(allow_blank=True)
    state = WordField(CopyState)
    size_bytes = serializers.IntegerField()
    verified_at = serializers.DateTimeField(allow_null=True)
    checked_at = serializers.DateTimeField(allow_null=True)
    address = serializers.CharField(allow_blank=True)


class CopiesSerializer(serializers.Serializer[Any]):
    copies = CopySerializer(many=True)


class ComplaintSerializer(serializers.Serializer[Any]):
    """A copy whose bytes were not those that were sold; ``offset`` is where it showed."""

    copy = serializers.UUIDField()
    offset = serializers.IntegerField(min_value=0, max_value=2**53)
