"""Numbers as people read them, written as static/js/ui/format.js writes them in that language."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from django import template

from payments.amounts import SAT_PER_BCH
from payments.words import Words
from unlock import speech, stock
from unlock.states import PriceKind

if TYPE_CHECKING:
    from payments.amounts import Price
    from unlock.models import PaidFile

register = template.Library()

_UNITS = ("KB", "MB", "GB", "TB", "PB")
_DIGITS = 3


@register.filter
def size(count: int) -> str:
    """Like "2.94 GB": three significant digits, steps of a thousand."""
    if count < 1000:
        return speech.say("1 byte") if count == 1 else speech.say("{count} bytes", count=count)
    value, power = count / 1000, 0
    while value >= 1000 and power < len(_UNITS) - 1:
        value, power = value / 1000, power + 1
    whole = len(str(int(value)))
    shown = Decimal(f"{value:.{max(0, _DIGITS - whole)}f}")
    return speech.say("{size} {unit}", size=shown, unit=_UNITS[power])


@register.filter
def coins(sat: int) -> str:
    """Like "0.00912300" in every language: satoshis as BCH, all eight digits, for a wallet's field."""
    return f"{sat // SAT_PER_BCH}.{sat % SAT_PER_BCH:08d}"


@register.filter
def price(paid_file: PaidFile) -> str:
    """Like "2.00 EUR": the amount with its currency's digits; "Free", "2.00 EUR or more"."""
    terms = stock.terms_of(paid_file)
    if terms.kind is PriceKind.FREE:
        return speech.say("Free")
    if terms.kind is PriceKind.MINIMUM:
        return speech.say("{price} or more", price=terms.price.words)
    return speech.tell(terms.price.words)


@register.filter
def money(amount: Price) -> str:
    """Like "2.00 EUR"."""
    return speech.tell(amount.words)


@register.filter
def said(text: str) -> str:
    """A text that a table of the core holds, in the reader's language."""
    return speech.tell(Words(text))
