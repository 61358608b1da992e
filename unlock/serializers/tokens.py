"""Tokens in and out (API v1)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from unlock import tokens
from unlock.creators import DERIVED_BYTES
from unlock.scopes import Scope
from unlock.serializers.fields import BytesField, WordField
from unlock.serializers.second_steps import CODE_MAX

_DAYS = 90


class TokenInputSerializer(serializers.Serializer[Any]):
    """Asks for the password's proof, and for a code where the second step is on."""

    name = serializers.CharField(max_length=tokens.NAME_MAX)
    scopes = serializers.ListField(child=WordField(Scope), min_length=1, max_length=len(Scope))
    days = serializers.IntegerField(min_value=1, max_value=tokens.DAYS_MAX, default=_DAYS)
    derived = BytesField(length=DERIVED_BYTES, write_only=True)
    code = serializers.CharField(
        max_length=CODE_MAX, required=False, allow_blank=True, write_only=True
    )

    def validate_scopes(self, value: list[str]) -> list[Scope]:
        return sorted({Scope(word) for word in value})


class TokenSerializer(serializers.Serializer[Any]):
    """``used_at`` is right to within an hour."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    scopes = serializers.ListField(child=serializers.CharField())
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    used_at = serializers.DateTimeField(allow_null=True)


class TokenMadeSerializer(TokenSerializer):
    """``token`` is told here and never again."""

    token = serializers.CharField()


class TokensSerializer(serializers.Serializer[Any]):
    tokens = TokenSerializer(many=True)
    scopes = serializers.ListField(child=serializers.CharField())
    most = serializers.IntegerField()


def shown(row: Any) -> Any:
    return TokenSerializer(row).data
