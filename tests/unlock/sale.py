"""The cast of a sale, as rows: maya sells, noor buys, eve tries. Keys and seals are real.

``owe`` writes an invoice as payments keeps it, so that a test can say how it stands without a
chain; tests/chain and the browser stories go the whole way.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import struct
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.db import transaction
from rest_framework.test import APIClient

from payments import events, seals
from payments import models as money
from payments.states import EventKind, InvoiceState, Network, PayoutKind
from tests.xpub import XPUB
from unlock import container, purchases
from unlock.container import layout
from unlock.models import Container, Copy, Creator, PaidFile, Purchase
from unlock.states import FileState

if TYPE_CHECKING:
    from uuid import UUID

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
INSTANCE_PRIVATE = (b"\0" * 31 + b"\1",)  # of tests.environment
INSTANCE_PUBLIC = container.public_key_of(INSTANCE_PRIVATE[0])
WRAPPED_KEY = b"W" * 60


@dataclass(frozen=True)
class Buyer:
    """A browser with a seed; everything else follows from it."""

    seed: bytes = field(default_factory=lambda: os.urandom(32))

    @property
    def claim(self) -> bytes:
        return container.derive_claim(self.seed)

    @property
    def claim_hash(self) -> bytes:
        return container.claim_hash(self.claim)

    @property
    def keys(self) -> container.KeyPair:
        return container.buyer_key_pair(self.seed)

    @property
    def client(self) -> APIClient:
        """A browser without cookies that carries the claim, and enforces CSRF like a real server."""
        client = APIClient(enforce_csrf_checks=True)
        client.credentials(HTTP_AUTHORIZATION=f"Claim {container.encode_b64url(self.claim)}")
        return client

    def order(self, sold: Sold, *, source: str = "192.0.2.1") -> purchases.Order:
        return purchases.Order(
            paid_file_id=sold.file.id,
            buyer_key=self.keys.public_key,
            claim_hash=self.claim_hash,
            source=source,
        )

    def purchase(
        self, sold: Sold, *, invoice_id: UUID | None = None, now: datetime = NOW
    ) -> Purchase:
        """The row alone, as ``purchases.begin`` leaves it."""
        assert sold.file.container is not None
        return Purchase.objects.create(
            paid_file=sold.file,
            claim_hash=self.claim_hash,
            buyer_key=self.keys.public_key,
            content_id=sold.file.container.content_id,
            generation=sold.file.generation,
            invoice_id=invoice_id,
            created_at=now,
        )

    def open(self, purchase: Purchase, sealed: bytes | memoryview) -> bytes:
        """S, as the buyer's page opens it."""
        return container.open_release(
            self.keys.private_key,
            bytes(sealed),
            paid_file=purchase.paid_file_id,
            purchase=purchase.id,
            content_id=bytes.fromhex(purchase.content_id),
        )


@dataclass(frozen=True)
class Sold:
    """A published file of maya's, and the S that nobody but its creator knows."""

    file: PaidFile
    secret: bytes


def creator(name: str = "maya") -> Creator:
    user = get_user_model().objects.create_user(f"{name}-{secrets.token_hex(4)}")
    return Creator.objects.create(user=user, salt=os.urandom(16))


def publish(owner: Creator | None = None, **changes: Any) -> Sold:
    """A file as publishing leaves it: verified, deposited, sealed to the instance."""
    owner = owner or creator()
    secret, file_id = os.urandom(32), os.urandom(16)
    core = layout.build_core_prefix(payload_bytes=1000, file_id=file_id) + os.urandom(64)
    held = Container.objects.create(
        creator=owner,
        core_header=core,
        file_id=file_id,
        size_bytes=layout.CoreHeader.parse(core).total_bytes,
        payload_bytes=1000,
        segments=1,
        content_id=hashlib.sha256(core).hexdigest(),
        verified_at=NOW,
    )
    Copy.objects.create(
        container=held,
        store="main",
        object_key=f"c/{held.id}",
        size_bytes=held.size_bytes,
        etag="e-1",
        verified_at=NOW,
    )
    file = PaidFile(
        creator=owner,
        container=held,
        state=FileState.PUBLISHED,
        title="Nine recordings",
        price_amount=Decimal("0.0001"),
        price_currency="BCH",
        wrapped_key=WRAPPED_KEY,
        h_s=container.hash_commitment(secret).hex(),
        published_at=NOW,
    )
    file.s_sealed = container.seal_deposit(
        INSTANCE_PUBLIC,
        paid_file=file.id,
        content_id=bytes.fromhex(held.content_id),
        release_secret=secret,
    )
    for name, value in changes.items():
        setattr(file, name, value)
    file.save()
    return Sold(file, secret)


