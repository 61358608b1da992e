"""Keeping the rate table: asking the sources that are due, and putting in force what they agree on.

One row ("rates" of Heartbeat) is locked around every change, so any number of workers may run this
at once: it says when each source is to be asked again, what is alarming, and where each currency
stood some minutes ago. The network is asked outside of it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from django.conf import settings
from django.db import transaction

from payments import rate_rules, rate_table, rates
from payments.models import Heartbeat, Rate, RateSample
from payments.rate_rules import USD, VALID_FOR, Consensus, Sample
from payments.rate_table import Alarm, text_of

log = logging.getLogger(__name__)

LEASE: Final = timedelta(seconds=30)  # a worker that died while asking hands its sources on
FIRST_RETRY: Final = timedelta(seconds=5)
LAST_RETRY: Final = timedelta(seconds=60)
FORGET_AFTER: Final = timedelta(days=1)  # a currency that nobody has named for so long is no alarm
SHOWN_NAMES: Final = 8


def refresh(*, now: datetime) -> int:
    """Ask every source that is due and keep what they agree on; how many currencies are in force."""
    if rate_table.is_development():
        return len(rate_table.everything(now=now))
    names = _claim(now)
    if not names:
        return _in_force(now)
    return store(rates.fetch_all(names, base_url=settings.KIM_RATE_BASE_URL), now=now)


def store(answers: Sequence[rates.Answer], *, now: datetime) -> int:
    """Keep what each source said, put in force what they agree on, and note what is alarming."""
    with transaction.atomic():
        row = _locked(now)
        _keep_samples(answers, now)
        this = _Round(now, row.detail.get("anchors", {}))
        this.put_in_force(_fresh_samples(now))
        sources = {**row.detail.get("sources", {}), **_next_turns(row.detail, answers, now)}
        alarms = [*this.alarms, *_standing_alarms(sources, now)]
        _tell(alarms, row.detail.get("alarms", []))
        row.at = max(row.at, now)
        row.detail = {
            "sources": sources,
            "alarms": [alarm.as_json() for alarm in alarms],
            "anchors": this.anchors,
        }
        row.save()
    return _in_force(now)


def _in_force(now: datetime) -> int:
    return Rate.objects.filter(at__gt=now - VALID_FOR).count()


def _locked(now: datetime) -> Heartbeat:
    Heartbeat.objects.get_or_create(name=rate_table.HEARTBEAT, defaults={"at": now})
    return Heartbeat.objects.select_for_update(no_key=True).get(name=rate_table.HEARTBEAT)


# --- whose turn it is ------------------------------------------------------------------------


def _claim(now: datetime) -> tuple[str, ...]:
    """The sources to ask now. They are this worker's until the answers, or the lease's end."""
    row = Heartbeat.objects.filter(name=rate_table.HEARTBEAT).first()
    if row is not None and not _due(row.detail, now):
        return ()
    with transaction.atomic():
        row = _locked(now)
        names = _due(row.detail, now)
        sources = dict(row.detail.get("sources", {}))
        for name in names:
            sources[name] = {**sources.get(name, {}), "due_at": (now + LEASE).isoformat()}
        row.detail = {**row.detail, "sources": sources}
        row.save(update_fields=["detail"])
    return names


def _due(detail: Mapping[str, Any], now: datetime) -> tuple[str, ...]:
    known = detail.get("sources", {})
    return tuple(
        name
        for name in settings.KIM_RATE_SOURCES
        if name not in known or datetime.fromisoformat(known[name]["due_at"]) <= now
    )


def _next_turns(
    detail: Mapping[str, Any], answers: Sequence[rates.Answer], now: datetime
) -> dict[str, dict[str, object]]:
    """A minute after a success; 5, 10, 20, 40, 60 seconds after one failure and the next."""
    known = detail.get("sources", {})
    found: dict[str, dict[str, object]] = {}
    for answer in answers:
        before = known.get(answer.source, {})
        failures = before.get("failures", 0) + 1 if answer.error else 0
        pause = timedelta(seconds=settings.KIM_RATE_SECONDS)
        if failures:
            pause = min(FIRST_RETRY * 2 ** min(failures - 1, 10), LAST_RETRY)
            log.warning("rate source %s: %s", answer.source, answer.error)
        found[answer.source] = {
            "due_at": (now + pause).isoformat(),
            "failures": failures,
            "error": answer.error[:200],
            "answered_at": before.get("answered_at", "") if failures else now.isoformat(),
        }
    return found


# --- what they said ----------------------------------------------------------------------------


def _keep_samples(answers: Sequence[rates.Answer], now: datetime) -> None:
    """Each source's last word. Absurd numbers are named and not stored; older news changes nothing."""
    bounds = rate_table.bounds()
    rows = [_sample_row(answer, code, now, bounds) for answer in answers for code in answer.rates]
    rows += [
        RateSample(source=answer.source, currency="", at=now, error=answer.error[:200])
        for answer in answers
    ]
    kept = RateSample.objects.filter(source__in=[answer.source for answer in answers])
    known = {(row.source, row.currency): row.at for row in kept}
    news = [row for row in rows if row.at >= known.get((row.source, row.currency), row.at)]
    RateSample.objects.bulk_create(
        news,
        update_conflicts=True,
        unique_fields=["source", "currency"],
        update_fields=["rate", "at", "error"],
    )


