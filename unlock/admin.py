"""Unlock in the admin: to look, to search, and to moderate. Verbs own the rows: nothing is edited.

Sealed secrets, salts and raw bytes are not shown. Creators are not among the users here, so that no
tick of a box makes one of them staff.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.contrib import admin, messages
from django.db.models import Q
from django.utils import timezone

from unlock import (
    account_admin,
    api_admin,
    copies,
    creators,
    files,
    journal,
    key_admin,
    library_admin,
    mail,
    moderation,
    moderation_admin,
    own_copies,
    pricing_admin,
    purchase_admin,
    staff_admin,
    storefront_admin,
    suspensions,
    version_admin,
    webhooks,
)
from unlock.looking import LookingAdmin, Question, reason_of, who
from unlock.models import (
    Audit,
    Container,
    Copy,
    Cover,
    Creator,
    Cursor,
    Delivery,
    Failure,
    Invitation,
    Measure,
    Notice,
    PaidFile,
    Samples,
    Upload,
    Webhook,
)
from unlock.moderation import Ruling
from unlock.moderation_errors import ModerationRefused
from unlock.states import Ground, MeasureKind
from unlock.tasks.copies import ask_copies
from unlock.tasks.removals import ask_withdraw

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import Model, QuerySet
    from django.forms import ModelForm
    from django.http import HttpRequest, HttpResponse

    BaseAdmin = admin.ModelAdmin[Model]
    BaseInline = admin.TabularInline[Any, Any]
else:  # Django's classes take a parameter for the type checker only
    BaseAdmin, BaseInline = admin.ModelAdmin, admin.TabularInline

__all__ = [
    "account_admin",
    "api_admin",
    "key_admin",
    "library_admin",
    "moderation_admin",
    "pricing_admin",
    "purchase_admin",
    "staff_admin",
    "storefront_admin",
    "version_admin",
]


_KEPT: Final = "Whoever bought one of them keeps it, unless the stored copies are deleted."
_DELETES: Final = (
    "Delete the stored copies after the grace; nobody loads it from now on, not even who paid"
)


_BY_LAW: Final = "It rests on the law, not on the terms of this site"


@admin.register(Creator)
class CreatorAdmin(LookingAdmin):
    list_display = ("user", "created_at", "suspended_at")
    list_filter = (("suspended_at", admin.EmptyFieldListFilter), "created_at")
    list_select_related = ("user",)
    search_fields = ("id", "user__username")
    ordering = ("-created_at",)
    actions = ("suspend", "reinstate", moderation_admin.sign_out, moderation_admin.set_quota)

    @admin.action(description="Suspend: no login, nothing sold", permissions=["moderate"])
    def suspend(self, request: HttpRequest, queryset: QuerySet[Creator]) -> HttpResponse | None:
        reason = reason_of(request)
        if not reason:
            warning = "They cannot log in and sell nothing from now on; who bought stays served."
            question = Question(
                "suspend", "Suspend", warning, "the creator", tick=("by_law", _BY_LAW)
            )
            return self.ask(request, queryset, question)
        ground = Ground.LAW if "by_law" in request.POST else Ground.TERMS
        ruling = Ruling(by=who(request), reason=reason, ground=ground)
        now = timezone.now()
        self.each(
            request,
            queryset,
            lambda creator: suspensions.suspend(creator, ruling, now=now),
            done="suspended",
        )
        return None

    @admin.action(description="Lift the suspension", permissions=["moderate"])
    def reinstate(self, request: HttpRequest, queryset: QuerySet[Creator]) -> HttpResponse | None:
        reason = reason_of(request)
        if not reason:
            warning = "They can log in and sell again."
            question = Question("reinstate", "Reinstate", warning, "the creator")
            return self.ask(request, queryset, question)
        ruled: dict[str, Any] = {"by": who(request), "reason": reason, "now": timezone.now()}
        self.each(
            request,
            queryset,
            lambda creator: suspensions.reinstate(creator, **ruled),
            done="reinstated",
        )
        return None


@admin.register(Invitation)
class InvitationAdmin(LookingAdmin):
    list_display = ("note", "used", "most", "used_by", "created_at")
    list_filter = (("used_by", admin.EmptyFieldListFilter),)
    search_fields = ("note", "used_by__user__username")

    @admin.display
    def used(self, invitation: Invitation) -> int:
        return invitation.uses.count()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return BaseAdmin.has_add_permission(self, request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        is_unused = not isinstance(obj, Invitation) or obj.used_by is None
        return is_unused and BaseAdmin.has_delete_permission(self, request, obj)

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        del request
        return ["note", "most"] if obj is None else ["note", "most", "used_by", "created_at"]

    def save_model(
        self, request: HttpRequest, obj: Model, form: ModelForm[Any], change: Any
    ) -> None:
        """The code is made here, shown once, and kept as a hash."""
        del form, change
        code = creators.new_code()
        if isinstance(obj, Invitation):
            obj.code_hash = creators.hash_invitation(code)
        obj.save()
        reason = f"lets in {obj.most}" if isinstance(obj, Invitation) else ""
        journal.note(obj, "invite", who=who(request), reason=reason, now=timezone.now())
        messages.warning(request, f"The invitation's code, shown only now: {code}")


class CopyInline(BaseInline):
    model = Copy
    extra = 0
    can_delete = False
    fields = ("store", "object_key", "url", "size_bytes", "verified_at", "checked_at", "damaged_at")
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        del request, obj
        return False


@admin.register(Container)
class ContainerAdmin(LookingAdmin):
    list_display = ("id", "creator", "size_bytes", "segments", "verified_at", "created_at")
    list_filter = (("verified_at", admin.EmptyFieldListFilter), "created_at")
    list_select_related = ("creator__user",)
    search_fields = ("id", "content_id", "creator__user__username")
    inlines: ClassVar = [CopyInline]


@admin.register(Copy)
class CopyAdmin(LookingAdmin):
    list_display = ("place", "state", "size_bytes", "checked_at", "damaged_at", "wanted_at")
    list_filter = (
        "store",
        ("verified_at", admin.EmptyFieldListFilter),
        ("damaged_at", admin.EmptyFieldListFilter),
        ("wanted_at", admin.EmptyFieldListFilter),
    )
    search_fields = ("id", "object_key", "etag", "url", "container__id", "container__content_id")
    actions = ("look_now", "mend_now")

    @admin.display(ordering="store")
    def place(self, copy: Copy) -> str:
        return copy.url or str(copy)

    @admin.display
    def state(self, copy: Copy) -> str:
        return own_copies.state_of(copy).value

    @admin.action(description="Re-hash now: read and compare every byte", permissions=["moderate"])
    def look_now(self, request: HttpRequest, queryset: QuerySet[Copy]) -> None:
        self._want(request, queryset.filter(verified_at__isnull=False), "is re-hashed")

    @admin.action(description="Heal now: write it anew from a good copy", permissions=["moderate"])
    def mend_now(self, request: HttpRequest, queryset: QuerySet[Copy]) -> None:
        bad = queryset.filter(Q(damaged_at__isnull=False) | Q(verified_at=None), url="")
        self._want(request, bad, "is healed")

    def _want(self, request: HttpRequest, chosen: QuerySet[Copy], what: str) -> None:
        held = chosen.filter(container__verified_at__isnull=False)
        wanted = [copy for copy in held if copies.want([copy.id], now=timezone.now())]
        for copy in wanted:
            self.log_change(request, copy, what)
        messages.info(request, f"{len(wanted)} copies: each {what} as soon as a worker is free.")
        ask_copies()


class CodesFilter(admin.AllValuesFieldListFilter):
    """No code has a name too: an empty link cannot be pressed."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        for each in super().choices(changelist):
            yield {**each, "display": each["display"] or "none"}


