"""A German buyer's numbers and widths; that no English is left is test_german.py's."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import people
from tests.e2e.people import by
from tests.e2e.test_german_creator import UNFOLD, WIDTHS

pytestmark = [pytest.mark.browser, pytest.mark.stack]


def test_a_german_buyer_reads_commas_copies_a_point_and_scrolls_nothing_sideways(
    person: Callable[..., Page], tmp_path: Path
) -> None:
    maya, noor = person(), person(locale="de-DE")
    wide: list[tuple[str, int]] = []
    people.sign_up(maya, "maya-sells-to-germans")
    notes = tmp_path / "notes.txt"
    notes.write_text("Guten Tag")
    link = people.sell(maya, notes, amount="1234.50", key_file=tmp_path / "key.json")

    def look(name: str) -> None:
        noor.evaluate(UNFOLD)
        for width in WIDTHS:
            noor.set_viewport_size({"width": width, "height": 800})
            if noor.evaluate("document.documentElement.scrollWidth > innerWidth"):
                wide.append((name, width))

    noor.goto(link[:-1])  # the texts of errors come after those of the first step
    expect(noor.get_by_text("Dieser Link ist nicht vollständig.")).to_be_visible()
    look("a cut link")

    uri = people.buy(noor, link)
    amount = uri.partition("amount=")[2].partition("&")[0]
    assert Decimal(people.shown(by(noor, "invoice-amount"))) == Decimal(amount)
    expect(noor.locator("[data-slot=coins]")).to_contain_text(",")
    expect(noor.locator("[data-slot=fiat]")).to_contain_text("1.234,50 €")
    look("purchase")

    assert wide == []
