"""Webhooks: the addresses creators want to be told at, and the outbox of what they are told.

``enqueue`` runs in the transaction that moves the cursor over payments' events, so a crash neither
loses nor doubles a message. ``unlock.deliveries`` sends. The state by GET is the truth; a message
is a reason to look.
"""

from __future__ import annotations

import secrets
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.views.decorators.debug import sensitive_variables

from payments import invoices, tidings
from unlock import at_rest, hints, webhook_events, webhook_targets
from unlock.creator_errors import DeliveryMissing, TooManyWebhooks, WebhookMissing, WebhookOff
from unlock.models import Cursor, Delivery, Purchase, Webhook
from unlock.states import DeliveryState
from unlock.webhook_events import Message

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

    from payments.invoices import EventView
    from unlock.models import Creator, Grant

PER_CREATOR: Final = 10
SECRET_PREFIX: Final = "kimwh_"  # noqa: S105 - tells people what they look at
ORPHANS: Final = "webhook-orphans"
ORPHANS_WAIT: Final = timedelta(minutes=2)
_BATCH: Final = 500


@sensitive_variables()
def add(
    creator: Creator, url: str, *, kinds: Sequence[str] = (), now: datetime
) -> tuple[Webhook, str]:
    """A new webhook and its secret, which is told here and never again.

    Raises TargetRefused (not an address we would send to) and TooManyWebhooks.
    """
    webhook_targets.parse(url)
    secret = SECRET_PREFIX + secrets.token_urlsafe(32)
    row = Webhook(creator=creator, url=url, kinds=sorted(set(kinds)), created_at=now)
    row.sealed_secret = _seal(row.id, secret)
    with transaction.atomic():
        type(creator).objects.select_for_update().get(pk=creator.pk)
        if mine(creator).count() >= PER_CREATOR:
            raise TooManyWebhooks("There are {per_creator} already.", per_creator=PER_CREATOR)
        row.save()
    return row, secret


def mine(creator: Creator) -> QuerySet[Webhook]:
    return Webhook.objects.filter(creator=creator, removed_at=None).order_by("created_at", "pk")


def get(creator: Creator, webhook_id: UUID) -> Webhook:
    """Raises WebhookMissing, for another creator's too."""
    row = mine(creator).filter(pk=webhook_id).first()
    if row is None:
        raise WebhookMissing("There is no such webhook.")
    return row


def switch(webhook: Webhook, *, is_active: bool) -> None:
    """Off drops what waits; on tells what happens from now on."""
    with transaction.atomic():
        webhook.is_active = is_active
        webhook.save(update_fields=["is_active"])
        if not is_active:
            drop_waiting(webhook.id)


def remove(webhook: Webhook, *, now: datetime) -> None:
    """Gone for its creator; its deliveries stay on record."""
    with transaction.atomic():
        webhook.is_active, webhook.removed_at = False, now
        webhook.save(update_fields=["is_active", "removed_at"])
        drop_waiting(webhook.id)


def drop_waiting(webhook_id: UUID) -> None:
    waiting = Delivery.objects.filter(webhook_id=webhook_id, state=DeliveryState.WAITING)
    waiting.update(state=DeliveryState.DROPPED, leased_until=None)


def test(webhook: Webhook, *, now: datetime) -> Delivery:
    """A message that says that it is one. Raises WebhookOff."""
    if not webhook.is_active:
        raise WebhookOff("This webhook is switched off.")
    message = Message(
        kind=webhook_events.TEST,
        created_at=now,
        data={"text": "This is a test. Nothing was sold.", "webhook": str(webhook.id)},
    )
    row = _delivery(webhook, message)
    row.save()
    hints.ask_delivery()
    return row


def resend(delivery: Delivery, *, now: datetime) -> Delivery:
    """The same message once more, under a new id. Raises WebhookOff."""
    if not delivery.webhook.is_active:
        raise WebhookOff("This webhook is switched off.")
    row = Delivery(
        webhook=delivery.webhook,
        subject=delivery.subject,
        position=delivery.position,
        kind=delivery.kind,
        original_id=delivery.original_id or delivery.id,
        due_at=now,
        created_at=now,
    )
    row.body = webhook_events.readdress(delivery.body, delivery_id=row.id)
    row.save()
    hints.ask_delivery()
    return row


def deliveries(webhook: Webhook) -> QuerySet[Delivery]:
    """Newest first."""
    return Delivery.objects.filter(webhook=webhook).order_by("-created_at", "-pk")


def delivery(webhook: Webhook, delivery_id: UUID) -> Delivery:
    """Raises DeliveryMissing."""
    row = deliveries(webhook).select_related("webhook").filter(pk=delivery_id).first()
    if row is None:
        raise DeliveryMissing("There is no such delivery.")
    return row


def enqueue(events: Sequence[EventView], *, now: datetime) -> int:
    """Put what these events mean into the outbox; how many messages.

    Call it in the transaction that moves the cursor. Repeating it doubles nothing. An event whose
    purchase is not committed yet is noted, and taken up by a later call.
    """
    bought = _bought(events)
    _note_orphans([each for each in events if each.invoice_id not in bought], now=now)
    return _enqueue(events, bought, now=now)


