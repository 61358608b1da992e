"""``manage.py reset_second_step``: for staff who lost both their app and their spare codes."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from unlock import journal, staff_factors


class Command(BaseCommand):
    help = (
        "Forgets the second step of a staff login: the next login sets up a new one, and sessions end."
        " It is written into the audit log."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--reason", required=True, help="kept in the audit log")

    def handle(self, *args: Any, **options: Any) -> None:
        name, reason = options["username"], options["reason"].strip()
        user = get_user_model().objects.filter(username=name, is_staff=True).first()
        if user is None:
            raise CommandError(f"There is no staff login {name}.")
        if not reason:
            raise CommandError("Say why: --reason is kept in the audit log.")
        now = timezone.now()
        if not staff_factors.reset(user, by=journal.SYSTEM, reason=reason, now=now):
            raise CommandError(f"{name} has no second step; the next login sets one up.")
        self.stdout.write(f"{name}: the next login sets up a new second step.")
