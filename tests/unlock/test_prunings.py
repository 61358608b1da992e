"""Old messages and notices go after their days, and never one that is still to be delivered."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.unlock import sale
from tests.unlock.sale import NOW
from unlock import notices, prunings, webhooks
from unlock.models import Delivery, Notice, Webhook
from unlock.prunings import Pruned
from unlock.states import DeliveryState, NoticeKind

if TYPE_CHECKING:
    from datetime import datetime

    from pytest_django.fixtures import Settings

pytestmark = pytest.mark.django_db

OLD = NOW - timedelta(days=30, seconds=1)
YOUNG = NOW - timedelta(days=30)


@pytest.fixture(autouse=True)
def _thirty_days(settings: Settings) -> None:
    settings.KIM_KEEP_MESSAGES_DAYS = 30


def hook() -> Webhook:
    owner = sale.publish().file.creator
    return webhooks.add(owner, "https://merchant.example/kim", now=OLD)[0]


def message(to: Webhook, state: DeliveryState, at: datetime) -> Delivery:
    row = webhooks.test(to, now=at)
    row.state = state
    row.save()
    return row


def test_messages_that_ended_go_after_their_days_and_those_that_wait_stay() -> None:
    mine = hook()
    ended = (DeliveryState.DELIVERED, DeliveryState.GIVEN_UP, DeliveryState.DROPPED)
    for state in ended:
        message(mine, state, OLD)
    stay = {message(mine, state, YOUNG).id for state in ended}
    stay.add(message(mine, DeliveryState.WAITING, OLD).id)

    assert prunings.prune(now=NOW) == Pruned(deliveries=3, notices=0)

    assert set(Delivery.objects.values_list("id", flat=True)) == stay
    assert prunings.prune(now=NOW) == Pruned(deliveries=0, notices=0)


def test_one_that_is_being_sent_again_keeps_the_one_it_repeats() -> None:
    mine = hook()
    first = message(mine, DeliveryState.DELIVERED, OLD)
    again = webhooks.resend(first, now=OLD)

    assert prunings.prune(now=NOW) == Pruned(deliveries=0, notices=0)

    again.state = DeliveryState.DELIVERED
    again.save()
    assert prunings.prune(now=NOW) == Pruned(deliveries=2, notices=0)
    assert not Delivery.objects.exists()


def test_a_message_under_way_stays_until_its_lease_is_over() -> None:
    row = message(hook(), DeliveryState.DROPPED, OLD)
    row.leased_until = NOW + timedelta(seconds=1)
    row.save()

    assert prunings.prune(now=NOW) == Pruned(deliveries=0, notices=0)
    assert prunings.prune(now=NOW + timedelta(seconds=2)) == Pruned(deliveries=1, notices=0)


def test_notices_go_once_they_were_read_or_mailed_and_are_old() -> None:
    owner = sale.creator()

    def told(topic: str, at: datetime, **facts: object) -> None:
        notices.tell(owner.id, NoticeKind.SOLD, topic=topic, text="Sold.", now=at)
        Notice.objects.filter(topic=topic).update(**facts)

    told("read", OLD, read_at=OLD)
    told("mailed", OLD, mailed_at=OLD)
    told("young", YOUNG, read_at=YOUNG)
    told("unread", OLD)
    told("waits for its e-mail", OLD, read_at=OLD, mail_due_at=NOW)

    assert prunings.prune(now=NOW) == Pruned(deliveries=0, notices=2)

    left = set(Notice.objects.values_list("topic", flat=True))
    assert left == {"young", "unread", "waits for its e-mail"}


def test_more_than_a_batch_goes_in_one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prunings, "BATCH", 2)
    mine = hook()
    for _ in range(5):
        message(mine, DeliveryState.DELIVERED, OLD)

    assert prunings.prune(now=NOW) == Pruned(deliveries=5, notices=0)
