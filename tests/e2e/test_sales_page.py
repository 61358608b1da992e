"""What a creator finds under Sales: nothing at first, then a sale, its books and its proof."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from payments import proofs
from tests.e2e import people
from tests.e2e.people import Devchain, by

pytestmark = [pytest.mark.browser, pytest.mark.stack]

WIDTHS = (320, 390, 1280)


def save(page: Page, selector: str, target: Path) -> bytes:
    with page.expect_download() as download:
        page.locator(selector).first.click()
    download.value.save_as(target)
    return target.read_bytes()


def test_a_creator_finds_each_sale_with_its_books_and_its_proof(
    person: Callable[..., Page], chain: Devchain, tmp_path: Path
) -> None:
    film = tmp_path / "nordlys.bin"
    film.write_bytes(os.urandom(70_000))
    maya, noor, ines = person(), person(), person()
    people.sign_up(maya, "maya-books")
    maya.goto("/sales/")
    expect(maya.locator("#empty")).to_be_visible()

    maya.goto("/sell/")
    link = people.sell(maya, film, amount="2.00", key_file=tmp_path / "key.txt")
    people.buy(ines, link)  # and never pays
    txid = chain.pay(people.buy(noor, link))
    people.wait_state(noor, "SEEN", "PAID")
    chain.mine(3)
    people.wait_state(noor, "PAID")

    maya.goto("/sales/")
    rows = by(maya, "sale")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("nordlys")
    expect(rows.first.locator(".badge")).to_have_text("Paid")
    expect(maya.locator("#totals")).to_contain_text("€")
    expect(maya.locator("#bars .bar-of")).to_have_count(1)
    maya.locator("#measure").select_option("count")
    expect(maya.locator("#bars title")).to_contain_text("1 sold")

    book = save(maya, "#save-csv", tmp_path / "sales.csv").decode()
    [entry] = csv.DictReader(io.StringIO(book, newline=""))
    assert entry["outpoint"].startswith(txid)
    assert (entry["state"], entry["price_amount"], entry["counts"]) == ("PAID", "2.00", "yes")

    rows.first.locator("summary").click()
    of_address = rows.first.locator("dt", has_text="of the address").locator("+ dd")
    expect(of_address).to_have_text(entry["derivation"].removeprefix("forwarder "))
    told = save(maya, "[data-slot=evidence]", tmp_path / "evidence.json")
    people.wait_for(lambda: "settled_at" in json.loads(told)["invoice"])
    verdict = proofs.verify(told, now=timezone.now())
    assert verdict.faults == ()
    assert verdict.proved_sat == int(entry["settled_sat"])

    maya.locator("#status").select_option("state=OPEN")
    expect(rows.first.locator(".badge")).to_have_text("Not paid yet")
    maya.locator("#text").fill(txid)
    expect(maya.locator("#none")).to_be_visible()
    maya.get_by_role("button", name="Show all").click()
    expect(rows).to_have_count(2)
    for width in WIDTHS:
        maya.set_viewport_size({"width": width, "height": 700})
        assert maya.evaluate("document.documentElement.scrollWidth") <= width


def test_a_stranger_is_asked_to_log_in(person: Callable[..., Page]) -> None:
    eve = person()
    eve.goto("/sales/")

    expect(by(eve, "login-username")).to_be_visible()
