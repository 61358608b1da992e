"""What is known about the watcher, and what is to be said about it: values and sentences, pure.

Every finding has a part, a level (green, amber, red), a stable code for programs and one plain
sentence for people, without any secret.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from payments.chain import ServerView

DAEMON_STALE_AFTER: Final = timedelta(seconds=30)
DRIFT_LIMIT: Final = timedelta(minutes=10)
AHEAD_LIMIT: Final = timedelta(seconds=30)  # a process beside the database, which all share
FORWARD_LATE_AFTER: Final = timedelta(hours=6)
TIPS_DISAGREE: Final = 2  # blocks; one may simply not have heard of the last


class Part(StrEnum):
    """What a finding is about."""

    SERVERS = "servers"
    CHAIN = "chain"
    SWEEP = "sweep"
    DAEMON = "daemon"
    RATES = "rates"
    FORWARDS = "forwards"
    CLOCK = "clock"


class Level(StrEnum):
    """How bad it is: green, amber, red."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was found."""

    part: Part
    level: Level
    code: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TierView:
    """One tier: how many it holds, how many are overdue, when a sweep last looked at one of it."""

    count: int
    backlog: int
    swept_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How the watcher stands at ``at``. What nobody knows yet is None.

    ``is_stale``: no sweep succeeded for longer than is right, since ``stale_since`` (the last one).
    ``is_held``: nothing may settle. ``held_why`` is "" or the sentence why. ``clock_drift`` is how
    far our clock is ahead of new blocks' times; negative when it is behind. ``ahead_of_database``:
    the same of processes against the database's clock, which all of them share.
    """

    at: datetime
    servers: tuple[ServerView, ...]
    tip_height: int | None
    tip_at: datetime | None
    is_tip_stale: bool
    is_held: bool
    held_why: str
    daemon_at: datetime | None
    standby_at: datetime | None
    pushed_at: datetime | None
    watched: int
    swept_at: datetime | None
    sweep_seconds: float | None
    looked: int
    tiers: Mapping[str, TierView]
    is_stale: bool
    stale_since: datetime | None
    rate_at: datetime | None
    rates_down: bool
    forwards_waiting: int
    forwards_oldest_at: datetime | None
    clock_drift: timedelta | None
    ahead_of_database: Mapping[str, timedelta]

    @property
    def tip_age(self) -> timedelta | None:
        return self.age_of(self.tip_at)

    @property
    def rate_age(self) -> timedelta | None:
        return self.age_of(self.rate_at)

    @property
    def servers_disagree(self) -> bool:
        """Whether a live server is demoted, or the tips of live ones lie blocks apart."""
        live = [each for each in self.servers if each.is_live]
        tips = [each.tip_height for each in live if each.tip_height is not None]
        return any(each.demoted for each in live) or (
            bool(tips) and max(tips) - min(tips) >= TIPS_DISAGREE
        )

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(finding for say in _SAID for finding in say(self))

    @property
    def reasons(self) -> tuple[str, ...]:
        """The sentences of all that is not green."""
        return tuple(each.text for each in self.findings if each.level is not Level.OK)

    @property
    def level(self) -> Level:
        """The worst of all findings."""
        found = {each.level for each in self.findings}
        return next((level for level in (Level.BAD, Level.WARN) if level in found), Level.OK)

    def of(self, part: Part) -> tuple[Finding, ...]:
        return tuple(each for each in self.findings if each.part is part)

    def age_of(self, moment: datetime | None) -> timedelta | None:
        return None if moment is None else self.at - moment


def ago(age: timedelta | None) -> str:
    """``3 minutes ago``, as people say it; ``never`` for None."""
    if age is None:
        return "never"
    return f"{span(age)} ago"


def span(length: timedelta) -> str:
    seconds = max(0, int(length.total_seconds()))
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= 2 * size:
            return f"{seconds // size} {name}s"
    return f"{seconds} second{'' if seconds == 1 else 's'}"


def _servers(report: Report) -> Iterator[Finding]:
    live = [each for each in report.servers if each.is_live]
    total = len(report.servers)
    if not live:
        text = "No Electrum server can be reached. New payments cannot be seen."
        yield Finding(part=Part.SERVERS, level=Level.BAD, code="no_server", text=text)
        return
    if len(live) < total:
        gone = ", ".join(each.name for each in report.servers if not each.is_live)
        text = f"{len(live)} of {total} Electrum servers answer. Not reached: {gone}."
        yield Finding(part=Part.SERVERS, level=Level.WARN, code="server_gone", text=text)
    for each in live:
        if each.demoted:
            text = f"{each.name} does not count towards agreement: {each.demoted}"
            yield Finding(part=Part.SERVERS, level=Level.WARN, code="server_demoted", text=text)
    tips = [each.tip_height for each in live if each.tip_height is not None]
    if tips and max(tips) - min(tips) >= TIPS_DISAGREE:
        text = f"The servers' last blocks lie {max(tips) - min(tips)} apart."
        yield Finding(part=Part.SERVERS, level=Level.WARN, code="servers_disagree", text=text)
    if len(live) == total and not report.servers_disagree:
        said = "The one Electrum server answers." if total == 1 else f"All {total} servers agree."
        yield Finding(part=Part.SERVERS, level=Level.OK, code="servers_ok", text=said)


def _chain(report: Report) -> Iterator[Finding]:
    if report.tip_at is None:
        text = "No block header is known yet."
        yield Finding(part=Part.CHAIN, level=Level.BAD, code="no_header", text=text)
        return
    told = f"The last block is {report.tip_height:,}, mined {ago(report.tip_age)}."
    if report.is_held:
        text = f"{told} Nothing settles: {report.held_why}"
        yield Finding(part=Part.CHAIN, level=Level.BAD, code="chain_held", text=text)
    elif report.is_tip_stale:
        text = f"{told} That is long; a block comes every ten minutes on average."
        yield Finding(part=Part.CHAIN, level=Level.WARN, code="tip_old", text=text)
    else:
        yield Finding(part=Part.CHAIN, level=Level.OK, code="chain_ok", text=told)


def _sweep(report: Report) -> Iterator[Finding]:
    told = f"The last sweep ended {ago(report.age_of(report.swept_at))}"
    if report.swept_at is None:
        text = "No sweep has looked at the chain yet. Is the worker running, and beat?"
        yield Finding(part=Part.SWEEP, level=Level.BAD, code="sweep_stale", text=text)
        return
    if report.is_stale:
        text = f"{told}. Payments are not seen until one succeeds; none is lost."
        yield Finding(part=Part.SWEEP, level=Level.BAD, code="sweep_stale", text=text)
    else:
        text = f"{told}. Addresses looked at: {report.looked:,}."
        yield Finding(part=Part.SWEEP, level=Level.OK, code="sweep_ok", text=text)
    for name, tier in report.tiers.items():
        if tier.backlog:
            text = (
                f"{tier.backlog:,} of {tier.count:,} {name} invoices wait longer than they should."
            )
            yield Finding(part=Part.SWEEP, level=Level.WARN, code=f"backlog_{name}", text=text)


def _daemon(report: Report) -> Iterator[Finding]:
    age = report.age_of(report.daemon_at)
    if age is None or age > DAEMON_STALE_AFTER:
        alive = "has not run yet" if age is None else f"was last alive {ago(age)}"
        text = f"The push daemon {alive}. The sweep sees payments without it, up to a minute later."
        yield Finding(part=Part.DAEMON, level=Level.WARN, code="daemon_gone", text=text)
        return
    heard = ago(report.age_of(report.pushed_at))
    text = f"The push daemon listens. Addresses: {report.watched:,}. Last news: {heard}."
    yield Finding(part=Part.DAEMON, level=Level.OK, code="daemon_ok", text=text)


def _rates(report: Report) -> Iterator[Finding]:
    if report.rates_down:
        came = "" if report.rate_at is None else f" The last one came {ago(report.rate_age)}."
        text = f"There is no valid exchange rate.{came} Prices in BCH still work."
        yield Finding(part=Part.RATES, level=Level.BAD, code="rates_down", text=text)
    else:
        told = "The fixed development rate is in force."
        if report.rate_at is not None:
            told = f"Exchange rates came {ago(report.rate_age)}."
        yield Finding(part=Part.RATES, level=Level.OK, code="rates_ok", text=told)


def _forwards(report: Report) -> Iterator[Finding]:
    age = report.age_of(report.forwards_oldest_at)
    told = f"Forwards on their way to creators: {report.forwards_waiting:,}."
    if age is not None and age > FORWARD_LATE_AFTER:
        text = f"{told} The oldest was made {ago(age)}."
        yield Finding(part=Part.FORWARDS, level=Level.WARN, code="forwards_late", text=text)
    else:
        yield Finding(part=Part.FORWARDS, level=Level.OK, code="forwards_ok", text=told)


def _clock(report: Report) -> Iterator[Finding]:
    drift = report.clock_drift or timedelta()
    apart = {name: by for name, by in report.ahead_of_database.items() if abs(by) > AHEAD_LIMIT}
    if abs(drift) <= DRIFT_LIMIT and not apart:
        text = "The clocks agree: ours, the database's and the times of new blocks."
        yield Finding(part=Part.CLOCK, level=Level.OK, code="clock_ok", text=text)
    if abs(drift) > DRIFT_LIMIT:
        text = f"This machine's clock seems {_beside(drift)} the times of new blocks. Check NTP."
        yield Finding(part=Part.CLOCK, level=Level.WARN, code="clock_drift", text=text)
    for name, by in apart.items():
        text = f"The clock of the {name} is {_beside(by)} the database's. Check NTP on both."
        yield Finding(part=Part.CLOCK, level=Level.WARN, code="clocks_apart", text=text)


def _beside(drift: timedelta) -> str:
    return f"{span(abs(drift))} {'ahead of' if drift > timedelta() else 'behind'}"


_SAID: Final = (_servers, _chain, _sweep, _daemon, _rates, _forwards, _clock)
