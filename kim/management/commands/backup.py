"""``manage.py backup``: the database as it is at one moment, into one file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from kim import backups
from kim.backups import BackupRefused

ENDING = ".kimbackup"


class Command(BaseCommand):
    help = (
        "Writes the database into DIR (a new name each time) or FILE; - is standard output. No"
        " secret is in it. docs/operations.md says what else to keep, and how to encrypt it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("target", help="a directory that exists, a file, or -")
        parser.add_argument(
            "--keep", type=int, metavar="N", help="of DIR: delete all but the newest N"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        try:
            if options["target"] == "-":
                backups.stream(sys.stdout.buffer, now=now)
                return
            target = Path(options["target"])
            path = target / f"kim-{now:%Y%m%d-%H%M%S}{ENDING}" if target.is_dir() else target
            made = backups.write(path, now=now)
        except (BackupRefused, OSError) as error:
            raise CommandError(str(error)) from error
        rows = sum(made.counts.values())
        self.stdout.write(f"{made.sha256}  {made.path}")
        self.stdout.write(f"{rows} rows of {len(made.counts)} tables, {made.size_bytes} bytes.")
        if options["keep"] and target.is_dir():
            self._thin(target, options["keep"])

    def _thin(self, folder: Path, keep: int) -> None:
        for path in sorted(folder.glob(f"kim-*{ENDING}"))[:-keep]:
            path.unlink()
            self.stdout.write(f"{path} is deleted.")
