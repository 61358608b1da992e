"""A newer version migrates while the older one sells, then takes over part by part. PostgreSQL.

The older one is a commit of this repository (``OLD``), with everything it had: its pages, its rows.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from kim import embedded
from kim.stack import Stack, running
from tests import postgres
from tests.actors import Buyer, Offer, Seller
from tests.e2e.conftest import make_stack
from tests.e2e.people import Devchain

pytestmark = [pytest.mark.stack, pytest.mark.long]

OLD = "bc727dc"  # the version before staff had a second step and egress a budget
SALES_WHILE_MIGRATED = 3


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tree = tmp_path_factory.mktemp("older")
    packed = subprocess.run(
        ("git", "archive", "--format=tar", OLD), cwd=embedded.ROOT, capture_output=True, check=True
    )
    subprocess.run(("tar", "-x", "-C", str(tree)), input=packed.stdout, check=True)
    return tree


@pytest.fixture(scope="module")
def stack(scratch: Path, older: Path) -> Iterator[Stack]:
    """Our own processes run from the older tree; ``take_over`` starts them from this one."""
    with postgres.cluster() as url, pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedded, "ROOT", older)
        made = make_stack(scratch / "upgrade", environ={"KIM_DATABASE_URL": url})
        with running(made):
            patch.undo()
            yield made


def take_over(stack: Stack, name: str) -> None:
    stack.children[name].terminate()
    stack.children.pop(name).wait(timeout=30)
    stack.spawn(name)
    stack.wait_ready(name)


class Sales(threading.Thread):
    """Buys one after the other until it is stopped; what went wrong is kept."""

    def __init__(self, base: str, chain: Devchain, offer: Offer) -> None:
        super().__init__(daemon=True)
        self.base, self.chain, self.offer = base, chain, offer
        self.done: list[Buyer] = []
        self.error: BaseException | None = None
        self.stopping = threading.Event()
        self.counted = threading.Condition()

    def run(self) -> None:
        try:
            while not self.stopping.is_set():
                buyer = Buyer(self.base, link_secret=self.offer.secrets.link_secret)
                self.chain.pay(buyer.order(self.offer))
                self.chain.mine()
                assert buyer.release() == self.offer.secrets.release_secret
                with self.counted:
                    self.done.append(buyer)
                    self.counted.notify_all()
        except BaseException as error:  # noqa: BLE001 - told by the test, in its own thread
            self.error = error
        finally:
            with self.counted:
                self.counted.notify_all()

    def wait_for(self, count: int) -> None:
        with self.counted:
            assert self.counted.wait_for(
                lambda: len(self.done) >= count or self.error is not None, timeout=180
            )
        if self.error is not None:
            raise self.error


def test_the_older_version_sells_while_a_newer_one_migrates_and_then_takes_over(
    stack: Stack, chain: Devchain
) -> None:
    base = stack.layout.public_url
    maya = Seller(base, f"maya-{os.urandom(4).hex()}")
    maya.sign_up()
    offer = maya.publish(os.urandom(300_000), payout=chain.state()["address"])
    sales = Sales(base, chain, offer)
    sales.start()
    sales.wait_for(1)

    applied = stack.manage("migrate")

    assert "OK" in applied
    assert "No migrations to apply" not in applied
    # The older version goes on with the newer tables: it sells, signs up and publishes.
    sales.wait_for(len(sales.done) + SALES_WHILE_MIGRATED)
    noor = Seller(base, f"noor-{os.urandom(4).hex()}")
    noor.sign_up()
    second = noor.publish(os.urandom(100_000), payout=chain.state()["address"])

    stack.inner = embedded.app_parts(stack.layout)
    stack.manage("prepare_instance", "--login-file", str(stack.layout.data / "login.json"))
    for part in stack.inner:
        take_over(stack, part.name)
    sales.wait_for(len(sales.done) + SALES_WHILE_MIGRATED)
    sales.stopping.set()
    sales.join(timeout=120)

    assert sales.error is None
    for buyer in sales.done:
        assert buyer.release() == offer.secrets.release_secret
    assert sales.done[0].download() == offer.stored
    late = Buyer(base, link_secret=second.secrets.link_secret)
    chain.pay(late.order(second))
    chain.mine()
    assert late.release() == second.secrets.release_secret
    assert late.download() == second.stored
