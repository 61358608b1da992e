"""The dashboard after a sale, everything taken along, and an account that is closed while its buyer stays."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import people
from tests.e2e.people import Devchain, by
from tests.xpub import XPUB

pytestmark = [pytest.mark.browser, pytest.mark.stack]


def test_a_sale_stands_on_the_dashboard_and_the_buyer_stays_when_the_creator_leaves(
    person: Callable[..., Page], chain: Devchain, tmp_path: Path
) -> None:
    maya, noor, source = person(), person(), tmp_path / "heron.txt"
    source.write_bytes(b"a heron waits in the reeds")
    maya.set_viewport_size({"width": 390, "height": 664})
    people.sign_up(maya, "maya-leaves")
    by(maya, "payout").fill(XPUB)  # nothing is to be forwarded
    link = people.sell(maya, source, amount="0.01", currency="BCH", key_file=tmp_path / "key.json")
    uri = people.buy(noor, link)
    chain.pay(uri)
    chain.mine()
    people.wait_state(noor, "PAID")

    maya.goto("/files/")
    expect(by(maya, "dashboard")).to_be_visible()
    row = by(maya, "file")
    people.wait_for(lambda: _reloaded(maya).locator("[data-slot=sold]").inner_text() == "1")
    expect(row.locator("[data-slot=income]")).to_have_text("0.01000000 BCH")
    expect(maya.locator("#totals [data-slot=income]")).to_have_text("0.01000000 BCH")

    maya.goto("/settings/#account")
    with maya.expect_download() as saved:
        by(maya, "account-export").click()
    whole = json.loads(Path(saved.value.path()).read_text())
    assert [file["link"] for file in whole["files"]] == [link]
    assert [sale["settled_sat"] for sale in whole["sales"]] == [1_000_000]

    by(maya, "account-close-open").click()
    by(maya, "close-password").fill("not the password")
    by(maya, "account-close-sure").check()
    by(maya, "account-close").click()
    expect(maya.get_by_text("The password is wrong.")).to_be_visible(timeout=60_000)
    by(maya, "close-password").fill(people.PASSWORD)
    by(maya, "account-close").click()
    expect(maya.get_by_role("link", name="Log in").first).to_be_visible(timeout=60_000)
    maya.goto("/login/")
    by(maya, "login-username").fill("maya-leaves")
    by(maya, "login-password").fill(people.PASSWORD)
    by(maya, "login-submit").click()
    expect(maya.get_by_text("This account was closed.")).to_be_visible(timeout=60_000)

    saved_file = people.save(noor, tmp_path / "got.txt")
    assert saved_file.read_bytes() == source.read_bytes()


def _reloaded(maya: Page) -> Page:
    maya.reload()
    expect(by(maya, "file")).to_be_visible()
    return maya
