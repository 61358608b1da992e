"""The main job where both browsers speak German: no text of any page on the way is left in English."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import people
from tests.e2e.german import english_left, left
from tests.e2e.people import Devchain, by

pytestmark = [pytest.mark.browser, pytest.mark.stack]

FILE = "nordlicht.bin"
OWN = ("maya-deutsch", FILE, "nordlicht")


def test_a_file_is_sold_and_bought_in_german(
    person: Callable[..., Page], chain: Devchain, tmp_path: Path
) -> None:
    original = tmp_path / FILE
    original.write_bytes(os.urandom(300_000))
    found: dict[str, list[str]] = {}

    def look(page: Page, name: str) -> None:
        expect(page.locator("html")).to_have_attribute("lang", "de")
        for text in (*english_left(page), *left(page, own=OWN)):
            found.setdefault(text, []).append(name)

    maya = person(locale="de-DE")
    maya.goto("/signup/")
    look(maya, "sign-up")
    people.sign_up(maya, "maya-deutsch")
    look(maya, "sell")
    link = people.sell(maya, original, key_file=tmp_path / "key.json")
    look(maya, "sold")

    noor = person(locale="de-DE")
    noor.goto(link)
    expect(by(noor, "buy")).to_be_visible()
    expect(by(noor, "buy")).to_have_text("Jetzt kaufen")
    look(noor, "offer")
    by(noor, "buy").click()
    expect(by(noor, "invoice-uri")).to_be_visible()
    look(noor, "invoice")
    chain.pay(str(by(noor, "invoice-uri").get_attribute("href")))
    people.wait_state(noor, "SEEN")
    look(noor, "seen")
    chain.mine()
    people.wait_state(noor, "PAID")
    expect(by(noor, "save")).to_be_enabled(timeout=60_000)
    look(noor, "paid")
    saved = people.save(noor, tmp_path / "saved.bin")
    look(noor, "saved")
    assert saved.read_bytes() == original.read_bytes()
    noor.goto("/library/")
    expect(noor.get_by_text("nordlicht").first).to_be_visible()
    look(noor, "library")

    for path in ("/files/", "/sales/", "/notices/", "/settings/"):
        maya.goto(path)
        maya.wait_for_load_state("networkidle")
        look(maya, path)
    assert found == {}
