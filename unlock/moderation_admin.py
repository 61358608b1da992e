"""The moderators' workplace: the queue of reports, decisions with their appeals, and the audit log.

Rows are not edited. Each decision goes through ``moderation``, with a reason, and is written down.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone

from payments import payouts
from payments.errors import ServiceError
from unlock import journal, moderation, quotas, reports, sightings, suspensions
from unlock.looking import LookingAdmin, Question, reason_of
from unlock.models import AuditEntry, Block, InvitationUse, Measure, Quota, Report, Suspension
from unlock.moderation import Ruling
from unlock.states import Ground, ReportState
from unlock.tasks.removals import ask_withdraw

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.urls import URLPattern

_SHOWN: Final = 50
# Nothing of a stranger's file runs, loads or asks anything, whatever it is.
_SANDBOX: Final = "default-src 'none'; img-src 'self'; sandbox; frame-ancestors 'none'"


class _DecidingAdmin(LookingAdmin):
    """A row with a page to decide about it: ``decide`` of the subclass does what the form says."""

    def get_urls(self) -> list[URLPattern]:
        own = path(
            "<uuid:key>/decide/",
            self.admin_site.admin_view(self.decide_view),
            name=f"unlock_{self.opts.model_name}_decide",
        )
        return [own, *super().get_urls()]

    def decide_view(self, request: HttpRequest, key: Any) -> HttpResponse:
        if not self.has_moderate_permission(request):
            raise PermissionDenied
        row = get_object_or_404(self.model, pk=key)
        here = reverse(f"admin:unlock_{self.opts.model_name}_change", args=[key])
        if request.method != "POST":
            return HttpResponseRedirect(here)
        try:
            done = self.decide(request, row)
        except ServiceError as error:
            messages.error(request, f"{error.message} {error.hint}")
        else:
            self.log_change(request, row, done)
            messages.success(request, f"Done: {done}.")
        return HttpResponseRedirect(here)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """With what the decision rests on."""
        row = self.get_object(request, object_id)
        facts = {
            "may_decide": self.has_moderate_permission(request),
            **(self.facts(row) if row else {}),
        }
        return super().change_view(
            request, object_id, form_url, extra_context={**facts, **(extra_context or {})}
        )

    @abstractmethod
    def facts(self, row: Any) -> dict[str, Any]:
        """What the page of this row tells beside its fields."""

    @abstractmethod
    def decide(self, request: HttpRequest, row: Any) -> str:
        """Do it, and say what was done. Raises ServiceError; nothing was done then."""


@admin.register(Report)
class ReportAdmin(_DecidingAdmin):
    list_display = ("created_at", "kind", "state", "paid_file", "creator", "has_proof", "email")
    list_filter = ("state", "kind", "created_at")
    list_select_related = ("paid_file__creator__user",)
    search_fields = (
        "reference", "text", "name", "email", "paid_file__id", "paid_file__title",
        "paid_file__creator__user__username",
    )  # fmt: skip
    ordering = ("-state", "created_at")  # open ones first, the oldest of them first
    change_form_template = "admin/unlock/report.html"

    @admin.display
    def creator(self, report: Report) -> str:
        return str(report.paid_file.creator)

    @admin.display(boolean=True, description="proof")
    def has_proof(self, report: Report) -> bool:
        return report.segment is not None

    def get_urls(self) -> list[URLPattern]:
        segment = path(
            "<uuid:key>/segment/<str:shape>/",
            self.admin_site.admin_view(self.segment_view),
            name="unlock_report_segment",
        )
        return [segment, *super().get_urls()]

    def decide(self, request: HttpRequest, row: Report) -> str:
        said = request.POST
        by, now = _who(request), timezone.now()
        reason, statement = said.get("reason", ""), said.get("statement", "")
        if said.get("act") == "dismiss":
            moderation.dismiss(row.pk, by=by, statement=statement or reason, now=now)
            return "dismissed"
        ruling = Ruling(by=by, reason=reason, ground=_ground(said.get("ground")), report=row)
        with transaction.atomic():
            done = self._act(row, ruling, said)
            moderation.act(row.pk, by=by, statement=statement or reason, now=now)
            for other in self._alike(row) if "alike" in said else ():
                moderation.act(other.pk, by=by, statement=statement or reason, now=now)
        ask_withdraw()
        return ", ".join(done)

    def segment_view(self, request: HttpRequest, key: Any, shape: str) -> HttpResponse:
        """The one proved piece, shown so that nothing in it can act. Looking is written down."""
        if not self.has_moderate_permission(request):
            raise PermissionDenied
        row = get_object_or_404(Report, pk=key)
        now = timezone.now()
        try:
            opened = reports.open_segment(row, now=now)
        except ServiceError as error:
            messages.error(request, f"{error.message} {error.hint}")
            return HttpResponseRedirect(reverse("admin:unlock_report_change", args=[key]))
        journal.note(row, "piece seen", who=_who(request), now=now)
        shown = sightings.of(opened.plain, shape)
        answer = HttpResponse(shown.body, content_type=shown.content_type)
        answer["Content-Security-Policy"] = _SANDBOX
        answer["Content-Disposition"] = "inline"
        return answer

    @staticmethod
    def _act(row: Report, ruling: Ruling, said: Any) -> list[str]:
        now, done = timezone.now(), []
        paid_file = row.paid_file
        if said.get("act") == "pause":
            moderation.pause(paid_file.pk, ruling, now=now)
            done.append("paused")
        if said.get("act") == "remove":
            deletes = "deletes" in said
            moderation.remove(paid_file.pk, ruling, deletes=deletes, now=now)
            done.append("removed, its copies are deleted later" if deletes else "removed")
        if "block_content" in said:
            moderation.block_content(paid_file, ruling, now=now)
            done.append("content blocked")
        if "block_payout" in said:
            moderation.block_payout(paid_file.creator, ruling, now=now)
            done.append("payout blocked")
        if "suspend" in said:
            suspensions.suspend(paid_file.creator, ruling, now=now)
            done.append("creator suspended")
        return done or ["noted"]

    @staticmethod
    def _alike(row: Report) -> QuerySet[Report]:
        waiting = Report.objects.filter(paid_file=row.paid_file_id, state=ReportState.OPEN)
        return waiting.exclude(pk=row.pk)

    def facts(self, row: Report) -> dict[str, Any]:
        creator = row.paid_file.creator
        payout = payouts.current(creator.pk)
        return {
            "report": row,
            "is_open": row.state == ReportState.OPEN,
            "alike": self._alike(row).count(),
            "strikes": moderation.strikes_of(creator.pk),
            "room": quotas.of(creator),
            "payout": "" if payout is None else payout.shown,
            "measures": Measure.objects.filter(paid_file=row.paid_file_id).order_by("-created_at"),
            "history": journal.of(row.paid_file, creator, row)[:_SHOWN],
            "shapes": sightings.SHAPES,
        }


@admin.register(Measure)
class MeasureAdmin(_DecidingAdmin):
    list_display = ("created_at", "kind", "paid_file", "decided_by", "appealed_at", "answered_at",
                    "deletes_at", "lifted_at")  # fmt: skip
    list_filter = (
        "kind",
        ("appealed_at", admin.EmptyFieldListFilter),
        ("answered_at", admin.EmptyFieldListFilter),
        ("lifted_at", admin.EmptyFieldListFilter),
    )
    list_select_related = ("paid_file",)
    search_fields = ("paid_file__id", "paid_file__title", "reason", "appeal")
    ordering = ("-created_at",)
    change_form_template = "admin/unlock/measure.html"

    def facts(self, row: Measure) -> dict[str, Any]:
        return {"measure": row}

    def decide(self, request: HttpRequest, row: Measure) -> str:
        by, now = _who(request), timezone.now()
        reason, act = request.POST.get("reason", ""), request.POST.get("act")
        if act == "grant":
            moderation.grant_appeal(row.pk, by=by, answer=reason, now=now)
            return "the appeal was granted"
        if act == "refuse":
            moderation.refuse_appeal(row.pk, by=by, answer=reason, now=now)
            return "the appeal was refused"
        moderation.restore(row.pk, by=by, reason=reason, now=now)
        return "restored"


@admin.register(Suspension)
class SuspensionAdmin(_DecidingAdmin):
    list_display = ("created_at", "creator", "reason", "decided_by", "appealed_at", "answered_at",
                    "lifted_at")  # fmt: skip
    list_filter = MeasureAdmin.list_filter[1:]
    list_select_related = ("creator__user",)
    search_fields = ("creator__user__username", "reason", "appeal")
    ordering = ("-created_at",)
    change_form_template = "admin/unlock/suspension.html"

    def facts(self, row: Suspension) -> dict[str, Any]:
        return {
            "suspension": row,
            "strikes": moderation.strikes_of(row.creator_id),
            "history": journal.of(row.creator)[:_SHOWN],
        }

    def decide(self, request: HttpRequest, row: Suspension) -> str:
        by, now = _who(request), timezone.now()
        reason, act = request.POST.get("reason", ""), request.POST.get("act")
        if act == "grant":
            suspensions.grant(row.pk, by=by, answer=reason, now=now)
            return "the appeal was granted, the account is open again"
        if act == "refuse":
            suspensions.uphold(row.pk, by=by, answer=reason, now=now)
            return "the appeal was refused"
        suspensions.reinstate(row.creator, by=by, reason=reason, now=now)
        return "the suspension was lifted"


@admin.register(Block)
class BlockAdmin(LookingAdmin):
    list_display = ("kind", "value", "reason", "decided_by", "created_at", "lifted_at")
    list_filter = ("kind", ("lifted_at", admin.EmptyFieldListFilter))
    search_fields = ("value", "reason")
    ordering = ("-created_at",)
    actions = ("unblock",)

    @admin.action(description="Lift the block", permissions=["moderate"])
    def unblock(self, request: HttpRequest, queryset: QuerySet[Block]) -> None:
        for row in queryset:
            moderation.unblock(row.pk, by=_who(request), now=timezone.now())
            self.log_change(request, row, "unblocked")


@admin.register(AuditEntry)
class AuditEntryAdmin(LookingAdmin):
    list_display = ("at", "who", "action", "subject", "title", "reason")
    list_filter = ("action", "subject", "at")
    search_fields = ("who", "title", "reason", "subject_id")
    ordering = ("-at", "-pk")
    change_list_template = "admin/unlock/audit_log.html"

    def get_urls(self) -> list[URLPattern]:
        export = path(
            "export/", self.admin_site.admin_view(self.export_view), name="unlock_auditentry_export"
        )
        return [export, *super().get_urls()]

    def export_view(self, request: HttpRequest) -> StreamingHttpResponse:
        """The whole log as CSV."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        answer = StreamingHttpResponse(journal.csv_lines(), content_type="text/csv")
        answer["Content-Disposition"] = 'attachment; filename="audit-log.csv"'
        return answer


