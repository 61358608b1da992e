"""``manage.py verify_evidence FILE``: whether an evidence file proves its payment."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from payments import proofs


class Command(BaseCommand):
    help = "Check an evidence file, line by line. Leaves with 0 only if everything holds."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file")
        parser.add_argument("--key", default="", help="the instance's public signing key")

    def handle(self, *args: Any, **options: Any) -> None:
        key = ["--key", options["key"]] if options["key"] else []
        code = proofs.main([options["file"], *key])
        if code:
            raise SystemExit(code)
