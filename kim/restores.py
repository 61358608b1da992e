"""A backup put back: read whole and checked first, then into an empty database, then tried.

The tables are made as the backup's version made them, the rows put in, and then migrated to this
version. So an older backup fits a newer version, never the other way round; and a backup of SQLite
fits PostgreSQL, and the other way round.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from django.apps import apps as live_apps
from django.conf import settings
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from kim import backup_rows, backups, keyring, rotation, sealed
from kim.backups import BackupRefused
from payments import field_keys, watermarks
from payments.models import Payout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from django.apps.registry import Apps
    from django.db.models import Model

_ROWS_AT_ONCE: Final = 500
# Tables that a database has before anybody did anything.
_MADE_BY_MIGRATIONS: Final = frozenset(
    {"contenttypes.ContentType", "auth.Permission", "auth.Group", "auth.Group_permissions"}
)


@dataclass(frozen=True, slots=True)
class Held:
    """What a backup says of itself."""

    at: str
    migrations: tuple[str, ...]
    settings: dict[str, Any]
    needs: dict[str, list[str]]
    counts: dict[str, int]


@dataclass(slots=True)
class Restored:
    """``lost``: rows whose seal opens with no key, by column. ``warnings`` are sentences."""

    rows: int
    lost: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def inspect(path: Path) -> Held:
    """Reads all of it. Raises ``BackupRefused`` if a byte is missing or another."""
    digest, head, last = hashlib.sha256(), None, b""
    for line in _lines(path):
        if last:
            digest.update(last)
        head, last = head or line, line
    try:
        first, end = json.loads(head or b"null"), json.loads(last or b"null")
    except ValueError:
        raise BackupRefused(f"{path} is damaged.") from None
    if not isinstance(first, dict) or first.get("kim") != "backup":
        raise BackupRefused(f"{path} is no backup of kim.")
    if first.get("v") != backups.VERSION:
        raise BackupRefused(f"{path} was written by a newer version of kim.")
    if not isinstance(end, dict) or end.get("sha256") != digest.hexdigest():
        raise BackupRefused(f"{path} is damaged, or its end is missing.")
    migrations, needs = tuple(first["migrations"]), first["needs"]
    return Held(first["at"], migrations, first["settings"], needs, end["counts"])


def check(held: Held, *, replaces: bool) -> list[str]:
    """Everything that speaks against it, before anything is touched: raises ``BackupRefused``.

    What does not forbid it is given back, as sentences.
    """
    known = {f"{app}.{name}" for app, name in MigrationExecutor(connection).loader.disk_migrations}
    if newer := sorted(set(held.migrations) - known):
        raise BackupRefused(f"The backup is of a newer version: {newer[-1]} is not known here.")
    if held.settings["network"] != settings.KIM_NETWORK:
        raise BackupRefused(
            f"The backup is of {held.settings['network']}, this instance of {settings.KIM_NETWORK}."
        )
    if held.settings["signing_public_key"] != backups.manifest()["signing_public_key"]:
        raise BackupRefused(
            "KIM_SIGNING_KEY is another one: orders that were made after the backup could not come"
            " back. Put the key of the backup's instance in its place."
        )
    ring = {field_keys.fingerprint(key) for key in field_keys.ring()}
    if missing := sorted(set(held.needs["field"]) - ring):
        raise BackupRefused(f"The backup needs the field key {missing[0]}; it is not set.")
    if not replaces and (full := _full()):
        raise BackupRefused(f"{full} is not empty. With --replace all of this database is deleted.")
    return list(_warnings(held))


def restore(path: Path, held: Held, *, now: datetime) -> Restored:
    """Deletes every table and fills them again. ``check`` has been asked. Raises ``BackupRefused``."""
    apps = _make_tables(held)
    with transaction.atomic():
        for model in backup_rows.models_of(apps):
            _empty(model)
        counts = _fill(path, apps)
        if counts != held.counts:
            raise BackupRefused("The rows that were read are not those that were counted.")
        for statement in connection.ops.sequence_reset_sql(
            no_style(), list(backup_rows.models_of(apps))
        ):
            with connection.cursor() as cursor:
                cursor.execute(statement)
    call_command("migrate", interactive=False, verbosity=0)
    _move_counters(now=now)
    done = Restored(rows=sum(counts.values()))
    _try_keys(done)
    return done


def _move_counters(*, now: datetime) -> None:
    """What was handed out after the backup is not known here, and the marks in the bucket may lack
    the last minute: every payout goes on as one that lies behind.
    """
    rows = Payout.objects.values_list("id", "next_index")
    beyond = {str(row_id): next_index + 1 for row_id, next_index in rows}
    watermarks.heed_marks(beyond, now=now)


def _make_tables(held: Held) -> Apps:
    """Empty, as the backup's version had them; its models."""
    with connection.constraint_checks_disabled(), connection.cursor() as cursor:
        for name in connection.introspection.table_names(cursor):
            cascade = " CASCADE" if connection.vendor == "postgresql" else ""
            cursor.execute(f"DROP TABLE {connection.ops.quote_name(name)}{cascade}")
    executor = MigrationExecutor(connection)
    wanted = {tuple(each.split(".", 1)) for each in held.migrations}
    graph = executor.loader.graph
    ends = [
        node
        for node in graph.nodes
        if node in wanted
        and not any(child.key in wanted for child in graph.node_map[node].children)
    ]
    executor.migrate(ends)
    return executor.loader.project_state(ends).apps


