"""Purchases for support: found by order, invoice, address or transaction, and helped on by safe actions.

No key is handed out here: a grant or a look at the chain only lets the release's own gate decide.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin, messages
from django.db import transaction
from django.utils import timezone

from payments import finding, hints, refunds
from payments.errors import RefundMissing
from unlock import grants, journal
from unlock.looking import LookingAdmin, Question, reason_of, who
from unlock.models import Grant, KeyRelease, Purchase
from unlock.states import GrantKind
from unlock.tasks.keys import ask_release

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

_TXID: Final = re.compile(r"[0-9a-f]{64}")


class RefundFilter(admin.SimpleListFilter):
    title = "refund"
    parameter_name = "refund"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        del request, model_admin
        return [("open", "open")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        del request
        return queryset.filter(invoice_id__in=finding.owing()) if self.value() else queryset


@admin.register(Purchase)
class PurchaseAdmin(LookingAdmin):
    list_display = ("id", "paid_file", "is_proof", "release_due_at", "created_at")
    list_filter = (
        RefundFilter,
        "is_proof",
        ("release_due_at", admin.EmptyFieldListFilter),
        "created_at",
    )
    list_select_related = ("paid_file",)
    search_fields = ("id", "invoice_id", "content_id", "paid_file__id", "paid_file__title")
    search_help_text = "An order's or invoice's id, an address, a transaction's id, or a title"
    ordering = ("-created_at",)
    actions = ("look_again", "release_again", "grant", "close_refund")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Also by what support is told: an address, or a transaction's id."""
        named = finding.named(search_term.strip())
        if named is not None:
            return queryset.filter(invoice_id__in=named), False
        return super().get_search_results(request, queryset, search_term)

    def has_grant_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("unlock.add_grant")

    @admin.action(description="Look at the chain now", permissions=["moderate"])
    def look_again(self, request: HttpRequest, queryset: QuerySet[Purchase]) -> None:
        def look(purchase: Purchase) -> None:
            if purchase.invoice_id is not None:
                hints.ask_reconcile(purchase.invoice_id)
            self._note(request, purchase, "look again")

        self.each(request, queryset, look, done="is looked at again")

    @admin.action(description="Release the key now, if it is owed", permissions=["moderate"])
    def release_again(self, request: HttpRequest, queryset: QuerySet[Purchase]) -> None:
        def release(purchase: Purchase) -> None:
            ask_release(purchase.id)
            self._note(request, purchase, "release again")

        self.each(request, queryset, release, done="a worker looks whether its key is owed")

    @admin.action(description="Grant: the key without a payment", permissions=["grant"])
    def grant(self, request: HttpRequest, queryset: QuerySet[Purchase]) -> HttpResponse | None:
        """One per purchase; one that has a grant keeps it."""
        reason = reason_of(request)
        if not reason:
            warning = "Each opens its file from now on, paid or not. It cannot be taken back."
            return self.ask(request, queryset, Question("grant", "Grant", warning))

        def give(purchase: Purchase) -> None:
            user: Any = request.user
            given = {"now": timezone.now(), "reason": reason, "granted_by": user}
            with transaction.atomic():
                grants.give(purchase.id, GrantKind.STAFF, **given)
                self._note(request, purchase, "grant", reason)
                ask_release(purchase.id)

        self.each(request, queryset, give, done="granted")
        return None

    @admin.action(description="Refund: settled in another way", permissions=["moderate"])
    def close_refund(
        self, request: HttpRequest, queryset: QuerySet[Purchase]
    ) -> HttpResponse | None:
        """A refund that was paid is seen by itself; this is for what the chain does not show."""
        reason, txid = reason_of(request), request.POST.get("txid", "").strip().lower()
        is_wrong = bool(txid) and not _TXID.fullmatch(txid)
        if is_wrong:
            messages.error(request, "A transaction's id has 64 digits and letters a to f.")
        if is_wrong or not reason:
            warning = (
                "The open refund of each is closed; a payment to its address closes it by itself."
            )
            question = Question(
                "close_refund", "Close the refund", warning, shown_to="the buyer",
                more=("txid", "The transaction's id, if there is one"),
            )  # fmt: skip
            return self.ask(request, queryset, question)
        note = f"{reason[:220]} ({txid})" if txid else reason

        def close(purchase: Purchase) -> None:
            if purchase.invoice_id is None:
                raise RefundMissing("No refund of this order is open.")
            with transaction.atomic():
                refunds.close(purchase.invoice_id, note=note, now=timezone.now())
                self._note(request, purchase, "refund closed", note)

        self.each(request, queryset, close, done="its refund is closed")
        return None

    @staticmethod
    def _note(request: HttpRequest, purchase: Purchase, action: str, reason: str = "") -> None:
        journal.note(purchase, action, who=who(request), reason=reason, now=timezone.now())


@admin.register(Grant)
class GrantAdmin(LookingAdmin):
    list_display = ("purchase", "kind", "granted_by", "reason", "created_at")
    list_filter = ("kind", "created_at")
    list_select_related = ("purchase", "granted_by")
    search_fields = ("purchase__id", "purchase__paid_file__title", "reason")


@admin.register(KeyRelease)
class KeyReleaseAdmin(LookingAdmin):
    list_display = ("purchase", "created_at", "first_fetched_at")
    list_filter = (("first_fetched_at", admin.EmptyFieldListFilter), "created_at")
    list_select_related = ("purchase",)
    search_fields = ("purchase__id", "h_s")
