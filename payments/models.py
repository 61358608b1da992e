"""The rows of payments: payouts, invoices, what was seen on chain, rates, headers.

Models hold facts and constraints only; verbs live in the modules named after the nouns. Scripts
and ids are hex, so that they can be searched and read; satoshis are integers; times aware UTC.
"""

from __future__ import annotations

import uuid
from enum import StrEnum
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from payments.rate_rows import ManualRate, Rate, RateSample
from payments.states import (
    EventKind,
    InvoiceState,
    Network,
    OutputChain,
    PayoutKind,
    RefundReason,
)

__all__ = [
    "Address",
    "ChainTransaction",
    "Counter",
    "Event",
    "Forward",
    "HeaderPage",
    "Heartbeat",
    "Invoice",
    "ManualRate",
    "Output",
    "Payout",
    "Quote",
    "Rate",
    "RateSample",
    "Refund",
    "Terms",
]


def choices(enum: type[StrEnum]) -> list[tuple[str, str]]:
    """Django's ``choices`` of a StrEnum: value and label are the same plain word."""
    return [(member.value, member.value) for member in enum]


class Payout(models.Model):
    """Where an owner's money goes. Never changed, only retired: open invoices keep theirs."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.UUIDField(db_index=True)  # opaque to payments
    kind = models.CharField(max_length=12, choices=choices(PayoutKind))
    network = models.CharField(max_length=12, choices=choices(Network))
    shown = models.CharField(max_length=160)  # safe to show: the address, or a shortened xpub
    payee_script = models.CharField(max_length=80, blank=True)  # hex; of an address payout
    sealed = models.BinaryField()  # AES-GCM: the covenant seed, or the xpub
    max_fee_sat = models.IntegerField(default=0)  # of an address payout's forwarders
    next_index = models.IntegerField(default=0)  # every index below it was handed out or skipped
    scanned_at = models.DateTimeField(null=True, blank=True)  # xpub: used indices were skipped
    # The forwarder payout that an xpub falls back to while too many of its addresses wait unpaid.
    fallback_of = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="fallback"
    )
    # After a restored backup an xpub's indices are unsure: forwarders until the creator says so.
    gap_unsure_at = models.DateTimeField(null=True, blank=True)
    retired_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["owner"],
                condition=Q(retired_at=None, fallback_of=None),
                name="payout_current_once",
            ),
            models.CheckConstraint(
                condition=Q(next_index__gte=0, next_index__lt=2**31), name="payout_index_range"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.shown}"


class Terms(models.Model):
    """What an owner wants of their invoices. Copied onto each when it is opened."""

    owner = models.UUIDField(primary_key=True)  # opaque to payments
    honour_sats = models.BooleanField(default=False)  # late money counts at any rate
    tolerance_bps = models.PositiveSmallIntegerField(default=100)
    instant_invoice_sat = models.BigIntegerField(default=0)  # most one invoice may be for; 0: off
    instant_total_sat = models.BigIntegerField(default=0)  # most released and in no block yet
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "terms"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(tolerance_bps__gte=0, tolerance_bps__lte=500), name="terms_tolerance"
            ),
            models.CheckConstraint(
                condition=Q(instant_invoice_sat__gte=0, instant_total_sat__gte=0),
                name="terms_ceilings",
            ),
        ]

    def __str__(self) -> str:
        return str(self.owner)


class Invoice(models.Model):
    """What is owed. The columns from ``state`` on mirror the last decision; the latch is above."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    payout = models.ForeignKey(Payout, on_delete=models.PROTECT, related_name="invoices")
    network = models.CharField(max_length=12, choices=choices(Network))
    price_amount = models.DecimalField(max_digits=24, decimal_places=8)
    price_currency = models.CharField(max_length=5)
    confirmations = models.PositiveSmallIntegerField()
    honour_sats = models.BooleanField(default=False)
    tolerance_bps = models.PositiveSmallIntegerField(default=100)
    instant_ceiling_sat = models.BigIntegerField(default=0)  # 0: never before a block
    oversold = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)
    # What people decided.
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_sat = models.BigIntegerField(null=True, blank=True)
    void_at = models.DateTimeField(null=True, blank=True)
    refund_due_at = models.DateTimeField(null=True, blank=True)
    refund_txid = models.CharField(max_length=64, blank=True)
    refund_address = models.CharField(max_length=160, blank=True)  # where the buyer wants it
    refund_script = models.CharField(max_length=80, blank=True)  # hex, of that address
    # What the instant rule waits for, a code of payments.instant; "" when it is off or done.
    instant_wait = models.CharField(max_length=40, blank=True)
    instant_check_at = models.DateTimeField(null=True, blank=True)  # when to look again for it
    # The latch: written once, in the transaction that saw it was paid.
    settled_at = models.DateTimeField(null=True, blank=True, db_index=True)
    settled_instantly = models.BooleanField(default=False)
    settled_sat = models.BigIntegerField(default=0)
    evidence = models.JSONField(default=list)  # ["txid:vout", …]
    # The last decision.
    state = models.CharField(
        max_length=10, choices=choices(InvoiceState), default=InvoiceState.OPEN
    )
    flags = models.JSONField(default=list)
    due_sat = models.BigIntegerField()
    seen_sat = models.BigIntegerField(default=0)
    confirmed_sat = models.BigIntegerField(default=0)
    missing_sat = models.BigIntegerField()
    depth = models.IntegerField(default=0)
    quote_until = models.DateTimeField()
    changed_at = models.DateTimeField(default=timezone.now)
    swept_at = models.DateTimeField(null=True, blank=True)  # last successful look at the chain
    tip_height = models.IntegerField(default=0)  # of our own chain, at that look
    sweep_due_at = models.DateTimeField(default=timezone.now)  # when the sweep looks next

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["sweep_due_at"]),
            models.Index(fields=["state"]),
            models.Index(fields=["created_at", "id"], name="invoice_newest"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(due_sat__gt=0), name="invoice_due_positive"),
            models.CheckConstraint(
                condition=~Q(state__in=["PAID", "REVERSED"]) | Q(settled_at__isnull=False),
                name="invoice_paid_is_latched",
            ),
            models.CheckConstraint(
                condition=Q(settled_at=None) | Q(state__in=["PAID", "REVERSED"]),
                name="invoice_latched_is_paid",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.state}"


