"""Terms of prices and the codes of links, in the admin. What opens a gift is not shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin

from unlock.looking import LookingAdmin
from unlock.models import DiscountCode, Pricing

if TYPE_CHECKING:
    from django.db.models import Model
    from django.http import HttpRequest

_FILE = ("paid_file__title", "paid_file__id", "paid_file__creator__user__username")


@admin.register(Pricing)
class PricingAdmin(LookingAdmin):
    list_display = ("paid_file", "kind", "stock", "is_strict", "free_first", "sells_until")
    list_filter = ("kind", "is_strict", "takes_tips")
    list_select_related = ("paid_file",)
    search_fields: ClassVar[tuple[str, ...]] = _FILE


@admin.register(DiscountCode)
class DiscountCodeAdmin(LookingAdmin):
    list_display = (
        "paid_file",
        "note",
        "percent",
        "amount_off",
        "is_gift",
        "quantity",
        "ended_at",
    )
    list_filter = ("is_gift", ("ended_at", admin.EmptyFieldListFilter))
    list_select_related = ("paid_file",)
    search_fields: ClassVar[tuple[str, ...]] = (*_FILE, "note")

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        return [each for each in super().get_fields(request, obj) if each != "code_hash"]
