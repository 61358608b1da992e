"""A large instance in seconds: one true row of each table, copied by the database itself.

Sales are spread over creators, states and two years as a shop's are. ``copies`` needs no list of
columns, so a column that is added later comes along.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Model

from payments import models as money
from payments import seals
from payments.states import InvoiceState, OutputChain
from tests.unlock import sale
from tests.unlock.sale import Buyer, Sold
from unlock.models import Copy, Creator, KeyRelease, Notice, Purchase

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
_AGO = "timestamptz '2026-11-01 12:00+00' - n * (interval '1 minute' * 1000000 / {count})"
# Of a hundred: one waits, one was paid just now, forty were paid at some time, the rest expired.
_STATE = "CASE WHEN n % 100 = 0 THEN 'OPEN' WHEN n % 100 < 42 THEN 'PAID' ELSE 'EXPIRED' END"
_PAID = "n % 100 BETWEEN 1 AND 41"


@dataclass(frozen=True)
class Crowd:
    """``count`` sales of ``creators`` creators; ``sold`` and ``buyer`` are one of them."""

    sold: Sold
    creator: Creator
    buyer: Buyer
    purchase: Purchase
    invoice_id: UUID
    count: int


def gather(count: int) -> Crowd:
    """Everything but what is made per sale is one to a hundred sales."""
    sold, buyer = sale.publish(), Buyer()
    invoice = sale.owe(sold, InvoiceState.PAID)
    purchase = buyer.purchase(sold, invoice_id=invoice.pk)
    _one_of_each(invoice, purchase)
    creators = max(1, count // 100)
    with connection.cursor() as cursor:
        # The rows are copies: no foreign key is looked up, now or at the end of each test.
        cursor.execute("SET LOCAL session_replication_role = replica")
        _creators(sold, creators)
        _sales(invoice, purchase, count=count, creators=creators)
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")
        cursor.execute("ANALYZE")
    return Crowd(sold, sold.file.creator, buyer, purchase, invoice.pk, count)


def _one_of_each(invoice: money.Invoice, purchase: Purchase) -> None:
    money.ChainTransaction.objects.create(txid="ab" * 32, raw=b"\1" * 200, first_seen_at=NOW)
    money.Output.objects.create(
        invoice=invoice,
        transaction_id="ab" * 32,
        vout=0,
        value_sat=10_000,
        chain=OutputChain.BLOCK,
        height=100,
        spv_ok=True,
        first_seen_at=NOW,
    )
    KeyRelease.objects.create(
        purchase=purchase, sealed=b"s" * 113, wrapped_key=sale.WRAPPED_KEY, h_s="00" * 32
    )
    Notice.objects.create(
        creator=purchase.paid_file.creator, kind="sold", purchase=purchase, topic="t", text="sold"
    )


def _creators(sold: Sold, count: int) -> None:
    creator, held = sold.file.creator, sold.file.container
    assert held is not None
    user, payout = creator.user, money.Payout.objects.get(owner=creator.id)
    each = f"generate_series(1, {count}) n"
    copies(user, each, id="1000000 + n", username="'crowd' || n")
    copies(creator, each, id=_id("creator"), user_id="1000000 + n")
    copies(payout, each, id=_id("payout"), owner=_id("creator"))
    _seal_anew(seals.unseal(payout))
    copies(
        held,
        each,
        id=_id("container"),
        creator_id=_id("creator"),
        file_id="decode(md5('file' || n), 'hex')",
        content_id="md5('a' || n) || md5('b' || n)",
    )
    copies(
        Copy.objects.get(container=held),
        each,
        id=_id("copy"),
        container_id=_id("container"),
        object_key="'c/' || n",
    )
    copies(
        sold.file, each, id=_id("thing"), creator_id=_id("creator"), container_id=_id("container")
    )


def _seal_anew(secret: bytes) -> None:
    """What is sealed opens in its own row only, so a copy of it would open nowhere."""
    rows = list(money.Payout.objects.only("id"))
    for row in rows:
        row.sealed = seals.seal(row.id, secret)
    money.Payout.objects.bulk_update(rows, ["sealed"], batch_size=1_000)


def _sales(invoice: money.Invoice, purchase: Purchase, *, count: int, creators: int) -> None:
    each, ago = f"generate_series(1, {count}) n", _AGO.format(count=count)
    paid = f"{each} WHERE {_PAID}"
    at = f"(n % {creators} + 1)"
    copies(
        invoice,
        each,
        id=_id("invoice"),
        payout_id=_id("payout", at),
        state=_STATE,
        settled_at=f"CASE WHEN {_PAID} THEN {ago} END",
        created_at=ago,
        changed_at=ago,
        quote_until=f"{ago} + interval '20 minutes'",
        depth="1000",
        tip_height="1000",
        sweep_due_at=f"timestamptz '{NOW}' + (n % 1440 + 1) * interval '1 minute'",
    )
    copies(
        money.Address.objects.get(invoice=invoice),
        each,
        id="1000000 + n",
        invoice_id=_id("invoice"),
        payout_id=_id("payout", at),
        script="'76a914' || md5('script' || n) || substr(md5('t' || n), 1, 8) || '88ac'",
        index="n",
    )
    copies(money.Quote.objects.get(), each, id="1000000 + n", invoice_id=_id("invoice"))
    copies(
        money.Event.objects.get(),
        each,
        position="1000000 + n",
        invoice_id=_id("invoice"),
        at=ago,
    )
    copies(money.ChainTransaction.objects.get(), paid, txid="md5('x' || n) || md5('y' || n)")
    copies(
        money.Output.objects.get(),
        paid,
        id="1000000 + n",
        invoice_id=_id("invoice"),
        transaction_id="md5('x' || n) || md5('y' || n)",
        first_seen_at=ago,
    )
    copies(
        purchase,
        each,
        id=_id("purchase"),
        paid_file_id=_id("thing", at),
        invoice_id=_id("invoice"),
        content_id=f"md5('a' || {at}) || md5('b' || {at})",
        claim_hash="decode(md5('c' || n) || md5('d' || n), 'hex')",
        created_at=ago,
    )
    copies(KeyRelease.objects.get(), paid, id="1000000 + n", purchase_id=_id("purchase"))
    copies(
        Notice.objects.get(),
        paid,
        id=_id("notice"),
        creator_id=_id("creator", at),
        purchase_id=_id("purchase"),
        topic="'t' || n",
        created_at=ago,
    )


def copies(row: Model, source: str, **changes: str) -> None:
    """``row`` again for each ``n`` of ``source``, with these columns as SQL says."""
    columns = [str(field.column) for field in row._meta.local_concrete_fields]
    unknown = set(changes) - set(columns)
    assert not unknown, unknown
    names = ", ".join(f'"{name}"' for name in columns)
    values = ", ".join(changes.get(name, f't."{name}"') for name in columns).replace("%", "%%")
    table, key = row._meta.db_table, row._meta.pk
    assert key is not None
    given: Any = row.pk
    where = f't."{key.column}" = %s'
    tables, _, condition = source.partition(" WHERE ")
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO "{table}" ({names}) SELECT {values} FROM "{table}" t, {tables}'
            f" WHERE {where}" + (f" AND {condition}".replace("%", "%%") if condition else ""),
            [given],
        )


def _id(word: str, number: str = "n") -> str:
    return f"md5('{word}' || {number})::uuid"