class Address(models.Model):
    """One script, for one invoice, for ever. Never deleted: late money must find its way."""

    script = models.CharField(max_length=80, unique=True)  # hex of the locking script
    shown = models.CharField(max_length=80)  # CashAddr
    invoice = models.OneToOneField(Invoice, on_delete=models.PROTECT, related_name="address")
    payout = models.ForeignKey(Payout, on_delete=models.PROTECT, related_name="addresses")
    index = models.IntegerField()
    redeem_script = models.CharField(max_length=400, blank=True)  # hex; of a forwarder

    class Meta:
        verbose_name_plural = "addresses"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["payout", "index"], name="address_index_once"),
        ]

    def __str__(self) -> str:
        return self.shown


class Quote(models.Model):
    """A price in satoshis, locked until ``until``. Append-only."""

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="quotes")
    due_sat = models.BigIntegerField()
    min_sat = models.BigIntegerField()  # what the tolerance lets pass
    rate = models.DecimalField(max_digits=24, decimal_places=8, null=True)  # null: priced in BCH
    sources = models.JSONField(default=list)
    evidence = models.JSONField(default=list)  # [{"source", "rate", "at", "via"}, …] as strings
    quoted_at = models.DateTimeField()
    until = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(min_sat__gt=0, min_sat__lte=F("due_sat")), name="quote_amounts"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.due_sat} sat until {self.until:%Y-%m-%d %H:%M:%S}"


class ChainTransaction(models.Model):
    """A transaction in the history of one of our scripts, as bytes that hash to ``txid``."""

    txid = models.CharField(max_length=64, primary_key=True)
    raw = models.BinaryField()
    own_forward = models.BooleanField(default=False)  # it spends one of our own covenants
    first_seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.txid