@admin.register(Upload)
class UploadAdmin(LookingAdmin):
    list_display = ("id", "creator", "state", "verified_bytes", "error_code", "touched_at")
    list_filter = ("state", ("error_code", CodesFilter), "created_at")
    list_select_related = ("creator__user",)
    search_fields = ("id", "creator__user__username", "copy__object_key", "container__id")


@admin.register(PaidFile)
class PaidFileAdmin(LookingAdmin):
    list_display = ("title", "creator", "state", "price", "published_at", "created_at")
    list_filter = ("state", "price_currency", "created_at")
    list_select_related = ("creator__user",)
    search_fields = ("id", "title", "creator__user__username", "container__content_id")
    actions = ("pause", "lift_pause", "remove")

    @admin.display(description="price", ordering="price_amount")
    def price(self, paid_file: PaidFile) -> str:
        return str(files.price_of(paid_file))

    @admin.action(description="Pause: not sold for now", permissions=["moderate"])
    def pause(self, request: HttpRequest, queryset: QuerySet[PaidFile]) -> HttpResponse | None:
        reason, now = reason_of(request), timezone.now()
        if not reason:
            return self.ask(request, queryset, Question("pause", "Pause", _KEPT, "the creator"))
        ruling = Ruling(by=who(request), reason=reason)
        self.each(
            request,
            queryset,
            lambda file: moderation.pause(file.pk, ruling, now=now),
            done="paused",
        )
        return None

    @admin.action(description="Lift the pause: its creator may resume it", permissions=["moderate"])
    def lift_pause(self, request: HttpRequest, queryset: QuerySet[PaidFile]) -> HttpResponse | None:
        reason, by, now = reason_of(request), who(request), timezone.now()
        if not reason:
            warning = "The decision to pause is lifted; the file stays paused until its creator resumes it."
            question = Question("lift_pause", "Lift the pause", warning, "the creator")
            return self.ask(request, queryset, question)

        def lift(paid_file: PaidFile) -> None:
            paused = Measure.objects.filter(
                paid_file=paid_file, kind=MeasureKind.PAUSE, lifted_at=None
            ).first()
            if paused is None:
                raise ModerationRefused("Staff did not pause it.")
            moderation.restore(paused.pk, by=by, reason=reason, now=now)

        self.each(request, queryset, lift, done="the pause is lifted")
        return None

    @admin.action(description="Remove: never sold again", permissions=["moderate"])
    def remove(self, request: HttpRequest, queryset: QuerySet[PaidFile]) -> HttpResponse | None:
        reason, now = reason_of(request), timezone.now()
        if not reason:
            question = Question(
                "remove", "Remove", _KEPT, "the creator", tick=("deletes", _DELETES)
            )
            return self.ask(request, queryset, question)
        ruling, deletes = Ruling(by=who(request), reason=reason), "deletes" in request.POST

        def remove(paid_file: PaidFile) -> None:
            moderation.remove(paid_file.pk, ruling, deletes=deletes, now=now)

        self.each(request, queryset, remove, done="removed")
        ask_withdraw()
        return None


