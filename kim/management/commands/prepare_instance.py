"""What an embedded instance needs before it serves: tables, a bucket, a first creator."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from unlock import creators, storage
from unlock.creator_errors import SignupClosed, UsernameTaken
from unlock.creators import SignUp
from unlock.errors import StoreError
from unlock.tasks import marks

_USERNAME = "maya"


class Command(BaseCommand):
    help = "Migrates, makes the bucket with its CORS, and a creator to try things with. Repeatable."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--login-file", type=Path, required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        self._make_buckets()
        marks.keep_if_reachable()  # after a restored backup: nothing is handed out a second time
        self._first_creator(options["login_file"])

    def _make_buckets(self) -> None:
        """Without the one for uploads nothing works; another may be away, or already as it should be."""
        first, *others = storage.writable()
        storage.get(first).ensure_bucket([settings.KIM_PUBLIC_URL])
        for name in others:
            try:
                storage.get(name).ensure_bucket([settings.KIM_PUBLIC_URL])
            except StoreError as error:
                self.stderr.write(f"The store {name} was not prepared: {error.message}")

    def _first_creator(self, path: Path) -> None:
        """The login is printed by ``make run``; it lives beside the data, readable by its owner."""
        if path.exists():
            return
        password = secrets.token_urlsafe(9)
        salt = secrets.token_bytes(16)
        derived = derive(password, salt)
        try:
            creators.sign_up(
                SignUp(username=_USERNAME, salt=salt, derived=derived), now=timezone.now()
            )
        except (SignupClosed, UsernameTaken):
            return  # an instance that takes no creators, or has this one already, needs no other
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(
            os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8"
        ) as file:
            json.dump({"username": _USERNAME, "password": password}, file)


def derive(password: str, salt: bytes) -> bytes:
    """What the login page computes in the browser (docs/protocol.md): Argon2id, 64 MiB, t=3."""
    kdf = Argon2id(salt=salt, length=32, iterations=3, lanes=1, memory_cost=64 * 1024)
    return kdf.derive(password.encode())