@admin.register(Quota)
class QuotaAdmin(LookingAdmin):
    list_display = ("creator", "max_bytes", "max_files")
    list_select_related = ("creator__user",)
    search_fields = ("creator__user__username",)


@admin.register(InvitationUse)
class InvitationUseAdmin(LookingAdmin):
    list_display = ("invitation", "creator", "created_at")
    list_select_related = ("invitation", "creator__user")
    search_fields = ("invitation__note", "creator__user__username")


@admin.action(description="Sign out everywhere", permissions=["moderate"])
def sign_out(
    model_admin: LookingAdmin, request: HttpRequest, queryset: QuerySet[Any]
) -> TemplateResponse | None:
    """An action of creators: ends their sessions; they log in again with their password."""
    reason = reason_of(request)
    if not reason:
        warning = "Every browser of theirs is signed out; they can log in again. Tokens stay."
        return model_admin.ask(request, queryset, Question("sign_out", "Sign out", warning))
    ruled: dict[str, Any] = {"by": _who(request), "reason": reason, "now": timezone.now()}

    def end(creator: Any) -> str:
        return f"signed out of {moderation.sign_out(creator, **ruled)}"

    model_admin.each(request, queryset, end, done="signed out")
    return None


@admin.action(description="Set what they may store", permissions=["moderate"])
def set_quota(
    model_admin: Any, request: HttpRequest, queryset: QuerySet[Any]
) -> TemplateResponse | None:
    """An action of creators: asks for bytes and files, then sets both."""
    if "confirmed" not in request.POST:
        facts = {
            **model_admin.admin_site.each_context(request),
            "title": "What they may store",
            "rooms": [(each, quotas.of(each)) for each in queryset],
            "back": reverse("admin:unlock_creator_changelist"),
        }
        return TemplateResponse(request, "admin/unlock/set_quota.html", facts)
    try:
        allowed = quotas.Allowance.parse(
            request.POST.get("max_bytes", ""), request.POST.get("max_files", "")
        )
    except ValueError:
        messages.error(request, "Give whole numbers, or nothing for what the settings say.")
        return None
    for creator in queryset:
        quotas.allow(creator, allowed, who=_who(request), now=timezone.now())
        messages.success(request, f"{creator}: set.")
    return None


def _ground(text: str | None) -> Ground:
    return Ground(text) if text in list(Ground) else Ground.TERMS


def _who(request: HttpRequest) -> str:
    return str(request.user.get_username())
