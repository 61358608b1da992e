"""A buyer whose browser speaks German: what is ordered, paid, kept and refused is said in German."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import people
from tests.e2e.people import by
from tests.e2e.test_german_creator import SAID, UNFOLD, WIDTHS, english

pytestmark = [pytest.mark.browser, pytest.mark.stack]


def test_a_german_buyer_reads_no_english_from_the_offer_to_the_library(
    person: Callable[..., Page], tmp_path: Path
) -> None:
    maya, noor = person(), person(locale="de-DE")
    wrong: list[tuple[str, str]] = []
    people.sign_up(maya, "maya-sells-to-germans")
    notes = tmp_path / "notes.txt"
    notes.write_text("Guten Tag")
    link = people.sell(maya, notes, amount="1234.50", key_file=tmp_path / "key.json")
    known = english()

    def look(name: str) -> None:
        noor.evaluate(UNFOLD)
        wrong.extend((name, text) for text in noor.evaluate(SAID) if text in known)
        for width in WIDTHS:
            noor.set_viewport_size({"width": width, "height": 800})
            if noor.evaluate("document.documentElement.scrollWidth > innerWidth"):
                wrong.append((name, str(width)))

    noor.goto(link)
    button = by(noor, "buy")
    expect(button).to_be_enabled(timeout=30_000)
    expect(button).to_have_text("Jetzt kaufen")  # § 312j BGB: this and nothing else
    expect(noor.locator("[data-slot=price]")).to_have_text("1.234,50 €")
    look("offer")

    uri = people.buy(noor, link)
    amount = uri.partition("amount=")[2].partition("&")[0]
    assert Decimal(people.shown(by(noor, "invoice-amount"))) == Decimal(
        amount
    )  # copied with a point
    expect(noor.locator("[data-slot=coins]")).to_contain_text(",")
    look("purchase")

    noor.goto("/library/")
    expect(noor.get_by_text("1 Kauf", exact=True)).to_be_attached()
    look("library")

    noor.goto(link[:-1])  # what its check says was made where no catalogue is
    expect(noor.get_by_text("Dieser Link ist nicht vollständig.")).to_be_visible()
    look("a cut link")

    assert wrong == []
