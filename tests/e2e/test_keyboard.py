"""The whole story with a keyboard alone: every step, every dialog, and the focus always to be seen."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e import people
from tests.e2e.keys import Keys
from tests.e2e.people import PASSWORD, Devchain, by
from tests.e2e.widths import at_both

pytestmark = [pytest.mark.browser, pytest.mark.stack]

DIALOGS = ("embed", "codes", "places", "rotate")


def button(page: Page | Locator, action: str) -> Locator:
    return page.locator(f"[data-action={action}]").first


def menu(page: Page, name: str) -> Locator:
    return page.get_by_role("navigation", name="Main").get_by_role("link", name=name, exact=True)


def sell(keys: Keys, name: str, file: Path) -> str:
    """From nothing to a link in the clipboard."""
    page = keys.page
    page.context.grant_permissions(["clipboard-write"])
    # The other picker, as Firefox and Safari have it: nobody can reach into Chromium's own.
    page.add_init_script("delete globalThis.showOpenFilePicker")
    page.goto("/signup/")
    keys.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    keys.look()
    keys.press("Enter")
    expect(page.locator("main")).to_be_focused()
    keys.fill(by(page, "signup-username"), name)
    keys.fill(by(page, "signup-password"), PASSWORD)
    keys.press("Enter")
    expect(by(page, "drop-input")).to_be_attached(timeout=30_000)
    with page.expect_file_chooser() as choosing:
        keys.use(by(page, "drop-input"))
    choosing.value.set_files(file)
    keys.fill(by(page, "price-amount"), "2.00")
    keys.use(by(page, "publish"))
    expect(by(page, "share-link")).to_be_visible(timeout=120_000)
    keys.use(button(page.locator("#share"), "copy"))
    return str(people.wait_for(lambda: people.copied(page)))


def buy(keys: Keys, link: str, chain: Devchain, target: Path) -> bytes:
    page = keys.page
    page.goto(link)
    expect(by(page, "buy")).to_be_enabled(timeout=30_000)
    keys.use(by(page, "buy"))
    uri = by(page, "invoice-uri")
    expect(uri).to_be_visible(timeout=30_000)
    keys.go(uri)
    chain.pay(str(uri.get_attribute("href")))
    chain.mine()
    people.wait_state(page, "PAID")
    expect(by(page, "save")).to_be_enabled(timeout=60_000)
    with page.expect_download() as download:
        keys.use(by(page, "save"))
    download.value.save_as(target)
    return target.read_bytes()


def keep_house(keys: Keys, chain: Devchain) -> None:
    """The dashboard: dialogs, a new title, a pause, and the file taken off."""
    page, row = keys.page, by(keys.page, "file")
    keys.use(menu(page, "Files"))
    expect(row).to_have_count(1, timeout=30_000)
    keys.open_and_leave(button(row, "link"))
    keys.use(by(row, "file-more"))
    for name in DIALOGS:
        keys.open_and_leave(button(row, name))
    keys.use(button(row, "edit"), back=True)
    keys.fill(page.locator("#edit-title"), "By hand")
    keys.press("Enter")
    expect(row.locator("[data-slot=title]")).to_have_text("By hand")
    expect(button(row, "edit")).to_be_focused()
    keys.use(button(row, "pause"))
    expect(row.locator("[data-slot=state]")).to_have_text("Paused")
    assert row.evaluate("e => e.contains(document.activeElement)")
    keys.use(button(row, "remove"))
    dialog = page.locator("dialog[open]")
    expect(dialog).to_be_visible()
    keys.go(dialog.locator("input[name=buyers]:checked"))
    keys.press("ArrowDown", "ArrowUp")
    keys.use(dialog.locator("button[type=submit]"))
    expect(dialog).to_have_count(0)
    expect(row.locator("[data-slot=state]")).to_have_text("Removed")
    page.set_viewport_size({"width": 390, "height": 664})  # where the sections are closed
    keys.use(menu(page, "Settings"), back=True)
    part = page.locator("details#password")
    keys.use(part.locator("summary").first)
    expect(part).to_have_attribute("open", "")


@at_both(late="phone")
def test_a_file_is_sold_bought_and_looked_after_by_keyboard_alone(
    person: Callable[..., Page], chain: Devchain, tmp_path: Path, width: str
) -> None:
    original = tmp_path / "by-hand.txt"
    original.write_bytes(os.urandom(20_000))
    maya, noor = Keys(person()), Keys(person())

    link = sell(maya, f"maya-keys-{width}", original)
    assert "#1." in link
    saved = buy(noor, link, chain, tmp_path / "saved")
    assert saved == original.read_bytes()
    noor.use(menu(noor.page, "Bought"), back=True)
    expect(by(noor.page, "bought-state")).to_have_text("Ready", timeout=30_000)
    noor.open_and_leave(by(noor.page, "words"))
    noor.use(by(noor.page, "bought-title"), back=True)
    expect(by(noor.page, "save")).to_be_visible(timeout=30_000)
    keep_house(maya, chain)

    assert maya.wrong == {}
    assert noor.wrong == {}
