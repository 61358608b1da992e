"""The main job in a real browser: drop, price, publish, buy, pay, confirm, save, byte for byte."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from kim.stack import Stack
from tests.e2e import people
from tests.e2e.people import Devchain
from tests.e2e.widths import at_both

pytestmark = [pytest.mark.browser, pytest.mark.stack]

SIZE_BYTES = 21 * 2**20 + 12_345  # three parts, a last segment that is not full


@pytest.fixture(scope="module")
def original(scratch: Path) -> Path:
    path = scratch / "aurora.bin"
    path.write_bytes(os.urandom(SIZE_BYTES))
    return path


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@at_both()
def test_a_file_is_sold_paid_for_and_saved_byte_for_byte(
    person: Callable[..., Page], chain: Devchain, original: Path, tmp_path: Path, width: str
) -> None:
    maya = person()
    people.sign_up(maya, f"maya-sale-{width}")
    link = people.sell(maya, original, key_file=tmp_path / "key.json")

    noor = person()
    uri = people.buy(noor, link)
    people.wait_state(noor, "OPEN")
    chain.pay(uri)
    people.wait_state(noor, "SEEN")
    chain.mine()
    people.wait_state(noor, "PAID")
    saved = people.save(noor, tmp_path / "saved.bin")

    assert sha256(saved) == sha256(original)


def test_a_return_link_unlocks_in_a_browser_that_never_saw_the_sale(
    person: Callable[..., Page], chain: Devchain, original: Path, tmp_path: Path
) -> None:
    maya = person()
    people.sign_up(maya, "maya-return")
    link = people.sell(maya, original, key_file=tmp_path / "key.json")
    noor = person()
    uri = people.buy(noor, link)
    back = people.shown(people.by(noor, "return-link"))
    noor.context.close()

    chain.pay(uri)
    chain.mine()
    elsewhere = person()
    elsewhere.goto(back)
    people.wait_state(elsewhere, "PAID")
    saved = people.save(elsewhere, tmp_path / "saved.bin")

    assert sha256(saved) == sha256(original)


def test_the_creator_copies_the_same_link_tomorrow_and_elsewhere_with_the_key_file(
    person: Callable[..., Page], original: Path, tmp_path: Path
) -> None:
    maya = person()
    people.sign_up(maya, "maya-link")
    link = people.sell(maya, original, key_file=tmp_path / "key.json")

    maya.goto("/files/")
    expect(people.by(maya, "share-link").first).to_be_visible()
    again = people.shown(people.by(maya, "share-link").first)
    elsewhere = person()
    people.log_in(elsewhere, "maya-link")
    people.forget_key(elsewhere)
    elsewhere.goto("/files/")
    elsewhere.get_by_role("button", name="Copy link").first.click()
    people.by(elsewhere, "key-file-input").set_input_files(tmp_path / "key.json")
    elsewhere.get_by_role("button", name="Use this key").click()
    expect(people.by(elsewhere, "share-link").first).to_be_visible()

    assert again == link
    assert people.shown(people.by(elsewhere, "share-link").first) == link


def test_an_unpaid_visitor_gets_no_key_and_no_file(
    person: Callable[..., Page], stack: Stack, original: Path, tmp_path: Path
) -> None:
    maya = person()
    people.sign_up(maya, "maya-unpaid")
    link = people.sell(maya, original, key_file=tmp_path / "key.json")

    eve = person()
    people.buy(eve, link)

    people.wait_state(eve, "OPEN")
    expect(people.by(eve, "save")).to_have_count(0)
