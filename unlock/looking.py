"""How every row is shown in the admin: everything but the hidden columns, and nothing to edit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import BinaryField

if TYPE_CHECKING:
    from django.db.models import Model
    from django.http import HttpRequest

    BaseAdmin = admin.ModelAdmin[Model]
else:  # Django's classes take a parameter for the type checker only
    BaseAdmin = admin.ModelAdmin


class LookingAdmin(BaseAdmin):
    """Everything visible but the hidden columns, nothing changeable but by an action."""

    actions_on_bottom = True

    def has_add_permission(self, request: HttpRequest) -> bool:
        del request
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        del request, obj
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        del request, obj
        return False

    def has_moderate_permission(self, request: HttpRequest) -> bool:
        """Django's own right to change these rows, used for the actions."""
        return super().has_change_permission(request)

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        del request, obj
        # Bytes are keys, seals, salts and hashes here: nothing to read, and some must not be.
        return [each.name for each in self.opts.fields if not isinstance(each, BinaryField)]
