"""A backup: one gzip file of JSON lines, from one moment of the database, while everything runs.

First line: what wrote it, when, the migrations, the names of the settings and the fingerprints of the
keys. Then ``{"table", "columns"}`` and an array a row. Last: the counts, and the SHA-256 of all lines
before. No secret is in it; what lies sealed in the database lies sealed in it.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import hmac
import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from django.conf import settings
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from kim import backup_rows, keyring
from unlock import container
from unlock.models import SealingKey

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

VERSION: Final = 1
_ROWS_AT_ONCE: Final = 1000


class BackupRefused(Exception):
    """With a sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Written:
    path: Path
    size_bytes: int
    sha256: str  # of the file
    counts: Mapping[str, int]


class Lines:
    """Writes lines and hashes them."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._digest = hashlib.sha256()

    def add(self, value: Any) -> None:
        line = json.dumps(value, separators=(",", ":")).encode() + b"\n"
        self._digest.update(line)
        self._file.write(line)

    def end(self, counts: Mapping[str, int]) -> None:
        last = {"end": True, "counts": counts, "sha256": self._digest.hexdigest()}
        self._file.write(json.dumps(last, separators=(",", ":")).encode() + b"\n")


def write(path: Path, *, now: datetime) -> Written:
    """Whole or not at all, readable by its owner alone. Raises ``BackupRefused``."""
    part = path.with_name(path.name + ".part")
    with contextlib.ExitStack() as undo:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        undo.callback(part.unlink, missing_ok=True)
        with os.fdopen(descriptor, "wb") as file:
            counts = stream(file, now=now)
            file.flush()
            os.fsync(file.fileno())
        with part.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        part.rename(path)
        undo.pop_all()
    _sync_directory(path.parent)
    return Written(path, path.stat().st_size, digest, counts)


def stream(file: IO[bytes], *, now: datetime) -> dict[str, int]:
    """To anything that takes bytes; how many rows of each table. Raises ``BackupRefused``."""
    with ThreadPoolExecutor(1) as own:  # a thread has a connection of its own
        return own.submit(_stream, file, now).result()


def _stream(file: IO[bytes], now: datetime) -> dict[str, int]:
    counts: dict[str, int] = {}
    with _moment(), gzip.GzipFile(fileobj=file, mode="wb", compresslevel=6) as packed:
        lines = Lines(packed)  # type: ignore[arg-type]
        lines.add(_header(now=now))
        for model in backup_rows.models_of():
            counts[backup_rows.label_of(model)] = _table(lines, model)
        lines.end(counts)
    return counts


def _table(lines: Lines, model: Any) -> int:
    fields = backup_rows.fields_of(model)
    names = [field.attname for field in fields]
    lines.add({"table": backup_rows.label_of(model), "columns": names})
    count = 0
    rows = model._base_manager.order_by("pk").values_list(*names)  # noqa: SLF001
    for row in rows.iterator(chunk_size=_ROWS_AT_ONCE):
        lines.add(
            [backup_rows.encode(field, value) for field, value in zip(fields, row, strict=True)]
        )
        count += 1
    return count


@contextlib.contextmanager
def _moment() -> Iterator[None]:
    """A transaction that sees the database as it is now, and holds up nobody who writes."""
    try:
        connection.ensure_connection()
        is_sqlite = connection.vendor == "sqlite"
        if is_sqlite:
            own: Any = connection
            own.transaction_mode = "DEFERRED"  # our own takes the lock of the one writer
        with transaction.atomic():
            with connection.cursor() as cursor:
                if is_sqlite:
                    cursor.execute("SELECT count(*) FROM django_migrations")
                else:
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
    finally:
        connection.close()


def _header(*, now: datetime) -> dict[str, Any]:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise BackupRefused("The database is behind this version: run manage.py migrate first.")
    applied = MigrationRecorder(connection).applied_migrations()
    return {
        "kim": "backup",
        "v": VERSION,
        "at": now.isoformat(),
        "migrations": sorted(f"{app}.{name}" for app, name in applied),
        "settings": manifest(),
        "needs": needs(),
    }


def manifest() -> dict[str, Any]:
    """Which settings there are, and what of them is no secret. Keys by their fingerprints."""
    return {
        "names": sorted(name for name in dir(settings) if name.startswith("KIM_")),
        "version": settings.KIM_VERSION,
        "public_url": settings.KIM_PUBLIC_URL,
        "network": settings.KIM_NETWORK,
        "stores": {each.name: each.bucket for each in settings.KIM_STORES},
        "signing_public_key": container.encode_b64url(
            container.signing_public_key(settings.KIM_SIGNING_KEY)
        ),
        "instance_key": keyring.newest_instance(),
        "field_key": keyring.newest_field(),
        "secret_key": _secret_name(),
    }


def needs() -> dict[str, list[str]]:
    """Fingerprints of the keys that rows may need."""
    rows = SealingKey.objects.filter(retired_at=None)
    found: dict[str, list[str]] = {"field": [keyring.newest_field()]}
    for kind, name in rows.values_list("kind", "fingerprint"):
        found.setdefault(kind, []).append(name)
    return {kind: sorted(set(names)) for kind, names in found.items()}


def _secret_name() -> str:
    return hmac.digest(settings.SECRET_KEY.encode(), b"kim secret key fingerprint", "sha256").hex()[
        :16
    ]


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
