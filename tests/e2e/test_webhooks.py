"""A merchant's program is told of a sale: signed, in order, and across a killed worker."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from kim.stack import Stack
from tests.e2e.people import Devchain, buy, by, sell, sign_up, wait_for, wait_state
from tests.unlock.receiving import Call, receiver

pytestmark = [pytest.mark.browser, pytest.mark.stack]


def test_a_sale_is_told_in_order_though_the_worker_is_killed_while_it_sends(
    person: Callable[..., Page], stack: Stack, chain: Devchain, tmp_path: Path
) -> None:
    held, is_holding = threading.Event(), threading.Event()

    def answer(call: Call) -> int:
        if call.body["type"] == "invoice.processing" and not is_holding.is_set():
            is_holding.set()
            held.wait(30)
            return 500
        return 200

    (tmp_path / "nine.bin").write_bytes(os.urandom(50_000))
    maya, noor = person(), person()
    sign_up(maya, "maya-hooks")
    with receiver(answer) as there:
        secret = add_webhook(maya, there.url)
        by(maya, "webhook-test").click()
        expect(maya.get_by_text("It works: answered 200")).to_be_visible(timeout=30_000)
        maya.goto("/sell/")
        link = sell(maya, tmp_path / "nine.bin", key_file=tmp_path / "key")

        chain.pay(buy(noor, link))
        wait_state(noor, "SEEN")
        assert is_holding.wait(30), there.told()
        stack.kill("outbox")
        held.set()
        chain.mine()
        wait_state(noor, "PAID")
        stack.spawn("outbox")
        wait_for(lambda: "invoice.settled" in there.told(), seconds=60)

    told = [call for call in there.calls if call.body["type"] != "test"]
    assert all(call.is_signed_with(secret) for call in there.calls)
    kinds = [call.body["type"] for call in told if call.body["type"] != "invoice.updated"]
    assert kinds[:5] == [
        "invoice.created",
        "invoice.payment_seen",
        "invoice.processing",
        "invoice.processing",  # once more, as nobody knows what became of the first
        "invoice.settled",
    ]
    positions = [call.body["data"]["position"] for call in told]
    assert positions == sorted(positions)
    twice = [call.body["id"] for call in told if call.body["type"] == "invoice.processing"]
    assert twice[0] == twice[1]

    maya.goto("/notices/")
    expect(by(maya, "notice").filter(has_text="was sold for")).to_have_count(1)
    unread = maya.get_by_role("link", name=re.compile(r"Notices\s*,\s*[0-9]+\s*unread"))
    expect(unread).to_be_visible()
    maya.get_by_role("button", name="Mark all as read").click()
    expect(unread).to_have_count(0)


def add_webhook(page: Page, url: str) -> str:
    """Adds it on the settings page; the secret, as it is shown once."""
    page.goto("/settings/")
    expect(page.get_by_text("There is none yet.")).to_be_visible(timeout=30_000)
    by(page, "webhook-url").fill(url)
    by(page, "webhook-add").click()
    secret = by(page, "webhook-secret").inner_text().strip()
    page.get_by_role("button", name="I have kept it").click()
    expect(by(page, "webhook")).to_be_visible()
    return str(secret)
