"""Payments that go another way than asked: too little, too much, late, beside tokens, unseen, lost."""

from __future__ import annotations

import hashlib
import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from kim.stack import Stack
from tests.e2e import people
from tests.e2e.people import Devchain, by

pytestmark = [pytest.mark.browser, pytest.mark.stack]

# Rows of one order, as a backup from before it would not have them.
ROWS_OF = {
    "unlock_keyrelease": "purchase_id = :purchase",
    "unlock_notice": "purchase_id = :purchase",
    "unlock_purchase": "id = :purchase",
    "payments_event": "invoice_id = :invoice",
    "payments_quote": "invoice_id = :invoice",
    "payments_output": "invoice_id = :invoice",
    "payments_address": "invoice_id = :invoice",
    "payments_invoice": "id = :invoice",
}


@dataclass
class Sale:
    """One published file, its creator's open browser, and the database behind both."""

    maya: Page
    link: str
    digest: str
    database: Path

    def tell(self, *statements: str, **names: str) -> None:
        with sqlite3.connect(self.database, timeout=20) as database:
            for statement in statements:
                database.execute(statement, names)

    def invoice_of(self, purchase: str) -> str:
        with sqlite3.connect(self.database, timeout=20) as database:
            query = "SELECT invoice_id FROM unlock_purchase WHERE id = ?"
            return str(database.execute(query, (purchase,)).fetchone()[0])

    def end_quotes(self, purchase: str) -> None:
        """As if half an hour had gone by since the order."""
        self.tell(
            "UPDATE payments_quote SET until = :past, quoted_at = :past WHERE invoice_id = :invoice",
            "UPDATE payments_invoice SET quote_until = :past, sweep_due_at = :past"
            " WHERE id = :invoice",
            past=stamp(-timedelta(minutes=30)),
            invoice=self.invoice_of(purchase),
        )


@pytest.fixture(scope="module")
def sale(browser: Browser, stack: Stack, scratch: Path) -> Iterator[Sale]:
    context = browser.new_context(base_url=stack.layout.public_url, accept_downloads=True)
    maya = context.new_page()
    maya.set_default_timeout(30_000)
    people.sign_up(maya, "maya-odd")
    original = file_in(scratch)
    link = people.sell(maya, original, key_file=scratch / "odd-key.json")
    digest = hashlib.sha256(original.read_bytes()).hexdigest()
    yield Sale(maya, link, digest, stack.layout.data / "kim.sqlite3")
    context.close()


@pytest.fixture
def noor(person: Callable[..., Page]) -> Page:
    page = person()
    page.set_viewport_size({"width": 390, "height": 664})
    return page


def file_in(directory: Path) -> Path:
    path = directory / "Nordlys.bin"
    path.write_bytes(os.urandom(300_000))
    return path


def stamp(from_now: timedelta) -> str:
    """As SQLite keeps a moment."""
    return (datetime.now(UTC) + from_now).strftime("%Y-%m-%d %H:%M:%S.%f")


def purchase_of(page: Page) -> str:
    """The id, as the database writes it."""
    return people.path_of(page.url).rsplit("/", 1)[-1].replace("-", "")


def request(uri: str, amount: str) -> str:
    return f"{uri.partition('?')[0]}?amount={amount}"


def says(page: Page, text: str, *, seconds: float = 30) -> None:
    expect(by(page, "invoice-status")).to_contain_text(text, timeout=seconds * 1000)


def test_too_little_is_told_to_the_satoshi_and_the_rest_opens_the_file(
    noor: Page, sale: Sale, chain: Devchain, tmp_path: Path
) -> None:
    uri = people.buy(noor, sale.link)
    expect(noor.get_by_text("From an exchange? Its fee may be up to 0.00005 BCH")).to_be_visible()

    chain.pay(request(uri, "0.003"))
    says(noor, "0.003 of 0.005 BCH received. Send 0.002 BCH more to the same address.")
    expect(by(noor, "invoice-uri")).to_have_attribute("href", request(uri, "0.002"))
    chain.pay(request(uri, "0.00195"))  # an exchange kept the rest as its fee
    people.wait_state(noor, "SEEN")
    chain.mine()
    people.wait_state(noor, "PAID")
    saved = people.save(noor, tmp_path / "saved.bin")

    assert hashlib.sha256(saved.read_bytes()).hexdigest() == sale.digest


def test_too_much_goes_back_from_the_creators_wallet_and_both_see_it(
    noor: Page, sale: Sale, chain: Devchain
) -> None:
    uri = people.buy(noor, sale.link)
    chain.pay(request(uri, "0.009"))
    people.wait_state(noor, "SEEN")
    chain.mine()
    says(noor, "0.004 BCH go back to you. Say where to")
    task = by(sale.maya, "task")
    sale.maya.goto("/sales/")
    expect(task).to_contain_text("The buyer has not said yet where to")

    by(noor, "refund-address").fill("bitcoincash:qqqq")
    by(noor, "refund-save").click()
    expect(noor.get_by_role("alert").filter(has_text=re.compile("address"))).to_be_visible()
    address = str(chain.call("/api/address")["address"])
    by(noor, "refund-address").fill(address)
    by(noor, "refund-save").click()
    expect(by(noor, "refund-to")).to_have_text(address)
    says(noor, "The creator has been told where to.")

    back = by(sale.maya, "refund-uri")
    expect(back).to_have_attribute("href", f"{address}?amount=0.004", timeout=30_000)
    txid = chain.pay(f"{address}?amount=0.004")
    says(noor, "are on their way back to you")
    expect(by(noor, "refund-txid")).to_have_text(txid)
    expect(task).to_contain_text("seen on their way", timeout=30_000)
    chain.mine()
    says(noor, "0.004 BCH went back to you: it is in a block.")
    expect(task).to_have_count(0, timeout=30_000)
    expect(by(sale.maya, "sales")).to_be_visible()
    sale.maya.reload()
    expect(by(sale.maya, "sale").first).to_contain_text("It was refunded.")


