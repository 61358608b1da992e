"""Payments in the admin: to look and to search. State machines own the rows, so nothing is edited.

Secrets (seeds, xpubs) and raw bytes are not shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone

from payments import finding, health, models, rate_report, rate_table
from payments.amounts import Price
from payments.lists import ListAdmin

if TYPE_CHECKING:  # Django's classes take a parameter for the type checker only
    from django.db.models import QuerySet

    BaseInline = admin.TabularInline[Any, Any]
else:
    BaseInline = admin.TabularInline


class RowsInline(BaseInline):
    """Rows below their parent, to look at."""

    extra = 0
    can_delete = False
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        del request, obj
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        del request, obj
        return False


class AddressInline(RowsInline):
    model = models.Address
    fields = ("shown", "index", "payout")


class QuoteInline(RowsInline):
    model = models.Quote
    fields = ("due_sat", "min_sat", "rate", "sources", "quoted_at", "until")


class OutputInline(RowsInline):
    model = models.Output
    fields = ("transaction", "vout", "value_sat", "chain", "height", "spv_ok", "forward")


class EventInline(RowsInline):
    model = models.Event
    fields = ("seq", "kind", "was", "state", "flags", "at")


@admin.register(models.Invoice)
class InvoiceAdmin(ListAdmin):
    list_display = (
        "id",
        "state",
        "price",
        "due_sat",
        "seen_sat",
        "settled_at",
    )
    list_filter = ("state", "settled_at", "created_at")
    search_fields = ("id",)
    search_help_text = "An order's id, an address, or a transaction's id"
    ordering = ("-created_at",)
    inlines: ClassVar = [AddressInline, QuoteInline, OutputInline, EventInline]

    @admin.display(ordering="price_amount")
    def price(self, invoice: models.Invoice) -> str:
        return str(Price(invoice.price_amount, invoice.price_currency))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        named = finding.named(search_term.strip())
        if named is not None:
            return queryset.filter(pk__in=named), False
        return super().get_search_results(request, queryset, search_term)


@admin.register(models.Payout)
class PayoutAdmin(ListAdmin):
    list_display = ("shown", "kind", "network", "owner", "next_index", "retired_at", "created_at")
    list_filter = ("kind", "network")
    search_fields = ("id", "owner", "shown")


@admin.register(models.Address)
class AddressAdmin(ListAdmin):
    list_display = ("shown", "invoice", "payout", "index")
    list_select_related = ("invoice", "payout")
    search_fields = ("script", "invoice__id")


@admin.register(models.Quote)
class QuoteAdmin(ListAdmin):
    list_display = ("invoice", "due_sat", "rate", "quoted_at", "until")
    list_select_related = ("invoice",)
    search_fields = ("invoice__id",)


@admin.register(models.Output)
class OutputAdmin(ListAdmin):
    list_display = (
        "transaction_id",
        "vout",
        "value_sat",
        "chain",
        "height",
        "spv_ok",
        "doubted",
        "has_token",
        "invoice",
    )
    list_filter = ("chain", "spv_ok", "doubted", "has_token")
    list_select_related = ("invoice",)
    search_fields = ("transaction", "invoice__id")


@admin.register(models.ChainTransaction)
class ChainTransactionAdmin(ListAdmin):
    list_display = ("txid", "own_forward", "first_seen_at")
    list_filter = ("own_forward",)
    search_fields = ("txid",)


@admin.register(models.Event)
class EventAdmin(ListAdmin):
    list_display = ("position", "invoice", "seq", "kind", "was", "state", "at")
    list_filter = ("kind", "state")
    list_select_related = ("invoice",)
    search_fields = ("invoice__id",)


@admin.register(models.Forward)
class ForwardAdmin(ListAdmin):
    list_display = ("txid", "payout", "value_sat", "fee_sat", "broadcast_at", "mined_height")
    list_filter = (("mined_height", admin.EmptyFieldListFilter), "dropped_at")
    list_select_related = ("payout",)
    search_fields = ("txid",)


def _is_shown(each: rate_report.CurrencyReport, wanted: str) -> bool:
    """In full: what was asked for, or what has bounds of its own or an alarm."""
    if wanted:
        return each.currency.startswith(wanted)
    return each.currency in rate_table.bounds() or bool(each.alarms)


@admin.register(models.Rate)
class RateAdmin(ListAdmin):
    """Instead of a list of rows: each currency with its sources, and why some are not believed."""

    search_fields = ("currency",)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = rate_report.report(now=timezone.now())
        wanted = request.GET.get("q", "").strip().upper()[:20]
        shown = [each for each in found.currencies if _is_shown(each, wanted)]
        context = {
            **self.admin_site.each_context(request),
            **(extra_context or {}),
            "title": "Exchange rates",
            "opts": self.opts,
            "report": found,
            "wanted": wanted,
            "shown": shown,
            "others": [] if wanted else [each for each in found.currencies if each not in shown],
        }
        return TemplateResponse(request, "admin/payments/rates.html", context)


@admin.register(models.RateSample)
class RateSampleAdmin(ListAdmin):
    list_display = ("source", "currency", "rate", "at", "error")
    list_filter = ("source",)
    search_fields = ("currency", "source")


@admin.register(models.ManualRate)
class ManualRateAdmin(ListAdmin):
    list_display = ("owner", "currency", "rate", "at")
    search_fields = ("owner", "currency")


@admin.register(models.Terms)
class TermsAdmin(ListAdmin):
    list_display = (
        "owner",
        "honour_sats",
        "tolerance_bps",
        "instant_invoice_sat",
        "instant_total_sat",
        "changed_at",
    )
    search_fields = ("owner",)


@admin.register(models.Refund)
class RefundAdmin(ListAdmin):
    list_display = ("invoice", "reason", "due_sat", "address", "asked_at", "txid", "closed_at")
    list_filter = ("reason", ("closed_at", admin.EmptyFieldListFilter))
    list_select_related = ("invoice",)
    search_fields = ("invoice__id", "address", "txid")


@admin.register(models.HeaderPage)
class HeaderPageAdmin(ListAdmin):
    list_display = ("start_height",)


@admin.register(models.Heartbeat)
class HeartbeatAdmin(ListAdmin):
    """The rows as they are, and the page that says what they mean."""

    list_display = ("name", "at", "detail")

    def get_urls(self) -> list[Any]:
        page = self.admin_site.admin_view(self.watcher_view)
        return [path("watcher/", page, name="payments_watcher"), *super().get_urls()]

    def watcher_view(self, request: HttpRequest) -> TemplateResponse:
        """Whether payments can be seen right now, in plain sentences."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = health.report(now=timezone.now())
        context = {
            **self.admin_site.each_context(request),
            "title": "Watcher",
            "report": found,
            "verdict": _VERDICTS[found.level],
            "findings": [(each, _WORDS[each.level]) for each in found.findings],
            "tiers": [(name, _OFTEN[name], tier) for name, tier in found.tiers.items()],
        }
        return TemplateResponse(request, "admin/payments/watcher.html", context)


_VERDICTS = {
    health.Level.OK: "All is well: payments are seen and settle.",
    health.Level.WARN: "Payments are seen, but something needs a look.",
    health.Level.BAD: "Payments may not be seen, or do not settle. None is lost.",
}
_WORDS = {health.Level.OK: "Good.", health.Level.WARN: "Look at this.", health.Level.BAD: "Broken."}
_OFTEN = {
    "hot": "at every sweep, and by push",
    "settling": "at every block",
    "warm": "every half hour",
    "cold": "once a day, for ever",
}


@admin.register(models.Counter)
class CounterAdmin(ListAdmin):
    list_display = ("name", "value")
