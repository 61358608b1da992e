"""The five processes of kim/crew.py on a running instance: a sale goes through, whoever dies."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kim import crew
from kim.stack import Stack
from tests.actors import Buyer, Seller, until
from tests.e2e.people import Devchain
from tests.stacks import crewed, make_stack, running

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def stack(scratch: Path) -> Iterator[Stack]:
    """Not the one that others share: its five would need half a minute to be back at work."""
    with running(make_stack(scratch / "crew")) as started:
        yield started


@pytest.fixture
def parent(stack: Stack) -> Iterator[subprocess.Popen[bytes]]:
    with crewed(stack) as started:
        yield started


def roles(parent: subprocess.Popen[bytes]) -> dict[str, int]:
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
    named = {Path(f"/proc/{pid}/comm").read_text().strip(): int(pid) for pid in children}
    return {name.removeprefix("kim-"): pid for name, pid in named.items()}


def test_a_crew_sells_and_replaces_who_dies(
    parent: subprocess.Popen[bytes], stack: Stack, chain: Devchain
) -> None:
    until(lambda: roles(parent).keys() == crew.ROLES.keys())
    before = roles(parent)
    maya = Seller(stack.layout.public_url, f"maya-{os.urandom(4).hex()}")
    maya.sign_up()
    offer = maya.publish(os.urandom(300_000), payout=chain.state()["address"])
    for pid in before.values():
        os.kill(pid, signal.SIGKILL)
    noor = Buyer(stack.layout.public_url, link_secret=offer.secrets.link_secret)
    chain.pay(noor.order(offer))
    chain.mine()

    assert noor.release(seconds=60) == offer.secrets.release_secret
    until(lambda: roles(parent).keys() == crew.ROLES.keys())
    assert not set(before.values()) & set(roles(parent).values())
    parent.send_signal(signal.SIGTERM)
    assert parent.wait(timeout=30) == 0
