"""How long an export, a page and the totals of 10,000 invoices take: ``make bench B=export``.

On a database of its own or, with ``BENCH_DATABASE_URL``, on that (empty) one.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, timedelta
from typing import Any


def main() -> None:
    import django
    from django.core.management import call_command

    scratch = tempfile.TemporaryDirectory(prefix="kim-bench-")
    url = os.environ.get("BENCH_DATABASE_URL", f"sqlite:///{scratch.name}/bench.sqlite3")
    os.environ["KIM_DATABASE_URL"] = url
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.environment")
    django.setup()
    call_command("migrate", verbosity=0)
    _measure(int(os.environ.get("BENCH_INVOICES", "10000")))
    scratch.cleanup()


def _measure(many: int) -> None:
    from django.utils import timezone

    from tests.unlock.ledgers import Ledger
    from tests.unlock.sale import creator, publish
    from unlock import sales, sales_export

    maya = creator("maya")
    Ledger([publish(maya) for _ in range(5)]).add(many, spread=timedelta(days=400)).save()
    every, now = sales.Filters(), timezone.now()
    print(f"{many} invoices")
    _time("csv", lambda: sales_export.csv_chunks(sales.whole(maya, every)))
    _time("json", lambda: sales_export.json_chunks(sales.whole(maya, every), now=now))
    _time("totals and chart", lambda: sales.summarize(maya, every, step=None, zone=UTC))
    _time("a page of 50", lambda: sales.page(maya, every))


def _time(name: str, make: Callable[[], Any]) -> None:
    begun, worked, size_bytes = time.perf_counter(), time.process_time(), 0
    made = make()
    if hasattr(made, "__next__"):
        size_bytes = sum(len(chunk) for chunk in made)
    size = f", {size_bytes / 1e6:.1f} MB" if size_bytes else ""
    seconds, work = time.perf_counter() - begun, time.process_time() - worked
    print(f"{name}: {seconds:.2f} s, of the processor {work:.2f} s{size}")


if __name__ == "__main__":
    main()
