"""The push daemon: ``manage.py watch_payments``. Stops cleanly on SIGTERM and SIGINT."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from payments.daemon import Daemon


class Command(BaseCommand):
    help = "Subscribe to the addresses of open invoices, and wake a worker when something moves."

    def handle(self, *args: Any, **options: Any) -> None:
        del args, options
        if not settings.KIM_ELECTRUM_SERVERS:
            raise CommandError("KIM_ELECTRUM_SERVERS is empty: there is nobody to listen to.")
        asyncio.run(_run())


async def _run() -> None:
    daemon = Daemon(settings.KIM_ELECTRUM_SERVERS)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, daemon.stop)
    await daemon.run()
