"""Live pages: told at once, told every change, told also when Redis is silent. Real Redis server."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.db import OperationalError
from django.test import AsyncClient
from redis import Redis

from payments.models import Invoice
from payments.states import InvoiceState
from tests.redises import RedisServer
from tests.stores import free_ports
from tests.unlock import sale
from tests.unlock.sale import INSTANCE_PRIVATE, NOW, Buyer
from unlock import hints, keys, live
from unlock.errors import PurchaseUnknown, TooManyStreams
from unlock.live import Board, LiveState
from unlock.models import PaidFile, Purchase
from unlock.states import FileState, ReleaseState

T = TypeVar("T")
pytestmark = pytest.mark.django_db(transaction=True)
DEADLINE_SECONDS = 10
NEVER = timedelta(hours=1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


def run(story: Callable[[], Coroutine[Any, Any, T]]) -> T:
    async def bounded() -> T:
        async with asyncio.timeout(DEADLINE_SECONDS * 2):
            return await story()

    return asyncio.run(bounded())


async def write(verb: Callable[..., Any], *given: Any, **named: Any) -> None:
    """A write beside a board that reads. The tests' database lies in memory, where SQLite refuses a
    table that is being read at once, whatever the time-out; nothing was written then.
    """
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        try:
            await asyncio.to_thread(verb, *given, **named)
        except OperationalError:
            assert time.monotonic() < deadline
        else:
            return


async def until(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not await asyncio.to_thread(is_true):
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.01)


async def follow(board: Board, purchase_id: UUID) -> AsyncIterator[LiveState | None]:
    first = await board.first(purchase_id)
    async for state in board.follow(purchase_id, first):
        yield state


def publish(server: RedisServer, channel: str) -> None:
    with Redis.from_url(server.url) as client:
        client.publish(channel, "1")


def test_a_page_is_told_at_once_where_the_purchase_stands(server: RedisServer) -> None:
    sold = sale.publish()
    invoice = sale.owe(sold)
    purchase = Buyer().purchase(sold, invoice_id=invoice.id)

    async def story() -> LiveState | None:
        board = Board(redis_url=server.url, reread=NEVER)
        return await anext(follow(board, purchase.id))

    state = run(story)

    assert state is not None
    assert (state.state, state.release) == ("OPEN", ReleaseState.NONE)
    assert (state.due_sat, state.missing_sat, state.seen_sat) == (10_000, 10_000, 0)
    assert state.quote_until == invoice.quote_until


def test_a_hint_of_payments_and_a_hint_of_the_release_reach_the_page(server: RedisServer) -> None:
    sold = sale.publish()
    invoice = sale.owe(sold)
    purchase = Buyer().purchase(sold, invoice_id=invoice.id)

    def pay() -> None:
        sale.move(invoice, InvoiceState.PAID)
        publish(server, f"{hints.INVOICE_CHANNEL}{invoice.id}")

    def release() -> None:
        keys.release(purchase.id, private_keys=INSTANCE_PRIVATE, now=NOW)
        publish(server, f"{hints.PURCHASE_CHANNEL}{purchase.id}")

    async def story() -> list[tuple[str | None, str]]:
        board = Board(redis_url=server.url, reread=NEVER)
        told = follow(board, purchase.id)
        seen = [await anext(told)]
        await until(lambda: server.subscribers() == 3)
        await write(pay)
        seen.append(await anext(told))
        await write(release)
        seen.append(await anext(told))
        return [(state.state, state.release) for state in seen if state is not None]

    assert run(story) == [("OPEN", "none"), ("PAID", "pending"), ("PAID", "ready")]


def test_a_removed_file_is_told_on_every_page_before_its_orders_have_their_turn(
    server: RedisServer,
) -> None:
    sold, other = sale.publish(), sale.publish()
    bought, seen, kept = (
        Buyer().purchase(each, invoice_id=sale.owe(each, state).id)
        for each, state in (
            (sold, InvoiceState.OPEN),
            (sold, InvoiceState.SEEN),
            (other, InvoiceState.OPEN),
        )
    )

    def remove() -> None:
        PaidFile.objects.filter(pk=sold.file.id).update(
            state=FileState.REMOVED, removed_reason="It is stolen."
        )
        publish(server, f"{hints.FILE_CHANNEL}{sold.file.id}")

    async def story() -> tuple[list[bool], list[bool], LiveState | None]:
        board = Board(redis_url=server.url, reread=NEVER)
        pages = [follow(board, each.id) for each in (bought, seen, kept)]
        before = [await anext(page) for page in pages]
        await until(lambda: server.subscribers() == 3)
        await write(remove)
        after = [await anext(page) for page in pages[:2]]
        said = [[state.is_withdrawn for state in told if state] for told in (before, after)]
        return said[0], said[1], after[0]

    before, after, told = run(story)

    assert (before, after) == ([False, False, False], [True, True])
    assert told is not None
    assert told.says.endswith("do not pay. Nothing of yours has arrived.")
    assert not told.is_payable
    # The order itself is called off by its task; until then the chain's rules go on.
    assert bought.invoice_id is not None
    assert Invoice.objects.get(pk=bought.invoice_id).refund_due_at is None


def test_whoever_paid_before_the_creator_removed_the_file_is_not_told_otherwise() -> None:
    sold = sale.publish()
    purchases = [
        Buyer().purchase(sold, invoice_id=sale.owe(sold, state).id)
        for state in (InvoiceState.OPEN, InvoiceState.SEEN, InvoiceState.PAID)
    ]
    PaidFile.objects.filter(pk=sold.file.id).update(state=FileState.REMOVED)

    found = live.read([each.id for each in purchases])

    assert [found[each.id].state.is_withdrawn for each in purchases] == [True, False, False]


def test_without_redis_the_page_learns_it_a_little_later() -> None:
    sold = sale.publish()
    invoice = sale.owe(sold)
    purchase = Buyer().purchase(sold, invoice_id=invoice.id)
    (closed_port,) = free_ports(1)

    async def story() -> str | None:
        board = Board(
            redis_url=f"redis://127.0.0.1:{closed_port}/0", reread=timedelta(milliseconds=50)
        )
        told = follow(board, purchase.id)
        await anext(told)
        await write(sale.move, invoice, InvoiceState.SEEN)
        state = await anext(told)
        return None if state is None else state.state

    assert run(story) == "SEEN"


def test_a_purchase_that_cannot_be_read_silences_no_page_for_good(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sold = sale.publish()
    invoice = sale.owe(sold)
    purchase = Buyer().purchase(sold, invoice_id=invoice.id)
    (closed_port,) = free_ports(1)

    async def story() -> str | None:
        board = Board(
            redis_url=f"redis://127.0.0.1:{closed_port}/0", reread=timedelta(milliseconds=50)
        )
        told = follow(board, purchase.id)
        await anext(told)
        await write(Invoice.objects.update, state="BROKEN")
        await until(lambda: "live states could not be read" in caplog.text)
        await write(sale.move, invoice, InvoiceState.SEEN)
        state = await anext(told)
        return None if state is None else state.state

    assert run(story) == "SEEN"


def test_a_killed_redis_comes_back_and_hints_flow_again(tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    sold = sale.publish()
    invoice = sale.owe(sold)
    purchase = Buyer().purchase(sold, invoice_id=invoice.id)

    def restart() -> None:
        server.stop()
        sale.move(invoice, InvoiceState.SEEN)  # its hint is lost
        server.start()

    async def story() -> str | None:
        told = follow(Board(redis_url=server.url, reread=NEVER), purchase.id)
        await anext(told)
        await until(lambda: server.subscribers() == 3)
        await asyncio.to_thread(restart)
        state = await anext(told)
        return None if state is None else state.state

    try:
        assert run(story) == "SEEN"
    finally:
        server.stop()


def test_a_quiet_stream_says_that_it_is_alive(server: RedisServer) -> None:
    purchase = Buyer().purchase(sale.publish())

    async def story() -> list[bool]:
        board = Board(redis_url=server.url, reread=NEVER, keepalive=timedelta(milliseconds=20))
        told = follow(board, purchase.id)
        return [(await anext(told)) is None for _ in range(3)]

    assert run(story) == [False, True, True]


def test_other_purchases_are_not_told(server: RedisServer) -> None:
    sold = sale.publish()
    invoice = sale.owe(sold)
    noors = Buyer().purchase(sold, invoice_id=invoice.id)
    eves = Buyer().purchase(sold, invoice_id=sale.owe(sold).id)

    def pay() -> None:
        sale.move(invoice, InvoiceState.PAID)
        publish(server, f"{hints.INVOICE_CHANNEL}{invoice.id}")

    async def story() -> None:
        board = Board(redis_url=server.url, reread=NEVER, keepalive=timedelta(milliseconds=300))
        noor, eve = follow(board, noors.id), follow(board, eves.id)
        await anext(noor)
        await anext(eve)
        await until(lambda: server.subscribers() == 3)
        await write(pay)
        state = await anext(noor)
        assert state is not None
        assert state.state == "PAID"
        assert await anext(eve) is None  # only the keepalive

    run(story)


def test_whoever_leaves_is_forgotten(server: RedisServer) -> None:
    sold = sale.publish()
    purchase = Buyer().purchase(sold, invoice_id=sale.owe(sold).id)

    async def story() -> tuple[int, int]:
        board = Board(redis_url=server.url, reread=NEVER)
        told = board.follow(purchase.id, await board.first(purchase.id))
        await anext(told)
        during = len(board._followed)
        await told.aclose()  # type: ignore[attr-defined]  # what Django does when a page closes
        return during, len(board._followed) + len(board._by_invoice)

    assert run(story) == (1, 0)


def test_too_many_pages_of_one_purchase_are_refused(server: RedisServer) -> None:
    purchase = Buyer().purchase(sale.publish())

    async def story() -> None:
        board = Board(redis_url=server.url, reread=NEVER)
        streams = [follow(board, purchase.id) for _ in range(live.STREAMS_PER_PURCHASE)]
        for stream in streams:
            await anext(stream)
        with pytest.raises(TooManyStreams):
            await board.first(purchase.id)

    run(story)


def test_an_unknown_purchase_has_no_stream(server: RedisServer) -> None:
    async def story() -> None:
        with pytest.raises(PurchaseUnknown):
            await Board(redis_url=server.url, reread=NEVER).first(uuid4())

    run(story)


def test_a_release_publishes_its_hint_after_commit(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "KIM_REDIS_URL", server.url)
    sold = sale.publish()
    purchase = Buyer().purchase(sold, invoice_id=sale.owe(sold, InvoiceState.PAID).id)

    with Redis.from_url(server.url) as client, client.pubsub() as heard:
        heard.subscribe(f"kim:purchase:{purchase.id}")
        assert heard.get_message(timeout=5) is not None  # the subscription itself
        keys.release(purchase.id, private_keys=INSTANCE_PRIVATE, now=NOW)
        message = heard.get_message(timeout=5)

    assert message is not None
    assert message["data"] == b"1"


def test_the_stream_over_http_tells_states_and_amounts_only(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "KIM_REDIS_URL", server.url)
    sold = sale.publish()
    purchase = Buyer().purchase(sold, invoice_id=sale.owe(sold).id)

    async def story() -> tuple[Any, list[bytes]]:
        answer: Any = await AsyncClient().get(f"/api/v1/purchases/{purchase.id}/events/")
        frames: AsyncIterator[bytes] = aiter(answer)
        return answer, [await anext(frames), await anext(frames)]

    answer, (retry, state) = run(story)

    assert answer["Content-Type"] == "text/event-stream"
    assert answer["X-Accel-Buffering"] == "no"
    assert answer["Cache-Control"] == "no-cache, no-transform"
    assert retry == b"retry: 2000\n\n"
    event, _, data = state.decode().partition("\n")
    assert event == "event: state"
    assert json.loads(data.removeprefix("data: ")) == {
        "state": "OPEN",
        "flags": [],
        "seen_sat": 0,
        "confirmed_sat": 0,
        "missing_sat": 10_000,
        "due_sat": 10_000,
        "depth": 0,
        "instant_wait": "",
        "confirmations": 1,
        "quote_until": "2026-03-01T12:20:00Z",
        "release": "none",
        "stale": json.loads(data.removeprefix("data: "))["stale"],
        "over_sat": 0,
        "says": "Waiting for your payment. You may close this page: your return link brings you back.",
        "tone": "",
        "notes": json.loads(data.removeprefix("data: "))["notes"],
        "is_payable": True,
        "is_withdrawn": False,
    }


class Page:
    """A browser tab at the other end of ASGI, as a server would speak for it."""

    def __init__(self, purchase_id: UUID) -> None:
        self.told: asyncio.Queue[bytes] = asyncio.Queue()
        self._closed = asyncio.Event()
        self._asked = False
        path = f"/api/v1/purchases/{purchase_id}/events/"
        headers = [(b"host", b"127.0.0.1:8000")]
        scope = {"type": "http", "method": "GET", "path": path, "headers": headers}
        application = get_asgi_application()
        self.serving = asyncio.create_task(application(scope, self._receive, self._send))

    async def close(self) -> None:
        self._closed.set()
        await self.serving

    async def _receive(self) -> dict[str, Any]:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._closed.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Mapping[str, Any]) -> None:
        if message.get("body"):
            await self.told.put(message["body"])


def test_open_pages_keep_no_threads_and_closing_them_leaves_nothing(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "KIM_REDIS_URL", server.url)
    sold = sale.publish()
    bought = [Buyer().purchase(sold, invoice_id=sale.owe(sold).id) for _ in range(20)]

    async def story() -> tuple[int, int]:
        pages = [Page(purchase.id) for purchase in bought]
        for page in pages:
            while not (await page.told.get()).startswith(b"event: state"):
                continue
        board = live.board()
        followed = len(board._followed)
        await until(lambda: len(threading.enumerate()) < before + len(pages))
        for page in pages:
            await page.close()
        return followed, len(board._followed)

    before = len(threading.enumerate())

    assert run(story) == (20, 0)


def test_a_stream_of_nothing_is_a_404_in_the_shape_of_the_api() -> None:
    async def story() -> Any:
        return await AsyncClient().get(f"/api/v1/purchases/{uuid4()}/events/")

    answer = run(story)

    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "purchase_unknown"
    assert not Purchase.objects.exists()
