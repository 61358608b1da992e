"""Sending what the outbox holds: leased, signed, in order for each purchase, and again until 72 h.

The database is asked by one thread, the network by many: a target that hangs holds up its own
messages and nobody else's. Two workers may run ``send_due`` at once, and a worker may be killed at
any moment: its leases run out and the messages are sent by another (at least once; ``id`` tells
receivers what they have seen).
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import random
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import Case, F, Q, When, Window
from django.db.models.functions import RowNumber

from payments.words import Words
from unlock import notices, webhook_events, webhook_targets, webhooks
from unlock.models import Delivery, Webhook
from unlock.speech import mark
from unlock.states import DeliveryState, NoticeKind
from unlock.webhook_targets import Answer

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

log = logging.getLogger(__name__)

_ENDED: Final = mark("Your webhook {url} answered 410 Gone and was switched off.")
_NO_MORE: Final = mark(
    "Your webhook {url} did not take a message for 72 hours; it is tried no more."
)
_FAILING: Final = mark("Your webhook {url} does not take our messages. {answer}")

AT_ONCE: Final = 32
PER_WEBHOOK: Final = 2  # a target that hangs takes no more threads than these
PER_CREATOR: Final = 6
LEASE: Final = timedelta(seconds=20)  # twice what one attempt may take
RUN_FOR: Final = timedelta(seconds=50)
GIVE_UP_AFTER: Final = timedelta(hours=72)
DELAYS: Final = (
    timedelta(seconds=10),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=3),
    timedelta(hours=6),  # and so on
)
FAILING_AFTER: Final = 4  # attempts, some minutes: then the creator is told, once a day
LOG_KEPT: Final = 20
_GONE: Final = 410


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One attempt: a delivery that is leased to us until ``leased_until``."""

    delivery_id: UUID
    webhook: Webhook
    body: bytes
    leased_until: datetime


def send_due(*, clock: Callable[[], datetime]) -> int:
    """Send what is due until nothing is, for 50 seconds at most; how many were delivered."""
    sent, stop_at = 0, clock() + RUN_FOR
    running: dict[Future[Answer], Job] = {}
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="outbox") as pool:
        while True:
            if clock() < stop_at:
                for job in claim(now=clock(), room=AT_ONCE - len(running)):
                    running[pool.submit(_attempt, job, now=clock())] = job
            if not running:
                return sent
            # Also woken every second: what became due meanwhile does not wait for a slow target.
            done, _ = wait(running, timeout=1, return_when=FIRST_COMPLETED)
            for future in done:
                sent += _finish_safely(running.pop(future), future.result(), now=clock())


def due(*, now: datetime) -> QuerySet[Delivery]:
    """What may be sent now, at most as much of each webhook as may be under way at once.

    Of each purchase and webhook only the earliest that still waits; what was asked for by hand has
    no place in that order. First attempts go first: a target that failed before does not delay one
    that works, and a thousand messages of one webhook do not hide another's.
    """
    waiting = Delivery.objects.filter(state=DeliveryState.WAITING)
    by_hand = Q(original__isnull=False) | Q(subject=None)
    place = Window(
        RowNumber(),
        partition_by=[F("webhook"), Case(When(by_hand, then=F("pk")), default=F("subject"))],
        order_by=["position", "created_at", "pk"],
    )
    first = waiting.annotate(place=place).filter(place=1).values("pk")
    turn = Window(RowNumber(), partition_by=[F("webhook")], order_by=["attempts", "due_at", "pk"])
    rows = waiting.filter(_free(now), pk__in=first, due_at__lte=now).annotate(turn=turn)
    return rows.filter(turn__lte=PER_WEBHOOK).order_by("attempts", "due_at", "pk")


def claim(*, now: datetime, room: int) -> list[Job]:
    """Lease up to ``room`` deliveries; what another worker leases first is theirs."""
    jobs: list[Job] = []
    leased = _leased_now(now)
    for row in due(now=now).select_related("webhook") if room > 0 else ():
        if len(jobs) >= room:
            break
        hook = row.webhook
        busy = (
            leased.get(hook.id, 0) >= PER_WEBHOOK or leased.get(hook.creator_id, 0) >= PER_CREATOR
        )
        if busy or not _lease(row.id, now=now):
            continue
        for owner in (hook.id, hook.creator_id):
            leased[owner] = leased.get(owner, 0) + 1
        jobs.append(
            Job(
                delivery_id=row.id,
                webhook=hook,
                body=row.body.encode(),
                leased_until=now + LEASE,
            )
        )
    return jobs