def _empty(model: type[Model]) -> None:
    """What migrations put in; the backup has its own."""
    table = connection.ops.quote_name(model._meta.db_table)  # noqa: SLF001
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {table}")  # noqa: S608 - a name of ours


def _fill(path: Path, apps: Apps) -> dict[str, int]:
    """Constraints are checked when the transaction ends, so the order of the tables is no matter."""
    counts: dict[str, int] = {}
    model: type[Model] | None = None
    columns: list[str] = []
    rows: list[Any] = []
    lines = _lines(path)
    next(lines)
    for line in lines:
        read = json.loads(line)
        if isinstance(read, list) and model is not None:
            rows.append(model(**dict(zip(columns, map(backup_rows.decode, read), strict=True))))
            if len(rows) < _ROWS_AT_ONCE:
                continue
        if rows and model is not None:
            model._base_manager.bulk_create(rows)  # noqa: SLF001
            counts[backup_rows.label_of(model)] += len(rows)
            rows = []
        if isinstance(read, dict) and "table" in read:
            model, columns = _model(apps, read["table"]), read["columns"]
            counts[backup_rows.label_of(model)] = 0
    return counts


def _model(apps: Apps, label: str) -> type[Model]:
    """Also one that Django made between two others."""
    found = {backup_rows.label_of(each): each for each in backup_rows.models_of(apps)}.get(label)
    if found is None:
        raise BackupRefused(f"The backup has a table {label}, which its version does not know.")
    return found


def _full() -> str:
    """A table that holds something somebody did; "" if there is none."""
    for model in backup_rows.models_of(live_apps):
        label = backup_rows.label_of(model)
        try:
            with transaction.atomic():
                if label not in _MADE_BY_MIGRATIONS and model._base_manager.exists():  # noqa: SLF001
                    return label
        except DatabaseError:  # there is no such table yet
            continue
    return ""


def _warnings(held: Held) -> Iterator[str]:
    here = backups.manifest()
    for name, what in (
        ("public_url", "KIM_PUBLIC_URL is another one: links that were handed out lead there."),
        ("stores", "KIM_STORES or a bucket is another one: files lie where the backup says."),
        ("secret_key", "KIM_SECRET_KEY is another one: that does no harm here."),
    ):
        if held.settings.get(name) != here[name]:
            yield what
    needed = set(held.needs.get("instance", ()))
    if settings.KIM_INSTANCE_KEYS and (lost := needed - set(keyring.instance_names())):
        yield f"The releaser will need the instance key {min(lost)}."


def _try_keys(done: Restored) -> None:
    columns = [*sealed.FIELD, *(sealed.deposits() if settings.KIM_INSTANCE_KEYS else ())]
    for column, _row in rotation.look(columns).lost:
        done.lost[column.label] = done.lost.get(column.label, 0) + 1


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with gzip.open(path, "rb") as file:
            yield from file
    except (OSError, EOFError, zlib.error) as error:
        raise BackupRefused(f"{path} cannot be read whole: {error}") from error
