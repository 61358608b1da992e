"""What was given again, in the admin."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from unlock.looking import LookingAdmin
from unlock.models import GivenAgain


@admin.register(GivenAgain)
class GivenAgainAdmin(LookingAdmin):
    list_display = ("old", "new", "created_at")
    list_filter = ("created_at",)
    list_select_related = ("old", "new")
    search_fields: ClassVar[tuple[str, ...]] = ("old__id", "new__id", "old__paid_file__title")
