"""What the server says, in the reader's language: that of the request, or of the person written to.

The pure core says English ``Words`` (payments.words); here they meet the catalogues and the reader's
way to write numbers and moments. ``say`` and ``mark`` are what `make texts` looks for.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.utils import formats, translation

from payments.words import Value, Words, fill, mark, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["language", "mark", "packed", "say", "say_in", "tell", "unpacked"]

_GROUPED_FROM: Final = 10_000  # 1000 to 9999 read well without a point in them


def say(pattern: str, **values: Value) -> str:
    """A literal and its values, now and here."""
    return tell(Words(pattern, values))


def tell(words: Words) -> str:
    """In the language that is active. A pattern that no catalogue knows is said as it is."""
    pattern = translation.gettext(words.pattern) if words.pattern else ""
    return fill(pattern, words.values, write=_written)


def say_in(language: str, words: Words) -> str:
    with translation.override(language):
        return tell(words)


def language() -> str:
    """That is active: "en" or "de"."""
    return translation.get_language() or settings.LANGUAGE_CODE


def _written(value: Value) -> str:
    if isinstance(value, Words):
        return tell(value)
    if translation.get_language() in (None, "en") or isinstance(value, str):
        return plain(value)
    if isinstance(value, datetime):
        return f"{formats.date_format(value.astimezone(UTC), 'j. F Y, H:i')} UTC"
    is_long = not -_GROUPED_FROM < value < _GROUPED_FROM
    return formats.number_format(value, use_l10n=True, force_grouping=is_long)


# --- words that wait in a row for their reader ----------------------------------------------------


def packed(words: Words) -> list[Any]:
    """As JSON: the pattern and its values."""
    return [words.pattern, {name: _packed(value) for name, value in words.values.items()}]


def unpacked(row: list[Any]) -> Words:
    pattern, values = row
    return Words(pattern, {name: _unpacked(value) for name, value in values.items()})


def _packed(value: Value) -> Any:
    if isinstance(value, Words):
        return packed(value)
    if isinstance(value, datetime):
        return {"moment": value.isoformat()}
    if isinstance(value, Decimal):
        return {"number": f"{value:f}"}
    return value if isinstance(value, int) else str(value)


def _unpacked(value: Any) -> Value:
    if isinstance(value, list):
        return unpacked(value)
    if not isinstance(value, dict):
        return value if isinstance(value, int) else str(value)
    return _unwrapped(value)


def _unwrapped(value: Mapping[str, str]) -> Value:
    if "moment" in value:
        return datetime.fromisoformat(value["moment"])
    return Decimal(value["number"])
