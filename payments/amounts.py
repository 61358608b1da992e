"""Money as exact numbers: prices in a currency, satoshis due, and how both are written.

Satoshis are integers, prices and rates are ``Decimal``; every division is done on integers and
rounded on purpose. A float never comes near (a house test looks).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from urllib.parse import quote

from payments.errors import BadPrice, RateUnavailable, UnknownCurrency
from payments.states import PayoutKind
from payments.words import Words

SAT_PER_BCH: Final = 100_000_000
MAX_SAT: Final = 21_000_000 * SAT_PER_BCH
BCH: Final = "BCH"

# The least a price may be: a forwarder needs room for its fee and a payable rest.
FLOOR_SAT: Final[dict[PayoutKind, int]] = {PayoutKind.XPUB: 1_000, PayoutKind.FORWARDER: 2_000}

TOLERANCE_BPS: Final = 100  # exchanges take their fee out of what they send
TOLERANCE_MIN_SAT: Final = 500
TOLERANCE_CAP_BPS: Final = 500  # in code, so that no setting can give files away

REFUND_MIN_SAT: Final = 2_000  # below it a refund costs everybody more than it gives back
REFUND_MIN_BPS: Final = 500

# ISO 4217: digits after the point, where they are not two.
_EXPONENTS: Final = {
    BCH: 8,
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF"), 0),
    **dict.fromkeys(("UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
}
# Decimal itself would also read "1_000", "1e9", "NaN" and other scripts' digits.
_NUMBER: Final = re.compile(r"[0-9]{1,24}(\.[0-9]{1,24})?")
_MAX_PRICE: Final = Decimal(10) ** 12  # twelve digits before the point are what a column holds


@dataclass(frozen=True, slots=True)
class Price:
    """What a thing costs. Made by ``parse_price``; ``amount`` fits the currency's digits."""

    amount: Decimal
    currency: str

    def __str__(self) -> str:
        return str(self.words)

    @property
    def words(self) -> Words:
        exact = Decimal(f"{self.amount:.{exponent_of(self.currency)}f}")
        return Words.of("{amount} {currency}", amount=exact, currency=self.currency)


def parse_price(amount: str | Decimal, currency: str) -> Price:
    """A price from what a person typed. Raises ``BadPrice`` and ``UnknownCurrency``."""
    digits = exponent_of(currency)
    if isinstance(amount, str) and not _NUMBER.fullmatch(amount):
        raise BadPrice("The price is not a number.")
    value = Decimal(amount)
    if not value.is_finite() or value < 0 or value >= _MAX_PRICE:
        raise BadPrice("The price is not a sensible amount.")
    if value != round(value, digits):
        raise BadPrice(
            "{currency} has at most {digits} digits after the point.",
            currency=currency,
            digits=digits,
        )
    if currency == BCH and value > MAX_SAT // SAT_PER_BCH:
        raise BadPrice("There is not that much BCH.")
    return Price(round(value, digits), currency)


def exponent_of(currency: str) -> int:
    """Digits after the point, for "BCH" or an ISO 4217 code. Raises ``UnknownCurrency``."""
    if currency in _EXPONENTS:
        return _EXPONENTS[currency]
    if len(currency) == 3 and currency.isascii() and currency.isalpha() and currency.isupper():
        return 2
    raise UnknownCurrency("That is not a currency code.")


def due_sat(price: Price, rate: Decimal | None, *, spread_bps: int = 0) -> int:
    """``price`` in satoshis at ``rate`` (units of the currency for one BCH), rounded up.

    ``spread_bps``, hundredths of a percent, come on top. A BCH price needs no rate. Raises
    ``RateUnavailable`` without a usable rate, ``BadPrice`` when the result is more than there is.
    """
    if price.currency == BCH:
        return int(price.amount * SAT_PER_BCH)
    if rate is None or not rate.is_finite() or rate <= 0:
        raise RateUnavailable(
            "There is no exchange rate for {currency} right now.", currency=price.currency
        )
    price_over, price_under = price.amount.as_integer_ratio()
    rate_over, rate_under = rate.as_integer_ratio()
    over = price_over * rate_under * SAT_PER_BCH * (10_000 + spread_bps)
    sat = -(-over // (price_under * rate_over * 10_000))
    if sat > MAX_SAT:
        raise BadPrice("The price is more than all BCH there is.")
    return sat


def value_of(amount_sat: int, rate: Decimal, currency: str) -> Price:
    """What satoshis are worth in ``currency``, rounded to its digits (half to even): to show."""
    rate_over, rate_under = rate.as_integer_ratio()
    unit = 10 ** exponent_of(currency)
    whole, rest = divmod(amount_sat * rate_over * unit, rate_under * SAT_PER_BCH)
    double, limit = 2 * rest, rate_under * SAT_PER_BCH
    minor = whole + (1 if double > limit or (double == limit and whole % 2) else 0)
    return Price(Decimal(minor).scaleb(-exponent_of(currency)), currency)


def min_sat(due: int, *, tolerance_bps: int = TOLERANCE_BPS) -> int:
    """The least that counts as paying ``due``: the tolerance or 500 sat may be missing, whichever is
    more, and never over 5 %. A tolerance of 0 means to the satoshi.
    """
    if tolerance_bps <= 0:
        return due
    tolerance = max(due * tolerance_bps // 10_000, TOLERANCE_MIN_SAT)
    return due - min(tolerance, due * TOLERANCE_CAP_BPS // 10_000)


def is_refund_worthy(over_sat: int, due: int) -> bool:
    """Whether what came beyond ``due`` is enough to ask the creator to send it back."""
    return over_sat > max(REFUND_MIN_SAT, due * REFUND_MIN_BPS // 10_000)


def bch(amount_sat: int) -> Decimal:
    """The same number in BCH, with all eight digits."""
    return Decimal(format_bch(amount_sat))


def bch_words(amount_sat: int) -> Words:
    """As it is said to people: "0.00012300 BCH", with the decimal sign of the reader."""
    return Words.of("{amount} BCH", amount=bch(amount_sat))


def format_bch(amount_sat: int) -> str:
    """Satoshis as BCH with all eight digits: ``0.00012300``."""
    sign, rest = ("-", -amount_sat) if amount_sat < 0 else ("", amount_sat)
    return f"{sign}{rest // SAT_PER_BCH}.{rest % SAT_PER_BCH:08d}"


def payment_uri(address: str, *, amount_sat: int | None, label: str = "", message: str = "") -> str:
    """A BIP-21 URI. ``address`` carries its network's prefix, which is the URI's scheme."""
    parts = []
    if amount_sat is not None:
        parts.append("amount=" + format_bch(amount_sat).rstrip("0").rstrip("."))
    parts += [f"{key}={quote(text, safe='')}" for key, text in _texts(label, message)]
    return address + ("?" + "&".join(parts) if parts else "")


def _texts(label: str, message: str) -> list[tuple[str, str]]:
    return [(key, text) for key, text in (("label", label), ("message", message)) if text]
