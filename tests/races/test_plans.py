"""No hot question reads a whole table, with a hundred thousand sales on PostgreSQL.

Each story runs the product's own code; every statement that it sent is explained then, and none may
read one of the large tables from end to end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from payments import daemon, forwards, invoices, unsettled, watcher
from payments import models as money
from tests.races.crowd import NOW, Crowd, gather
from unlock import (
    announcements,
    dashboard,
    deliveries,
    duties,
    episodes,
    files,
    free_copies,
    keys,
    library,
    mail,
    notices,
    offers,
    sales,
    stock,
    withdrawals,
)
from unlock.models import Cursor

SALES = 100_000
MANY = 1_000_000
LARGE = (
    "payments_invoice", "payments_address", "payments_quote", "payments_output", "payments_event",
    "payments_chaintransaction", "unlock_purchase", "unlock_keyrelease", "unlock_notice",
)  # fmt: skip

pytestmark = pytest.mark.django_db

# The admin counts a list up to a bound, and takes PostgreSQL's estimate where there is one.
BOUNDED = "SELECT COUNT(*) FROM (SELECT"

Story = Callable[[Crowd], object]


@pytest.fixture(scope="module")
def database(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Rows for the module, in a transaction that is taken back."""
    from django.db import transaction

    with django_db_blocker.unblock():
        assert connection.vendor == "postgresql", "run races through tests.postgres"
        with transaction.atomic():
            yield
            transaction.set_rollback(True)


@pytest.fixture(scope="module")
def crowd(database: None) -> Crowd:
    return gather(SALES)


@pytest.fixture(scope="module")
def million(database: None) -> Crowd:
    return gather(MANY)


def _staff() -> Client:
    client = Client()
    user = get_user_model().objects.filter(username="crowd-staff").first()
    if user is None:
        user = get_user_model().objects.create_superuser("crowd-staff", password="x" * 16)
    client.force_login(user)
    return client


def _page(path: str) -> Story:
    def story(crowd: Crowd) -> None:
        answer = _staff().get(path)
        assert answer.status_code == 200, (answer.status_code, path)

    return story


def _read_events(crowd: Crowd) -> None:
    last = money.Event.objects.latest("position").position
    Cursor.objects.update_or_create(name=announcements.CURSOR, defaults={"position": last - 50})
    announcements.drain(now=NOW)


STORIES: dict[str, Story] = {
    "the push daemon's watch list": lambda crowd: daemon._hot_scripts(),
    "what the sweep takes": lambda crowd: watcher._claim(NOW + timedelta(minutes=5)),
    "an invoice by its address": lambda crowd: money.Address.objects.select_related("invoice").get(
        script=money.Address.objects.order_by("-pk").values_list("script", flat=True)[0]
    ),
    "an invoice as it stands": lambda crowd: invoices.status_of(crowd.invoice_id, now=NOW),
    "a purchase by its claim": lambda crowd: library.claimed(crowd.buyer.claim_hash),
    "a library's claims": lambda crowd: library.held_by([crowd.buyer.claim_hash], now=NOW),
    "a purchase as it stands": lambda crowd: keys.standing_of(crowd.purchase.id, now=NOW),
    "an offer by its id": lambda crowd: offers.of(files.find(crowd.sold.file.id), now=NOW),
    "the first page of sales": lambda crowd: sales.page(crowd.creator, sales.Filters()),
    "the dashboard": lambda crowd: dashboard.of(
        crowd.creator, dashboard.Asked(), zone=UTC, now=NOW
    ),
    "a creator's notices": lambda crowd: list(notices.of(crowd.creator)[:50]),
    "what a creator is asked": lambda crowd: list(duties.of(crowd.creator, now=NOW)),
    "what is unsettled at a closing": lambda crowd: unsettled.of(crowd.creator.id, now=NOW),
    "the events that came": _read_events,
    "the keys that are owed": lambda crowd: keys.due(now=NOW, limit=200),
    "the messages that are due": lambda crowd: deliveries.send_due(clock=lambda: NOW),
    "the mails that are due": lambda crowd: mail.send_due(clock=lambda: NOW),
    "the coins to pass on": lambda crowd: forwards._waiting_payouts(),
    "copies given away": lambda crowd: free_copies.drain(now=NOW),
    "orders of what was taken down": lambda crowd: withdrawals.finish(now=NOW),
    "what is left of a stock": lambda crowd: stock.counts_of(
        crowd.sold.file, stock.terms_of(crowd.sold.file), now=NOW
    ),
    "gaps of orders just made": lambda crowd: episodes._tell_gaps(NOW),
    "admin: invoices": _page("/admin/payments/invoice/"),
    "admin: outputs": _page("/admin/payments/output/"),
    "admin: events": _page("/admin/payments/event/"),
    "admin: purchases": _page("/admin/unlock/purchase/"),
    "admin: releases": _page("/admin/unlock/keyrelease/"),
    "admin: notices": _page("/admin/unlock/notice/"),
}


def plans_of(story: Story, crowd: Crowd) -> Iterator[tuple[str, str]]:
    """(statement, its plan) of all that reads or changes rows."""
    with CaptureQueriesContext(connection) as asked:
        story(crowd)
    for each in asked.captured_queries:
        sql = each["sql"]
        if not re.match(r"(SELECT|UPDATE|DELETE|WITH)\b", sql, re.IGNORECASE) or BOUNDED in sql:
            continue
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN " + sql.replace("%", "%%"))
            yield sql, "\n".join(row[0] for row in cursor.fetchall())


def whole_reads(plan: str) -> list[str]:
    return [table for table in LARGE if re.search(rf"Seq Scan on {table}\b", plan)]


def whole_reads_of(name: str, crowd: Crowd) -> str:
    """The statements that read a whole table, with their plans."""
    plans = plans_of(STORIES[name], crowd)
    return "\n\n".join(f"{sql[:600]}\n{plan}" for sql, plan in plans if whole_reads(plan))


@pytest.mark.parametrize("name", STORIES)
def test_no_hot_question_reads_a_whole_table(name: str, crowd: Crowd) -> None:
    assert whole_reads_of(name, crowd) == ""


@pytest.mark.long
@pytest.mark.parametrize("name", STORIES)
def test_nor_among_a_million(name: str, million: Crowd) -> None:
    assert whole_reads_of(name, million) == ""


def test_the_rule_would_see_it(crowd: Crowd) -> None:
    plans = list(plans_of(lambda _: money.Invoice.objects.filter(due_sat=1).first(), crowd))

    assert [whole_reads(plan) for _, plan in plans] == [["payments_invoice"]]
