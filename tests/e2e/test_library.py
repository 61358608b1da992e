"""A buyer without an account: bought on one device, opened on others; and lost, and given again."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from kim.stack import Stack
from tests.e2e import people
from tests.e2e.people import Devchain, by, path_of, save
from tests.e2e.test_licence import stored_object
from tests.e2e.test_secrets import files_with, spellings, unb64
from tests.e2e.widths import at_both


def phone(person: Callable[..., Page]) -> Page:
    page = person()
    page.set_viewport_size({"width": 390, "height": 664})
    return page


def carry(page: Page, text: str) -> None:
    page.goto("/library/")
    by(page, "carry").click()
    page.get_by_label("Words, links or a licence").fill(text)
    by(page, "carry-now").click()


def opens(page: Page, target: Path) -> bytes:
    """Opens the first purchase of the library and saves it."""
    by(page, "bought-title").first.click()
    return save(page, target).read_bytes()


@at_both(late="desktop")
def test_bought_on_one_device_and_opened_on_others(
    person: Callable[..., Page], stack: Stack, chain: Devchain, tmp_path: Path, width: str
) -> None:
    maya, noor, friend = person(), person(), person()
    original = tmp_path / "nordlys.txt"
    original.write_bytes(os.urandom(40_000))
    people.sign_up(maya, f"maya-library-{width}")
    link = people.sell(maya, original, key_file=tmp_path / "key.json")
    noor.goto("/library/")
    expect(by(noor, "library-empty")).to_be_visible()
    people.buy(noor, link)

    # A friend pays, and sees the amount alone.
    by(noor, "friend").locator("summary").click()
    friend.goto(people.shown(by(noor, "friend-link")))
    expect(by(friend, "pay-said")).to_have_text("Waiting for the payment.")
    assert "nordlys" not in friend.content().lower()
    chain.pay(str(friend.locator("[data-slot=uri]").get_attribute("href")))
    chain.mine()
    expect(by(friend, "pay-said")).to_contain_text("Paid.", timeout=30_000)
    assert save(noor, tmp_path / "first").read_bytes() == original.read_bytes()
    returning = people.shown(by(noor, "return-link"))
    expect(by(noor, "shelf-note")).to_be_visible()
    by(noor, "receipt-link").click()
    expect(by(noor, "receipt-fits")).to_be_visible()
    expect(by(noor, "receipt-sum")).to_have_text(re.compile(r"0\.0\d+ BCH"))

    # By 24 words.
    noor.goto("/library/")
    expect(by(noor, "bought-state")).to_have_text("Ready")
    by(noor, "words").click()
    by(noor, "words-show").click()
    shown = by(noor, "words-set").locator("li")
    expect(shown).to_have_count(24)
    words = " ".join(shown.all_inner_texts())
    by(noor, "words-kept").click()
    second = person()
    carry(second, words)
    expect(by(second, "bought-state")).to_have_text("Ready", timeout=30_000)
    assert opens(second, tmp_path / "second") == original.read_bytes()

    # By its return link; and a licence from there, without the server's help.
    third, fourth = person(), person()
    carry(third, returning)
    expect(by(third, "bought-state")).to_have_text("Ready")
    by(third, "bought").locator("summary").click()
    with third.expect_download() as download:
        third.get_by_role("button", name="Save the licence").click()
    licence = tmp_path / "licence.json"
    download.value.save_as(licence)
    carry(fourth, licence.read_text())
    expect(by(fourth, "bought-state")).to_have_text("Licence")
    (tmp_path / "stored.kim").write_bytes(stored_object(stack))
    by(fourth, "bought-title").click()
    fourth.locator("#drop input[type=file]").set_input_files(tmp_path / "stored.kim")
    assert save(fourth, tmp_path / "fourth").read_bytes() == original.read_bytes()

    # The next number is a new one on this device too, and nothing of it all came to the server.
    people.buy(second, link)
    _, raw_link, raw_seed = returning.split("#")[1].split(".")
    needles = spellings(unb64(raw_link)) | spellings(unb64(raw_seed)) | {words.encode()}
    assert files_with(stack.layout.data, needles) == set()


def test_what_was_lost_is_asked_for_and_given_again(
    person: Callable[..., Page], chain: Devchain, tmp_path: Path
) -> None:
    maya, noor, lost = person(), phone(person), phone(person)
    original = tmp_path / "again.txt"
    original.write_bytes(os.urandom(3_000))
    people.sign_up(maya, "maya-again")
    link = people.sell(maya, original, key_file=tmp_path / "key.json")
    txid = chain.pay(people.buy(noor, link))
    chain.mine()
    people.wait_state(noor, "PAID")

    lost.goto(link)
    by(lost, "lost").locator("summary").click()
    by(lost, "ask-again").click()
    expect(by(lost, "asking")).to_be_visible(timeout=30_000)
    lost.get_by_label("Transaction id, address or amount").fill(txid)
    request = people.shown(by(lost, "asking-text"))
    assert txid in request
    assert link.split("#")[1] not in request

    maya.goto("/sales/?" + request.split("/sales/?")[1].split("\n")[0])
    expect(by(maya, "past-sale")).to_have_count(1, timeout=30_000)
    maya.get_by_label("Find the old sale").fill("ab" * 32)
    expect(by(maya, "past-sale")).to_have_count(0)
    maya.get_by_label("Find the old sale").fill(txid)
    by(maya, "give-again").click()
    by(maya, "give-now").click()
    expect(maya.get_by_text("You gave it again.")).to_be_visible()

    assert save(lost, tmp_path / "given").read_bytes() == original.read_bytes()
    lost.goto("/library/")
    expect(by(lost, "bought-state")).to_have_text("Ready")
    expect(by(lost, "bought")).to_contain_text("given again")
    assert path_of(lost.url) == "/library/"