def _sample_row(
    answer: rates.Answer, code: str, now: datetime, bounds: rate_rules.Bounds
) -> RateSample:
    rate = answer.rates[code]
    if not rate_rules.is_sane(code, rate, bounds):
        error = f"absurd: {str(rate)[:40]}"
        return RateSample(source=answer.source, currency=code, rate=None, at=now, error=error)
    exact = rate_rules.quantise(Fraction(rate))
    at = answer.times.get(code, now)
    error = rate_rules.age_problem(at, now)
    if error.startswith("its clock"):  # or it would hide, as the newest, what comes after
        return RateSample(source=answer.source, currency=code, rate=None, at=now, error=error)
    return RateSample(source=answer.source, currency=code, rate=exact, at=at, error=error)


def _fresh_samples(now: datetime) -> dict[str, list[Sample]]:
    """By currency, what may be believed: young, and inside the bounds that hold today."""
    found: dict[str, list[Sample]] = {}
    rows = RateSample.objects.filter(
        rate__isnull=False,
        at__gte=now - rate_rules.MAX_AGE,
        source__in=settings.KIM_RATE_SOURCES,
    )
    for row in rows.order_by("source"):
        sample = Sample(row.source, row.rate or Decimal(0), row.at)
        found.setdefault(row.currency, []).append(sample)
    bounds = rate_table.bounds()
    return {
        currency: rate_rules.fit(currency, samples, now=now, bounds=bounds)
        for currency, samples in found.items()
    }


# --- what is in force --------------------------------------------------------------------------


@dataclass
class _Round:
    """One time of deciding. ``anchors``: currency → [rate, when], where it stood some minutes ago."""

    now: datetime
    anchors: dict[str, list[str]]
    alarms: list[Alarm] = field(default_factory=list)
    rows: list[Rate] = field(default_factory=list)

    def put_in_force(self, samples: Mapping[str, list[Sample]]) -> None:
        """The dollar first: other currencies may go through it, but only if it is believed."""
        olds = {row.currency: row for row in Rate.objects.all()}
        usd = rate_rules.agree(samples.get(USD, ()))
        if usd is not None and not self._accept(USD, usd, olds.get(USD)):
            usd = None
        for currency in sorted((set(samples) & rate_rules.FIATS) - {USD}):
            direct = rate_rules.agree(samples[currency])
            found = direct or _through_usd(currency, usd, samples)
            if found is not None:
                self._accept(currency, found, olds.get(currency))
        Rate.objects.bulk_create(
            self.rows,
            update_conflicts=True,
            unique_fields=["currency"],
            update_fields=["rate", "sources", "via", "evidence", "label", "at"],
        )

    def _accept(self, currency: str, found: Consensus, old: Rate | None) -> bool:
        """A jump that too few tell keeps the old rate until it runs out."""
        jump = self._jump(currency, found, old)
        if jump is not None and old is not None:
            text = (
                f"{currency} moved by {jump * 100:.0f} % to {text_of(found.rate)} in ten minutes. "
                f"The old rate, {text_of(old.rate)}, is kept while it is valid: "
                f"so large a move needs {rate_rules.JUMP_SOURCES} sources."
            )
            self.alarms.append(Alarm(kind="jump", currency=currency, text=text, at=self.now))
            return False
        self._move_anchor(currency, found.rate)
        self.rows.append(
            Rate(
                currency=currency,
                rate=found.rate,
                sources=list(found.sources),
                via=found.via,
                evidence=_evidence(currency, found),
                label="",
                at=found.at,
            )
        )
        return True

    def _jump(self, currency: str, found: Consensus, old: Rate | None) -> Decimal | None:
        if old is None or old.label or old.at <= self.now - VALID_FOR:
            return None
        if found.via:  # one table tells the cross: nobody stands behind a jump of that
            was = _cross_of(old)
            jump = (
                rate_rules.jump(found.rate, old.rate)
                if was is None or found.cross is None
                else rate_rules.jump(found.cross, was)
            )
            return jump if jump > rate_rules.JUMP else None
        return rate_rules.needs_more_sources(found, [old.rate, *self._anchored(currency)])

    def _anchored(self, currency: str) -> list[Decimal]:
        rate, at = self.anchors.get(currency, ("", ""))
        is_fresh = bool(at) and datetime.fromisoformat(at) > self.now - VALID_FOR
        return [Decimal(rate)] if is_fresh else []

    def _move_anchor(self, currency: str, rate: Decimal) -> None:
        """Every ten minutes, and after a move that enough sources told. So nobody walks it away."""
        kept = self._anchored(currency)
        if not kept or rate_rules.jump(rate, kept[0]) > rate_rules.JUMP:
            self.anchors[currency] = [str(rate), self.now.isoformat()]