def owe(sold: Sold, state: InvoiceState = InvoiceState.OPEN, **columns: Any) -> money.Invoice:
    """An invoice of 10,000 sat over this file, in the given state."""
    payout = _payout(sold.file.creator_id)
    settled = state in (InvoiceState.PAID, InvoiceState.REVERSED)
    seen = 10_000 if state in (InvoiceState.SEEN, InvoiceState.PAID) else 0
    facts = {
        "state": state,
        "settled_at": NOW if settled else None,
        "settled_sat": 10_000 if settled else 0,
        "evidence": ["ab" * 32 + ":0"] if settled else [],
        "seen_sat": seen,
        "confirmed_sat": 10_000 if state == InvoiceState.PAID else 0,
        "missing_sat": 10_000 - seen,
    }
    invoice = money.Invoice.objects.create(
        payout=payout,
        network=Network.REGTEST,
        price_amount=sold.file.price_amount,
        price_currency=sold.file.price_currency,
        confirmations=1,
        due_sat=10_000,
        quote_until=NOW + timedelta(minutes=20),
        created_at=NOW,
        **{**facts, **columns},
    )
    index = int.from_bytes(os.urandom(3))
    money.Address.objects.create(
        script=f"76a914{os.urandom(20).hex()}88ac",
        shown="bchreg:" + secrets.token_hex(20),
        invoice=invoice,
        payout=payout,
        index=index,
    )
    money.Quote.objects.create(
        invoice=invoice,
        due_sat=10_000,
        min_sat=9_500,
        quoted_at=NOW,
        until=NOW + timedelta(minutes=20),
    )
    tell(invoice, EventKind.OPENED)
    return invoice


def _payout(owner: UUID) -> money.Payout:
    """An xpub payout's row alone; no chain is asked about it."""
    row = money.Payout.objects.filter(owner=owner, retired_at=None, fallback_of=None).first()
    if row is None:
        row = money.Payout(
            owner=owner, kind=PayoutKind.XPUB, network=Network.REGTEST, shown="xpub…"
        )
        row.sealed = seals.seal(row.id, XPUB.encode())
        row.save(force_insert=True)
    return row


def move(invoice: money.Invoice, state: InvoiceState) -> None:
    """What a reconcile writes when it finds this invoice in a new state."""
    settled = state in (InvoiceState.PAID, InvoiceState.REVERSED)
    seen = 10_000 if state in (InvoiceState.SEEN, InvoiceState.PAID) else 0
    invoice.state = state
    invoice.settled_at = NOW if settled else None
    invoice.settled_sat = 10_000 if settled else 0
    invoice.evidence = ["ab" * 32 + ":0"] if settled else []
    invoice.seen_sat, invoice.missing_sat = seen, 10_000 - seen
    invoice.confirmed_sat = 10_000 if state == InvoiceState.PAID else 0
    invoice.save()
    tell(invoice, EventKind.SETTLED if state == InvoiceState.PAID else EventKind.CHANGED)


def tell(invoice: money.Invoice, kind: EventKind) -> None:
    with transaction.atomic():
        events.record(invoice, kind, was="", now=NOW)


def order_body(buyer: Buyer) -> dict[str, str]:
    return {"buyer_key": container.encode_b64url(buyer.keys.public_key)}


# A point that is not on the curve: x and y of the generator, y off by one.
OFF_CURVE = b"\4" + INSTANCE_PUBLIC[1:64] + struct.pack("B", INSTANCE_PUBLIC[64] ^ 1)
