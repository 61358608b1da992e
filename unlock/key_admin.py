"""Which keys something is sealed to, in the admin: names only."""

from __future__ import annotations

from django.contrib import admin

from unlock.looking import LookingAdmin
from unlock.models import SealingKey


@admin.register(SealingKey)
class SealingKeyAdmin(LookingAdmin):
    list_display = ("fingerprint", "kind", "first_used_at", "retired_at", "is_lost")
    list_filter = ("kind", "is_lost", ("retired_at", admin.EmptyFieldListFilter))
    search_fields = ("fingerprint",)