def _through_usd(
    currency: str, usd: Consensus | None, samples: Mapping[str, list[Sample]]
) -> Consensus | None:
    table = {each.source: each for each in samples[currency]}.get(rate_rules.CROSS_SOURCE)
    dollar = {each.source: each for each in samples.get(USD, ())}.get(rate_rules.CROSS_SOURCE)
    if usd is None or table is None or dollar is None or table.at != dollar.at:
        return None
    return rate_rules.cross(usd, table, dollar, samples[currency])


def _evidence(currency: str, found: Consensus) -> list[dict[str, str]]:
    """What a quote keeps for ever. Of a cross rate: the dollar's sources, then the cross itself."""
    said = [
        {"source": s.source, "rate": text_of(s.rate), "at": s.at.isoformat(), "via": found.via}
        for s in found.samples
    ]
    table = found.cross_sample
    if table is not None and found.cross is not None:
        via, at = f"{found.via}/{currency}", table.at.isoformat()
        said.append({"source": table.source, "rate": text_of(found.cross), "at": at, "via": via})
    return said


def _cross_of(row: Rate) -> Decimal | None:
    crosses = [Decimal(said["rate"]) for said in row.evidence if "/" in said["via"]]
    return crosses[0] if row.via and crosses else None


# --- what is alarming --------------------------------------------------------------------------


def _standing_alarms(sources: Mapping[str, Mapping[str, Any]], now: datetime) -> list[Alarm]:
    """Too few sources that answer, and currencies whose rate has run out."""
    found = []
    names = settings.KIM_RATE_SOURCES
    silent = [name for name in names if sources.get(name, {}).get("failures")]
    if len(names) - len(silent) < rate_rules.LEAST_SOURCES:
        text = f"{len(names) - len(silent)} of {len(names)} sources answer. Silent: "
        found.append(Alarm(kind="sources", currency="", text=text + _list(silent) + ".", at=now))
    gone = Rate.objects.filter(at__lte=now - VALID_FOR, at__gt=now - FORGET_AFTER)
    over = list(gone.order_by("currency").values_list("currency", flat=True))
    if over:
        text = f"No valid rate for ten minutes: {_list(over)}. Prices in it wait, or use a creator's own rate."
        found.append(Alarm(kind="stale", currency="", text=text, at=now))
    return found


def _list(names: Sequence[str]) -> str:
    more = len(names) - SHOWN_NAMES
    return ", ".join(names[:SHOWN_NAMES]) + (f" and {more} more" if more > 0 else "")


def _tell(alarms: list[Alarm], before: Sequence[Mapping[str, str]]) -> None:
    """To the log, once; an alarm that goes on keeps the moment when it began."""
    began = {(each["kind"], each["currency"]): each["at"] for each in before}
    for place, alarm in enumerate(alarms):
        at = began.get((alarm.kind, alarm.currency))
        if at is None:
            log.error("exchange rates: %s", alarm.text)
        else:
            alarms[place] = alarm.since(datetime.fromisoformat(at))
