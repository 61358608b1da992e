"""``/metrics`` in Prometheus' text format, for whoever has ``KIM_METRICS_TOKEN``. Counts and ages only.

Everything is read when it is asked for, in a few dozen small queries: no process keeps counters.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from datetime import datetime

from django.conf import settings
from django.db.models import Count, Min
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone

from payments import health
from payments.health import Report
from payments.models import Invoice
from payments.states import InvoiceState
from unlock import losses
from unlock.models import Delivery, Purchase, Upload
from unlock.states import DeliveryState, UploadState

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
UPLOADING = (UploadState.OPEN, UploadState.COMPLETING, UploadState.VERIFYING)

Labels = Mapping[str, str]


def read(request: HttpRequest) -> HttpResponse:
    """All figures; 404 without a token in the settings, 401 without the right one in the request."""
    token = settings.KIM_METRICS_TOKEN
    if not token:
        raise Http404
    given = request.headers.get("Authorization", "")
    if not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    return HttpResponse(text(now=timezone.now()), content_type=CONTENT_TYPE)


def text(*, now: datetime) -> str:
    """Every family once, with its help, in a steady order."""
    lines: list[str] = []
    told = ""
    for name, help_text, labels, value in _all(health.report(now=now), now):
        if value is None:
            continue
        if name != told:
            lines += [f"# HELP {name} {help_text}", f"# TYPE {name} gauge"]
            told = name
        lines.append(f"{name}{_braces(labels)} {value:g}")
    return "\n".join(lines) + "\n"


Figure = tuple[str, str, Labels, float | None]


def _all(report: Report, now: datetime) -> Iterator[Figure]:
    yield from _invoices(report)
    yield from _watching(report)
    yield from _servers(report)
    yield from _waiting(report, now)


def _invoices(report: Report) -> Iterator[Figure]:
    found = dict(Invoice.objects.values_list("state").annotate(count=Count("pk")))
    for state in InvoiceState:
        told = "Invoices by state."
        yield "kim_invoices", told, {"state": state.value}, found.get(state.value, 0)
    for name, tier in report.tiers.items():
        yield "kim_watched_invoices", "Invoices by watch tier.", {"tier": name}, tier.count
    for name, tier in report.tiers.items():
        told = "Invoices that a sweep should have looked at by now."
        yield "kim_backlog", told, {"tier": name}, tier.backlog


def _watching(report: Report) -> Iterator[Figure]:
    yield "kim_sweep_seconds", "How long the last sweep took.", {}, report.sweep_seconds
    ages = (
        ("kim_sweep_age_seconds", "Since the last sweep ended.", report.swept_at),
        ("kim_push_age_seconds", "Since a server last pushed anything.", report.pushed_at),
        ("kim_daemon_age_seconds", "Since the push daemon was last alive.", report.daemon_at),
        ("kim_tip_age_seconds", "Since the last block was mined.", report.tip_at),
        ("kim_rate_age_seconds", "Since the last exchange rate.", report.rate_at),
    )
    for name, told, moment in ages:
        yield name, told, {}, _seconds_since(moment, report.at)
    yield "kim_tip_height", "The last block of our own header chain.", {}, report.tip_height
    yield "kim_watch_stale", "1 while no sweep succeeds.", {}, report.is_stale
    yield "kim_settling_held", "1 while nothing may settle.", {}, report.is_held
    yield "kim_rates_down", "1 while no exchange rate is valid.", {}, report.rates_down
    drift = None if report.clock_drift is None else report.clock_drift.total_seconds()
    yield "kim_clock_drift_seconds", "Our clock ahead of new blocks' times.", {}, drift
    for name, by in report.ahead_of_database.items():
        told, process = "A clock ahead of the database's.", {"process": name}
        yield "kim_clock_ahead_seconds", told, process, by.total_seconds()


def _servers(report: Report) -> Iterator[Figure]:
    for each in report.servers:
        told = "1 while the Electrum server is connected."
        yield "kim_server_live", told, {"server": each.name}, each.is_live
    for each in report.servers:
        told = "1 while its word does not count towards agreement."
        yield "kim_server_demoted", told, {"server": each.name}, bool(each.demoted)
    for each in report.servers:
        told = "Blocks behind our own header chain."
        yield "kim_server_behind_blocks", told, {"server": each.name}, each.behind_blocks


def _waiting(report: Report, now: datetime) -> Iterator[Figure]:
    told = "Forwards to creators that are not final yet."
    yield "kim_forwards_waiting", told, {}, report.forwards_waiting
    oldest = _seconds_since(report.forwards_oldest_at, now)
    yield "kim_forwards_oldest_seconds", "Age of the oldest of them.", {}, oldest
    waiting = Delivery.objects.filter(state=DeliveryState.WAITING)
    yield "kim_outbox_waiting", "Webhook messages to be delivered.", {}, waiting.count()
    owed = Purchase.objects.filter(release_due_at__isnull=False)
    found = owed.aggregate(count=Count("pk"), oldest=Min("release_due_at"))
    yield "kim_releases_owed", "Paid purchases whose key is to be released.", {}, found["count"]
    overdue = _seconds_since(found["oldest"], now)
    yield "kim_releases_oldest_seconds", "How long the first of them is overdue.", {}, overdue
    uploads = Upload.objects.filter(state__in=UPLOADING).count()
    yield "kim_uploads_open", "Uploads that are neither verified nor given up.", {}, uploads
    told = "Contents for sale or sold of which no good copy is left."
    yield "kim_contents_lost", told, {}, losses.lost().count()


def _seconds_since(moment: datetime | None, now: datetime) -> float | None:
    return None if moment is None else (now - moment).total_seconds()


def _braces(labels: Labels) -> str:
    told = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{told}}}" if told else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