def test_what_came_late_and_short_opens_when_the_creator_accepts_it(
    noor: Page, sale: Sale, chain: Devchain
) -> None:
    uri = people.buy(noor, sale.link)
    sale.end_quotes(purchase_of(noor))
    says(noor, "The quote has run out. Paid already? It is still detected")

    chain.pay(request(uri, "0.004"))
    says(noor, "The creator may also accept what came.")
    sale.maya.goto("/sales/")
    expect(by(sale.maya, "task")).to_contain_text("0.00400000 BCH of 0.00500000 BCH came")
    by(sale.maya, "accept").click()
    expect(by(sale.maya, "task")).to_have_count(0)
    people.wait_state(noor, "SEEN")
    chain.mine()
    people.wait_state(noor, "PAID")

    expect(by(noor, "save")).to_be_enabled(timeout=60_000)


def test_coins_beside_a_token_do_not_count_and_are_told_to_both(
    noor: Page, sale: Sale, chain: Devchain
) -> None:
    uri = people.buy(noor, sale.link)

    chain.pay(uri, tokens=True)
    says(noor, "together with a token do not count: send plain BCH")
    assert by(noor, "invoice-status").get_attribute("data-state") == "OPEN"
    expect(by(noor, "invoice-uri")).to_have_attribute("href", uri)
    sale.maya.goto("/sales/")
    expect(by(sale.maya, "task")).to_contain_text("never forwarded")
    chain.pay(uri)
    people.wait_state(noor, "SEEN")
    chain.mine()
    people.wait_state(noor, "PAID")


def test_while_nobody_looks_the_page_says_so_and_then_goes_on(
    noor: Page, sale: Sale, chain: Devchain
) -> None:
    uri = people.buy(noor, sale.link)
    invoice = sale.invoice_of(purchase_of(noor))
    sale.tell(
        "UPDATE payments_invoice SET swept_at = :past, sweep_due_at = :ahead WHERE id = :invoice",
        past=stamp(-timedelta(minutes=30)),
        ahead=stamp(timedelta(hours=1)),
        invoice=invoice,
    )

    says(noor, "We cannot see new payments right now. Yours is not lost", seconds=40)
    expect(by(noor, "invoice-uri")).to_be_visible()
    sale.tell(
        "UPDATE payments_invoice SET sweep_due_at = :past WHERE id = :invoice",
        past=stamp(-timedelta(minutes=30)),
        invoice=invoice,
    )
    chain.pay(uri)
    people.wait_state(noor, "SEEN")
    expect(noor.get_by_text("We cannot see new payments")).to_have_count(0)
    chain.mine()
    people.wait_state(noor, "PAID")


def test_an_order_that_the_database_lost_is_paid_meanwhile_and_opens_all_the_same(
    noor: Page, sale: Sale, chain: Devchain, tmp_path: Path
) -> None:
    uri = people.buy(noor, sale.link)
    back, purchase = noor.url, purchase_of(noor)
    invoice = sale.invoice_of(purchase)
    noor.goto("about:blank")
    deletions = [f"DELETE FROM {table} WHERE {rows}" for table, rows in ROWS_OF.items()]
    sale.tell(*deletions, purchase=purchase, invoice=invoice)
    chain.pay(uri)
    chain.mine()

    noor.goto(people.path_of(back))
    people.wait_state(noor, "PAID")
    saved = people.save(noor, tmp_path / "saved.bin")

    assert noor.url == back
    assert hashlib.sha256(saved.read_bytes()).hexdigest() == sale.digest


def test_a_removed_file_is_not_to_be_paid_and_what_came_goes_back(
    noor: Page, person: Callable[..., Page], chain: Devchain, tmp_path: Path
) -> None:
    maya, lena = person(), person()
    people.sign_up(maya, "maya-takes-down")
    link = people.sell(maya, file_in(tmp_path), key_file=tmp_path / "key.json")
    people.buy(noor, link)
    uri = people.buy(lena, link)
    chain.pay(request(uri, "0.002"))
    chain.mine()
    people.wait_state(lena, "PARTIAL")

    maya.goto("/files/")
    people.more(maya)
    maya.get_by_role("button", name="Pause").click()
    maya.get_by_role("button", name="Remove…").click()
    maya.get_by_role("button", name="Remove it").click()
    says(noor, "This order no longer opens anything: do not pay.")
    expect(by(noor, "invoice-uri")).to_be_hidden()
    expect(noor.get_by_role("button", name="Get a new quote")).to_be_hidden()
    says(lena, "This file was removed before your payment was confirmed.")
    says(lena, "0.002 BCH go back to you. Say where to")
    maya.goto("/sales/")
    expect(by(maya, "task")).to_contain_text("The file was removed before it was paid.")
