"""Whether the keys in the settings are those that the database needs: asked before anything serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from django.conf import settings

from kim import sealed
from payments import field_keys
from unlock import container, sealing_keys
from unlock.sealing_keys import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from kim.sealed import Column


def newest_field() -> str:
    return field_keys.fingerprint(settings.KIM_FIELD_KEY)


def newest_instance() -> str:
    return sealing_keys.fingerprint(settings.KIM_INSTANCE_PUBLIC_KEY)


def instance_names() -> list[str]:
    """Fingerprints of the private keys of this process, in their order."""
    publics = [container.public_key_of(key) for key in settings.KIM_INSTANCE_KEYS]
    return [sealing_keys.fingerprint(each) for each in publics]


def lost_field_key() -> str:
    """What is wrong with KIM_FIELD_KEY, in a sentence; "" if everything opens.

    A database that was never asked before is tried at the first and last row of every column.
    """
    lost = sealing_keys.missing(Kind.FIELD, {field_keys.fingerprint(k) for k in field_keys.ring()})
    if lost:
        return (
            f"The database needs the field key {lost[0]}, which is neither KIM_FIELD_KEY nor among"
            " KIM_FIELD_KEYS_MORE."
        )
    if sealing_keys.is_noted(Kind.FIELD):
        return ""
    for column, row in _ends():
        try:
            column.renew(row)
        except (InvalidTag, ValueError):
            return f"{column.label} does not open with KIM_FIELD_KEY: it is another instance's."
    return ""


def note_field_key() -> None:
    """Rows may need it from now on."""
    sealing_keys.note(Kind.FIELD, newest_field())


def _ends() -> Iterator[tuple[Column, Any]]:
    for column in sealed.FIELD:
        for row in (column.rows().first(), column.rows().last()):
            if row is not None:
                yield column, row
