"""The rates in force: kept by one task, read by everybody, never asked for over the network here.

On regtest without a rate server there is one fixed, plainly labelled development source, so that
nothing a developer clicks depends on an exchange.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from django.conf import settings

from payments import amounts, rate_rules
from payments.errors import BadPrice, BadRate, RateUnavailable, UnknownCurrency
from payments.models import Heartbeat, ManualRate, Rate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

VALID_FOR: Final = rate_rules.VALID_FOR
DEVELOPMENT: Final = "development source"
MANUAL: Final = "manual rate of the creator"
SPREAD: Final = "spread"
HEARTBEAT: Final = "rates"
_DEVELOPMENT_CROSS: Final = {"EUR": "1", "USD": "1.10", "GBP": "0.85", "CHF": "0.95", "JPY": "170"}
# Decimal itself would also read "1_000", "1e9", "NaN" and other scripts' digits.
_NUMBER: Final = re.compile(r"[0-9]{1,15}(\.[0-9]{1,8})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class RateView:
    """The price of 1 BCH in ``currency``, from ``sources`` that agreed at ``at``.

    ``via`` is the currency a cross rate went through; ``evidence`` is what each source said, as
    ``{"source", "rate", "at", "via"}``, all texts; ``is_manual``: a creator set it by hand.
    """

    currency: str
    rate: Decimal
    sources: tuple[str, ...]
    label: str
    at: datetime
    via: str = ""
    evidence: tuple[Mapping[str, str], ...] = ()
    is_manual: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ManualView:
    """A creator's own price of 1 BCH, and when it was set."""

    currency: str
    rate: Decimal
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Quoted:
    """A price in satoshis, and the rate it came from (None: it was priced in BCH)."""

    due_sat: int
    rate: Decimal | None
    sources: tuple[str, ...]
    evidence: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Something about rates that the operator should know. ``kind``: jump, sources or stale."""

    kind: str
    currency: str  # empty: all, or several that the text names
    text: str
    at: datetime  # since when

    def since(self, at: datetime) -> Alarm:
        """The same alarm, begun earlier."""
        return replace(self, at=at)

    def as_json(self) -> dict[str, str]:
        """As kept in the heartbeat."""
        return {**asdict(self), "at": self.at.isoformat()}


def current(currency: str, *, now: datetime, owner: UUID | None = None) -> RateView | None:
    """The valid rate of one currency; None when nobody knows it well enough right now.

    ``owner``: whose own rate stands in while there is no other.
    """
    if is_development():
        return _development(now).get(currency)
    row = Rate.objects.filter(currency=currency, at__gt=now - VALID_FOR, label="").first()
    if row is not None:
        return view_of(row)
    return None if owner is None else _manual(owner, currency)


def everything(*, now: datetime) -> dict[str, RateView]:
    """Every currency with a valid rate."""
    if is_development():
        return _development(now)
    rows = Rate.objects.filter(at__gt=now - VALID_FOR, label="").order_by("currency")
    return {row.currency: view_of(row) for row in rows}


def quote(price: amounts.Price, *, now: datetime, owner: UUID | None = None) -> Quoted:
    """``price`` in satoshis. Raises ``RateUnavailable`` (503) rather than guess."""
    if price.currency == amounts.BCH:
        return Quoted(due_sat=amounts.due_sat(price, None), rate=None, sources=())
    view = current(price.currency, now=now, owner=owner)
    if view is None:
        raise RateUnavailable(
            "There is no exchange rate for {currency} right now.", currency=price.currency
        )
    spread_bps = 0 if view.is_manual else settings.KIM_RATE_SPREAD_BPS
    return Quoted(
        due_sat=amounts.due_sat(price, view.rate, spread_bps=spread_bps),
        rate=view.rate,
        sources=view.sources,
        evidence=view.evidence + _spread_evidence(spread_bps, now),
    )


def estimate_sat(price: amounts.Price, *, now: datetime, owner: UUID | None = None) -> int | None:
    """``price`` in satoshis now, or None: no valid rate, or more than all BCH there is."""
    try:
        return quote(price, now=now, owner=owner).due_sat
    except (RateUnavailable, BadPrice):
        return None


def set_manual(owner: UUID, currency: str, rate: str | Decimal, *, now: datetime) -> ManualView:
    """The creator's own rate, for times without another. Raises ``UnknownCurrency``, ``BadRate``."""
    if currency not in rate_rules.FIATS:
        raise UnknownCurrency("That is not a currency with an exchange rate.")
    if not _NUMBER.fullmatch(str(rate)):
        raise BadRate("The rate is not a number with at most 8 digits after the point.")
    value = Decimal(rate)
    least, most = bounds().get(currency, rate_rules.ANY_BOUNDS)
    if not rate_rules.is_sane(currency, value, bounds()):
        raise BadRate(
            "The price of 1 BCH must lie between {least} and {most} {currency}.",
            least=least,
            most=most,
            currency=currency,
        )
    row, _ = ManualRate.objects.update_or_create(
        owner=owner, currency=currency, defaults={"rate": value, "at": now}
    )
    return ManualView(currency=currency, rate=row.rate, at=now)