@admin.register(Webhook)
class WebhookAdmin(LookingAdmin):
    list_display = ("url", "creator", "is_active", "removed_at", "created_at")
    list_filter = ("is_active",)
    search_fields = ("id", "url", "creator__user__username")


@admin.register(Delivery)
class DeliveryAdmin(LookingAdmin):
    list_display = ("id", "webhook", "kind", "state", "attempts", "due_at", "delivered_at")
    list_filter = ("state", "kind")
    list_select_related = ("webhook",)
    search_fields = ("id", "subject", "webhook__url")
    actions = ("send_again",)

    @admin.action(description="Send again, as a new delivery", permissions=["moderate"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        def again(delivery: Delivery) -> str:
            now = timezone.now()
            made = webhooks.resend(delivery, now=now)
            reason = f"as {made.id}"
            journal.note(delivery, "send again", who=who(request), reason=reason, now=now)
            return f"sent again as {made.id}"

        self.each(request, queryset.select_related("webhook")[:100], again, done="is sent again")


@admin.register(Notice)
class NoticeAdmin(LookingAdmin):
    list_display = ("kind", "creator", "topic", "created_at", "read_at", "mailed_at")
    list_filter = ("kind", ("mail_due_at", admin.EmptyFieldListFilter))
    list_select_related = ("creator__user",)
    search_fields = ("id", "topic", "creator__user__username")
    actions = ("mail_again",)

    def has_mail_permission(self, request: HttpRequest) -> bool:
        """Whoever may send webhooks again."""
        return request.user.has_perm("unlock.change_delivery")

    @admin.action(description="Send it by e-mail again", permissions=["mail"])
    def mail_again(self, request: HttpRequest, queryset: QuerySet[Notice]) -> None:
        def again(notice: Notice) -> None:
            now = timezone.now()
            mail.send_again(notice, now=now)
            journal.note(notice, "mail again", who=who(request), now=now)

        self.each(request, queryset.select_related("creator"), again, done="goes out again")


@admin.register(Samples)
class SamplesAdmin(LookingAdmin):
    list_display = ("paid_file", "kind", "content_id", "created_at")
    list_select_related = ("paid_file",)
    search_fields = ("paid_file__id", "content_id")


@admin.register(Audit)
class AuditAdmin(LookingAdmin):
    list_display = ("container", "passed_at", "created_at")
    list_select_related = ("container",)
    search_fields = ("container__id", "container__content_id")


@admin.register(Cover)
class CoverAdmin(LookingAdmin):
    list_display = ("paid_file", "media_type", "width", "height", "created_at")
    list_select_related = ("paid_file",)
    search_fields = ("paid_file__id", "sha256")


@admin.register(Failure)
class FailureAdmin(LookingAdmin):
    list_display = ("purchase", "step", "code", "segment", "created_at", "closed_at")
    list_filter = ("step", "code", ("closed_at", admin.EmptyFieldListFilter))
    list_select_related = ("purchase",)
    search_fields = ("purchase__id", "code")


@admin.register(Cursor)
class CursorAdmin(LookingAdmin):
    list_display = ("name", "position")
    search_fields = ("name",)