class Output(models.Model):
    """One output that pays exactly an invoice's script."""

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="outputs")
    transaction = models.ForeignKey(
        ChainTransaction, on_delete=models.PROTECT, related_name="outputs", to_field="txid"
    )
    vout = models.IntegerField()
    value_sat = models.BigIntegerField()
    has_token = models.BooleanField(default=False)
    is_coinbase = models.BooleanField(default=False)
    chain = models.CharField(max_length=12, choices=choices(OutputChain))
    height = models.IntegerField(null=True, blank=True)
    block_hash = models.CharField(max_length=64, blank=True)
    block_time = models.DateTimeField(null=True, blank=True)
    spv_ok = models.BooleanField(default=False)
    first_seen_at = models.DateTimeField()
    unseen_at = models.DateTimeField(null=True, blank=True)  # last look that did not show it
    due_then_sat = models.BigIntegerField(null=True, blank=True)  # the price when it was seen
    doubted = models.BooleanField(default=False)
    missed_at = models.DateTimeField(null=True, blank=True)  # first agreed look that missed it
    dsproof_at = models.DateTimeField(null=True, blank=True)
    seen_by = models.CharField(max_length=200, blank=True)
    merkle_branch = models.JSONField(default=list)  # hex hashes as Electrum gives them, leaf up
    merkle_position = models.BigIntegerField(null=True, blank=True)
    conflict_txid = models.CharField(max_length=64, blank=True)  # what took its inputs instead
    rebroadcast_at = models.DateTimeField(null=True, blank=True)  # last time a missing one was sent
    rate = models.DecimalField(max_digits=24, decimal_places=8, null=True, blank=True)  # when seen
    rate_sources = models.JSONField(default=list)
    forward = models.ForeignKey(
        "Forward", on_delete=models.PROTECT, null=True, blank=True, related_name="outputs"
    )
    forwarded_alone = models.BooleanField(default=False)  # it was in a forward that nobody took

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["transaction", "vout"], name="output_once"),
            models.CheckConstraint(condition=Q(value_sat__gte=0), name="output_value"),
        ]

    def __str__(self) -> str:
        return f"{self.transaction_id}:{self.vout}"


class Refund(models.Model):
    """What a creator owes a buyer back, and the transaction that was seen to pay it."""

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="refunds")
    reason = models.CharField(max_length=12, choices=choices(RefundReason))
    due_sat = models.BigIntegerField()
    address = models.CharField(max_length=160, blank=True)  # "": the buyer has not said where yet
    script = models.CharField(max_length=80, blank=True, db_index=True)
    asked_at = models.DateTimeField()
    txid = models.CharField(max_length=64, blank=True)
    paid_sat = models.BigIntegerField(default=0)
    seen_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True, db_index=True)
    note = models.CharField(max_length=300, blank=True)  # why it was closed without a transaction

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["invoice"], condition=Q(closed_at=None), name="refund_open_once"
            ),
            models.CheckConstraint(condition=Q(due_sat__gt=0), name="refund_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.due_sat} sat of {self.invoice_id}"


class Event(models.Model):
    """What happened to an invoice. Append-only; ``position`` is gapless in commit order."""

    position = models.BigIntegerField(primary_key=True)
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="events")
    seq = models.IntegerField()
    kind = models.CharField(max_length=12, choices=choices(EventKind))
    was = models.CharField(max_length=10, blank=True)
    state = models.CharField(max_length=10, choices=choices(InvoiceState))
    flags = models.JSONField(default=list)
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["invoice", "seq"], name="event_seq_once"),
        ]

    def __str__(self) -> str:
        return f"{self.position} {self.kind}"


class Forward(models.Model):
    """Our own transaction that moves forwarders' coins on to the payee. Kept until it is mined."""

    payout = models.ForeignKey(Payout, on_delete=models.PROTECT, related_name="forwards")
    txid = models.CharField(max_length=64, unique=True)
    raw = models.BinaryField()
    value_sat = models.BigIntegerField()  # what reaches the payee
    fee_sat = models.BigIntegerField()
    created_at = models.DateTimeField()
    broadcast_at = models.DateTimeField(null=True, blank=True)
    mined_height = models.IntegerField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True)
    dropped_at = models.DateTimeField(null=True, blank=True)  # its inputs are free again

    def __str__(self) -> str:
        return self.txid


class HeaderPage(models.Model):
    """Up to 2,016 headers of our own most-work chain, so that a restart need not ask again.

    Only a store: whoever loads it checks every header anew, and asks servers for what is missing.
    """

    start_height = models.IntegerField(primary_key=True)
    raw = models.BinaryField()  # 80 bytes a header

    def __str__(self) -> str:
        return f"{self.start_height}…"


class Counter(models.Model):
    """A number whose row lock puts writers in line (the position of events)."""

    name = models.CharField(max_length=20, primary_key=True)
    value = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name} {self.value}"


class Heartbeat(models.Model):
    """When a part of the watcher was last alive, and what it said."""

    name = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField()
    detail = models.JSONField(default=dict)

    def __str__(self) -> str:
        return self.name
