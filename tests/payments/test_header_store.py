"""Our header chain: kept across restarts, checked again, and never shorter for a server's sake."""

from __future__ import annotations

import pytest

from payments import connection
from payments.errors import ChainUnavailable
from payments.header_store import StoredHeaders
from payments.models import HeaderPage
from payments.states import Network
from tests.devchains import Devchain

pytestmark = pytest.mark.django_db(transaction=True)


def stored() -> StoredHeaders:
    """The chain as a process finds it that starts now."""
    return StoredHeaders(Network.REGTEST)


def test_nothing_is_known_before_the_first_question() -> None:
    with pytest.raises(ChainUnavailable):
        stored().tip()
    assert stored().at(0) is None


def test_a_restart_finds_what_was_learnt(chain: Devchain) -> None:
    tip = connection.chain().tip()
    chain.stop()

    assert stored().tip() == tip
    assert tip.height >= 100


def test_more_than_one_page_is_kept(chain: Devchain) -> None:
    for _ in range(3):
        chain.mine(700)
    tip = connection.chain().tip()

    assert HeaderPage.objects.count() == 2
    assert stored().tip() == tip


@pytest.mark.parametrize("depth", [1, 9, 45])
def test_a_reorg_of_any_depth_is_followed(chain: Devchain, depth: int) -> None:
    chain.mine(50)
    before = connection.chain().tip()

    chain.reorg(depth)
    after = connection.chain().tip()

    assert after.height > before.height - 1
    assert after.block_hash != before.block_hash
    old = connection.headers().at(before.height)
    assert old is not None
    assert old.hash != before.block_hash
    assert stored().tip() == after


def test_damaged_pages_are_dropped_and_asked_for_again(chain: Devchain) -> None:
    chain.mine(20)
    tip = connection.chain().tip()
    page = HeaderPage.objects.get()
    raw = bytearray(page.raw)
    raw[50 * 80 + 40] ^= 1
    HeaderPage.objects.update(raw=bytes(raw))

    with pytest.raises(ChainUnavailable):
        stored().tip()
    connection.close()
    assert connection.chain().tip() == tip
    assert stored().tip() == tip
