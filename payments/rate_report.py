"""Exchange rates for the operator's eyes: what is in force, who said what, and who is not believed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from statistics import median
from typing import Final

from django.conf import settings

from payments import rate_rules, rate_table
from payments.models import Heartbeat, Rate, RateSample
from payments.rate_rules import Consensus, Sample
from payments.rate_table import Alarm, RateView

BELIEVED: Final = "believed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLine:
    """One source's last word on one currency. ``deviation`` in percent of the rate in force."""

    source: str
    rate: str
    age_seconds: int
    deviation: str
    verdict: str  # BELIEVED, or why not

    @property
    def is_believed(self) -> bool:
        return self.verdict == BELIEVED


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrencyReport:
    """One currency. ``last`` is the rate in force, or the last that was, then ``is_over``."""

    currency: str
    last: RateView | None
    is_over: bool
    age_seconds: int
    lines: tuple[SourceLine, ...]
    alarms: tuple[Alarm, ...]

    @property
    def rate_text(self) -> str:
        return "" if self.last is None else rate_table.text_of(self.last.rate)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReport:
    """How asking one source goes."""

    source: str
    answered_at: datetime | None
    error: str
    due_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All of it. ``alarms`` are those that belong to no one currency."""

    currencies: tuple[CurrencyReport, ...]
    sources: tuple[SourceReport, ...]
    alarms: tuple[Alarm, ...]
    is_development: bool


def report(*, now: datetime) -> Report:
    """As it stands at ``now``, from the database alone; four queries."""
    alarms = rate_table.alarms()
    samples: dict[str, list[RateSample]] = {}
    for row in RateSample.objects.exclude(currency="").order_by("source"):
        samples.setdefault(row.currency, []).append(row)
    rows = {row.currency: row for row in Rate.objects.all()}
    return Report(
        currencies=tuple(
            _currency(code, rows.get(code), samples.get(code, ()), alarms, now)
            for code in sorted(set(rows) | set(samples), key=_order)
        ),
        sources=_sources(),
        alarms=tuple(alarm for alarm in alarms if not alarm.currency),
        is_development=rate_table.is_development(),
    )


def _order(currency: str) -> tuple[bool, str]:
    """Those with bounds of their own first: they are what people price in."""
    return currency not in rate_table.bounds(), currency


def _currency(
    currency: str,
    row: Rate | None,
    said: Sequence[RateSample],
    alarms: Sequence[Alarm],
    now: datetime,
) -> CurrencyReport:
    last = None if row is None else rate_table.view_of(row)
    fit = rate_rules.fit(
        currency,
        [Sample(each.source, each.rate, each.at) for each in _asked(said) if each.rate is not None],
        now=now,
        bounds=rate_table.bounds(),
    )
    agreed = rate_rules.agree(fit)
    middle = last.rate if last else median(each.rate for each in fit) if fit else None
    verdicts = {each.source: _verdict(each.source, agreed, last) for each in fit}
    return CurrencyReport(
        currency=currency,
        last=last,
        is_over=last is not None and last.at <= now - rate_rules.VALID_FOR,
        age_seconds=0 if last is None else _seconds(now, last.at),
        lines=tuple(_line(each, middle, verdicts, now) for each in said),
        alarms=tuple(alarm for alarm in alarms if alarm.currency == currency),
    )


def _asked(said: Sequence[RateSample]) -> list[RateSample]:
    return [each for each in said if each.source in settings.KIM_RATE_SOURCES]


def _verdict(source: str, agreed: Consensus | None, last: RateView | None) -> str:
    if agreed is not None:
        return BELIEVED if source in agreed.sources else "more than 5 % from the median"
    if last is not None and last.via and source == rate_rules.CROSS_SOURCE:
        return f"only for the cross through {last.via}"
    return "no second source agrees"


def _line(
    row: RateSample, middle: Decimal | None, verdicts: Mapping[str, str], now: datetime
) -> SourceLine:
    why = row.error or rate_rules.age_problem(row.at, now) or "outside the bounds"
    verdict = verdicts.get(row.source, why)
    if row.source not in settings.KIM_RATE_SOURCES:
        verdict = "no longer asked"
    deviation = ""
    if row.rate is not None and middle:
        deviation = f"{(row.rate - middle) / middle * 100:+.2f} %"
    return SourceLine(
        source=row.source,
        rate="" if row.rate is None else rate_table.text_of(row.rate),
        age_seconds=_seconds(now, row.at),
        deviation=deviation,
        verdict=verdict,
    )


def _sources() -> tuple[SourceReport, ...]:
    row = Heartbeat.objects.filter(name=rate_table.HEARTBEAT).first()
    known = {} if row is None else row.detail.get("sources", {})
    return tuple(
        SourceReport(
            source=name,
            answered_at=_moment(known.get(name, {}).get("answered_at", "")),
            error=known.get(name, {}).get("error", ""),
            due_at=_moment(known.get(name, {}).get("due_at", "")),
        )
        for name in settings.KIM_RATE_SOURCES
    )


def _moment(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _seconds(now: datetime, then: datetime) -> int:
    return max(int((now - then).total_seconds()), 0)
