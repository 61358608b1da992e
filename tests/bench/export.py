"""How long an export, a page and the totals of 10,000 invoices take: ``make bench B=export``.

On a database of its own or, with ``BENCH_DATABASE_URL``, on that (empty) one. The sums of both
exports must be the database's; a difference ends the run.
"""

from __future__ import annotations

import csv
import io
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
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
    table = _time("csv", lambda: sales_export.csv_chunks(sales.whole(maya, every)))
    rows = _time("json", lambda: sales_export.json_chunks(sales.whole(maya, every), now=now))
    _time("totals and chart", lambda: sales.summarize(maya, every, step=None, zone=UTC))
    _time("a page of 50", lambda: sales.page(maya, every))
    _compare("csv", csv.DictReader(io.StringIO(table.decode(), newline="")))
    _compare("json", json.loads(rows)["rows"])


def _time(name: str, make: Callable[[], Any]) -> bytes:
    """Tells how long it took; the bytes, where it makes some."""
    begun, worked = time.perf_counter(), time.process_time()
    made = make()
    whole = b"".join(made) if hasattr(made, "__next__") else b""
    seconds, work = time.perf_counter() - begun, time.process_time() - worked
    size = f", {len(whole) / 1e6:.1f} MB" if whole else ""
    print(f"{name}: {seconds:.2f} s, of the processor {work:.2f} s{size}")
    return whole


def _compare(name: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """The exported rows' sums against the database's own."""
    from django.db.models import Sum

    from payments.models import Invoice, Output

    columns = ("due_sat", "settled_sat", "value_sat")
    exported, invoices, outputs = dict.fromkeys(columns, 0), set(), 0
    for row in rows:
        for column in columns:
            exported[column] += int(row[column] or 0)
        invoices.add(row["invoice"])
        outputs += bool(row["outpoint"])
    kept = Invoice.objects.aggregate(due_sat=Sum("due_sat"), settled_sat=Sum("settled_sat"))
    kept |= Output.objects.aggregate(value_sat=Sum("value_sat"))
    counts = (Invoice.objects.count(), Output.objects.count())
    if (exported, (len(invoices), outputs)) != (kept, counts):
        raise SystemExit(f"{name}: {exported}, {len(invoices)}, {outputs} is not {kept}, {counts}")
    print(f"{name}: {counts[0]} invoices, {counts[1]} payments, every sum as in the database")


if __name__ == "__main__":
    main()
