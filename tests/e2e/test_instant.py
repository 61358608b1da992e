"""Selling within seconds, before a block: the switch, the promise, the wait, and the file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import people
from tests.e2e.people import Devchain

pytestmark = [pytest.mark.browser, pytest.mark.stack]


@pytest.fixture
def original(tmp_path: Path) -> Path:
    path = tmp_path / "single.bin"
    path.write_bytes(os.urandom(300_000))
    return path


def test_a_file_opens_within_seconds_of_paying_without_a_block(
    person: Callable[..., Page], chain: Devchain, original: Path, tmp_path: Path
) -> None:
    maya = person()
    people.sign_up(maya, "maya-instant")
    people.by(maya, "price-amount").fill("2.00")
    switch = people.by(maya, "instant")
    assert not switch.is_checked()
    switch.check()
    expect(people.by(maya, "instant-each")).to_have_value("0.02")
    expect(people.by(maya, "instant-all")).to_have_value("0.1")
    link = people.sell(maya, original, key_file=tmp_path / "key.json")
    height = chain.state()["height"]

    noor = person()
    noor.goto(link)
    expect(noor.get_by_text("Within seconds of paying the file opens here")).to_be_visible()
    uri = people.buy(noor, link)
    chain.pay(uri)
    status = people.by(noor, "invoice-status")
    people.wait_state(noor, "SEEN")
    expect(status).to_contain_text("8 seconds without a contradiction", timeout=10_000)
    people.wait_state(noor, "PAID", seconds=30)
    saved = people.save(noor, tmp_path / "saved.bin")

    assert (
        hashlib.sha256(saved.read_bytes()).digest()
        == hashlib.sha256(original.read_bytes()).digest()
    )
    assert chain.state()["height"] == height
    chain.mine()


def test_a_published_file_is_switched_and_a_weak_payment_waits_for_its_block(
    person: Callable[..., Page], chain: Devchain, original: Path, tmp_path: Path
) -> None:
    maya = person()
    people.sign_up(maya, "maya-switch")
    link = people.sell(maya, original, key_file=tmp_path / "key.json")
    maya.goto("/files/")
    maya.get_by_role("button", name="Edit").first.click()
    people.by(maya, "edit-instant").check()
    people.by(maya, "edit-instant-each").fill("0.001")
    expect(maya.get_by_text("This price is above the most for one sale")).to_be_visible()
    people.by(maya, "edit-instant-each").fill("0.01")
    people.by(maya, "edit-instant-all").fill("0.001")
    maya.get_by_role("button", name="Save", exact=True).click()
    expect(maya.get_by_text("At least as much as for one sale.")).to_be_visible()
    people.by(maya, "edit-instant-all").fill("0.05")
    maya.get_by_role("button", name="Save", exact=True).click()
    expect(people.by(maya, "edit-instant")).to_have_count(0)

    noor = person()
    uri = people.buy(noor, link)
    chain.pay(uri, hash_type=0xC1)
    people.wait_state(noor, "SEEN")
    status = people.by(noor, "invoice-status")
    expect(status).to_contain_text(
        "Waiting for a block, about ten minutes, because the payment is signed in an unusual way."
    )
    chain.mine()
    people.wait_state(noor, "PAID")
    people.save(noor, tmp_path / "saved.bin")
