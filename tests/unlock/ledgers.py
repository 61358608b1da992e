"""Many sales at once, made at random from a seed: for what reads them, in tests and in benchmarks."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from payments import models as money
from payments.amounts import SAT_PER_BCH
from payments.states import InvoiceState, Network, OutputChain, PayoutKind, RefundReason
from tests.unlock.sale import NOW, Sold
from unlock.models import Purchase

RATES = {"EUR": Decimal("412.50"), "USD": Decimal("455.12345678"), "BCH": None}


@dataclass
class Ledger:
    """A generator of sales of these files, all of one creator; ``save`` writes them in bulk."""

    files: list[Sold]
    seed: int = 1

    def __post_init__(self) -> None:
        self.luck = random.Random(self.seed)
        self.payout, _ = money.Payout.objects.get_or_create(
            owner=self.files[0].file.creator_id,
            retired_at=None,
            defaults={
                "kind": PayoutKind.FORWARDER,
                "network": Network.REGTEST,
                "shown": "bchreg:…",
                "sealed": b"",
            },
        )
        self.rows: dict[type, list[Any]] = {
            model: []
            for model in (
                money.Invoice, money.Address, money.Quote, money.ChainTransaction, money.Forward,
                money.Output, money.Refund, Purchase,
            )
        }  # fmt: skip
        self.count = money.Address.objects.count()

    def hex(self, size_bytes: int) -> str:
        return self.luck.randbytes(size_bytes).hex()

    def add(self, many: int, *, spread: timedelta = timedelta(days=90)) -> Ledger:
        for _ in range(many):
            at = NOW - self.luck.random() * spread
            self._sale(at.replace(microsecond=self.luck.randrange(10**6)))
        return self

    def save(self) -> None:
        for model, rows in self.rows.items():
            model.objects.bulk_create(rows, batch_size=500)  # type: ignore[attr-defined]
            rows.clear()

    def _sale(self, at: datetime) -> None:
        luck, sold = self.luck, self.luck.choice(self.files)
        currency = luck.choice(["EUR", "EUR", "USD", "BCH"])
        rate, due_sat = RATES[currency], luck.randrange(20_000, 5_000_000)
        state = luck.choice([InvoiceState.PAID] * 4 + list(InvoiceState))
        is_settled = state in (InvoiceState.PAID, InvoiceState.REVERSED)
        pays = state not in (InvoiceState.OPEN, InvoiceState.EXPIRED)
        unit = Decimal(SAT_PER_BCH)
        price = Decimal(due_sat) / unit if rate is None else (due_sat * rate / unit)
        self.count += 1
        invoice = money.Invoice(
            id=UUID(bytes=luck.randbytes(16), version=4),
            payout=self.payout,
            network=Network.REGTEST,
            price_amount=price.quantize(Decimal("0.00000001" if rate is None else "0.01")),
            price_currency=currency,
            confirmations=1,
            due_sat=due_sat,
            missing_sat=0 if is_settled else due_sat,
            quote_until=at + timedelta(minutes=20),
            created_at=at,
            changed_at=at,
            state=state,
            settled_at=at + timedelta(minutes=luck.randrange(1, 600)) if is_settled else None,
            flags=luck.choice([[], [], ["LATE"], ["OVER", "REFUND_DUE"]]) if is_settled else [],
            tip_height=120,
        )
        self.rows[money.Invoice].append(invoice)
        self.rows[money.Address].append(
            money.Address(
                script="a914" + self.hex(20) + "87",
                shown="bchreg:p" + self.hex(20),
                invoice=invoice,
                payout=self.payout,
                index=self.count,
            )
        )
        self.rows[money.Quote].append(
            money.Quote(
                invoice=invoice,
                due_sat=due_sat,
                min_sat=due_sat,
                rate=rate,
                sources=[] if rate is None else ["kraken", "coinbase"],
                quoted_at=at,
                until=invoice.quote_until,
            )
        )
        parts = luck.randrange(1, 3) if pays else 0
        outputs = [self._output(invoice, due_sat // parts + 1, at, rate) for _ in range(parts)]
        invoice.seen_sat = sum(output.value_sat for output in outputs)
        if is_settled:
            invoice.settled_sat = invoice.seen_sat
            invoice.evidence = [f"{o.transaction_id}:{o.vout}" for o in outputs]
            self._forward(outputs, at)
        if "REFUND_DUE" in invoice.flags:
            self.rows[money.Refund].append(
                money.Refund(
                    invoice=invoice,
                    reason=RefundReason.OVER,
                    due_sat=3_000,
                    asked_at=at,
                )
            )
        self.rows[Purchase].append(
            Purchase(
                paid_file=sold.file,
                claim_hash=luck.randbytes(32),
                buyer_key=b"\4" + bytes(64),
                content_id=sold.file.container.content_id if sold.file.container else "",
                invoice_id=invoice.id,
                is_proof=luck.random() < 0.1,
                created_at=at,
            )
        )

    def _output(
        self, invoice: money.Invoice, value_sat: int, at: datetime, rate: Decimal | None
    ) -> money.Output:
        paid = money.ChainTransaction(txid=self.hex(32), raw=b"raw", first_seen_at=at)
        self.rows[money.ChainTransaction].append(paid)
        has_rate = rate is not None and self.luck.random() < 0.8
        output = money.Output(
            invoice=invoice,
            transaction=paid,
            vout=self.luck.randrange(3),
            value_sat=value_sat,
            chain=OutputChain.BLOCK,
            height=self.luck.randrange(1, 120),
            block_hash=self.hex(32),
            block_time=at,
            spv_ok=True,
            first_seen_at=at + timedelta(minutes=1),
            rate=rate * Decimal("1.01") if rate is not None and has_rate else None,
            rate_sources=["kraken", "bitstamp"] if has_rate else [],
        )
        if output.rate is not None:
            output.rate = output.rate.quantize(Decimal("0.00000001"))
        self.rows[money.Output].append(output)
        return output

    def _forward(self, outputs: list[money.Output], at: datetime) -> None:
        forward = money.Forward(
            payout=self.payout,
            txid=self.hex(32),
            raw=b"raw",
            value_sat=sum(output.value_sat for output in outputs) - 150,
            fee_sat=150,
            created_at=at,
        )
        self.rows[money.Forward].append(forward)
        for output in outputs:
            output.forward = forward
