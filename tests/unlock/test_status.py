"""The page without scripts: words for every state, numbers as the other pages write them."""

from __future__ import annotations

import uuid

import pytest
from django.test import Client

from payments.states import InvoiceState
from unlock.templatetags import figures
from unlock.views import status


def test_every_state_has_words_of_its_own() -> None:
    assert set(status._SAID) == set(InvoiceState)
    assert len({said.text for said in status._SAID.values()}) == len(InvoiceState)


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
