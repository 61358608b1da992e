"""The first page of the admin: what needs somebody, how sales go, and whether everything runs.

A panel is made only for whoever may see the rows behind it; each figure leads to these rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from django.urls import reverse

from payments import health, rate_report, rate_table, turnover
from payments.amounts import format_bch
from payments.health_report import Level, ago, span
from unlock import egress, quotas, workload
from unlock.templatetags.figures import size

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from django.http import HttpRequest

    from unlock.workload import Queue

_RATES_MOST: Final = 6


@dataclass(frozen=True, slots=True)
class Figure:
    """One line: what, how much, and where its rows are. ``level`` is "", "ok", "warn" or "bad"."""

    label: str
    value: str
    link: str = ""
    level: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    title: str
    figures: Sequence[Figure]


def panels(request: HttpRequest, *, now: datetime) -> list[Panel]:
    """Those that this member of staff may see, what waits for them first."""
    user = request.user
    made = []
    for title, parts in _PANELS:
        figures = [figure for right, make in parts if user.has_perm(right) for figure in make(now)]
        if figures:
            made.append(Panel(title, figures))
    return made


def _reports(now: datetime) -> list[Figure]:
    link = _list("unlock", "report", state__exact="open")
    return [_waiting("Open reports", workload.reports(), link, now, level="warn")]


def _appeals(now: datetime) -> list[Figure]:
    link = _list(
        "unlock", "measure", appealed_at__isempty=0, answered_at__isempty=1, lifted_at__isempty=1
    )
    return [_waiting("Open appeals", workload.appeals(), link, now, level="warn")]


def _suspension_appeals(now: datetime) -> list[Figure]:
    waiting = {"appealed_at__isempty": 0, "answered_at__isempty": 1, "lifted_at__isempty": 1}
    link = _list("unlock", "suspension", **waiting)
    figure = workload.suspension_appeals()
    return [_waiting("Open appeals of suspended creators", figure, link, now, level="warn")]


def _refunds(now: datetime) -> list[Figure]:
    owed = turnover.owed()
    return [
        Figure(
            "Refunds to be sent",
            f"{owed.count:,}",
            _list("payments", "refund", closed_at__isempty=1),
            "warn" if owed.count else "ok",
            f"{format_bch(owed.rest_sat)} BCH, the oldest {_age(owed.oldest_at, now)}"
            if owed.count
            else "",
        )
    ]


def _failures(now: datetime) -> list[Figure]:
    link = _list("unlock", "failure", closed_at__isempty=1)
    return [_waiting("Buyers who cannot open", workload.failures(), link, now, level="warn")]


def _releases(now: datetime) -> list[Figure]:
    link = _list("unlock", "purchase", release_due_at__isempty=0)
    late = workload.late_releases(now=now)
    return [_waiting("Keys owed for minutes", late, link, now, level="bad")]


def _deliveries(now: datetime) -> list[Figure]:
    link = _list("unlock", "delivery", state__exact="given_up")
    given_up = workload.given_up(now=now)
    return [_waiting("Webhooks given up, 7 days", given_up, link, now, level="warn")]


def _notices(now: datetime) -> list[Figure]:
    link = _list("unlock", "notice", mail_due_at__isempty=0)
    return [_waiting("E-mails that were refused", workload.unsent_mail(), link, now, level="warn")]


def _uploads(now: datetime) -> list[Figure]:
    link = _list("unlock", "upload", state__exact="failed")
    failed = workload.failed_uploads(now=now)
    return [_waiting("Uploads failed, 7 days", failed, link, now, level="warn")]


def _late_copies(now: datetime) -> list[Figure]:
    link = _list("unlock", "copy", wanted_at__isempty=0)
    late = workload.late_copies(now=now)
    return [_waiting("Copies that wait for an hour", late, link, now, level="warn")]


def _sales(now: datetime) -> list[Figure]:
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    named = {
        "Today (UTC)": today,
        "7 days": now - timedelta(days=7),
        "30 days": now - timedelta(days=30),
    }
    found = turnover.since(list(named.values()), without=workload.proofs())
    return [
        Figure(
            f"{name}: {each.count:,} {'sale' if each.count == 1 else 'sales'}",
            f"{format_bch(each.settled_sat)} BCH",
            _list(
                "payments", "invoice", state__exact="PAID", settled_at__gte=each.since.isoformat()
            ),
            note=", ".join(str(price) for price in each.prices),
        )
        for name, each in zip(named, found, strict=True)
    ]


def _storage(now: datetime) -> list[Figure]:
    del now
    room, lost = quotas.of_instance(), workload.lost()
    of = f"of {size(room.max_bytes)}" if room.max_bytes else "no limit"
    is_full = room.max_bytes and room.used_bytes > 0.9 * room.max_bytes
    figures = [
        Figure(
            f"Stored: {room.used_files:,} {'file' if room.used_files == 1 else 'files'}",
            size(room.used_bytes),
            _list("unlock", "container"),
            "warn" if is_full else "",
            of,
        )
    ]
    for shelf in workload.shelves():
        figures.append(
            Figure(
                f"Copies on {shelf.store}: {shelf.copies:,}",
                size(shelf.size_bytes),
                _list("unlock", "copy", store=shelf.store),
            )
        )
        if shelf.damaged:
            link = _list("unlock", "copy", store=shelf.store, damaged_at__isempty=0)
            figures.append(Figure(f"Damaged on {shelf.store}", f"{shelf.damaged:,}", link, "bad"))
    if lost:
        link = _list("unlock", "copy", damaged_at__isempty=0)
        figures.append(Figure("Contents without a good copy", f"{lost:,}", link, "bad"))
    return figures


def _egress(now: datetime) -> list[Figure]:
    most = egress.budget().instance_bytes
    today, month = (workload.served(days=days, now=now) for days in (1, 30))
    link = _list("unlock", "egressday")
    of = f"of {size(most)}" if most else "no limit"
    is_near = most and today.shown_bytes > 0.9 * most
    return [
        Figure(
            "Shown for nothing, today", size(today.shown_bytes), link, "warn" if is_near else "", of
        ),
        Figure("To buyers, today", size(today.sold_bytes), link),
        Figure("Shown for nothing, 30 days", size(month.shown_bytes), link),
        Figure("To buyers, 30 days", size(month.sold_bytes), link),
    ]


def _watcher(now: datetime) -> list[Figure]:
    found, backlog = health.report(now=now, has_tiers=False), health.overdue(now=now)
    link = reverse("admin:payments_watcher")
    live = sum(each.is_live for each in found.servers)
    words = {Level.OK: "Well", Level.WARN: "Look at it", Level.BAD: "Broken"}
    return [
        Figure("Payments are seen", words[found.level], link, found.level.value, found.reasons[0] if found.reasons else ""),
        Figure("Servers that answer", f"{live} of {len(found.servers)}", link, "" if live else "bad"),
        Figure("Last block", f"{found.tip_height:,}" if found.tip_height else "none", link, note=f"mined {ago(found.tip_age)}" if found.tip_at else ""),
        Figure("Last push", ago(found.age_of(found.pushed_at)), link),
        Figure("Last sweep", ago(found.age_of(found.swept_at)), link, "bad" if found.is_stale else ""),
        Figure("Invoices overdue for a look", f"{backlog:,}", link, "warn" if backlog else ""),
        Figure("Forwards on their way", f"{found.forwards_waiting:,}", _list("payments", "forward", mined_height__isempty=1)),
    ]  # fmt: skip


def _rates(now: datetime) -> list[Figure]:
    found = rate_report.report(now=now)
    link = reverse("admin:payments_rate_changelist")
    shown = [
        each for each in found.currencies if each.currency in rate_table.bounds() or each.alarms
    ]
    figures = []
    for each in shown[:_RATES_MOST]:
        believed = [line for line in each.lines if line.is_believed]
        apart = ", ".join(f"{line.source} {line.deviation}" for line in believed)
        value = f"{each.rate_text} {each.currency}" if each.last else f"none in {each.currency}"
        age = f"{span(timedelta(seconds=each.age_seconds))} old" if each.last else ""
        figures.append(
            Figure(
                "1 BCH",
                value,
                f"{link}?{urlencode({'q': each.currency})}",
                "bad" if each.is_over or each.last is None else "",
                " · ".join(filter(None, (age, apart))),
            )
        )
    if found.is_development:
        figures.append(Figure("1 BCH", "the fixed development rate", link))
    return figures


def _waiting(label: str, queue: Queue, link: str, now: datetime, *, level: str) -> Figure:
    note = f"the oldest {_age(queue.oldest_at, now)}" if queue.count else ""
    return Figure(label, f"{queue.count:,}", link, level if queue.count else "ok", note)


def _age(moment: datetime | None, now: datetime) -> str:
    return "" if moment is None else ago(now - moment)


def _list(app: str, model: str, **filters: Any) -> str:
    link = reverse(f"admin:{app}_{model}_changelist")
    return f"{link}?{urlencode(filters)}" if filters else link


_Part = tuple[str, "Callable[[datetime], list[Figure]]"]
_PANELS: Final[tuple[tuple[str, tuple[_Part, ...]], ...]] = (
    (
        "What waits",
        (
            ("unlock.view_report", _reports),
            ("unlock.view_measure", _appeals),
            ("unlock.view_suspension", _suspension_appeals),
            ("payments.view_refund", _refunds),
            ("unlock.view_failure", _failures),
        ),
    ),
    (
        "What fails",
        (
            ("unlock.view_purchase", _releases),
            ("unlock.view_delivery", _deliveries),
            ("unlock.view_notice", _notices),
            ("unlock.view_upload", _uploads),
            ("unlock.view_copy", _late_copies),
        ),
    ),
    ("Sales", (("payments.view_invoice", _sales),)),
    ("Watcher", (("payments.view_heartbeat", _watcher),)),
    ("Rates", (("payments.view_rate", _rates),)),
    ("Storage", (("unlock.view_copy", _storage),)),
    ("Egress", (("unlock.view_egressday", _egress),)),
)
