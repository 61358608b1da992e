"""What a creator is told, once, and only what they want to hear."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache

from payments import health
from payments.models import Invoice
from payments.states import EventKind, InvoiceState
from tests.unlock import sale
from tests.unlock.creating import refusal, signed_in
from tests.unlock.sale import NOW, Buyer
from unlock import announcements, episodes, notices
from unlock.models import Creator, Notice, Purchase
from unlock.states import NoticeKind

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_limits() -> None:
    cache.clear()


def told() -> list[str]:
    return sorted(Notice.objects.values_list("kind", flat=True))


def happen(
    invoice: Invoice, state: InvoiceState, *, flags: tuple[str, ...] = (), kind: str = ""
) -> None:
    """What payments records when an invoice moves, or something is done to it."""
    was = invoice.state
    sale.move(invoice, state)
    invoice.flags = list(flags)
    invoice.save()
    event = invoice.events.order_by("-seq").first()
    assert event is not None
    event.was, event.flags = was, list(flags)
    event.kind = kind or event.kind
    event.save()
    announcements.drain(now=NOW)


@pytest.mark.parametrize(
    ("states", "flags", "kind", "expected"),
    [
        (["SEEN", "PAID"], (), "", ["sold"]),
        (["PAID"], ("OVER",), "", ["overpaid", "sold"]),
        (["PAID"], ("OVERSOLD",), "", ["oversold", "sold"]),
        (["EXPIRED", "SEEN", "PAID"], ("LATE",), "", ["paid_late", "sold"]),
        (["EXPIRED", "PARTIAL"], (), "", ["partial_expired"]),
        (["SEEN", "SUSPECT"], ("DOUBLE_SPEND_SEEN",), "", ["conflict"]),
        (["PAID", "REVERSED"], (), "", ["reversed", "sold"]),
        (["PAID", "REVERSED", "PAID"], (), "", ["reversed", "sold"]),
        (["PARTIAL"], ("TOKEN_IGNORED",), "", ["token_received"]),
        (["PAID"], ("REFUND_DUE",), "refund_due", ["refund_due", "sold"]),
        (["PAID"], ("REFUNDED",), "refunded", ["refunded", "sold"]),
        (["PARTIAL", "SEEN", "OPEN", "EXPIRED"], (), "", []),
    ],
)
def test_what_happens_is_told(
    states: list[str], flags: tuple[str, ...], kind: str, expected: list[str]
) -> None:
    sold = sale.publish()
    invoice = sale.owe(sold)
    Buyer().purchase(sold, invoice_id=invoice.id)
    for state in states[:-1]:
        happen(invoice, InvoiceState(state))
    happen(invoice, InvoiceState(states[-1]), flags=flags, kind=kind)
    announcements.drain(now=NOW)

    assert told() == expected
    assert all("“Nine recordings”" in row.text for row in Notice.objects.all())


def test_a_creators_own_proof_is_not_news() -> None:
    sold = sale.publish()
    invoice = sale.owe(sold)
    Buyer().purchase(sold, invoice_id=invoice.id)
    Purchase.objects.update(is_proof=True)

    happen(invoice, InvoiceState.PAID)

    assert told() == []


def test_told_once_per_topic_and_not_at_all_when_muted() -> None:
    maya = sale.creator()
    notices.mute(maya, [NoticeKind.RATES_DOWN])

    first = [tell(maya, NoticeKind.FORWARD_STUCK, topic=topic) for topic in "aab"]
    muted = tell(maya, NoticeKind.RATES_DOWN, topic="a")

    assert (first, muted) == ([True, False, True], False)
    assert told() == ["forward_stuck", "forward_stuck"]


def tell(creator: Creator, kind: NoticeKind, *, topic: str) -> bool:
    return notices.tell(creator.id, kind, topic=topic, text="Something.", now=NOW)


def test_a_trouble_of_the_instance_is_told_once_while_it_lasts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sale.publish()
    sale.publish(price_currency="EUR")
    sale.creator("eve")  # sells nothing
    now = NOW
    report = health.report(now=now)
    assert report.is_stale  # nobody ever looked
    for minutes in (0, 1, 50):
        episodes.tell_health(now=now + timedelta(minutes=minutes))

    assert told().count("watcher_stale") == 2


def test_an_episode_that_comes_back_within_an_hour_is_the_same_one() -> None:
    sold = sale.publish()
    mine = {sold.file.creator_id}

    def at(minutes: int, *, is_on: bool) -> int:
        episodes._episode(
            NoticeKind.RATES_DOWN,
            mine,
            is_on=is_on,
            text="Down.",
            now=NOW + timedelta(minutes=minutes),
        )
        return Notice.objects.count()

    assert at(0, is_on=False) == 0
    assert at(1, is_on=True) == 1
    assert at(2, is_on=True) == 1
    assert at(3, is_on=False) == 1
    assert at(30, is_on=True) == 1
    assert at(31, is_on=False) == 1
    assert at(90, is_on=True) == 2


def test_only_those_whose_prices_need_a_rate_are_told() -> None:
    in_money = sale.publish(price_currency="EUR")
    sale.publish()

    assert episodes._priced_in_money() == {in_money.file.creator_id}


def test_every_kind_has_its_words() -> None:
    assert set(notices.MEANINGS) == set(NoticeKind)


def test_every_event_that_names_a_notice_has_its_sentence() -> None:
    sold = sale.publish()
    invoice = sale.owe(sold)
    from payments import invoices

    view = invoices.status_of(invoice.id, now=NOW)
    for kind in (NoticeKind.SOLD, NoticeKind.REFUNDED, NoticeKind.TOKEN_RECEIVED):
        assert len(str(notices.text_of(kind, "x" * 200, view))) < notices.TEXT_MAX
    assert EventKind.REFUNDED


def test_over_the_api_they_are_listed_read_and_chosen() -> None:
    maya, eve = signed_in(), signed_in("eve")
    row = Creator.objects.get(user__username="maya")
    for topic in "abc":
        tell(row, NoticeKind.FORWARD_STUCK, topic=topic)

    page = maya.get("notices/?limit=2").json()
    rest = maya.get(f"notices/?limit=2&cursor={page['next']}").json()
    assert (len(page["notices"]), len(rest["notices"]), rest["next"]) == (2, 1, "")
    assert page["unread"] == 3
    assert maya.post("notices/read/", {"ids": [page["notices"][0]["id"]]}).json() == {"unread": 2}
    assert eve.post("notices/read/").json() == {"unread": 0}
    assert maya.get("notices/").json()["unread"] == 2
    assert maya.post("notices/read/").json() == {"unread": 0}

    wishes: dict[str, Any] = maya.put("notices/wishes/", {"muted": ["sold"]}).json()
    assert [each["kind"] for each in wishes["kinds"] if not each["is_on"]] == ["sold"]
    assert refusal(maya.put("notices/wishes/", {"muted": ["nothing"]})) == (400, "invalid")


def test_the_header_counts_what_is_unread() -> None:
    maya = signed_in()
    row = Creator.objects.get(user__username="maya")
    tell(row, NoticeKind.FORWARD_STUCK, topic="a")

    page = maya.client.get("/settings/").content.decode()

    link = page.partition('href="/notices/"')[2].partition("</a>")[0].partition(">")[2]
    assert re.sub(r"<[^>]*>", "", link) == "Notices, 1 unread"
