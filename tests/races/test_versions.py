"""The swap of a file's content at the same moment as orders, releases and another swap."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from django.core.cache import cache
from django.db import connection

from payments import payouts
from payments.addresses import encode
from payments.states import InvoiceState, Network
from tests.races.test_releases import at_once
from tests.unlock import sale
from tests.unlock.replacing import Page, Share, uploaded
from tests.unlock.sale import INSTANCE_PRIVATE, NOW, Buyer, Sold
from unlock import files, keys, purchases, replacements
from unlock.creator_errors import ContainerTaken, MoveRefused
from unlock.errors import NotForSale
from unlock.models import KeyRelease, PaidFile, Purchase, Version
from unlock.pricing_errors import OfferChanged
from unlock.states import FileState, GrantKind

pytestmark = pytest.mark.django_db(transaction=True)
SCRIPT = bytes.fromhex("76a914" + "11" * 20 + "88ac")


@pytest.fixture(autouse=True)
def _on_postgresql() -> None:
    assert connection.vendor == "postgresql", "run races through tests.postgres"
    cache.clear()


def staged(sold: Sold, **said: object) -> tuple[str, str, Share]:
    """What waits to be swapped in: its self-test, its content and its key."""
    page, upload, share = Page(sold), uploaded(sold.file.creator), Share(1)
    assert page.stage(share, upload=upload, **said).status_code == 200
    return page.test(), upload.container.content_id, share


def swap(sold: Sold, selftest: str) -> PaidFile:
    return replacements.publish(
        sold.file.id,
        creator=sold.file.creator,
        is_tested=lambda seen: purchases.passed_selftest(seen, selftest),  # type: ignore[arg-type]
        now=NOW,
    )


@pytest.mark.parametrize("attempt", range(3))
def test_an_order_beside_the_swap_is_of_one_version_whole(attempt: int) -> None:
    sold = sale.publish()
    assert sold.file.container is not None
    payouts.set_current(sold.file.creator_id, encode(SCRIPT, Network.REGTEST), now=NOW)
    selftest, new, _ = staged(sold)
    old = sold.file.container.content_id
    buyers = [Buyer() for _ in range(7)]

    def act(number: int) -> object:
        if number == attempt * 3:
            return swap(sold, selftest)
        return purchases.begin(buyers[number % 7].order(sold, source=f"192.0.2.{number}"), now=NOW)

    answers = at_once(act, times=8)

    refused = [type(each) for each in answers if isinstance(each, Exception)]
    assert set(refused) <= {NotForSale}  # "the offer changed in this moment"; press again
    generations = {old: 0, new: 1}
    for purchase in Purchase.objects.exclude(grant__kind=GrantKind.SELFTEST):
        assert purchase.generation == generations[purchase.content_id]
    assert PaidFile.objects.get().state == FileState.PUBLISHED
    assert PaidFile.objects.get().generation == 1


def test_releases_beside_the_swap_open_what_was_bought() -> None:
    sold = sale.publish()
    buyers = [Buyer() for _ in range(7)]
    bought = [
        buyer.purchase(sold, invoice_id=sale.owe(sold, InvoiceState.PAID).id) for buyer in buyers
    ]
    selftest, _, _ = staged(sold)

    def act(number: int) -> object:
        if number == 3:
            return swap(sold, selftest)
        purchase = bought[number % 7]
        return keys.release(purchase.id, private_keys=INSTANCE_PRIVATE, now=NOW)

    answers = at_once(act, times=8)

    assert not [each for each in answers if isinstance(each, Exception)]
    for buyer, purchase in zip(buyers, bought, strict=True):
        keys.release(purchase.id, private_keys=INSTANCE_PRIVATE, now=NOW)
        kept = KeyRelease.objects.get(purchase=purchase)
        assert buyer.open(purchase, kept.sealed) == sold.secret


def test_earlier_buyers_get_one_key_for_each_version_however_many_workers_run() -> None:
    sold, noor = sale.publish(), Buyer()
    purchase = noor.purchase(sold, invoice_id=sale.owe(sold, InvoiceState.PAID).id)
    selftest, _, _ = staged(sold, is_for_earlier=True)
    swap(sold, selftest)

    answers = at_once(lambda _: keys.release(purchase.id, private_keys=INSTANCE_PRIVATE, now=NOW))

    assert not [each for each in answers if isinstance(each, Exception)]
    kept = KeyRelease.objects.filter(purchase=purchase).values_list("generation", flat=True)
    assert sorted(kept) == [0, 1]


def test_the_same_swap_from_two_tabs_is_one() -> None:
    sold = sale.publish()
    selftest, new, share = staged(sold)

    answers = at_once(lambda _: swap(sold, selftest))

    assert not [each for each in answers if isinstance(each, Exception)]
    row = PaidFile.objects.select_related("container").get()
    assert row.container is not None
    assert (row.container.content_id, row.generation, row.h_s) == (new, 1, share.h_s)
    assert Version.objects.count() == 2


def test_a_removal_beside_the_swap_ends_in_one_of_two_honest_ways() -> None:
    sold = sale.publish()
    selftest, _, _ = staged(sold)

    def act(number: int) -> object:
        if number:
            return files.remove(sold.file.id, creator=sold.file.creator, now=NOW)
        return swap(sold, selftest)

    swapped, removed = at_once(act, times=2)

    assert not isinstance(removed, Exception)
    row = PaidFile.objects.get()
    assert row.state == FileState.REMOVED
    assert row.generation == (0 if isinstance(swapped, MoveRefused) else 1)


def test_two_files_that_want_one_content_get_it_once() -> None:
    sold = sale.publish()
    other = sale.publish(sold.file.creator)
    upload = uploaded(sold.file.creator)

    def act(number: int) -> object:
        key = replacements.Key(
            link_generation=0,
            generation=1,
            wrapped_key=b"w" * 60,
            h_s=Share(1, secret=b"s" * 32).h_s,
            release_secret=b"s" * 32,
        )
        wanted = replacements.Wanted(upload=upload.id, note="", is_for_earlier=False, keys=(key,))
        file = (sold, other)[number % 2].file
        return replacements.stage(file.id, wanted, creator=file.creator, now=NOW)

    answers = at_once(act, times=4)

    refused = [each for each in answers if isinstance(each, Exception)]
    assert {type(each) for each in refused} == {ContainerTaken}
    owners = Counter(
        Version.objects.filter(container=upload.container).values_list("paid_file", flat=True)
    )
    assert list(owners.values()) == [1]


def test_an_order_that_names_the_old_content_is_refused_after_the_swap() -> None:
    sold = sale.publish()
    assert sold.file.container is not None
    payouts.set_current(sold.file.creator_id, encode(SCRIPT, Network.REGTEST), now=NOW)
    selftest, _, _ = staged(sold)
    seen = replace(Buyer().order(sold), content_id=sold.file.container.content_id)
    swap(sold, selftest)

    with pytest.raises(OfferChanged):
        purchases.begin(seen, now=NOW)