def manual_of(owner: UUID) -> tuple[ManualView, ...]:
    """The rates a creator set by hand, by currency."""
    return tuple(
        ManualView(currency=row.currency, rate=row.rate, at=row.at)
        for row in ManualRate.objects.filter(owner=owner).order_by("currency")
    )


def currencies() -> tuple[str, ...]:
    """Those that may have an exchange rate, in alphabetical order."""
    return tuple(sorted(rate_rules.FIATS))


def delete_manual(owner: UUID, currency: str) -> bool:
    """Whether there was one to forget."""
    if currency not in rate_rules.FIATS:
        return False
    deleted, _ = ManualRate.objects.filter(owner=owner, currency=currency).delete()
    return deleted > 0


def alarms() -> tuple[Alarm, ...]:
    """What is wrong with the rates, as the last fetch found it."""
    row = Heartbeat.objects.filter(name=HEARTBEAT).first()
    if row is None or is_development():
        return ()
    said = row.detail.get("alarms", [])
    return tuple(Alarm(**{**each, "at": datetime.fromisoformat(each["at"])}) for each in said)


def is_development() -> bool:
    """Whether the fixed development source stands in for exchanges."""
    return settings.KIM_NETWORK == "regtest" and not settings.KIM_RATE_BASE_URL


def bounds() -> rate_rules.Bounds:
    """The least and most that 1 BCH may cost: those in code, and the operator's in their place."""
    return {**rate_rules.BOUNDS, **settings.KIM_RATE_BOUNDS}


def text_of(rate: Decimal) -> str:
    """A rate as people write it: no exponent, no zeros at its end."""
    return f"{rate.normalize():f}"


def view_of(row: Rate) -> RateView:
    """A row as others see it, valid or not."""
    return RateView(
        currency=row.currency,
        rate=row.rate,
        sources=tuple(row.sources),
        label=row.label,
        at=row.at,
        via=row.via,
        evidence=tuple(row.evidence),
    )


def _manual(owner: UUID, currency: str) -> RateView | None:
    row = ManualRate.objects.filter(owner=owner, currency=currency).first()
    if row is None or not rate_rules.is_sane(currency, row.rate, bounds()):
        return None  # the operator may have drawn the bounds closer since
    said = {"source": MANUAL, "rate": text_of(row.rate), "at": row.at.isoformat(), "via": ""}
    return RateView(
        currency=currency,
        rate=row.rate,
        sources=(MANUAL,),
        label=MANUAL,
        at=row.at,
        evidence=(said,),
        is_manual=True,
    )


def _spread_evidence(spread_bps: int, now: datetime) -> tuple[Mapping[str, str], ...]:
    if not spread_bps:
        return ()
    percent = text_of(Decimal(spread_bps).scaleb(-2))
    return ({"source": SPREAD, "rate": f"{percent} %", "at": now.isoformat(), "via": ""},)


def _development(now: datetime) -> dict[str, RateView]:
    euro = Decimal(settings.KIM_DEVELOPMENT_RATE)
    return {
        currency: _development_rate(currency, euro * Decimal(cross), now)
        for currency, cross in _DEVELOPMENT_CROSS.items()
    }


def _development_rate(currency: str, rate: Decimal, now: datetime) -> RateView:
    said = {"source": DEVELOPMENT, "rate": text_of(rate), "at": now.isoformat(), "via": ""}
    return RateView(
        currency=currency,
        rate=rate,
        sources=(DEVELOPMENT,),
        label=DEVELOPMENT,
        at=now,
        evidence=(said,),
    )
