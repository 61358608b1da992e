"""A backup holds every row, tells no secret, and goes back whole or not at all."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.conf import settings as live
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from kim import backups, restores
from kim.backup_rows import fields_of, label_of, models_of
from kim.backups import BackupRefused
from tests.backing import Lines, changed, lines_of, manage, rows_of, write
from tests.project.test_admin_everywhere import sold as sold  # noqa: PLC0414 - a row of everything
from tests.unlock.sale import NOW, Sold
from unlock.container import encode_b64url
from unlock.models import SealingKey

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

pytestmark = pytest.mark.django_db(transaction=True)


# A state of the tables that later versions only add to.
OLD = ("unlock", "0016_versions")


@pytest.fixture
def backup(sold: Sold, tmp_path: Path) -> Path:
    SealingKey.objects.update(retired_at=NOW)  # it was made up
    return write(tmp_path / "one.kimbackup")


def test_every_row_goes_into_an_empty_database_and_comes_out_the_same(
    backup: Path, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/new.sqlite3"
    had = rows_of(backup)

    done = manage(url, "restore", backup)
    out = manage(url, "backup", tmp_path / "two.kimbackup")

    assert done.returncode == 0, done.stderr
    assert f"{sum(map(len, had.values()))} rows are back." in done.stdout
    assert "1 values of Vault.sealed_root open with no key." in done.stderr  # the row was made up
    assert out.returncode == 0, out.stderr
    found = rows_of(tmp_path / "two.kimbackup")
    assert {name for name, rows in had.items() if rows} >= {"unlock.Purchase", "auth.User"}
    assert {name: rows for name, rows in found.items() if rows != had[name]} == {}
    assert backup.stat().st_mode & 0o077 == 0


@pytest.mark.long
def test_a_backup_of_an_older_version_is_migrated(backup: Path, tmp_path: Path) -> None:
    loader = MigrationExecutor(connection).loader
    ends = [
        OLD,
        *(end for end in loader.graph.leaf_nodes() if end[0] not in ("unlock", "payments")),
    ]
    old = {label_of(each): each for each in models_of(loader.project_state(ends).apps)}
    planned = {key for end in ends for key in loader.graph.forwards_plan(end)}

    def as_then(lines: Lines) -> Lines:
        kept: Lines = [{**lines[0], "migrations": sorted(f"{a}.{n}" for a, n in planned)}]
        table, counts, places = "", {}, [0]
        for line in lines[1:-1]:
            if isinstance(line, dict):
                table = line["table"]
                if table in old:
                    had = {field.attname for field in fields_of(old[table])}
                    names = line["columns"]
                    places = [place for place, name in enumerate(names) if name in had]
                    kept.append({"table": table, "columns": [names[place] for place in places]})
                    counts[table] = 0
            elif table in old:
                kept.append([line[place] for place in places])
                counts[table] += 1
        return [*kept, {**lines[-1], "counts": counts}]

    url = f"sqlite:///{tmp_path}/new.sqlite3"

    done = manage(url, "restore", changed(backup, as_then))

    assert done.returncode == 0, done.stderr
    out = manage(url, "backup", tmp_path / "two.kimbackup")  # refused of a database that is behind
    assert out.returncode == 0, out.stderr


def test_no_secret_is_in_it(backup: Path) -> None:
    text = gzip.decompress(backup.read_bytes()).decode()

    for secret in (
        live.SECRET_KEY,
        encode_b64url(live.KIM_FIELD_KEY),
        encode_b64url(live.KIM_SIGNING_KEY),
        encode_b64url(live.KIM_INSTANCE_KEYS[0]),
        live.KIM_FIELD_KEY.hex(),
        live.KIM_SIGNING_KEY.hex(),
        "kim-test-secret",
    ):
        assert secret not in text
    assert "sessions.Session" not in text
    assert "KIM_FIELD_KEY" in json.loads(text.splitlines()[0])["settings"]["names"]


@pytest.mark.parametrize("keeps", [0, 1, 100, 0.5, -1])
def test_a_backup_that_was_cut_is_refused(backup: Path, keeps: float) -> None:
    raw = backup.read_bytes()
    end = int(len(raw) * keeps) if isinstance(keeps, float) else keeps
    backup.write_bytes(raw[:end])

    with pytest.raises(BackupRefused, match=r"cannot be read whole|damaged|is no backup"):
        restores.inspect(backup)


def test_one_changed_byte_is_refused(backup: Path) -> None:
    raw = gzip.decompress(backup.read_bytes())
    backup.write_bytes(gzip.compress(raw.replace(b"asked nicely", b"asked rudely")))

    with pytest.raises(BackupRefused, match="is damaged, or its end is missing"):
        restores.inspect(backup)


def test_what_speaks_against_a_restore_is_said_before_anything_is_touched(
    backup: Path, settings: Settings
) -> None:
    held = restores.inspect(backup)
    assert restores.check(held, replaces=True) == []
    with pytest.raises(BackupRefused, match="is not empty"):
        restores.check(held, replaces=False)

    def refused(text: str, change: object) -> None:
        def with_change(lines: Lines) -> Lines:
            return [{**lines[0], **change}, *lines[1:]]  # type: ignore[dict-item]

        with pytest.raises(BackupRefused, match=text):
            restores.check(restores.inspect(changed(backup, with_change)), replaces=True)

    head = lines_of(backup)[0]
    refused("is of a newer version", {"migrations": [*head["migrations"], "unlock.9999_later"]})
    refused("newer version of kim", {"v": 2})
    refused("is of mainnet", {"settings": {**head["settings"], "network": "mainnet"}})
    refused("KIM_SIGNING_KEY", {"settings": {**head["settings"], "signing_public_key": "x"}})
    refused("needs the field key abcd", {"needs": {"field": ["abcd"]}})
    settings.KIM_PUBLIC_URL = "https://elsewhere.example"
    (said,) = restores.check(held, replaces=True)
    assert said.startswith("KIM_PUBLIC_URL is another one")


def test_a_backup_is_whole_or_is_not_there(
    sold: Sold, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", breaks)

    with pytest.raises(OSError, match="No space left"):
        backups.write(tmp_path / "one.kimbackup", now=sold.file.created_at)
    assert list(tmp_path.iterdir()) == []


def test_a_directory_keeps_the_newest(sold: Sold, tmp_path: Path) -> None:
    for day in ("20260101", "20260102", "20260103"):
        (tmp_path / f"kim-{day}-000000.kimbackup").write_bytes(b"")
    (tmp_path / "notes.txt").write_bytes(b"")

    call_command("backup", str(tmp_path), keep=2, verbosity=0)

    names = sorted(path.name for path in tmp_path.iterdir())
    assert names[0] == "kim-20260103-000000.kimbackup"
    assert len(names) == 3
    assert names[2] == "notes.txt"
