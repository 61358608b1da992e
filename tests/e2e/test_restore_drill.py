"""The restore drill: sold, backed up, sold more, destroyed, restored. Who paid gets the file, also
who paid after the backup.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from kim.stack import Stack, running
from tests.actors import Buyer, Seller
from tests.e2e.conftest import make_stack
from tests.e2e.people import Devchain

pytestmark = [pytest.mark.stack, pytest.mark.long]


@pytest.fixture(scope="module")
def stack(scratch: Path) -> Iterator[Stack]:
    with running(make_stack(scratch / "drill")) as started:
        yield started


def destroy(stack: Stack) -> None:
    """The database is gone, with everything that was not written to it yet."""
    for path in stack.layout.data.glob("kim.sqlite3*"):
        path.unlink()


def test_the_restore_drill(stack: Stack, chain: Devchain, tmp_path: Path) -> None:
    base = stack.layout.public_url
    maya = Seller(base, f"maya-{os.urandom(4).hex()}")
    maya.sign_up()
    offer = maya.publish(os.urandom(300_000), payout=chain.state()["address"])
    link = offer.secrets.link_secret
    before, waiting, after, unpaid, late = (Buyer(base, link_secret=link) for _ in range(5))
    chain.pay(before.order(offer))
    chain.mine()
    assert before.release() == offer.secrets.release_secret
    uri_waiting = waiting.order(offer)  # open at the time of the backup

    stack.manage("backup", str(tmp_path / "one.kimbackup"))

    chain.pay(uri_waiting)
    chain.pay(after.order(offer))  # made and paid after the backup, confirmed while all is down
    uri_unpaid = unpaid.order(offer)  # made after the backup, paid after the restore
    tickets = [each.view()["ticket"] for each in (after, unpaid)]
    stop_inner(stack)
    destroy(stack)
    chain.mine()

    stack.manage("restore", str(tmp_path / "one.kimbackup"))
    for part in stack.inner:
        stack.spawn(part.name)
    for part in stack.inner:
        stack.wait_ready(part.name)
    stack.manage("sweep_payments", "--all")

    chain.pay(late.order(offer))  # is given no address that was given before
    assert waiting.release() == offer.secrets.release_secret
    assert before.release() == offer.secrets.release_secret
    for buyer, ticket in zip((after, unpaid), tickets, strict=True):
        buyer.api.call("POST", "purchases/restored/", ticket, claim=buyer.claim)
    assert after.release() == offer.secrets.release_secret
    chain.pay(uri_unpaid)
    chain.mine()
    assert unpaid.release() == offer.secrets.release_secret
    assert late.release() == offer.secrets.release_secret
    assert late.download() == offer.stored
    with sqlite3.connect(stack.layout.data / "kim.sqlite3", timeout=20) as database:
        count = database.execute("SELECT count(*), count(DISTINCT shown) FROM payments_address")
        assert count.fetchone() == (5, 5)


def stop_inner(stack: Stack) -> None:
    for part in stack.inner:
        stack.kill(part.name)
