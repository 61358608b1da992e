"""The people who run the instance: their logins, and the second step of these."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import UserAdmin
from django.utils import timezone

from unlock import staff_factors
from unlock.looking import LookingAdmin, Question, reason_of
from unlock.models import Creator, StaffFactor

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.db.models import Model, QuerySet
    from django.http import HttpRequest, HttpResponse

    BaseUserAdmin = UserAdmin[User]
else:  # Django's class takes a parameter for the type checker only
    BaseUserAdmin = UserAdmin

admin.site.unregister(get_user_model())


@admin.register(get_user_model())
class StaffAdmin(BaseUserAdmin):
    """Staff only: a creator's user is not here, so nobody makes one of them staff."""

    list_display = ("username", "is_staff", "is_superuser", "has_second_step", "last_login")
    readonly_fields = ("last_login", "date_joined")  # Django's fields of them have no label

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        found = super().get_queryset(request).exclude(pk__in=Creator.objects.values("user"))
        return found.select_related("staff_factor")

    @admin.display(boolean=True, description="second step")
    def has_second_step(self, user: User) -> bool:
        row = getattr(user, "staff_factor", None)
        return row is not None and row.confirmed_at is not None


@admin.register(StaffFactor)
class StaffFactorAdmin(LookingAdmin):
    list_display = ("user", "confirmed_at", "created_at")
    list_filter = (("confirmed_at", admin.EmptyFieldListFilter),)
    list_select_related = ("user",)
    search_fields: ClassVar = ("user__username",)
    actions = ("reset",)

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        return [each for each in super().get_fields(request, obj) if each != "spare_hashes"]

    @admin.action(description="Reset: the next login sets up a new one", permissions=["moderate"])
    def reset(self, request: HttpRequest, queryset: QuerySet[StaffFactor]) -> HttpResponse | None:
        warning = (
            "Do this only for somebody whom you know to be who they say: it ends their sessions."
        )
        reason = reason_of(request)
        if not reason:
            return self.ask(request, queryset, Question("reset", "Reset the second step", warning))
        for row in queryset.select_related("user"):
            who = request.user.get_username()
            staff_factors.reset(row.user, by=who, reason=reason, now=timezone.now())
            messages.success(request, f"{row.user}: the next login sets up a new second step.")
        return None
