"""The outbox against real servers: signed, side by side, and never held up by one that hangs."""

from __future__ import annotations

import threading
import time
from collections import Counter
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from payments.states import InvoiceState
from tests.unlock import sale
from tests.unlock.receiving import Call, raw_peer, receiver
from tests.unlock.sale import NOW, Buyer, Sold
from unlock import announcements, deliveries, webhook_targets, webhooks
from unlock.models import Delivery, Webhook
from unlock.states import DeliveryState
from unlock.webhook_events import Message

pytestmark = pytest.mark.django_db


def sales(sold: Sold, count: int) -> None:
    """Purchases that were seen and paid; three messages each."""
    for _ in range(count):
        invoice = sale.owe(sold)
        Buyer().purchase(sold, invoice_id=invoice.id)
        sale.move(invoice, InvoiceState.SEEN)
        sale.move(invoice, InvoiceState.PAID)
    announcements.drain(now=NOW)
    Delivery.objects.update(created_at=timezone.now())  # or 72 hours would be over long since


def hook(sold: Sold, url: str) -> str:
    return webhooks.add(sold.file.creator, url, now=NOW - timedelta(days=1))[1]


def test_every_message_arrives_signed_and_in_the_order_of_its_purchase() -> None:
    sold = sale.publish()
    with receiver() as there:
        secret = hook(sold, there.url)
        sales(sold, 5)

        assert deliveries.send_due(clock=timezone.now) == 15

    assert all(call.is_signed_with(secret) for call in there.calls)
    assert not any(call.is_signed_with("kimwh_other") for call in there.calls)
    assert all(call.headers["X-Kim-Delivery"] == call.body["id"] for call in there.calls)
    told: dict[str, list[int]] = {}
    for call in there.calls:
        told.setdefault(call.body["data"]["purchase"], []).append(call.body["data"]["position"])
    assert len(told) == 5
    assert all(
        positions == sorted(positions) and len(positions) == 3 for positions in told.values()
    )


def test_a_target_that_hangs_delays_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_targets, "DEADLINE_SECONDS", 2.0)
    stuck, sold = sale.publish(), sale.publish()
    arrived: list[float] = []

    def answer(call: Call) -> int:
        arrived.append(time.monotonic())
        return 200

    def hang(line: object, stop: threading.Event) -> None:
        stop.wait(15)

    with raw_peer(hang) as port, receiver(answer) as there:
        hook(stuck, f"http://127.0.0.1:{port}/")
        hook(sold, there.url)
        sales(stuck, 2)
        sales(sold, 8)
        began = time.monotonic()

        deliveries.send_due(clock=timezone.now)

    assert len(arrived) == 24
    assert max(arrived) - began < 2.0
    states = Counter(Delivery.objects.filter(attempts=1).values_list("state", flat=True))
    assert states[DeliveryState.DELIVERED] == 24


def test_two_runs_at_once_send_nothing_twice() -> None:
    """As two workers do: the second finds leases and takes what is free."""
    sold = sale.publish()
    with receiver() as there:
        hook(sold, there.url)
        sales(sold, 3)
        taken = deliveries.claim(now=timezone.now(), room=1)

        deliveries.send_due(clock=timezone.now)
        assert len(there.calls) == 6  # the purchase that somebody else sends for waits
        for job in taken:
            deliveries.finish(job, deliveries._attempt(job, now=timezone.now()), now=timezone.now())
        deliveries.send_due(clock=timezone.now)

    assert len(there.calls) == len({call.body["id"] for call in there.calls}) == 9


def test_hundreds_of_messages_to_one_webhook_go_out_in_bounded_time() -> None:
    sold = sale.publish()
    with receiver() as there:
        hook(sold, there.url)
        row = webhooks.mine(sold.file.creator)[0]
        Delivery.objects.bulk_create(
            webhooks._delivery(row, Message(kind="test", created_at=NOW, data={}), subject=uuid4())
            for _ in range(200)
        )
        began = time.monotonic()

        assert deliveries.send_due(clock=timezone.now) == 200

    assert time.monotonic() - began < 30


def test_a_webhook_whose_secret_is_lost_holds_up_no_other(caplog: pytest.LogCaptureFixture) -> None:
    broken, sold = sale.publish(), sale.publish()
    with receiver() as there:
        hook(broken, there.url)
        hook(sold, there.url)
        Webhook.objects.filter(creator=broken.file.creator).update(sealed_secret=b"x" * 60)
        sales(broken, 1)
        sales(sold, 1)

        assert deliveries.send_due(clock=timezone.now) == 3

    row = Delivery.objects.filter(attempts=1, state=DeliveryState.WAITING).get()
    assert Delivery.objects.filter(state=DeliveryState.WAITING).count() == 3
    assert row.log[-1]["error"] == "This try failed on our side."
    assert "could not be tried" in caplog.text
