"""kill -9 in the middle of a sale: every paid purchase unlocks, once, within 90 s of the restart.

Ten named points of the story, six processes, sixty runs (`make long`); CI runs one point of each
process. The process is killed exactly at the point and started again at once; seller and buyer go on
as a page would, repeating what may be repeated.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable

import pytest

from kim.stack import Stack
from tests.actors import Buyer, Seller
from tests.e2e.people import Devchain

pytestmark = [pytest.mark.stack]

PROCESSES = ("web", "worker", "releaser", "beat", "daemon", "redis", "s3")
POINTS = (
    "parts",  # the upload has begun, nothing is in the store yet
    "complete",  # all parts are there
    "verify",  # the server was told to complete and re-hash
    "deposit",  # the container is verified
    "selftest",  # the release secret is deposited
    "publish",  # the buyer's path was run
    "order",  # before Buy is pressed
    "pay",  # the address was shown
    "mine",  # paid, not confirmed
    "release",  # confirmed, the key not fetched yet
)
IN_CI = {
    "web": "order",
    "worker": "mine",
    "releaser": "release",
    "beat": "verify",
    "daemon": "pay",
    "redis": "release",
    "s3": "parts",
}
PATIENCE_SECONDS = 90.0


def releases_of(stack: Stack, purchase: str) -> int:
    with sqlite3.connect(stack.layout.data / "kim.sqlite3", timeout=20) as database:
        query = "SELECT count(*) FROM unlock_keyrelease WHERE purchase_id = ?"
        count: int = database.execute(query, (purchase,)).fetchone()[0]
    return count


def sell_with_a_death(stack: Stack, chain: Devchain, process: str, point: str) -> float:
    """The whole sale, with one kill; seconds from the restart to the unlocked file."""
    restarted_at = 0.0

    def kill_at(reached: str) -> None:
        nonlocal restarted_at
        if reached == point:
            stack.kill(process)
            stack.spawn(process)
            restarted_at = time.monotonic()

    payload = os.urandom(700_000)
    base = stack.layout.public_url
    maya = Seller(base, f"maya-{os.urandom(4).hex()}", at=kill_at)
    maya.sign_up()
    offer = maya.publish(payload, payout=chain.state()["address"])
    noor = Buyer(base, link_secret=offer.secrets.link_secret)
    kill_at("order")
    uri = noor.order(offer)
    kill_at("pay")
    chain.pay(uri)
    kill_at("mine")
    chain.mine()
    kill_at("release")
    secret = noor.release(seconds=PATIENCE_SECONDS)
    took = time.monotonic() - restarted_at

    assert secret == offer.secrets.release_secret
    assert noor.download() == offer.stored
    assert releases_of(stack, noor.purchase.hex) == 1
    return took


@pytest.mark.parametrize("process", PROCESSES)
def test_a_killed_process_loses_no_sale(
    process: str, stack: Stack, chain: Devchain, record_property: Callable[[str, object], None]
) -> None:
    took = sell_with_a_death(stack, chain, process, IN_CI[process])

    record_property("seconds", took)
    assert took < PATIENCE_SECONDS


@pytest.mark.long
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("process", PROCESSES)
def test_no_process_may_die_at_any_point(
    process: str, point: str, stack: Stack, chain: Devchain
) -> None:
    took = sell_with_a_death(stack, chain, process, point)

    print(f"kill {process} at {point}: unlocked after {took:.1f} s")
    assert took < PATIENCE_SECONDS
