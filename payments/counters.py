"""Numbers that are taken once, and a script that may be taken: one statement each.

Written as SQL because every order asks for them, and because the ORM has no UPDATE … RETURNING:
it would have to read, write and compare. PostgreSQL and SQLite (3.35) both have it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db import connection

from payments.models import Address, Counter, Payout

if TYPE_CHECKING:
    from uuid import UUID

_quoted = connection.ops.quote_name
_PAYOUT: Final = _quoted(Payout._meta.db_table)  # noqa: SLF001 - public by name and by use
_ADDRESS: Final = _quoted(Address._meta.db_table)  # noqa: SLF001
_COUNTER: Final = _quoted(Counter._meta.db_table)  # noqa: SLF001


def take_index(payout_id: UUID) -> int:
    """A payout's next index, taken for good: nobody else ever gets it. Raises ``LookupError``."""
    key = Payout._meta.pk.get_db_prep_value(payout_id, connection)  # noqa: SLF001
    sql = f"UPDATE {_PAYOUT} SET next_index = next_index + 1 WHERE id = %s RETURNING next_index"  # noqa: S608
    return _one(sql, key) - 1


def next_of(name: str) -> int:
    """The next value of a counter, from 1. Its row stays locked until the transaction ends."""
    sql = f"UPDATE {_COUNTER} SET value = value + 1 WHERE name = %s RETURNING value"  # noqa: S608
    while True:
        try:
            return _one(sql, name)
        except LookupError:
            Counter.objects.get_or_create(name=name)


def is_script_known(script: bytes) -> bool:
    """Already some invoice's address, or a payee that forwards go to."""
    found = (
        f"SELECT 1 FROM {_ADDRESS} WHERE script = %s"  # noqa: S608
        f" UNION ALL SELECT 1 FROM {_PAYOUT} WHERE payee_script = %s LIMIT 1"
    )
    with connection.cursor() as cursor:
        cursor.execute(found, [script.hex(), script.hex()])
        return bool(cursor.fetchall())


def _one(sql: str, key: UUID | str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, [key])
        rows: list[tuple[int]] = cursor.fetchall()  # all: SQLite ends a statement by its last row
    if not rows:
        raise LookupError(key)
    return rows[0][0]
