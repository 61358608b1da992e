"""The outbox: what is told, to whom, once, in order, and again until it is taken."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag

from payments.models import Invoice
from payments.states import EventKind, InvoiceState
from tests.unlock import sale
from tests.unlock.sale import NOW, Buyer, Sold
from unlock import announcements, container, deliveries, webhook_events, webhooks
from unlock.creator_errors import TargetRefused, TooManyWebhooks, WebhookMissing, WebhookOff
from unlock.models import Cursor, Delivery, Notice, Purchase, Webhook
from unlock.states import DeliveryState, NoticeKind
from unlock.webhook_targets import Answer

pytestmark = pytest.mark.django_db

TAKEN = Answer(status=204, error="", milliseconds=12)
REFUSED = Answer(status=500, error="", milliseconds=34)
GONE = Answer(status=410, error="", milliseconds=5)
URL = "https://merchant.example/kim"


def hook(sold: Sold, url: str = URL, *, kinds: tuple[str, ...] = ()) -> Webhook:
    return webhooks.add(sold.file.creator, url, kinds=kinds, now=NOW - timedelta(days=1))[0]


def order(sold: Sold, state: InvoiceState = InvoiceState.OPEN) -> tuple[Invoice, Purchase]:
    invoice = sale.owe(sold, state)
    return invoice, Buyer().purchase(sold, invoice_id=invoice.id)


def move(invoice: Invoice, state: InvoiceState) -> None:
    """As ``sale.move``, with the state before, as payments records it."""
    was = invoice.state
    sale.move(invoice, state)
    invoice.events.filter(state=state, was="").update(was=was)


def waiting() -> list[str]:
    rows = Delivery.objects.filter(state=DeliveryState.WAITING)
    return list(rows.order_by("position", "created_at").values_list("kind", flat=True))


def step(answer: Answer, *, now: Any = NOW + timedelta(seconds=1)) -> list[str]:
    """What is sent now, and how it is answered."""
    jobs = deliveries.claim(now=now, room=99)
    for job in jobs:
        deliveries.finish(job, answer, now=now)
    return [json.loads(job.body)["type"] for job in jobs]


def test_a_sale_is_told_in_order_and_each_step_once() -> None:
    sold = sale.publish()
    hook(sold)
    invoice, purchase = order(sold)
    move(invoice, InvoiceState.SEEN)
    move(invoice, InvoiceState.PAID)

    announcements.drain(now=NOW)
    announcements.drain(now=NOW)

    assert waiting() == [
        "invoice.created",
        "invoice.payment_seen",
        "invoice.processing",
        "invoice.settled",
    ]
    assert set(Delivery.objects.values_list("subject", flat=True)) == {purchase.id}
    assert [step(TAKEN) for _ in range(5)] == [
        ["invoice.created"],
        ["invoice.payment_seen"],
        ["invoice.processing"],
        ["invoice.settled"],
        [],
    ]


def test_the_body_has_these_fields_and_no_others() -> None:
    sold = sale.publish()
    hook(sold)
    invoice = sale.owe(sold, InvoiceState.PAID, instant_ceiling_sat=20_000)
    purchase = Buyer().purchase(sold, invoice_id=invoice.id)
    Purchase.objects.update(reference="order 4711")
    announcements.drain(now=NOW)
    row = Delivery.objects.get()

    assert json.loads(row.body) == {
        "version": 1,
        "id": str(row.id),
        "original_id": str(row.id),
        "is_redelivery": False,
        "type": "invoice.created",
        "created_at": "2026-03-01T12:00:00Z",
        "data": {
            "purchase": str(purchase.id),
            "reference": "order 4711",
            "file": {"id": str(sold.file.id), "title": "Nine recordings"},
            "invoice": str(invoice.id),
            "position": 1,
            "was": "",
            "state": "PAID",
            "flags": [],
            "confirmations": 1,
            "depth": 0,
            "is_instant": True,
            "price": {"amount": "0.00010000", "currency": "BCH"},
            "due_sat": 10_000,
            "seen_sat": 10_000,
            "confirmed_sat": 10_000,
            "address": invoice.address.shown,
            "txids": [],
            "settled_at": "2026-03-01T12:00:00Z",
            "path": f"/api/v1/sales/{purchase.id}/evidence/",
        },
    }


def test_no_secret_of_buyer_file_or_webhook_is_in_a_body() -> None:
    sold, noor = sale.publish(), Buyer()
    secret = webhooks.add(sold.file.creator, URL, now=NOW - timedelta(days=1))[1]
    invoice = sale.owe(sold, InvoiceState.PAID, refund_address="bchreg:qrefund")
    noor.purchase(sold, invoice_id=invoice.id)
    announcements.drain(now=NOW)
    body = Delivery.objects.get().body

    for hidden in (noor.seed, noor.claim, noor.claim_hash, noor.keys.public_key, sold.secret):
        assert hidden.hex() not in body
        assert container.encode_b64url(hidden) not in body
    assert secret not in body
    assert "qrefund" not in body


def test_an_event_before_its_purchase_is_told_once_the_purchase_is_there() -> None:
    sold = sale.publish()
    hook(sold)
    invoice = sale.owe(sold)
    announcements.drain(now=NOW)
    assert waiting() == []

    Buyer().purchase(sold, invoice_id=invoice.id)
    announcements.drain(now=NOW)
    announcements.drain(now=NOW)

    assert waiting() == ["invoice.created"]
    assert Cursor.objects.get(name=webhooks.ORPHANS).position == 0


def test_an_invoice_without_a_purchase_is_not_waited_for_any_longer_than_two_minutes() -> None:
    sold = sale.publish()
    hook(sold)
    sale.owe(sold)
    announcements.drain(now=NOW)
    assert Cursor.objects.get(name=webhooks.ORPHANS).position == 1

    announcements.drain(now=NOW + timedelta(minutes=3))

    assert Cursor.objects.get(name=webhooks.ORPHANS).position == 0


def test_nobody_else_is_told() -> None:
    sold, others = sale.publish(), sale.publish()
    hook(others)
    hook(sold, kinds=("invoice.settled",))
    off, gone = hook(sold), hook(sold)
    webhooks.switch(off, is_active=False)
    webhooks.remove(gone, now=NOW)
    order(sold)

    announcements.drain(now=NOW)

    assert waiting() == []


def test_a_webhook_is_not_told_what_happened_before_it_was_made() -> None:
    sold = sale.publish()
    order(sold)
    webhooks.add(sold.file.creator, URL, now=NOW + timedelta(seconds=1))

    announcements.drain(now=NOW + timedelta(seconds=2))

    assert waiting() == []


def test_a_creators_own_proof_is_no_sale() -> None:
    sold = sale.publish()
    hook(sold)
    Purchase.objects.filter(pk=order(sold)[1].pk).update(is_proof=True)

    announcements.drain(now=NOW)

    assert waiting() == []


def test_what_cannot_be_told_holds_up_no_key(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sold = sale.publish()
    hook(sold)
    _, purchase = order(sold, InvoiceState.PAID)
    monkeypatch.setattr(webhooks, "tidings", None)  # any fault of ours

    announcements.drain(now=NOW)

    purchase.refresh_from_db()
    assert purchase.release_due_at is not None
    assert "webhooks stand still; keys do not" in caplog.text
    monkeypatch.undo()
    announcements.drain(now=NOW)
    assert waiting() == ["invoice.created"]


def test_messages_begin_where_the_instance_stands() -> None:
    sold = sale.publish()
    hook(sold)
    order(sold)
    Cursor.objects.create(name=announcements.CURSOR, position=1)

    announcements.drain(now=NOW)

    assert waiting() == []


def test_a_part_that_stayed_a_part_is_told_when_the_time_is_over() -> None:
    from unlock import episodes

    sold = sale.publish()
    hook(sold)
    invoice, _ = order(sold)
    move(invoice, InvoiceState.PARTIAL)
    announcements.drain(now=NOW)
    over = NOW + timedelta(minutes=21)

    episodes.tell_lapsed(now=over)
    assert "invoice.expired_partial" not in waiting()  # nobody looked since
    Invoice.objects.filter(pk=invoice.pk).update(swept_at=over)
    for _ in range(2):
        episodes.tell_lapsed(now=over)

    assert waiting()[-1] == "invoice.expired_partial"
    assert waiting().count("invoice.expired_partial") == 1
    assert Notice.objects.filter(kind=NoticeKind.PARTIAL_EXPIRED).count() == 1


def test_one_subject_waits_for_itself_and_for_no_other() -> None:
    sold = sale.publish()
    hook(sold)
    first, _ = order(sold)
    second, _ = order(sold)
    for invoice in (first, second):
        move(invoice, InvoiceState.SEEN)
    announcements.drain(now=NOW)

    assert step(REFUSED) == ["invoice.created", "invoice.created"]
    assert step(TAKEN) == []
    stuck = Delivery.objects.filter(kind="invoice.created").first()
    assert stuck is not None
    Delivery.objects.filter(pk=stuck.pk).update(due_at=NOW + timedelta(hours=6))
    later = NOW + timedelta(seconds=30)

    assert step(TAKEN, now=later) == ["invoice.created"]
    assert step(TAKEN, now=later) == ["invoice.payment_seen"]
    assert step(TAKEN, now=later) == ["invoice.processing"]
    assert step(TAKEN, now=later) == []
    assert step(TAKEN, now=NOW + timedelta(hours=6)) == ["invoice.created"]


def test_what_is_refused_is_tried_again_at_growing_distances_for_72_hours() -> None:
    sold = sale.publish()
    hook(sold)
    order(sold)
    announcements.drain(now=NOW)
    at, waits = NOW, []
    for _ in range(100):
        assert step(REFUSED, now=at) == ["invoice.created"]
        row = Delivery.objects.get()
        if row.state != DeliveryState.WAITING:
            break
        waits.append((row.due_at - at).total_seconds())
        assert step(TAKEN, now=row.due_at - timedelta(milliseconds=1)) == []
        at = row.due_at

    steps = [10, 60, 300, 900, 3600, 10_800, *[21_600] * 20]
    assert all(step <= each <= step * 1.2 for step, each in zip(steps, waits, strict=False))
    assert row.state == DeliveryState.GIVEN_UP
    assert timedelta(hours=64) < at - NOW <= timedelta(hours=72)
    assert 14 <= row.attempts <= 20
    assert len(row.log) == row.attempts
    assert row.log[0] == {"at": "2026-03-01T12:00:00Z", "status": 500, "error": "", "ms": 34}
    texts = Notice.objects.filter(kind=NoticeKind.WEBHOOK_FAILING).values_list("text", flat=True)
    assert sorted(text.partition(URL)[2] for text in texts) == [
        " did not take a message for 72 hours; it is tried no more.",
        " does not take our messages. It answers 500.",
    ]


def test_the_log_keeps_the_last_twenty() -> None:
    sold = sale.publish()
    hook(sold)
    order(sold)
    announcements.drain(now=NOW)
    Delivery.objects.update(log=[{"at": str(n)} for n in range(20)])

    step(TAKEN)

    row = Delivery.objects.get()
    assert len(row.log) == 20
    assert row.log[0] == {"at": "1"}
    assert row.log[-1]["status"] == 204


@pytest.mark.parametrize("luck", [0.0, 0.5, 0.999])
def test_jitter_only_lengthens(luck: float) -> None:
    assert timedelta(seconds=10) <= deliveries.delay_after(1, luck=luck) < timedelta(seconds=12)
    assert timedelta(hours=6) <= deliveries.delay_after(99, luck=luck) < timedelta(hours=7.2)


def test_410_switches_the_webhook_off_and_tells() -> None:
    sold = sale.publish()
    mine = hook(sold)
    order(sold)
    order(sold)
    announcements.drain(now=NOW)

    job = deliveries.claim(now=NOW, room=1)[0]
    deliveries.finish(job, GONE, now=NOW)

    mine.refresh_from_db()
    assert not mine.is_active
    assert sorted(Delivery.objects.values_list("state", flat=True)) == ["dropped", "given_up"]
    assert Notice.objects.get(kind=NoticeKind.WEBHOOK_FAILING).text == (
        f"Your webhook {URL} answered 410 Gone and was switched off."
    )


def test_two_workers_never_hold_one_delivery() -> None:
    sold = sale.publish()
    hook(sold)
    order(sold)
    announcements.drain(now=NOW)

    first = deliveries.claim(now=NOW, room=9)
    second = deliveries.claim(now=NOW, room=9)

    assert (len(first), second) == (1, [])


def test_a_lease_of_a_dead_worker_runs_out_and_what_it_still_says_does_not_count() -> None:
    sold = sale.publish()
    hook(sold)
    order(sold)
    announcements.drain(now=NOW)
    dead = deliveries.claim(now=NOW, room=9)[0]

    assert deliveries.claim(now=NOW + timedelta(seconds=19), room=9) == []
    alive = deliveries.claim(now=NOW + timedelta(seconds=20), room=9)[0]
    assert alive.delivery_id == dead.delivery_id

    assert not deliveries.finish(dead, REFUSED, now=NOW + timedelta(seconds=21))
    assert Delivery.objects.get().attempts == 0
    assert deliveries.finish(alive, TAKEN, now=NOW + timedelta(seconds=21))
    assert Delivery.objects.get().state == DeliveryState.DELIVERED


def test_one_webhook_takes_two_places_and_one_creator_six() -> None:
    sold = sale.publish()
    for _ in range(4):
        hook(sold)
    for _ in range(3):
        order(sold)
    announcements.drain(now=NOW)

    jobs = deliveries.claim(now=NOW, room=99)

    per_hook = [sum(job.webhook.pk == each.id for job in jobs) for each in Webhook.objects.all()]
    assert max(per_hook) == 2
    assert len(jobs) == 6


def test_what_failed_before_comes_after_what_did_not() -> None:
    bad, good = sale.publish(), sale.publish()
    hook(bad)
    hook(good)
    for sold in (bad, bad, good):
        order(sold)
    announcements.drain(now=NOW)
    Delivery.objects.filter(webhook__creator=bad.file.creator).update(attempts=1)

    job = deliveries.claim(now=NOW, room=1)[0]

    assert job.webhook.creator_id == good.file.creator_id


def test_a_thousand_messages_of_one_webhook_do_not_hide_anothers() -> None:
    sold, other = sale.publish(), sale.publish()
    mine, others = hook(sold), hook(other)
    message = webhook_events.Message(kind="x", created_at=NOW - timedelta(hours=1), data={})
    Delivery.objects.bulk_create(
        webhooks._delivery(mine, message, subject=uuid.uuid4(), position=n) for n in range(1000)
    )
    order(other)
    announcements.drain(now=NOW)

    jobs = deliveries.claim(now=NOW, room=32)

    assert sorted(job.webhook.pk == others.id for job in jobs) == [False, False, True]
    assert [job.webhook.pk for job in deliveries.claim(now=NOW, room=32)] == []


def test_switched_off_while_it_is_sent_is_dropped_or_delivered() -> None:
    sold = sale.publish()
    mine = hook(sold)
    order(sold)
    announcements.drain(now=NOW)
    job = deliveries.claim(now=NOW, room=9)[0]
    webhooks.switch(mine, is_active=False)

    deliveries.finish(job, REFUSED, now=NOW)

    assert Delivery.objects.get().state == DeliveryState.DROPPED


def test_sent_again_is_a_new_message_about_the_old_one() -> None:
    sold = sale.publish()
    mine = hook(sold)
    order(sold)
    announcements.drain(now=NOW)
    step(TAKEN)
    first = Delivery.objects.get()

    again = webhooks.resend(webhooks.delivery(mine, first.id), now=NOW)
    twice = webhooks.resend(again, now=NOW)

    assert {row.original_id for row in (again, twice)} == {first.id}
    for row in (again, twice):
        told = json.loads(row.body)
        assert (told["id"], told["original_id"]) == (str(row.id), str(first.id))
        assert told["is_redelivery"] is True
        assert told["data"] == json.loads(first.body)["data"]
    assert step(TAKEN) == ["invoice.created"] * 2


def test_a_test_is_a_message_and_is_not_tried_for_days() -> None:
    sold = sale.publish()
    mine = hook(sold)

    row = webhooks.test(mine, now=NOW)

    assert json.loads(row.body)["type"] == "test"
    for at in (0, 12, 90):
        assert step(REFUSED, now=NOW + timedelta(seconds=at)) == ["test"]
    row.refresh_from_db()
    assert row.state == DeliveryState.GIVEN_UP
    assert not Notice.objects.exists()


def test_a_webhook_that_is_off_is_neither_tested_nor_sent_to() -> None:
    sold = sale.publish()
    mine = hook(sold)
    row = webhooks.test(mine, now=NOW)
    webhooks.switch(mine, is_active=False)

    with pytest.raises(WebhookOff):
        webhooks.test(mine, now=NOW)
    with pytest.raises(WebhookOff):
        webhooks.resend(webhooks.delivery(mine, row.id), now=NOW)
    assert step(TAKEN) == []


def test_the_secret_is_sealed_to_its_row() -> None:
    sold = sale.publish()
    row, secret = webhooks.add(sold.file.creator, URL, now=NOW)
    other = hook(sold)

    assert secret.startswith("kimwh_")
    assert secret.encode() not in bytes(row.sealed_secret)
    assert webhooks.open_secret(row) == secret
    other.sealed_secret = row.sealed_secret
    with pytest.raises(InvalidTag):
        webhooks.open_secret(other)


def test_eleven_are_too_many_and_a_bad_address_is_none() -> None:
    sold = sale.publish()
    for _ in range(webhooks.PER_CREATOR):
        hook(sold)

    with pytest.raises(TooManyWebhooks):
        hook(sold)
    with pytest.raises(TargetRefused):
        hook(sold, "https://10.0.0.1/")
    assert Webhook.objects.count() == webhooks.PER_CREATOR


def test_anothers_webhook_is_not_there() -> None:
    sold, eve = sale.publish(), sale.creator("eve")
    mine = hook(sold)

    with pytest.raises(WebhookMissing):
        webhooks.get(eve, mine.id)
    with pytest.raises(WebhookMissing):
        webhooks.get(sold.file.creator, uuid.uuid4())


def test_every_kind_of_event_has_a_name() -> None:
    assert set(webhook_events.BY_KIND) == set(EventKind)
    assert set(webhook_events.BY_STATE) == set(InvoiceState)
