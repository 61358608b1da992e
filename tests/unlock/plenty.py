"""Years of sales as rows, made in bulk: for lists, sums and indexes that must hold then."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db import connection
from django.db.models import Max

from payments import events
from payments import models as money
from payments.states import EventKind, InvoiceState, Network, OutputChain, RefundReason
from tests.unlock.sale import Sold, _payout, creator, publish
from unlock import models as ours

BATCH: Final = 2_000
_STATES: Final = (InvoiceState.PAID, InvoiceState.PAID, InvoiceState.PAID, InvoiceState.EXPIRED)


def sell(count: int, *, now: datetime, files: int = 20) -> list[Sold]:
    """``count`` orders of the last 60 days, three of four paid, of ``files`` files of two creators."""
    owners = (creator("maya"), creator("ben"))
    sold = [publish(owners[at % 2], title=f"Recording {at}") for at in range(files)]
    payouts = {owner.pk: _payout(owner.pk) for owner in owners}
    # Positions of events are one more than what was there.
    first = (money.Event.objects.aggregate(last=Max("position"))["last"] or 0) + 1
    for start in range(0, count, BATCH):
        some = range(start, min(start + BATCH, count))
        orders = [(first + at, sold[at % files]) for at in some]
        _batch(orders, payouts, age=timedelta(days=60) / count, now=now)
    last = {"value": first + count}
    money.Counter.objects.update_or_create(name=events.POSITION, defaults=last)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return sold


def _batch(
    orders: list[tuple[int, Sold]],
    payouts: dict[Any, money.Payout],
    *,
    age: timedelta,
    now: datetime,
) -> None:
    made: dict[type, list[Any]] = {}
    for at, sold in orders:
        moment = now - age * at
        payout = payouts[sold.file.creator_id]
        for row in _order(at, sold, payout, moment):
            made.setdefault(type(row), []).append(row)
    for model in (
        money.Invoice, money.Address, money.Quote, money.ChainTransaction, money.Output,
        money.Event, money.Refund, ours.Purchase, ours.KeyRelease,
    ):  # fmt: skip
        model._default_manager.bulk_create(made.get(model, []))


def _order(at: int, sold: Sold, payout: money.Payout, moment: datetime) -> list[Any]:
    assert sold.file.container is not None
    state = _STATES[at % 4]
    is_paid = state is InvoiceState.PAID
    txid = secrets.token_hex(32)
    invoice = money.Invoice(
        payout=payout, network=Network.REGTEST, price_amount=Decimal(199 + at % 7) / 100,
        price_currency=("EUR", "USD", "BCH")[at % 3], confirmations=1, due_sat=10_000,
        created_at=moment, quote_until=moment + timedelta(minutes=20), state=state,
        settled_at=moment if is_paid else None, settled_sat=10_000 + at % 13 if is_paid else 0,
        seen_sat=10_000 if is_paid else 0, missing_sat=0 if is_paid else 10_000,
        evidence=[f"{txid}:0"] if is_paid else [], depth=20, changed_at=moment,
        sweep_due_at=moment + timedelta(days=365),
    )  # fmt: skip
    script = f"76a914{hashlib.sha256(txid.encode()).hexdigest()[:40]}88ac"
    purchase = ours.Purchase(
        paid_file=sold.file, claim_hash=secrets.token_bytes(32), buyer_key=b"k" * 65,
        content_id=sold.file.container.content_id, invoice_id=invoice.pk, created_at=moment,
    )  # fmt: skip
    rows: list[Any] = [
        invoice,
        money.Address(
            script=script, shown=f"bchreg:q{txid[:41]}", invoice=invoice, payout=payout, index=at
        ),
        money.Quote(
            invoice=invoice,
            due_sat=10_000,
            min_sat=9_900,
            quoted_at=moment,
            until=moment + timedelta(minutes=20),
        ),
        money.Event(
            position=at, invoice=invoice, seq=1, kind=EventKind.OPENED, state=state, at=moment
        ),
        purchase,
    ]
    if is_paid:
        paid = money.ChainTransaction(txid=txid, raw=b"r" * 200, first_seen_at=moment)
        rows += [
            paid,
            money.Output(
                invoice=invoice, transaction=paid, vout=0, value_sat=10_000, spv_ok=True,
                chain=OutputChain.BLOCK, height=800_000, first_seen_at=moment,
            ),
            ours.KeyRelease(
                purchase=purchase, sealed=b"s" * 113, wrapped_key=b"w" * 60, h_s=sold.file.h_s,
                created_at=moment,
            ),
        ]  # fmt: skip
    if at % 1_000 == 0 and is_paid:
        rows.append(
            money.Refund(invoice=invoice, reason=RefundReason.OVER, due_sat=500, asked_at=moment)
        )
    return rows
