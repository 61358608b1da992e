"""A backup of PostgreSQL is of one moment while orders come in, and fits either database."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from django.core.cache import cache
from django.db import connection, connections

from tests.backing import manage, rows_of, write
from tests.unlock import sale
from tests.unlock.sale import Buyer, Sold

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _on_postgresql() -> None:
    assert connection.vendor == "postgresql", "run races through tests.postgres"
    cache.clear()


def keep_selling(sold: Sold, ends: threading.Event) -> None:
    try:
        while not ends.is_set():
            Buyer().purchase(sold, invoice_id=sale.owe(sold).id)
    finally:
        connections.close_all()


def test_a_backup_while_orders_come_in_fits_postgresql_and_sqlite(tmp_path: Path) -> None:
    sold, ends = sale.publish(), threading.Event()
    for _ in range(20):
        Buyer().purchase(sold, invoice_id=sale.owe(sold).id)
    seller = threading.Thread(target=keep_selling, args=(sold, ends))
    seller.start()
    path = write(tmp_path / "one.kimbackup")
    ends.set()
    seller.join(timeout=30)
    had = rows_of(path)
    invoices = {row["id"]["uuid"] for row in had["payments.Invoice"]}
    assert len(invoices) >= 20
    assert {row["invoice_id"]["uuid"] for row in had["unlock.Purchase"]} <= invoices
    assert {row["invoice_id"]["uuid"] for row in had["payments.Quote"]} <= invoices
    (counter,) = had["payments.Counter"]
    assert counter["value"] == max(row["position"] for row in had["payments.Event"])

    base = os.environ["KIM_DATABASE_URL"].rpartition("/")[0]
    with connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE kim_restored")
    goes_into(f"{base}/kim_restored", path)


@pytest.mark.long
def test_a_backup_of_postgresql_fits_sqlite_and_replaces_what_is_there(tmp_path: Path) -> None:
    sold = sale.publish()
    Buyer().purchase(sold, invoice_id=sale.owe(sold).id)
    path, url = write(tmp_path / "one.kimbackup"), f"sqlite:///{tmp_path}/new.sqlite3"

    goes_into(url, path)

    again = manage(url, "restore", path)
    assert again.returncode == 1
    assert "is not empty. With --replace all of this database is deleted." in again.stderr
    assert manage(url, "restore", path, "--replace").returncode == 0


def goes_into(url: str, path: Path) -> None:
    done = manage(url, "restore", path)
    assert done.returncode == 0, done.stderr
    again = path.with_name("two.kimbackup")
    out = manage(url, "backup", again)
    assert out.returncode == 0, out.stderr
    assert rows_of(again) == rows_of(path)
