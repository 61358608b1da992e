"""``manage.py check_storage``: prove every configured bucket before people lean on it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from unlock import storage
from unlock.storage_check import Trial


class Command(BaseCommand):
    help = "Tries bucket, CORS, multipart uploads, signed lengths and signed ranges of every store."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--create", action="store_true", help="first make the bucket and its CORS"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        problems = 0
        for config in settings.KIM_STORES:
            store = storage.get(config.name)
            self.stdout.write(f"{config.name}: {config.public_endpoint}, bucket {config.bucket}")
            if options["create"]:
                store.ensure_bucket([settings.KIM_PUBLIC_URL])
            for found in Trial(store, settings.KIM_PUBLIC_URL, timezone.now()).run():
                problems += bool(found.problem)
                said = f"  NO  {found.claim}: {found.problem}" if found.problem else ""
                self.stdout.write(said or f"  ok  {found.claim}")
        if problems:
            raise CommandError(
                f"{problems} things do not hold; docs/operations.md says what to do."
            )
        self.stdout.write("Everything holds.")
