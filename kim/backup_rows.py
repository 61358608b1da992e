"""Rows as lines of JSON and back, the same for SQLite and PostgreSQL."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.apps import apps as live_apps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.apps.registry import Apps
    from django.db.models import Field, Model

# What a signed-in browser shows; a thief of a backup gets nobody's session.
LEFT_OUT = frozenset({"sessions.Session"})


def models_of(apps: Apps = live_apps) -> Iterator[type[Model]]:
    """Every table of ours that holds rows, those between two models too, in a steady order."""
    for model in apps.get_models(include_auto_created=True):
        meta = model._meta  # noqa: SLF001 - Django documents it
        if meta.managed and not meta.proxy and meta.label not in LEFT_OUT:
            yield model


def label_of(model: type[Model]) -> str:
    return str(model._meta.label)  # noqa: SLF001


def fields_of(model: type[Model]) -> list[Field[Any, Any]]:
    return list(model._meta.concrete_fields)  # noqa: SLF001


@dataclass(frozen=True, slots=True)
class _Kind:
    """What JSON lacks: an object with one member, the kind's name."""

    name: str
    type: type
    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


_KINDS = (
    _Kind("bytes", bytes, lambda value: base64.b64encode(value).decode(), base64.b64decode),
    _Kind("uuid", UUID, lambda value: value.hex, UUID),
    _Kind("decimal", Decimal, str, Decimal),
    _Kind("time", datetime, datetime.isoformat, datetime.fromisoformat),
    _Kind("date", date, date.isoformat, date.fromisoformat),
)
_READERS = {"json": lambda value: value} | {kind.name: kind.read for kind in _KINDS}


def encode(field: Field[Any, Any], value: Any) -> Any:
    """What JSON has, as it is; all else by its kind. Raises TypeError for what no kind is for."""
    if value is None:
        return None
    if field.get_internal_type() == "JSONField":
        return {"json": value}
    plain = bytes(value) if isinstance(value, memoryview) else value
    if isinstance(plain, (bool, int, str)):
        return plain
    for kind in _KINDS:
        if isinstance(plain, kind.type):
            return {kind.name: kind.write(plain)}
    raise TypeError(f"{field} holds a {type(value).__name__}, which no backup can write.")


def decode(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, held),) = value.items()
    return _READERS[kind](held)
