"""What belongs to a creator's account, in the admin. Seals and hashes are not shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.template.defaultfilters import filesizeformat

from unlock import instances
from unlock.looking import LookingAdmin
from unlock.models import (
    ClosedAccount,
    EgressDay,
    Instance,
    PayoutChange,
    SecondFactor,
    SessionNote,
    Vault,
)

if TYPE_CHECKING:
    from django.db.models import Model
    from django.http import HttpRequest

_ACCOUNT = ("creator__user__username", "creator__id")
_HIDDEN = {"recovery_hash", "spare_hashes", "key_hash", "value"}


class _AccountAdmin(LookingAdmin):
    list_select_related = ("creator__user",)
    search_fields: ClassVar[tuple[str, ...]] = _ACCOUNT

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        return [each for each in super().get_fields(request, obj) if each not in _HIDDEN]


@admin.register(Vault)
class VaultAdmin(_AccountAdmin):
    list_display = ("creator", "saved_at")


@admin.register(SecondFactor)
class SecondFactorAdmin(_AccountAdmin):
    list_display = ("creator", "confirmed_at", "created_at")
    list_filter = (("confirmed_at", admin.EmptyFieldListFilter),)


@admin.register(SessionNote)
class SessionNoteAdmin(_AccountAdmin):
    list_display = ("creator", "browser", "created_at", "seen_at", "ended_at")
    list_filter = (("ended_at", admin.EmptyFieldListFilter),)


@admin.register(PayoutChange)
class PayoutChangeAdmin(_AccountAdmin):
    list_display = ("creator", "asked_at", "due_at", "applied_at", "stopped_at")
    list_filter = (
        ("applied_at", admin.EmptyFieldListFilter),
        ("stopped_at", admin.EmptyFieldListFilter),
    )


@admin.register(ClosedAccount)
class ClosedAccountAdmin(_AccountAdmin):
    list_display = ("creator", "closed_at")


@admin.register(EgressDay)
class EgressDayAdmin(LookingAdmin):
    """What was promised of each file, day by day: to who looks, and to who bought."""

    list_display = ("day", "paid_file", "shown", "sold")
    list_select_related = ("paid_file",)
    list_filter = ("day",)
    date_hierarchy = "day"
    search_fields = ("paid_file__id", "paid_file__title", "paid_file__creator__user__username")
    ordering = ("-day", "-shown_bytes")

    @admin.display(description="shown for nothing", ordering="shown_bytes")
    def shown(self, row: EgressDay) -> str:
        return filesizeformat(row.shown_bytes)

    @admin.display(description="to buyers", ordering="sold_bytes")
    def sold(self, row: EgressDay) -> str:
        return filesizeformat(row.sold_bytes)


@admin.register(Instance)
class InstanceAdmin(LookingAdmin):
    """What the operator says of the instance; its set-up makes the row."""

    list_display = ("name", "contact", "done_at")
    search_fields = ("name", "contact")
    fields = ("name", "contact", "banner", "imprint", "terms")

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        del request, obj
        return list(self.fields)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Where nobody went through the set-up."""
        return self.has_moderate_permission(request) and not Instance.objects.exists()

    def save_model(self, *args: Any, **kwargs: Any) -> None:
        super().save_model(*args, **kwargs)
        instances.forget()

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        del obj
        return self.has_moderate_permission(request)