def enqueue_orphans(*, now: datetime) -> int:
    """Take up the events that came before their purchase. Call it beside ``enqueue``."""
    with transaction.atomic():
        cursor = Cursor.objects.select_for_update().filter(name=ORPHANS).first()
        if cursor is None or not cursor.position:
            return 0
        events = invoices.events_after(cursor.position - 1, limit=_BATCH)
        bought = _bought(events)
        young = [each for each in events if now - each.at < ORPHANS_WAIT]
        left = [each.position for each in young if each.invoice_id not in bought]
        cursor.position = min(left, default=0)
        cursor.save(update_fields=["position"])
        return _enqueue(events, bought, now=now)


def enqueue_lapsed(events: Sequence[EventView], *, now: datetime) -> int:
    """Tell that quotes ran out with a part paid. ``events`` are the last ones of those invoices."""
    return _enqueue(events, _bought(events), now=now, told=(webhook_events.EXPIRED_PARTIAL,))


def enqueue_grants(grants: Sequence[Grant], *, now: datetime) -> int:
    """Tell that files were taken for nothing. ``grants`` come with purchase and file. Repeating it
    doubles nothing: a message's position is the grant's number.
    """
    hooks = _hooks({each.purchase.paid_file.creator_id for each in grants})
    rows = [
        _delivery(hook, message, subject=grant.purchase_id, position=grant.pk)
        for grant in grants
        for message in [
            Message(
                kind=webhook_events.GRANTED,
                created_at=now,
                data=webhook_events.data_of_grant(grant.purchase, grant),
            )
        ]
        for hook in hooks.get(grant.purchase.paid_file.creator_id, ())
        if (not hook.kinds or message.kind in hook.kinds) and hook.created_at <= grant.created_at
    ]
    Delivery.objects.bulk_create(rows, ignore_conflicts=True, batch_size=_BATCH)
    if rows:
        hints.ask_delivery()
    return len(rows)


def open_secret(webhook: Webhook) -> str:
    """Only for signing."""
    sealed = bytes(webhook.sealed_secret)
    return at_rest.unseal(sealed, bound=bound_to(webhook.id)).decode()


def _enqueue(
    events: Sequence[EventView],
    bought: dict[UUID, Purchase],
    *,
    now: datetime,
    told: tuple[str, ...] = (),
) -> int:
    told_of = [each for each in events if each.invoice_id in bought]
    hooks = _hooks({purchase.paid_file.creator_id for purchase in bought.values()})
    if not told_of or not hooks:
        return 0
    views = invoices.statuses_of(bought, now=now)
    txids = tidings.txids_of(bought)
    rows = []
    for event in told_of:
        purchase = bought[event.invoice_id]
        data = webhook_events.data_of(
            purchase, views[event.invoice_id], event, txids.get(event.invoice_id, ())
        )
        for rank, kind in enumerate(told or webhook_events.names_of(event)):
            # The rank keeps two names of one event in order (see deliveries.due).
            message = Message(kind=kind, created_at=now + timedelta(microseconds=rank), data=data)
            rows += [
                _delivery(hook, message, subject=purchase.id, position=event.position)
                for hook in hooks.get(purchase.paid_file.creator_id, ())
                if (not hook.kinds or kind in hook.kinds) and hook.created_at <= event.at
            ]
    Delivery.objects.bulk_create(rows, ignore_conflicts=True, batch_size=_BATCH)
    if rows:
        hints.ask_delivery()
    return len(rows)


def _bought(events: Iterable[EventView]) -> dict[UUID, Purchase]:
    """The purchases of these events by invoice; a creator's own proof is no sale."""
    ids = {each.invoice_id for each in events}
    rows = Purchase.objects.filter(invoice_id__in=ids).select_related("paid_file")
    return {row.invoice_id: row for row in rows if row.invoice_id and not row.is_proof}


def _hooks(creator_ids: set[UUID]) -> dict[UUID, list[Webhook]]:
    found: dict[UUID, list[Webhook]] = {}
    rows = Webhook.objects.filter(creator_id__in=creator_ids, is_active=True, removed_at=None)
    for row in rows.order_by("pk"):
        found.setdefault(row.creator_id, []).append(row)
    return found


def _note_orphans(events: list[EventView], *, now: datetime) -> None:
    """Buying commits the invoice a moment before the purchase (``purchases.begin``)."""
    young = [each.position for each in events if now - each.at < ORPHANS_WAIT]
    if not young:
        return
    Cursor.objects.get_or_create(name=ORPHANS)
    cursor = Cursor.objects.select_for_update().get(name=ORPHANS)
    cursor.position = min([*young, cursor.position or young[0]])
    cursor.save(update_fields=["position"])


def _delivery(
    webhook: Webhook,
    message: Message,
    *,
    subject: UUID | None = None,
    position: int | None = None,
) -> Delivery:
    row_id = uuid.uuid4()
    return Delivery(
        id=row_id,
        webhook=webhook,
        subject=subject,
        position=position,
        kind=message.kind,
        body=webhook_events.body_of(message, delivery_id=row_id, original_id=row_id),
        due_at=message.created_at,
        created_at=message.created_at,
    )


def _seal(webhook_id: UUID, secret: str) -> bytes:
    return at_rest.seal(secret.encode(), bound=bound_to(webhook_id))


def bound_to(webhook_id: UUID) -> bytes:
    return b"kim webhook" + webhook_id.bytes
