"""The instance's key is changed while keys are released, deposited and replaced, on real row locks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from django.core.cache import cache
from django.db import connection, connections

from kim import rotation, sealed
from payments.states import InvoiceState
from tests.unlock import sale
from tests.unlock.replacing import META, Share
from tests.unlock.sale import INSTANCE_PRIVATE, NOW, Buyer, Sold
from unlock import container, keys, replacements
from unlock.models import KeyRelease, PaidFile, Purchase, Version

pytestmark = pytest.mark.django_db(transaction=True)
OLD = INSTANCE_PRIVATE[0]
NEW_PAIR = container.derive_key_pair(b"n" * 32)
NEW = NEW_PAIR.private_key
FILES = 60
RELEASERS = 4


@pytest.fixture(autouse=True)
def _on_postgresql(settings: object) -> None:
    assert connection.vendor == "postgresql", "run races through tests.postgres"
    cache.clear()


def whole(work: Callable[[], int]) -> int:
    try:
        return work()
    finally:
        connections.close_all()


def stage(sold: Sold) -> None:
    share = Share(generation=1, link_generation=1, meta_link=META)
    key = replacements.Key(
        link_generation=1,
        generation=1,
        wrapped_key=share.wrapped_key,
        h_s=share.h_s,
        release_secret=share.secret,
        meta_link=META,
    )
    wanted = replacements.Wanted(upload=None, note="", is_for_earlier=False, keys=(key,))
    replacements.stage(sold.file.id, wanted, creator=sold.file.creator, now=NOW)


def swap(sold: Sold) -> None:
    creator = sold.file.creator
    replacements.publish(sold.file.id, creator=creator, is_tested=lambda _: True, now=NOW)


def test_under_load_every_buyer_is_served_and_everything_ends_sealed_to_the_new_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sold = [sale.publish() for _ in range(FILES)]
    bought = [
        (each, buyer, buyer.purchase(each, invoice_id=sale.owe(each, InvoiceState.PAID).id))
        for each in sold
        for buyer in (Buyer(), Buyer())
    ]
    replaced = sold[::3]
    monkeypatch.setattr("unlock.audits.check", lambda _: None)  # their bytes lie nowhere
    for each in replaced:
        stage(each)
    start, both = threading.Barrier(RELEASERS + 2), (NEW, OLD)

    def releases(number: int) -> int:
        start.wait(timeout=30)
        for _, _, purchase in bought[number::RELEASERS]:
            keys.release(purchase.id, private_keys=both, now=NOW)
        return 0

    def replaces() -> int:
        start.wait(timeout=30)
        for each in replaced:
            swap(each)
        return 0

    def rotates() -> int:
        start.wait(timeout=30)
        *_, last = rotation.run(sealed.deposits(both), batch=5)
        assert last.is_settled
        return len(last.lost)

    with ThreadPoolExecutor(RELEASERS + 2) as pool:
        jobs = [pool.submit(whole, partial(releases, n)) for n in range(RELEASERS)]
        jobs += [pool.submit(whole, replaces), pool.submit(whole, rotates)]
        assert [job.result(timeout=120) for job in jobs] == [0] * len(jobs)

    for each, buyer, purchase in bought:
        kept = KeyRelease.objects.get(purchase=purchase)
        assert buyer.open(purchase, kept.sealed) == each.secret
    done = rotation.look(sealed.deposits((NEW,)))  # the old key is not among them
    assert (done.total, done.moved, done.lost) == (FILES + 2 * len(replaced), 0, [])
    assert PaidFile.objects.filter(generation=1).count() == len(replaced)
    assert Version.objects.count() == 2 * len(replaced)
    late = Buyer()
    purchase = late.purchase(sold[1], invoice_id=sale.owe(sold[1], InvoiceState.PAID).id)
    released = keys.release(purchase.id, private_keys=(NEW,), now=NOW)
    assert released is not None
    assert late.open(purchase, released.sealed) == sold[1].secret
    assert Purchase.objects.filter(release_due_at__isnull=False).count() == 0
