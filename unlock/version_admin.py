"""Versions and erasures, in the admin: to look at only."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from unlock.looking import LookingAdmin
from unlock.models import Erasure, Version

_FILE = ("paid_file__title", "paid_file__id", "paid_file__creator__user__username")


@admin.register(Version)
class VersionAdmin(LookingAdmin):
    list_display = ("paid_file", "number", "link_generation", "is_for_earlier", "published_at")
    list_select_related = ("paid_file",)
    search_fields: ClassVar[tuple[str, ...]] = (*_FILE, "container__content_id", "note")


@admin.register(Erasure)
class ErasureAdmin(LookingAdmin):
    list_display = ("paid_file", "created_at")
    list_select_related = ("paid_file",)
    search_fields: ClassVar[tuple[str, ...]] = _FILE
