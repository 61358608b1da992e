"""Our header chain: kept across restarts, checked again, and never shorter for a server's sake."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.utils import timezone

from payments import connection, electrum_headers, header_store
from payments.errors import BadHeaders, ChainUnavailable, HeadersMoved
from payments.header_store import StoredHeaders
from payments.headerchain import BATCH
from payments.headers import HEADER_BYTES, parse
from payments.models import HeaderPage
from payments.states import Network
from tests.devchains import Devchain
from tests.tills import look, sell
from tests.unit.payments.test_headerchain import GENESIS, GENESIS_TIME, branch, joined

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


def test_a_look_goes_on_while_headers_are_still_being_fetched(
    chain: Devchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(electrum_headers, "CATCH_UP_SECONDS", 0.05)
    invoice = sell(chain)
    tip = connection.chain().tip()
    chain.pay(invoice.address, 20_000)
    chain.mine()

    with connection.chain()._follower._asking:
        seen = look(invoice.id)
        assert connection.chain().tip() == tip
    settled = look(invoice.id)

    assert (seen.state, seen.settled_at, seen.depth) == ("SEEN", None, 0)
    assert settled.state == "PAID"


def served(raw: bytes, asked: list[int]) -> Callable[[int, int], bytes]:
    """A server with these headers from genesis on; it notes where it was asked."""

    def fetch(start: int, count: int) -> bytes:
        asked.append(start)
        return raw[start * HEADER_BYTES : (start + min(count, BATCH)) * HEADER_BYTES]

    return fetch


def learn(book: StoredHeaders, raw: bytes, asked: list[int]) -> int:
    height = len(raw) // HEADER_BYTES - 1
    return book.catch_up(height, raw[-HEADER_BYTES:], served(raw, asked), now=timezone.now())


def test_a_branch_of_several_batches_is_judged_by_all_of_its_work() -> None:
    ours = GENESIS + joined(branch(GENESIS, BATCH + 60))
    longer = GENESIS + joined(branch(GENESIS, BATCH + 90, tag=1))
    shorter = GENESIS + joined(branch(GENESIS, BATCH + 30, tag=2))
    book = stored()
    asked: list[int] = []
    learn(book, ours, [])

    learn(book, shorter, asked)
    assert book.tip().height == BATCH + 60
    assert len(asked) < 20
    learn(book, shorter, asked)  # known, and not asked about again
    assert len(asked) < 20

    learn(book, longer, asked)
    assert book.tip().height == BATCH + 90
    assert len(asked) < 40
    assert stored().tip() == book.tip()


def test_a_branch_that_left_ours_too_far_back_is_not_followed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(header_store, "MOST_BRANCH", BATCH)
    ours = GENESIS + joined(branch(GENESIS, BATCH + 60))
    other = GENESIS + joined(branch(GENESIS, BATCH + 30, tag=1))
    book = stored()
    learn(book, ours, [])

    with pytest.raises(BadHeaders, match="too far back"):
        learn(book, other, [])

    assert book.tip().height == BATCH + 60


@pytest.mark.parametrize("height", [30, 29, 12])
def test_a_server_on_a_branch_with_no_more_work_is_no_liar(height: int) -> None:
    shared = [GENESIS, *branch(GENESIS, 11)]
    at = GENESIS_TIME + 11 * 600
    ours = joined(shared + branch(shared[-1], 19, at=at))
    other = joined(shared + branch(shared[-1], height - 11, tag=1, at=at))
    book = stored()
    learn(book, ours, [])
    tip = book.tip()

    assert learn(book, other, []) == 11
    assert (book.tip(), tip.height) == (tip, 30)
    assert learn(book, ours, []) == 30


def test_what_was_said_of_a_branch_is_said_anew_after_a_block() -> None:
    """A tip that tied with ours is judged again once ours has grown."""
    shared = [GENESIS, *branch(GENESIS, 11)]
    at = GENESIS_TIME + 11 * 600
    ours = joined(shared + branch(shared[-1], 2, at=at))
    other = joined(shared + branch(shared[-1], 2, tag=1, at=at))
    book = stored()
    learn(book, ours, [])
    asked: list[int] = []
    assert learn(book, other, []) == 11
    assert (learn(book, other, asked), asked) == (11, [])

    assert learn(book, joined(shared + branch(shared[-1], 3, at=at)), []) == 14
    assert learn(book, other, asked) == 11
    assert asked


def test_nothing_is_said_of_a_block_that_a_server_tells_of_and_does_not_give() -> None:
    """Else whoever tells of another server's true block makes us deaf to it."""
    shared = [GENESIS, *branch(GENESIS, 11)]
    at = GENESIS_TIME + 11 * 600
    true = joined(shared + branch(shared[-1], 2, at=at))
    other = joined(shared + branch(shared[-1], 2, tag=1, at=at))
    book = stored()
    learn(book, joined(shared), [])

    with pytest.raises(HeadersMoved):
        book.catch_up(13, true[-HEADER_BYTES:], served(other, []), now=timezone.now())

    assert book.tip().block_hash == parse(other[-HEADER_BYTES:]).hash
    assert learn(book, true, []) == 11


def test_a_server_that_ends_before_its_tip_is_found_out() -> None:
    ours = GENESIS + joined(branch(GENESIS, 30))
    other = GENESIS + joined(branch(GENESIS, 40, tag=1))
    book = stored()
    learn(book, ours, [])

    with pytest.raises(BadHeaders, match="before its tip"):
        book.catch_up(
            40, other[-HEADER_BYTES:], served(other[: 20 * HEADER_BYTES], []), now=timezone.now()
        )

    assert book.tip().height == 30