def finish(job: Job, answer: Answer, *, now: datetime) -> bool:
    """Write down how an attempt ended and what follows; whether it was delivered.

    Nothing, if the lease ran out meanwhile: then somebody else's attempt counts.
    """
    with transaction.atomic():
        # Parent first, as everywhere: a 410 changes both.
        Webhook.objects.select_for_update().get(pk=job.webhook.pk)
        row = (
            Delivery.objects.select_for_update(of=("self",))
            .filter(pk=job.delivery_id, leased_until=job.leased_until)
            .first()
        )
        if row is None:
            return False
        row.attempts += 1
        row.leased_until = None
        row.log = [*row.log, _noted(answer, now=now)][-LOG_KEPT:]
        if answer.is_taken:
            row.state, row.delivered_at = DeliveryState.DELIVERED, now
        elif row.state == DeliveryState.WAITING:
            _fail(row, job, answer, now=now)
        row.save()
    return answer.is_taken


def _finish_safely(job: Job, answer: Answer, *, now: datetime) -> bool:
    """What cannot be written down (a busy database) is sent again once its lease is over."""
    try:
        return finish(job, answer, now=now)
    except Exception:
        log.exception("the outcome of delivery %s was not kept", job.delivery_id)
        return False


def delay_after(attempts: int, *, luck: float) -> timedelta:
    """How long to wait after so many attempts; ``luck`` in [0, 1) spreads it over 20 %."""
    return DELAYS[min(attempts, len(DELAYS)) - 1] * (1 + luck / 5)


def sign(secret: str, body: bytes, *, now: datetime) -> str:
    """``t=<unix>,v1=<hex HMAC-SHA-256(secret, t + "." + body)>``; docs/webhooks.md checks it."""
    moment = str(int(now.timestamp()))
    mac = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={mac}"


def _attempt(job: Job, *, now: datetime) -> Answer:
    """In a thread of its own, without the database. Never raises: it is one try of many."""
    try:
        headers = {
            "X-Kim-Signature": sign(webhooks.open_secret(job.webhook), job.body, now=now),
            "X-Kim-Delivery": str(job.delivery_id),
        }
        return webhook_targets.post(job.webhook.url, job.body, headers)
    except Exception:
        log.exception("delivery %s could not be tried", job.delivery_id)
        return Answer(status=None, error=mark("This try failed on our side."), milliseconds=0)


def _fail(row: Delivery, job: Job, answer: Answer, *, now: datetime) -> None:
    if answer.status == _GONE:
        row.state = DeliveryState.GIVEN_UP
        Webhook.objects.filter(pk=job.webhook.pk).update(is_active=False)
        waiting = Delivery.objects.filter(webhook=job.webhook, state=DeliveryState.WAITING)
        waiting.exclude(pk=row.pk).update(state=DeliveryState.DROPPED)
        _tell(job, _ENDED, topic="gone", now=now)
        return
    due_at = now + delay_after(row.attempts, luck=random.random())
    # A test and a press of "send again" are looked at while they happen: a few tries will do.
    is_by_hand = row.original_id is not None or row.kind == webhook_events.TEST
    patience = timedelta(minutes=2) if is_by_hand else GIVE_UP_AFTER
    if due_at - row.created_at > patience:
        row.state = DeliveryState.GIVEN_UP
    row.due_at = due_at
    if row.state == DeliveryState.GIVEN_UP and not is_by_hand:
        _tell(job, _NO_MORE, topic="up", now=now)
    elif row.attempts == FAILING_AFTER:
        _tell(job, _FAILING, topic="failing", now=now, answer=answer)


def _tell(
    job: Job, pattern: str, *, topic: str, now: datetime, answer: Answer | None = None
) -> None:
    notices.tell(
        job.webhook.creator_id,
        NoticeKind.WEBHOOK_FAILING,
        topic=f"{job.webhook.pk}:{topic}:{now:%Y-%m-%d}",
        text=Words.of(
            pattern,
            url=job.webhook.url[:200],
            answer=_said(answer),
        ),
        now=now,
    )


def _said(answer: Answer | None) -> Words:
    if answer is None or answer.error:
        return Words(answer.error if answer else "")
    return Words.of("It answers {status}.", status=answer.status or 0)


def _noted(answer: Answer, *, now: datetime) -> dict[str, object]:
    return {
        "at": webhook_events.iso(now),
        "status": answer.status,
        "error": answer.error,
        "ms": answer.milliseconds,
    }


def _free(now: datetime) -> Q:
    return Q(leased_until=None) | Q(leased_until__lte=now)


def _lease(delivery_id: UUID, *, now: datetime) -> bool:
    """One conditional update: of two workers one gets a row, with or without row locks."""
    rows = Delivery.objects.filter(_free(now), pk=delivery_id, state=DeliveryState.WAITING)
    return rows.filter(due_at__lte=now).update(leased_until=now + LEASE) == 1


def _leased_now(now: datetime) -> dict[UUID, int]:
    """How many attempts run, by webhook and by creator, over all workers."""
    found: dict[UUID, int] = {}
    rows = Delivery.objects.filter(state=DeliveryState.WAITING, leased_until__gt=now)
    for pair in rows.values_list("webhook_id", F("webhook__creator_id")):
        for owner in pair:
            found[owner] = found.get(owner, 0) + 1
    return found
