"""An older version goes on serving while a newer one migrates: migrations add, and take away later.

Old code writes rows without the new columns, and never asks for the new tables. What it does ask for
is taken away one version later, by a migration that is named in ``LATER`` with the version whose code
had stopped to use it.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.models.fields import NOT_PROVIDED

# Everything up to these is older than the promise: there was no version to upgrade from.
FIRST = {"payments": "0002_engine", "unlock": "0021_staff"}
LATER: dict[tuple[str, str], str] = {}
ADDS = (
    migrations.CreateModel,
    migrations.AddIndex,
    migrations.AlterModelOptions,
    migrations.AlterModelManagers,
    migrations.RunPython,
    migrations.RunSQL,
    migrations.SeparateDatabaseAndState,
)


def fault_of(operation: Operation) -> str:
    """Why code of the version before would stumble over it; empty where it would not."""
    if isinstance(operation, migrations.AddField):
        field = operation.field
        is_harmless = (
            field.null or field.db_default is not NOT_PROVIDED or field.many_to_many is True
        )
        return "" if is_harmless else "old code inserts rows without this column: give a db_default"
    if isinstance(operation, migrations.AddConstraint):
        return "old code may write what it forbids: name the migration in LATER"
    return "" if isinstance(operation, ADDS) else "old code still uses it: name it in LATER"


def newer() -> Iterator[tuple[str, str, Operation]]:
    for (app, name), migration in sorted(MigrationLoader(None).disk_migrations.items()):
        if app not in FIRST or name <= FIRST[app] or (app, name) in LATER:
            continue
        fresh = {
            each.name_lower
            for each in migration.operations
            if isinstance(each, migrations.CreateModel)
        }
        for operation in migration.operations:
            if getattr(operation, "model_name_lower", "") not in fresh:  # nobody uses those yet
                yield app, name, operation


def test_migrations_only_add_what_older_code_can_live_beside() -> None:
    faults = [
        f"{app}.{name}: {operation.describe()}: {fault}"
        for app, name, operation in newer()
        if (fault := fault_of(operation))
    ]

    assert faults == []


@pytest.mark.parametrize(
    ("operation", "is_refused"),
    [
        (migrations.AddField("purchase", "x", models.IntegerField(null=True)), False),
        (migrations.AddField("purchase", "x", models.IntegerField(db_default=0)), False),
        (migrations.AddField("purchase", "x", models.IntegerField(default=0)), True),
        (migrations.AddField("purchase", "x", models.TextField()), True),
        (migrations.RemoveField("purchase", "x"), True),
        (migrations.RenameField("purchase", "x", "y"), True),
        (migrations.AlterField("purchase", "x", models.TextField()), True),
        (migrations.DeleteModel("Purchase"), True),
        (migrations.CreateModel("Fresh", [("id", models.AutoField(primary_key=True))]), False),
    ],
)
def test_the_rule_knows_what_breaks_older_code(operation: Operation, is_refused: bool) -> None:
    assert bool(fault_of(operation)) is is_refused
