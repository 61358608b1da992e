"""``manage.py check_storage``: prove every configured bucket before people lean on it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from unlock import storage
from unlock.storage_check import Finding, Trial


class Command(BaseCommand):
    help = (
        "Tries what uploads and downloads lean on: bucket, CORS, equal parts, ListParts, signed"
        " lengths, ranges and ends, ETag. Of every store, or of the one named."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?", help="a name of KIM_STORES; all without it")
        parser.add_argument(
            "--create", action="store_true", help="first make the bucket and its CORS"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        problems = 0
        wanted = [each for each in settings.KIM_STORES if options["name"] in (None, each.name)]
        if not wanted:
            known = ", ".join(each.name for each in settings.KIM_STORES)
            raise CommandError(f"No store is called {options['name']}. There are: {known}.")
        for config in wanted:
            store = storage.get(config.name)
            self.stdout.write(f"{config.name}: {config.public_endpoint}, bucket {config.bucket}")
            if options["create"]:
                store.ensure_bucket([settings.KIM_PUBLIC_URL])
            for found in Trial(store, settings.KIM_PUBLIC_URL, timezone.now()).run():
                problems += bool(found.problem and found.is_needed)
                self.stdout.write(_line(found))
        if problems:
            raise CommandError(f"{problems} things do not hold; docs/stores.md says what to do.")
        self.stdout.write("Everything holds.")


def _line(found: Finding) -> str:
    """ok, NO, or -- for what is only nice to have."""
    if not found.problem:
        return f"  ok  {found.claim}"
    return f"  {'NO' if found.is_needed else '--'}  {found.claim}: {found.problem}"
