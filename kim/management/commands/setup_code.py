"""A new code for the set-up of an empty instance."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from kim import first_run
from unlock import instances
from unlock.account_errors import SetupOver


class Command(BaseCommand):
    help = "Prints a new code for the set-up of this instance; the one before is worth nothing."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            code = instances.renew_code(now=timezone.now())
        except SetupOver as error:
            raise CommandError(f"{error.message} {error.hint}") from error
        self.stdout.write(first_run.announcement(code))
