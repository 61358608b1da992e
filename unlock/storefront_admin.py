"""Profiles and showcases in the admin: what a creator shows. The shop's proof and seals are not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin

from unlock.looking import LookingAdmin
from unlock.models import Profile, Showcase

if TYPE_CHECKING:
    from django.db.models import Model
    from django.http import HttpRequest


@admin.register(Profile)
class ProfileAdmin(LookingAdmin):
    list_display = ("creator", "contact", "shop_generation")
    list_select_related = ("creator__user",)
    search_fields: ClassVar[tuple[str, ...]] = (
        "creator__user__username",
        "creator__id",
        "about",
        "contact",
    )

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        return [each for each in super().get_fields(request, obj) if each != "shop_access_hash"]


@admin.register(Showcase)
class ShowcaseAdmin(LookingAdmin):
    list_display = ("paid_file", "is_adult", "shows_contents", "has_card", "entry_generation")
    list_filter = ("is_adult", "has_card")
    list_select_related = ("paid_file",)
    search_fields: ClassVar[tuple[str, ...]] = (
        "paid_file__title",
        "paid_file__id",
        "paid_file__creator__user__username",
    )
