"""``manage.py restore``: a backup put back, and tried."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from kim import restores
from kim.backups import BackupRefused
from unlock.tasks import marks


class Command(BaseCommand):
    help = "Puts a backup into an empty database. Stop all processes before."
    # Its own checks are in ``restores``; those of the database would ask one that is about to go.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path)
        parser.add_argument("--check", action="store_true", help="read and compare; change nothing")
        parser.add_argument("--replace", action="store_true", help="delete what is there")

    def handle(self, *args: Any, **options: Any) -> None:
        path = options["path"]
        try:
            held = restores.inspect(path)
            warnings = restores.check(held, replaces=options["replace"] or options["check"])
            self.stdout.write(f"{path}: {sum(held.counts.values())} rows, as of {held.at}.")
            for said in warnings:
                self.stderr.write(said)
            if options["check"]:
                return
            done = restores.restore(path, held, now=timezone.now())
        except BackupRefused as error:
            raise CommandError(str(error)) from error
        for label, count in sorted(done.lost.items()):
            self.stderr.write(f"{count} values of {label} open with no key.")
        marks.keep_if_reachable()
        self.stdout.write(
            f"{done.rows} rows are back. Start a worker first, then all others, then run"
            " sweep_payments --all (docs/recovery.md, “After a restored backup”)."
        )
