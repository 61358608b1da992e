"""Two at once, on real row locks: releases, the last grant, one claim, one cursor."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest
from django.core.cache import cache
from django.db import connection, connections

from payments import models as money
from payments import payouts
from payments.addresses import encode
from payments.states import InvoiceState, Network
from tests.unlock import sale
from tests.unlock.sale import INSTANCE_PRIVATE, NOW, Buyer
from unlock import announcements, grants, keys, purchases
from unlock.errors import ClaimKnown, GrantsExhausted
from unlock.models import Grant, KeyRelease, Purchase
from unlock.states import GrantKind

T = TypeVar("T")
pytestmark = pytest.mark.django_db(transaction=True)
AT_ONCE = 8


@pytest.fixture(autouse=True)
def _on_postgresql() -> None:
    assert connection.vendor == "postgresql", "run races through tests.postgres"
    cache.clear()


def at_once(act: Callable[[int], T], *, times: int = AT_ONCE) -> list[T | Exception]:
    """Run ``act(0)`` to ``act(times - 1)`` from one starting line; errors are answers."""
    start = threading.Barrier(times)

    def one(number: int) -> T | Exception:
        try:
            start.wait(timeout=30)
            return act(number)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(one, range(times)))


@pytest.mark.parametrize("attempt", range(5))
def test_two_releases_make_one_row_and_give_the_same_answer(attempt: int) -> None:
    sold, noor = sale.publish(), Buyer()
    purchase = noor.purchase(sold, invoice_id=sale.owe(sold, InvoiceState.PAID).id)

    rows = at_once(lambda _: keys.release(purchase.id, private_keys=INSTANCE_PRIVATE, now=NOW))

    kept = KeyRelease.objects.get()
    assert all(isinstance(row, KeyRelease) for row in rows)
    assert {bytes(row.sealed) for row in rows if isinstance(row, KeyRelease)} == {
        bytes(kept.sealed)
    }
    assert noor.open(purchase, kept.sealed) == sold.secret


@pytest.mark.parametrize("attempt", range(5))
def test_the_last_grant_is_given_once(attempt: int) -> None:
    sold = sale.publish()
    bought = [Buyer().purchase(sold) for _ in range(AT_ONCE)]
    grants.give(Buyer().purchase(sold).id, GrantKind.FIRST_N, now=NOW, at_most=2)

    answers = at_once(
        lambda number: grants.give(bought[number].id, GrantKind.FIRST_N, now=NOW, at_most=2)
    )

    assert sum(isinstance(answer, Grant) for answer in answers) == 1
    assert sum(isinstance(answer, GrantsExhausted) for answer in answers) == AT_ONCE - 1
    assert grants.count(sold.file.id, GrantKind.FIRST_N) == 2
    assert Purchase.objects.filter(release_due_at__isnull=False).count() == 2


def test_two_grants_of_one_purchase_are_one() -> None:
    purchase = Buyer().purchase(sale.publish())

    answers = at_once(lambda _: grants.give(purchase.id, GrantKind.STAFF, now=NOW))

    assert {answer.pk for answer in answers if isinstance(answer, Grant)} == {
        Grant.objects.get().pk
    }
    assert not [answer for answer in answers if isinstance(answer, Exception)]


def test_one_claim_twice_is_one_purchase_and_no_address_stays_open_for_nobody() -> None:
    sold, noor = sale.publish(), Buyer()
    script = bytes.fromhex("76a914" + "11" * 20 + "88ac")
    payouts.set_current(sold.file.creator_id, encode(script, Network.REGTEST), now=NOW)

    answers = at_once(lambda _: purchases.begin(noor.order(sold), now=NOW), times=4)

    made = [answer.purchase for answer in answers if isinstance(answer, purchases.Begun)]
    assert len(made) == 1
    assert sum(isinstance(answer, ClaimKnown) for answer in answers) == 3
    assert Purchase.objects.get().invoice_id == made[0].invoice_id
    others = money.Invoice.objects.exclude(pk=str(made[0].invoice_id))
    assert not others.filter(void_at=None).exists()


def test_two_drains_and_two_servers_serve_every_key_once() -> None:
    sold = sale.publish()
    buyers = [Buyer() for _ in range(10)]
    bought = [
        buyer.purchase(sold, invoice_id=sale.owe(sold, InvoiceState.PAID).id) for buyer in buyers
    ]

    def announce(_: int) -> int:
        announcements.drain(now=NOW)
        return announcements.serve(private_keys=INSTANCE_PRIVATE, now=NOW)

    answers = at_once(announce, times=4)

    assert not [answer for answer in answers if isinstance(answer, Exception)]
    assert KeyRelease.objects.count() == 10
    for buyer, purchase in zip(buyers, bought, strict=True):
        assert buyer.open(purchase, KeyRelease.objects.get(purchase=purchase).sealed) == sold.secret
    assert keys.due(now=NOW, limit=99) == []


def test_a_reversal_and_a_first_fetch_at_once_end_in_one_of_two_honest_ways() -> None:
    sold, noor = sale.publish(), Buyer()
    invoice = sale.owe(sold, InvoiceState.PAID)
    purchase = noor.purchase(sold, invoice_id=invoice.id)
    keys.release(purchase.id, private_keys=INSTANCE_PRIVATE, now=NOW)

    def act(number: int) -> object:
        if number == 0:
            sale.move(invoice, InvoiceState.REVERSED)
            return None
        return keys.read(purchase.id, now=NOW)

    answers = at_once(act, times=2)

    fetched = KeyRelease.objects.get().first_fetched_at is not None
    assert (answers[1] is not None) is fetched
    assert (keys.read(purchase.id, now=NOW) is not None) is fetched
