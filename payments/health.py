"""Whether the watcher can be trusted right now, from what its parts left behind. Asks no network.

``report`` reads heartbeats and counts rows. The admin's page, ``/readyz``, ``/metrics`` and notices
all show the same findings (``health_report``).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING, Any, Final, TypedDict

from django.conf import settings
from django.db.models import Count, Max, Min
from django.utils.dateparse import parse_datetime

from payments import headerchain, headers, heartbeats, rate_table, tiers
from payments.chain import ServerView
from payments.errors import WatcherStale
from payments.health_report import Finding, Level, Part, Report, TierView
from payments.models import Forward, Invoice, Rate
from payments.states import Network

if TYPE_CHECKING:
    from collections.abc import Mapping

    from payments.heartbeats import Beat

__all__ = ["Finding", "Level", "Part", "Report", "TierView", "check_alive", "report"]

STALE_AFTER: Final = timedelta(minutes=3)
LEAST_LAGS: Final = 3  # new blocks that must agree before our clock is doubted


def report(*, now: datetime, has_tiers: bool = True) -> Report:
    """Everything that is known about the watcher at ``now``: a dozen queries. Without the counts of
    the tiers, which read every invoice, they are small.
    """
    beats = heartbeats.everyone()
    swept = beats.get(heartbeats.SWEEP)
    swept_at = None if swept is None else swept.at
    return Report(
        at=now,
        servers=_servers(beats.get(heartbeats.SERVERS)),
        **_chain(beats.get(heartbeats.BLOCK), now),
        **_daemons(beats),
        swept_at=swept_at,
        sweep_seconds=None if swept is None else swept.detail.get("seconds"),
        looked=0 if swept is None else int(swept.detail.get("looked", 0)),
        tiers=_tiers(swept, now) if has_tiers else {},
        is_stale=_is_stale(swept_at, now),
        stale_since=swept_at if _is_stale(swept_at, now) else None,
        **_rates(now),
        **_forwards(),
        ahead_of_database=_ahead(swept),
    )


def overdue(*, now: datetime) -> int:
    """Invoices of any tier that should have been looked at a whole sweep ago, by an index."""
    return Invoice.objects.filter(sweep_due_at__lt=_overdue_at(now)).count()


def check_alive(*, now: datetime) -> None:
    """Raise ``WatcherStale`` when nobody looked at the chain for longer than is right."""
    swept = heartbeats.last(heartbeats.SWEEP)
    if _is_stale(None if swept is None else swept.at, now):
        raise WatcherStale("No sweep of the chain has succeeded lately.")


def _is_stale(swept_at: datetime | None, now: datetime) -> bool:
    limit = max(STALE_AFTER, timedelta(seconds=3 * settings.KIM_SWEEP_SECONDS))
    return swept_at is None or now - swept_at > limit


def _servers(beat: Beat | None) -> tuple[ServerView, ...]:
    rows = [] if beat is None else beat.detail.get("servers", [])
    return tuple(
        ServerView(**{**row, "heard_at": parse_datetime(row["heard_at"] or "")}) for row in rows
    )


class _Chain(TypedDict):
    tip_height: int | None
    tip_at: datetime | None
    is_tip_stale: bool
    is_held: bool
    held_why: str
    clock_drift: timedelta | None


def _chain(beat: Beat | None, now: datetime) -> _Chain:
    detail: Mapping[str, Any] = {} if beat is None else beat.detail
    tip_at = parse_datetime(detail.get("time", ""))
    is_bounded = headers.RULES[Network(settings.KIM_NETWORK)].is_bounded
    age = timedelta() if tip_at is None or not is_bounded else now - tip_at
    held_why = ""
    if age > headerchain.HELD_AFTER:
        held_why = "the last block is more than six hours old."
    elif detail.get("is_held"):
        held_why = "blocks came that were too easy to be believed."
    return _Chain(
        tip_height=detail.get("height"),
        tip_at=tip_at,
        is_tip_stale=age > headerchain.STALE_AFTER,
        is_held=bool(held_why),
        held_why=held_why,
        clock_drift=_drift(detail.get("lags", [])),
    )


def _drift(lags_seconds: list[float]) -> timedelta | None:
    """How far we are ahead of the middle one of the last new blocks; None while too few came."""
    if len(lags_seconds) < LEAST_LAGS:
        return None
    return timedelta(seconds=median(lags_seconds))


def _ahead(swept: Beat | None) -> dict[str, timedelta]:
    """The clock of this process (whoever asks is the web server, nearly always), and of the worker at its last sweep, beside the database's."""
    found = {"web server": heartbeats.ahead_of_database()}
    if swept is not None and "ahead_ms" in swept.detail:
        found["worker"] = timedelta(milliseconds=swept.detail["ahead_ms"])
    return found


class _Daemons(TypedDict):
    daemon_at: datetime | None
    standby_at: datetime | None
    pushed_at: datetime | None
    watched: int


def _daemons(beats: Mapping[str, Beat]) -> _Daemons:
    daemon, standby = beats.get(heartbeats.DAEMON), beats.get(heartbeats.STANDBY)
    detail: Mapping[str, Any] = {} if daemon is None else daemon.detail
    return _Daemons(
        daemon_at=None if daemon is None else daemon.at,
        standby_at=None if standby is None else standby.at,
        pushed_at=parse_datetime(detail.get("pushed_at") or ""),
        watched=int(detail.get("watched", 0)),
    )


def _tiers(swept: Beat | None, now: datetime) -> dict[str, TierView]:
    """Overdue is what should have been looked at a whole sweep ago."""
    overdue_at = _overdue_at(now)
    looked: Mapping[str, str] = {} if swept is None else swept.detail.get("tiers", {})
    return {
        tier.value: TierView(
            count=tiers.rows_of(tier, now).count(),
            backlog=tiers.rows_of(tier, now).filter(sweep_due_at__lt=overdue_at).count(),
            swept_at=parse_datetime(looked.get(tier.value, "")),
        )
        for tier in tiers.Tier
    }


def _overdue_at(now: datetime) -> datetime:
    return now - timedelta(seconds=2 * settings.KIM_SWEEP_SECONDS)


class _Rates(TypedDict):
    rate_at: datetime | None
    rates_down: bool


def _rates(now: datetime) -> _Rates:
    """The oldest that is in force is what buyers meet; without any, the last that was."""
    if rate_table.is_development():
        return _Rates(rate_at=None, rates_down=False)
    last: datetime | None = Rate.objects.aggregate(at=Max("at"))["at"]
    return _Rates(rate_at=last, rates_down=last is None or now - last > rate_table.VALID_FOR)


class _Forwards(TypedDict):
    forwards_waiting: int
    forwards_oldest_at: datetime | None


def _forwards() -> _Forwards:
    found = Forward.objects.filter(mined_height=None, dropped_at=None).aggregate(
        count=Count("pk"), oldest=Min("created_at")
    )
    return _Forwards(forwards_waiting=found["count"], forwards_oldest_at=found["oldest"])
