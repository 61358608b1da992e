"""One file through its life: sold, replaced for everybody and for new buyers only, a new link, gone."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.e2e.people import Devchain, buy, by, more, save, sell, sign_up, wait_state
from tests.e2e.widths import at_both


def choose(maya: Page, act: str) -> None:
    """What is wanted more rarely, on a page that was loaded a moment ago."""
    maya.goto("/files/")
    more(maya)
    by(maya, act).click()


def replace(maya: Page, source: Path, *, earlier: str, note: str = "") -> None:
    """From the files page: the whole dialog."""
    choose(maya, "replace")
    dialog = maya.locator("dialog")
    by(dialog, "replace-input").set_input_files(source)
    by(dialog, f"earlier-{earlier}").check()
    dialog.locator("#replace-note").fill(note)
    by(dialog, "replace-submit").click()
    expect(dialog).to_have_count(0, timeout=60_000)


@at_both(late="desktop")
def test_a_file_is_replaced_gets_a_new_link_and_is_removed(
    person: Callable[..., Page], chain: Devchain, tmp_path: Path, width: str
) -> None:
    first, second, third = (tmp_path / f"{name}.txt" for name in ("first", "second", "third"))
    for source in (first, second, third):
        source.write_bytes(os.urandom(3000))
    maya = person()
    sign_up(maya, f"maya-versions-{width}")
    by(maya, "price-amount").fill("2.00")
    link = sell(maya, first, key_file=tmp_path / "key.json")
    noor = person()
    chain.pay(buy(noor, link))
    chain.mine()
    wait_state(noor, "PAID")
    assert save(noor, tmp_path / "got-1.txt").read_bytes() == first.read_bytes()
    back = noor.url

    replace(maya, second, earlier="new", note="Two mistakes are gone.")
    expect(by(maya, "share-link")).to_have_value(link)
    noor.goto("about:blank")
    noor.goto(back)
    newer = by(noor, "newer-version")
    expect(newer).to_contain_text("Two mistakes are gone.", timeout=30_000)
    assert save(noor, tmp_path / "again-1.txt").read_bytes() == first.read_bytes()
    by(noor, "newer-open").click()
    expect(by(noor, "older-version")).to_be_visible(timeout=30_000)
    assert save(noor, tmp_path / "got-2.txt").read_bytes() == second.read_bytes()

    replace(maya, third, earlier="old")
    noor.goto("about:blank")
    noor.goto(back)
    by(noor, "newer-open").click()
    assert save(noor, tmp_path / "still-2.txt").read_bytes() == second.read_bytes()

    choose(maya, "rotate")
    by(maya, "rotate-submit").click()
    made = maya.locator("dialog").get_by_test_id("share-link")
    expect(made).not_to_have_value(link, timeout=60_000)
    new_link = made.input_value()
    eve = person()
    eve.goto(link)
    expect(eve.locator("#problem")).to_contain_text("This link was replaced", timeout=30_000)
    expect(by(eve, "buy")).to_be_hidden()
    eve.goto("about:blank")
    eve.goto(new_link)
    expect(by(eve, "buy")).to_be_visible(timeout=30_000)
    maya.locator("dialog [data-action=done]").click()
    choose(maya, "pause")
    expect(maya.locator("#files .badge")).to_have_text("Paused")
    choose(maya, "remove")
    dialog = maya.locator("dialog")
    by(dialog, "remove-nobody").check()
    by(dialog, "remove-submit").click()
    expect(dialog.get_by_role("alert")).to_contain_text("1 of your buyers paid")
    dialog.get_by_role("radio").first.check()
    by(dialog, "remove-submit").click()
    expect(maya.locator("#files .badge")).to_have_text("Removed")
    noor.goto("about:blank")
    noor.goto(back)
    assert save(noor, tmp_path / "for-ever.txt").read_bytes() == first.read_bytes()
