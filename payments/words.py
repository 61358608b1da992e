"""What is said to people, before it has a language: an English pattern and the values in it.

The pattern is the key of the catalogues (docs/adr/0020), so the pure core says everything in English
and knows no framework. ``unlock.speech`` says it in the reader's language. Only {names} that have a
value are places: whatever else stands in braces, and whatever a value holds, is text. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Self, TypeAlias

Value: TypeAlias = "str | int | Decimal | datetime | Words"

_PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Words:
    """A pattern and its values. ``str()`` is the English."""

    pattern: str
    values: Mapping[str, Value] = field(default_factory=dict)

    @classmethod
    def of(cls, pattern: str, **values: Value) -> Self:
        return cls(pattern, values)

    @classmethod
    def listed(cls, parts: Sequence[Value], *, between: str = ", ") -> Self:
        """One after the other."""
        values = {f"_{place}": part for place, part in enumerate(parts)}
        return cls(between.join(f"{{{name}}}" for name in values), values)

    def __str__(self) -> str:
        return fill(self.pattern, self.values, write=plain)


def mark(text: str) -> str:
    """A text of a table, which is said later: `make texts` finds it."""
    return text


def fill(pattern: str, values: Mapping[str, Value], *, write: Callable[[Value], str]) -> str:
    """Every {name} that has a value replaced by it, as ``write`` writes it."""
    return _PLACE.sub(
        lambda place: write(values[place[1]]) if place[1] in values else place[0], pattern
    )


def plain(value: Value) -> str:
    """In English: numbers as programs write them, moments in UTC."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return f"{value:%d %B %Y, %H:%M} UTC"
    return str(value)
