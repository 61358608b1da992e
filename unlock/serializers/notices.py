"""Notices, which of them are wanted, and the e-mail address they go to (API v1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from rest_framework import serializers

from unlock.notices import ALWAYS, MEANINGS, said
from unlock.serializers.fields import WordField
from unlock.serializers.second_steps import ProofSerializer
from unlock.speech import say
from unlock.states import NoticeKind

if TYPE_CHECKING:
    from unlock.models import Creator


class NoticeTextField(serializers.CharField):
    """Of the whole row, in the reader's language."""

    def to_representation(self, value: Any) -> str:
        return said(value)


class NoticeSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    kind = WordField(NoticeKind)
    text = NoticeTextField(source="*")
    purchase = serializers.UUIDField(source="purchase_id", allow_null=True)
    created_at = serializers.DateTimeField()
    read_at = serializers.DateTimeField(allow_null=True)


class NoticesSerializer(serializers.Serializer[Any]):
    notices = NoticeSerializer(many=True)
    unread = serializers.IntegerField()
    next = serializers.CharField(allow_blank=True)


class ReadingSerializer(serializers.Serializer[Any]):
    """``ids``: which were read; without it all."""

    ids = serializers.ListField(child=serializers.UUIDField(), max_length=500, required=False)


class UnreadSerializer(serializers.Serializer[Any]):
    unread = serializers.IntegerField()


class MutedSerializer(serializers.Serializer[Any]):
    muted = serializers.ListField(child=WordField(NoticeKind), max_length=len(NoticeKind))


class WantedKindSerializer(serializers.Serializer[Any]):
    kind = WordField(NoticeKind)
    text = serializers.CharField()
    is_on = serializers.BooleanField()


class WishesSerializer(serializers.Serializer[Any]):
    """``can_mail``: whether this instance has a mail server at all."""

    kinds = WantedKindSerializer(many=True)
    can_mail = serializers.BooleanField()
    email = serializers.CharField()
    is_confirmed = serializers.BooleanField()


class EmailSerializer(ProofSerializer):
    """Where notices go decides who learns of a theft: it needs the proof."""

    email = serializers.EmailField(max_length=254)


class CodeSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(max_length=20)


def wishes_of(creator: Creator) -> Any:
    return WishesSerializer(
        {
            "kinds": [
                {"kind": kind, "text": say(text), "is_on": kind not in creator.muted}
                for kind, text in MEANINGS.items()
                if kind not in ALWAYS
            ],
            "can_mail": settings.HAS_MAIL,
            "email": creator.email,
            "is_confirmed": creator.email_confirmed_at is not None,
        }
    ).data
