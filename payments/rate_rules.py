"""Which exchange rates are believed, and what follows from them. Pure: no network, no rows, no clock.

A rate is the price of 1 BCH in a currency. A sample that is absurd or old is left out with its
reason before anything is chosen, so that it never hides a good one (docs/payments.md, "Rates").
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from statistics import median
from typing import Final

LEAST_SOURCES: Final = 2
SPREAD: Final = Decimal("0.05")  # a source further than this from the median is not believed
MAX_AGE: Final = timedelta(minutes=5)  # of one source's word
AHEAD: Final = timedelta(minutes=1)  # of our clock: more, and its time says nothing
VALID_FOR: Final = timedelta(minutes=10)  # of a rate that is in force
JUMP: Final = Decimal("0.15")  # more than this within VALID_FOR needs three sources
JUMP_SOURCES: Final = 3
USD: Final = "USD"
CROSS_SOURCE: Final = "coinbase"  # its table has every fiat
PLACES: Final = Decimal("0.00000001")

# Bounds of 1 BCH where one is wise to have an opinion; the operator may set others.
BOUNDS: Final[Mapping[str, tuple[Decimal, Decimal]]] = {
    currency: (Decimal(20), Decimal(20_000)) for currency in (USD, "EUR", "GBP", "CHF")
}
ANY_BOUNDS: Final = (Decimal("0.000001"), Decimal(10) ** 12)

# ISO 4217, the currencies of today. Tables of exchanges hold hundreds of coins besides.
FIATS: Final = frozenset(
    """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD
    CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP
    GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD
    KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN
    NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP
    SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND
    VUV WST XAF XCD XOF XPF YER ZAR ZMW
    """.split()  # noqa: SIM905 - a page of quotation marks reads worse
)

Bounds = Mapping[str, tuple[Decimal, Decimal]]


@dataclass(frozen=True, slots=True)
class Sample:
    """What one source said about one currency, and when it was so."""

    source: str
    rate: Decimal
    at: datetime


@dataclass(frozen=True, slots=True)
class Consensus:
    """A believed rate. ``at``: the last moment at which as many sources as needed stood behind it.

    A cross rate has ``via``, the currency it went through: its ``samples`` are that currency's,
    ``cross`` is one unit of ``via`` in the currency, and ``cross_sample`` whose table that was.
    """

    rate: Decimal
    at: datetime
    samples: tuple[Sample, ...]
    via: str = ""
    cross: Decimal | None = None
    cross_sample: Sample | None = None

    @property
    def sources(self) -> tuple[str, ...]:
        """Whose rates these are, in alphabetical order."""
        return tuple(sorted(sample.source for sample in self.samples))


def is_sane(currency: str, rate: Decimal, bounds: Bounds = BOUNDS) -> bool:
    """Finite, positive, and inside the bounds of its currency."""
    least, most = bounds.get(currency, ANY_BOUNDS)
    return rate.is_finite() and rate > 0 and least <= rate <= most


def age_problem(at: datetime, now: datetime) -> str:
    """Why a source's word of ``at`` is not news at ``now``; empty when it is."""
    if now - at > MAX_AGE:
        return f"old: of {int((now - at).total_seconds()) // 60} minutes ago"
    return "its clock is ahead of ours" if at - now > AHEAD else ""


def fit(
    currency: str, samples: Iterable[Sample], *, now: datetime, bounds: Bounds = BOUNDS
) -> list[Sample]:
    """Those that may be counted at all: sane and young."""
    return [
        each
        for each in samples
        if is_sane(currency, each.rate, bounds) and not age_problem(each.at, now)
    ]


def agree(samples: Iterable[Sample]) -> Consensus | None:
    """Of samples that are ``fit``: the median of those within five per cent of the median of all, or None if too few are."""
    told = list(samples)
    if len(told) < LEAST_SOURCES:
        return None
    middle = median(sample.rate for sample in told)
    near = [sample for sample in told if abs(sample.rate - middle) <= SPREAD * middle]
    if len(near) < LEAST_SOURCES:
        return None
    rate = quantise(Fraction(median(sample.rate for sample in near)))
    return Consensus(rate, _stood_at(near), tuple(sorted(near, key=lambda each: each.source)))


def cross(
    usd: Consensus, table: Sample, usd_of_table: Sample, direct: Iterable[Sample]
) -> Consensus | None:
    """The believed dollar rate, times how ``table``'s source sees the dollar in another currency.

    ``direct`` is what anybody said about that currency itself: None unless the result lies within
    five per cent of every one of them, so one source's wrong table is not believed.
    """
    exact = Fraction(table.rate) / Fraction(usd_of_table.rate)
    rate = Fraction(usd.rate) * exact
    far = [each for each in direct if abs(Fraction(each.rate) - rate) > Fraction(SPREAD) * rate]
    if far:
        return None
    return Consensus(
        quantise(rate),
        min(usd.at, table.at),
        usd.samples,
        via=USD,
        cross=quantise(exact),
        cross_sample=table,
    )


def jump(new: Decimal, old: Decimal) -> Decimal:
    """How far ``new`` lies from ``old``, as a part of ``old``."""
    return abs(new - old) / old


def needs_more_sources(consensus: Consensus, olds: Iterable[Decimal]) -> Decimal | None:
    """The jump that too few sources stand behind, or None. ``olds``: rates of the last minutes."""
    if len(consensus.samples) >= JUMP_SOURCES:
        return None
    worst = max((jump(consensus.rate, old) for old in olds), default=Decimal(0))
    return worst if worst > JUMP else None


def quantise(rate: Fraction) -> Decimal:
    """To the eight places that are stored, upwards: a buyer never pays for the rounding."""
    scale = 10 ** -int(PLACES.as_tuple().exponent)
    return (Decimal(-(-rate.numerator * scale // rate.denominator))).scaleb(-8)


def _stood_at(samples: Iterable[Sample]) -> datetime:
    """The newest moment that enough of them vouch for."""
    return sorted((sample.at for sample in samples), reverse=True)[LEAST_SOURCES - 1]
