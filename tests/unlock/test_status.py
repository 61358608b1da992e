"""The page without scripts: numbers as the other pages write them."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from payments.states import InvoiceState
from tests.unlock import sale
from unlock.templatetags import figures


@pytest.mark.django_db
def test_an_unknown_purchase_is_not_found() -> None:
    response = Client().get(f"/p/{uuid.uuid4()}/status")

    assert response.status_code == 404


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1_000, "1.00 KB"),
        (22_032_441, "22.0 MB"),
        (209_715_200, "210 MB"),
        (2_940_000_000, "2.94 GB"),
    ],
)
def test_sizes_are_written_as_in_the_browser(count: int, shown: str) -> None:
    assert figures.size(count) == shown


def test_amounts_show_every_satoshi() -> None:
    assert figures.coins(912_300) == "0.00912300"
    assert figures.coins(2_100_000_000_000_000) == "21000000.00000000"


@pytest.mark.django_db
@pytest.mark.parametrize(("minutes", "is_stale"), [(1, False), (10, True)])
def test_while_nobody_can_look_buyers_are_told_so_and_that_nothing_is_lost(
    minutes: int, is_stale: bool
) -> None:
    sold = sale.publish()
    swept_at = timezone.now() - timedelta(minutes=minutes)
    owed = sale.owe(sold, InvoiceState.OPEN, swept_at=swept_at)
    buyer = sale.Buyer()
    bought = buyer.purchase(sold, invoice_id=owed.id)
    words = "We cannot see new payments right now. Yours is not lost"

    page = Client().get(f"/p/{bought.id}/status").content.decode()
    answer = buyer.client.get(f"/api/v1/purchases/{bought.id}/").json()

    assert (words in page) is is_stale
    assert answer["invoice"]["stale"] is is_stale
    assert any(words in note for note in answer["notes"]) is is_stale


@pytest.mark.django_db
def test_it_loads_itself_again_only_for_whoever_asks_for_that(client: Client) -> None:
    """WCAG 2.2.1: nobody's reading is cut off by a page that goes away under it."""
    sold = sale.publish()
    bought = sale.Buyer().purchase(sold, invoice_id=sale.owe(sold).id)
    path = f"/p/{bought.id}/status"

    still, watched = (client.get(path + query).content.decode() for query in ("", "?watch=1"))

    assert "http-equiv" not in still
    assert 'href="?watch=1"' in still
    assert '<meta http-equiv="refresh" content="10">' in watched
