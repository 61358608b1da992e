"""How every row is shown in the admin: everything but the hidden columns, and nothing to edit.

What may be done is an action. One that matters asks for a reason first (``LookingAdmin.ask``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin, messages
from django.template.response import TemplateResponse
from django.urls import reverse

from payments.errors import ServiceError
from payments.lists import ListAdmin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from django.db.models import Model, QuerySet
    from django.http import HttpRequest

REASON_MOST: Final = 300
MOST_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Question:
    """What the page of an action asks before it acts. ``shown_to``: who reads the reason besides
    staff. ``tick``: a box that changes what is done, by name and words.
    """

    action: str
    verb: str
    warning: str
    shown_to: str = ""
    tick: tuple[str, str] | None = None
    more: tuple[str, str] | None = None  # one more line to fill in, by name and words


def reason_of(request: HttpRequest) -> str:
    """What somebody wrote on the page of ``ask``; "" if it was not asked yet, or not answered."""
    return request.POST.get("reason", "").strip()[:REASON_MOST] if is_answer(request) else ""


def is_answer(request: HttpRequest) -> bool:
    return "confirmed" in request.POST


def who(request: HttpRequest) -> str:
    """The name that the audit log keeps."""
    return str(request.user.get_username())


class LookingAdmin(ListAdmin):
    """Everything visible but the hidden columns, nothing changeable but by an action."""

    actions_on_bottom = True
    change_form_template = "admin/looking.html"

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """The page of one row, with what may be done to it."""
        found = self.get_actions(request).items()
        verbs = {
            "verbs": [(name, said[2]) for name, said in found if said],
            "verbs_at": self._list_at(),
        }
        facts = {**verbs, **(extra_context or {})}
        return super().changeform_view(request, object_id, form_url, facts)

    def has_moderate_permission(self, request: HttpRequest) -> bool:
        """Django's own right to change these rows, used for the actions."""
        return admin.ModelAdmin.has_change_permission(self, request)

    def ask(
        self, request: HttpRequest, queryset: QuerySet[Any], question: Question
    ) -> TemplateResponse:
        """The page that asks for the reason; its form comes back to the action."""
        if is_answer(request):
            messages.error(request, "Say why: it is kept in the log.")
        facts = {
            **self.admin_site.each_context(request),
            "title": f"{question.verb}: {queryset.count()} {self.opts.verbose_name_plural}",
            "question": question,
            "rows": queryset[:MOST_AT_ONCE],
            "opts": self.opts,
            "back": self._list_at(),
        }
        return TemplateResponse(request, "admin/ask.html", facts)

    def each(
        self,
        request: HttpRequest,
        rows: Iterable[Model],
        act: Callable[[Any], object],
        *,
        done: str,
    ) -> None:
        """``act`` on every row; what one refuses is told and stops no other. It may say itself what it
        did.
        """
        for row in rows:
            try:
                said = act(row)
            except ServiceError as error:
                messages.error(request, f"{row}: {error.message} {error.hint}")
                continue
            words, reason = said if isinstance(said, str) else done, reason_of(request)
            self.log_change(request, row, f"{words}: {reason}" if reason else words)
            messages.success(request, f"{row}: {words}.")

    def _list_at(self) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
