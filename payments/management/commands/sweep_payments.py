"""Look at every invoice that is due, once: ``manage.py sweep_payments [--all]``."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from payments import connection, watcher
from payments.errors import ChainUnavailable
from payments.models import Invoice


class Command(BaseCommand):
    help = "Ask the chain about every invoice that is due (--all: about every invoice there is)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--all", action="store_true", help="however long ago they were opened")

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        now = timezone.now()
        if options["all"]:
            Invoice.objects.update(sweep_due_at=now)
        try:
            count = watcher.sweep(now=now)
        except ChainUnavailable as error:
            raise CommandError(f"{error.message} {error.hint}") from error
        finally:
            connection.close()
        self.stdout.write(f"{count} invoices looked at")
