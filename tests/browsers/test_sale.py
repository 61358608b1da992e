"""The main job in the other browsers: drop, price, publish, buy, pay, confirm, save."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kim.stack import Stack
from tests.browsers import story
from tests.browsers.drivers import Browser
from tests.e2e.people import Devchain

pytestmark = [pytest.mark.browser, pytest.mark.stack]

SIZE_BYTES = 9 * 2**20 + 12_345  # two parts, a last segment that is not full


def test_a_file_is_sold_paid_for_and_saved_byte_for_byte(
    browser: Browser, kind: str, stack: Stack, chain: Devchain, tmp_path: Path
) -> None:
    original = tmp_path / "Nördlicht 1.bin"
    original.write_bytes(os.urandom(SIZE_BYTES))
    story.sign_up(browser, stack.layout.public_url, f"maya-in-{kind}")
    link = story.sell(browser, original)

    uri = story.buy(browser, link)
    chain.pay(uri)
    story.wait_state(browser, "SEEN")
    chain.mine()
    story.wait_state(browser, "PAID")
    saved = story.save(browser, original.name)

    story.wait_whole(saved, original)
