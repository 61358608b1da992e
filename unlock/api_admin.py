"""Tokens and kept answers in the admin. Hashes and seals are not shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin

from unlock.looking import LookingAdmin
from unlock.models import ApiToken, KeptAnswer

if TYPE_CHECKING:
    from django.db.models import Model
    from django.http import HttpRequest

_ACCOUNT = ("creator__user__username", "creator__id")
_HIDDEN = {"token_hash", "key_hash", "request_hash"}


class _ApiAdmin(LookingAdmin):
    list_select_related = ("creator__user",)
    search_fields: ClassVar[tuple[str, ...]] = _ACCOUNT

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        return [each for each in super().get_fields(request, obj) if each not in _HIDDEN]


@admin.register(ApiToken)
class ApiTokenAdmin(_ApiAdmin):
    list_display = ("creator", "name", "created_at", "expires_at", "used_at", "ended_at")
    list_filter = (("ended_at", admin.EmptyFieldListFilter),)


@admin.register(KeptAnswer)
class KeptAnswerAdmin(_ApiAdmin):
    list_display = ("creator", "status", "created_at")
