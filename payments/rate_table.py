"""The rates in force: kept by one task, read by everybody, never asked for over the network here.

On regtest without a rate server there is one fixed, plainly labelled development source, so that
nothing a developer clicks depends on an exchange.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import transaction

from payments import amounts, rates
from payments.errors import RateUnavailable
from payments.models import Rate, RateSample

if TYPE_CHECKING:
    from collections.abc import Sequence

log = logging.getLogger(__name__)

VALID_FOR: Final = timedelta(minutes=10)
JUMP: Final = Decimal("0.15")  # more than this within VALID_FOR needs three sources
JUMP_SOURCES: Final = 3
DEVELOPMENT: Final = "development source"
_DEVELOPMENT_CROSS: Final = {"EUR": "1", "USD": "1.10", "GBP": "0.85", "CHF": "0.95", "JPY": "170"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RateView:
    """The price of 1 BCH in ``currency``, from ``sources`` that agreed at ``at``."""

    currency: str
    rate: Decimal
    sources: tuple[str, ...]
    label: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Quoted:
    """A price in satoshis, and the rate it came from (None: it was priced in BCH)."""

    due_sat: int
    rate: Decimal | None
    sources: tuple[str, ...]


def current(currency: str, *, now: datetime) -> RateView | None:
    """The valid rate of one currency; None when nobody knows it well enough right now."""
    return everything(now=now).get(currency)


def everything(*, now: datetime) -> dict[str, RateView]:
    """Every currency with a valid rate."""
    if is_development():
        return _development(now)
    rows = Rate.objects.filter(at__gt=now - VALID_FOR, label="").order_by("currency")
    return {
        row.currency: RateView(
            currency=row.currency,
            rate=row.rate,
            sources=tuple(row.sources),
            label=row.label,
            at=row.at,
        )
        for row in rows
    }


def quote(price: amounts.Price, *, now: datetime) -> Quoted:
    """``price`` in satoshis. Raises ``RateUnavailable`` rather than guess."""
    if price.currency == amounts.BCH:
        return Quoted(due_sat=amounts.due_sat(price, None), rate=None, sources=())
    view = current(price.currency, now=now)
    if view is None:
        raise RateUnavailable(f"There is no exchange rate for {price.currency} right now.")
    return Quoted(due_sat=amounts.due_sat(price, view.rate), rate=view.rate, sources=view.sources)


def is_development() -> bool:
    """Whether the fixed development source stands in for exchanges."""
    return settings.KIM_NETWORK == "regtest" and not settings.KIM_RATE_BASE_URL


def refresh(*, now: datetime) -> int:
    """Ask every source and keep what they agree on; how many currencies are in force after."""
    if is_development():
        return len(_development(now))
    answers = rates.fetch_all(settings.KIM_RATE_SOURCES, base_url=settings.KIM_RATE_BASE_URL)
    return store(answers, now=now)


def store(answers: Sequence[rates.Answer], *, now: datetime) -> int:
    """Keep what each source said, and put in force what they agree on."""
    agreed = rates.agree(answers)
    with transaction.atomic():
        _keep_samples(answers, now)
        for currency, consensus in sorted(agreed.items()):
            _put_in_force(currency, consensus, now)
    for answer in answers:
        if answer.error:
            log.warning("rate source %s: %s", answer.source, answer.error)
    return Rate.objects.filter(at__gt=now - VALID_FOR).count()


def _put_in_force(currency: str, consensus: rates.Consensus, now: datetime) -> None:
    """A jump that only two sources report keeps the old rate until it runs out."""
    old = Rate.objects.select_for_update(no_key=True).filter(currency=currency).first()
    if old is not None and old.at > now:
        return  # a slower worker came late with older news
    is_fresh = old is not None and not old.label and old.at > now - VALID_FOR
    if old is not None and is_fresh and len(consensus.sources) < JUMP_SOURCES:
        jump = abs(consensus.rate - old.rate) / old.rate
        if jump > JUMP:
            log.error("rate of %s jumped by %.0f %%; kept the old one", currency, jump * 100)
            return
    Rate.objects.update_or_create(
        currency=currency,
        defaults={
            "rate": consensus.rate,
            "sources": list(consensus.sources),
            "label": "",
            "at": now,
        },
    )


def _keep_samples(answers: Sequence[rates.Answer], now: datetime) -> None:
    """For the admin: each source, its age, its reason. Absurd numbers are shown, not stored."""
    rows = [
        RateSample(
            source=answer.source,
            currency=currency,
            rate=rate if rates.is_sane(currency, rate) else None,
            at=now,
            error="" if rates.is_sane(currency, rate) else f"absurd: {str(rate)[:40]}",
        )
        for answer in answers
        for currency, rate in answer.rates.items()
    ]
    rows += [
        RateSample(source=answer.source, currency="", at=now, error=answer.error[:200])
        for answer in answers
    ]
    RateSample.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["source", "currency"],
        update_fields=["rate", "at", "error"],
    )


def _development(now: datetime) -> dict[str, RateView]:
    euro = Decimal(settings.KIM_DEVELOPMENT_RATE)
    return {
        currency: RateView(
            currency=currency,
            rate=euro * Decimal(cross),
            sources=(DEVELOPMENT,),
            label=DEVELOPMENT,
            at=now,
        )
        for currency, cross in _DEVELOPMENT_CROSS.items()
    }
