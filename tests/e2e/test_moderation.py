"""A report with a proof, a removal between broadcast and block, and what everybody is told then."""

from __future__ import annotations

import os
import re
import sqlite3
import time
from collections.abc import Callable
from uuid import UUID

import pytest
from playwright.sync_api import Page, expect

from kim.stack import Stack
from tests.actors import Seller
from tests.e2e import people, staff
from tests.e2e.people import Devchain, by

pytestmark = [pytest.mark.browser, pytest.mark.stack]

PIECE = 2**18 - 32
REASON = "It is a list of random words and no film."


def log_of(stack: Stack, file_id: UUID) -> list[str]:
    """What the audit log says of a file and of its reports, oldest first."""
    with sqlite3.connect(stack.layout.data / "kim.sqlite3", timeout=20) as database:
        reports = database.execute(
            "SELECT id FROM unlock_report WHERE paid_file_id = ?", (file_id.hex,)
        ).fetchall()
        ids = [str(file_id), *(str(UUID(key)) for (key,) in reports)]
        rows = database.execute("SELECT action, subject_id FROM unlock_auditentry ORDER BY id")
        return [action for action, key in rows if key in ids]


def test_a_report_with_a_proof_ends_in_a_removal_and_money_on_its_way_goes_back(
    person: Callable[..., Page], stack: Stack, chain: Devchain
) -> None:
    maya = Seller(stack.layout.public_url, f"maya-{os.urandom(4).hex()}")
    maya.sign_up()
    secret = b"what nobody but a buyer reads " * 9000
    offer = maya.publish(
        secret[:PIECE] + b"the piece that is shown", payout=chain.state()["address"]
    )
    file_id = str(offer.file_id)
    noor, otto, pia, rita = (person() for _ in range(4))

    # noor bought it, and shows its second piece.
    chain.pay(people.buy(noor, offer.path))
    chain.mine()
    people.wait_state(noor, "PAID")
    noor.goto(offer.path)
    by(noor, "report").click()
    by(noor, "report-text").fill(f"See {stack.layout.public_url}{offer.path} for the words.")
    expect(noor.get_by_text("it was cut")).to_be_visible()
    by(noor, "proof").locator("summary").click()
    noor.locator("#piece").fill("2")
    by(noor, "attach").click()
    expect(by(noor, "attached")).to_contain_text("Piece 2 of 2 is attached", timeout=30_000)
    by(noor, "report-send").click()
    expect(noor.get_by_role("heading", name="Your report is with us")).to_be_visible()

    # otto's payment is broadcast, pia has not paid yet.
    paid_uri = people.buy(otto, offer.path)
    people.buy(pia, offer.path)
    chain.pay(paid_uri)
    people.wait_state(otto, "SEEN")

    # rita sees that piece and nothing else, and removes the file.
    staff.hire(stack, name := f"rita-{os.urandom(4).hex()}")
    staff.enter(rita, name)
    expect(rita.get_by_role("link", name="Reports", exact=True)).to_be_visible()
    rita.goto(f"/admin/unlock/report/?q={file_id}")
    rita.locator("#result_list tbody th a").first.click()
    expect(rita.locator("#content")).to_contain_text("the first is 0")
    assert offer.path.partition("#")[2] not in rita.content()
    with rita.expect_popup() as popup:
        rita.get_by_role("link", name="text", exact=True).click()
    expect(popup.value.locator("body")).to_have_text("the piece that is shown")
    popup.value.close()
    rita.locator("input[name=act][value=remove]").check()
    staff.decide(rita, REASON)
    removed_at = time.monotonic()
    expect(by(pia, "invoice-status")).to_contain_text("do not pay", timeout=10_000)
    expect(by(otto, "invoice-status")).to_contain_text("go back to you", timeout=10_000)
    assert time.monotonic() - removed_at < 2 + 3  # 2 s is the promise; the rest is a busy machine

    # The chain goes on: what was seen is confirmed, and is owed, not sold.
    chain.mine()
    address = str(chain.call("/api/address")["address"])
    by(otto, "refund-address").fill(address)
    by(otto, "refund-save").click()
    expect(by(otto, "refund-to")).to_have_text(address)
    [task] = [each for each in maya.api.call("GET", "tasks/")["tasks"] if each["kind"] == "refund"]
    amount = re.search(r"amount=([0-9.]+)", paid_uri)
    assert amount is not None
    assert task["refund"]["uri"] == f"{address}?amount={amount[1]}"
    assert task["says"].startswith("The file was removed before it was paid.")
    expect(by(otto, "save")).to_be_hidden()

    # Tombstone, outcome, log.
    stranger = person()
    stranger.goto(offer.path)
    expect(by(stranger, "tombstone")).to_contain_text(REASON)
    noor.reload()
    expect(by(noor, "outcome")).to_contain_text(REASON)
    assert log_of(stack, offer.file_id) == ["piece seen", "remove and delete", "acted"]
