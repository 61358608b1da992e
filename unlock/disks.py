"""The disk under the database: said plainly when it is full, and nothing new begun shortly before.

What was begun needs the room that is left: a payment that comes in, a key that is released. Where the
database is another server's, its disk is not ours to see, and its refusal says it.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django.conf import settings

from unlock.errors import DiskFull

if TYPE_CHECKING:
    from django.db import OperationalError

RESERVED_BYTES: Final = 64 * 2**20  # weeks of payments of what is open
LOW_BYTES: Final = 2**30

_SQLITE_SAYS: Final = "database or disk is full"
_POSTGRES_CLASS: Final = "53100"  # disk_full, of class 53, insufficient resources


def is_full(error: OperationalError) -> bool:
    """Whether the database refused because there is no room."""
    cause = error.__cause__
    return _SQLITE_SAYS in str(error) or getattr(cause, "sqlstate", None) == _POSTGRES_CLASS


def free_bytes() -> int | None:
    """Of the disk that our SQLite lies on; None where there is none of ours."""
    database = settings.DATABASES["default"]
    path = Path(str(database["NAME"]))
    if not str(database["ENGINE"]).endswith("sqlite3") or not path.is_file():
        return None
    return shutil.disk_usage(path.parent).free


def check_room() -> None:
    """Raises DiskFull where nothing new should begin."""
    free = free_bytes()
    if free is not None and free < RESERVED_BYTES:
        raise DiskFull("The disk of this site is full.")
