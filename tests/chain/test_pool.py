"""Many servers: what one of them shows is seen, what one of them denies is not believed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kim.env import ElectrumServer
from payments import electrum_pool, electrum_standing
from payments.chain import ServerView
from payments.electrum import ElectrumChain
from payments.errors import ChainUnavailable
from payments.header_store import StoredHeaders
from payments.states import Network
from payments.transactions import txid_of
from tests.chain.test_lies import HISTORY, freeze
from tests.devchains import Devchain, wait_until
from tests.peers import paying
from tests.proxies import Proxy
from tests.tills import script_of

pytestmark = pytest.mark.django_db(transaction=True)
Connect = Callable[..., ElectrumChain]


@pytest.fixture
def trio(devchain: Devchain) -> Iterator[list[Proxy]]:
    """Three servers of three operators in front of one chain."""
    proxies = [Proxy(devchain.electrum_port, operator=name) for name in ("Ann", "Bob", "Cleo")]
    yield proxies
    for each in proxies:
        each.close()


@pytest.fixture
def connect() -> Iterator[Connect]:
    made: list[ElectrumChain] = []

    def make(*servers: ElectrumServer, call_seconds: float = 15) -> ElectrumChain:
        book = StoredHeaders(Network.REGTEST)
        made.append(ElectrumChain(servers, book, call_seconds=call_seconds))
        return made[-1]

    yield make
    for each in made:
        each.close()


def hide(proxy: Proxy) -> None:
    proxy.alter = lambda method, _, result: [] if method == HISTORY else result


def by_operator(chain: ElectrumChain) -> dict[str, ServerView]:
    return {view.operator: view for view in chain.servers()}


def test_servers_are_told_with_tip_answer_time_and_operator(
    devchain: Devchain, trio: list[Proxy], connect: Connect
) -> None:
    trio[2].close()
    chain = connect(*(each.server for each in trio))
    assert [view.demoted for view in chain.servers()] == ["It is not connected."] * 3
    chain.tip()
    ann, bob, cleo = chain.servers()

    assert (ann.operator, ann.is_live, ann.demoted) == ("Ann", True, "")
    assert (ann.tip_height, ann.behind_blocks) == (devchain.height, 0)
    assert ann.heard_at is not None
    assert ann.answered_ms is not None
    assert (bob.operator, bob.name) == ("Bob", f"127.0.0.1:{trio[1].server.port}")
    assert (cleo.is_live, cleo.tip_height, cleo.heard_at) == (False, None, None)
    assert cleo.demoted.startswith("It cannot be reached: ")


def test_who_shows_a_payment_is_named_and_the_proof_is_kept(
    devchain: Devchain, trio: list[Proxy], connect: Connect
) -> None:
    chain = connect(*(each.server for each in trio))
    address = devchain.new_address()
    devchain.pay(address, 5_000)
    devchain.pay(devchain.new_address(), 6_000)
    devchain.mine()
    hide(trio[1])

    (out,) = chain.sight(script_of(address), {}).outputs

    assert out.operators == ("Ann", "Cleo")
    assert (out.spv_ok, len(out.branch)) == (True, 2)
    assert out.position in range(3)


def test_all_that_count_must_agree_before_anything_is_gone(
    devchain: Devchain, trio: list[Proxy], connect: Connect
) -> None:
    chain = connect(*(each.server for each in trio))
    address = devchain.new_address()
    script = script_of(address)
    assert chain.sight(script, {}).agreed
    devchain.pay(address, 5_000)
    hide(trio[0])
    hide(trio[1])

    seen = chain.sight(script, {})

    assert (len(seen.outputs), seen.agreed) == (1, False)


def test_two_of_one_operator_are_not_two(
    devchain: Devchain, trio: list[Proxy], connect: Connect
) -> None:
    trio[1].operator = "Ann"
    chain = connect(*(each.server for each in trio))
    script = script_of(devchain.new_address())
    assert chain.sight(script, {}).agreed

    trio[2].close()

    assert not chain.sight(script, {}).agreed
    with pytest.raises(ChainUnavailable, match="Too few servers"):
        chain.is_used(script)


def test_one_server_alone_is_believed_where_no_other_is_configured(
    devchain: Devchain, trio: list[Proxy], connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(electrum_pool, "PAUSE_FIRST_SECONDS", 0.01)
    chain = connect(trio[0].server)
    script = script_of(devchain.new_address())
    for _ in range(3):
        trio[0].hang_up()
        chain.tip()
    assert chain.sight(script, {}).agreed
    assert not chain.is_used(script)


def test_unused_is_what_every_server_says(
    devchain: Devchain, trio: list[Proxy], connect: Connect
) -> None:
    chain = connect(*(each.server for each in trio))
    address = devchain.new_address()
    devchain.pay(address, 5_000)
    hide(trio[0])
    hide(trio[1])

    assert chain.is_used(script_of(address))


def test_unused_is_unknown_while_a_server_does_not_answer(
    devchain: Devchain, trio: list[Proxy], connect: Connect
) -> None:
    chain = connect(*(each.server for each in trio), call_seconds=0.5)
    script = script_of(devchain.new_address())
    chain.tip()
    trio[1].bend = lambda method, line: None if method == HISTORY else line

    with pytest.raises(ChainUnavailable, match="Too few servers"):
        chain.is_used(script)


def test_a_server_two_blocks_behind_is_demoted_and_comes_back(
    devchain: Devchain, trio: list[Proxy], connect: Connect
) -> None:
    chain = connect(*(each.server for each in trio))
    script = script_of(devchain.new_address())
    chain.tip()
    freeze(trio[1], devchain, script)
    devchain.mine(2)

    assert chain.sight(script, {}).agreed
    bob = by_operator(chain)["Bob"]
    assert (bob.behind_blocks, bob.is_live) == (2, True)
    assert bob.demoted == "It is 2 blocks behind the best chain."

    trio[1].be_honest()
    chain.tip()
    assert by_operator(chain)["Bob"].demoted == ""


def test_a_demoted_server_is_still_heard(
    devchain: Devchain, trio: list[Proxy], connect: Connect
) -> None:
    """It alone shows the payment: seen is seen."""
    chain = connect(*(each.server for each in trio))
    address = devchain.new_address()
    script = script_of(address)
    devchain.pay(address, 5_000)
    chain.tip()
    freeze(trio[1], devchain, script)
    devchain.mine(2)
    hide(trio[0])
    hide(trio[2])
    chain.tip()
    assert by_operator(chain)["Bob"].demoted != ""

    seen = chain.sight(script, {})

    assert [out.operators for out in seen.outputs] == [("Bob",)]


def test_a_mempool_that_stands_still_is_found_out(
    devchain: Devchain, trio: list[Proxy], connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its node has the payment, its history never shows it; blocks go on (Fulcrum 217)."""
    monkeypatch.setattr(electrum_standing, "FROZEN_SECONDS", 0.0)
    monkeypatch.setattr(electrum_standing, "SETTLE_SECONDS", 0.0)
    chain = connect(*(each.server for each in trio))
    address = devchain.new_address()
    script = script_of(address)

    def no_mempool(method: str, _: list[Any], result: Any) -> Any:
        return [r for r in result if r["height"] > 0] if method == HISTORY else result

    trio[2].alter = no_mempool
    devchain.pay(address, 5_000)

    assert not chain.sight(script, {}).agreed
    chain.tip()  # nobody need look at that address again
    cleo = by_operator(chain)["Cleo"]
    assert cleo.demoted.startswith("Its mempool stands still: it has a payment that another")
    assert chain.sight(script, {}).agreed
    assert [by_operator(chain)[name].demoted for name in ("Ann", "Bob")] == ["", ""]

    devchain.mine()
    chain.sight(script, {})
    assert by_operator(chain)["Cleo"].demoted == ""


def test_nobody_is_demoted_for_not_showing_what_was_made_up(
    devchain: Devchain, trio: list[Proxy], connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(electrum_standing, "FROZEN_SECONDS", 0.0)
    monkeypatch.setattr(electrum_standing, "SETTLE_SECONDS", 0.0)
    chain = connect(*(each.server for each in trio))
    script = script_of(devchain.new_address())
    raw = paying(script, 5_000)
    row = {"tx_hash": txid_of(raw), "height": 0}
    for liar in trio[:2]:
        liar.alter = lambda method, _, result: [*result, row] if method == HISTORY else result
        liar.bend = _with_raw(raw)

    for _ in range(4):
        seen = chain.sight(script, {})

    assert {out.operators for out in seen.outputs} == {("Ann", "Bob")}
    assert not seen.agreed
    assert by_operator(chain)["Cleo"].demoted == ""


def test_a_server_that_refuses_is_demoted_and_comes_back(
    devchain: Devchain, trio: list[Proxy], connect: Connect
) -> None:
    chain = connect(*(each.server for each in trio))
    scripts = [script_of(devchain.new_address()) for _ in range(8)]
    trio[0].bend = _refusing(HISTORY)
    chain.sight_many({script: {} for script in scripts})

    assert by_operator(chain)["Ann"].demoted.startswith("It refused ")
    assert chain.sight(scripts[0], {}).agreed  # by the two others

    trio[0].be_honest()
    for _ in range(3):
        chain.sight_many({script: {} for script in scripts})
    assert by_operator(chain)["Ann"].demoted == ""


def test_a_server_that_answers_slowly_comes_last(
    devchain: Devchain, trio: list[Proxy], connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(electrum_standing, "SLOW_SECONDS", 0.05)
    chain = connect(*(each.server for each in trio))
    address = devchain.new_address()
    txid = devchain.pay(address, 5_000)
    trio[0].delay_seconds = 0.2
    for _ in range(4):
        chain.sight(script_of(devchain.new_address()), {})
    assert by_operator(chain)["Ann"].demoted == "It takes 0 seconds to answer."
    asked = trio[0].asked.count("blockchain.transaction.get")

    assert list(chain.raws_of([txid])) == [txid]

    assert trio[0].asked.count("blockchain.transaction.get") == asked


def test_a_server_whose_connection_keeps_breaking_is_demoted(
    devchain: Devchain, trio: list[Proxy], connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(electrum_pool, "PAUSE_FIRST_SECONDS", 0.01)
    monkeypatch.setattr(electrum_pool, "PAUSE_MOST_SECONDS", 0.01)
    chain = connect(*(each.server for each in trio))
    script = script_of(devchain.new_address())
    chain.tip()
    for _ in range(3):
        wait_until(lambda: chain.tip() and by_operator(chain)["Ann"].is_live)
        trio[0].hang_up()
        wait_until(lambda: not by_operator(chain)["Ann"].is_live)
    wait_until(lambda: chain.tip() and by_operator(chain)["Ann"].is_live)

    assert by_operator(chain)["Ann"].demoted == (
        "Its connection broke off 3 times within ten minutes."
    )
    assert chain.sight(script, {}).agreed


def test_a_server_that_is_down_is_tried_after_growing_and_uneven_pauses(
    trio: list[Proxy],
) -> None:
    """From a second to a minute; each half as long again, or half as short, by chance."""
    trio[0].close()
    pauses: list[float] = []

    async def run() -> None:
        link = electrum_pool.Link(trio[0].server)
        for _ in range(9):
            link._retry_at = 0.0
            opening = link.open()
            assert opening is not None
            await opening
            pauses.append(link.wait_seconds)

    asyncio.run(run())

    middles = [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert all(
        0.45 * middle <= pause <= 1.5 * middle
        for pause, middle in zip(pauses, middles, strict=True)
    )
    assert (
        len({round(pause / middle, 3) for pause, middle in zip(pauses, middles, strict=True)}) > 1
    )


def test_statuses_change_with_the_history_and_are_the_same_everywhere(
    devchain: Devchain, trio: list[Proxy], connect: Connect
) -> None:
    trio[1].bend = _refusing("blockchain.scripthash.get_status", code=-32601)
    chain = connect(*(each.server for each in trio))
    address = devchain.new_address()
    script, unused = script_of(address), script_of(devchain.new_address())
    names = {each.name for each in chain.servers()}
    assert chain.statuses_of([script]) == {script: dict.fromkeys(names)}
    devchain.pay(address, 5_000)

    told = chain.statuses_of([script, unused])

    assert told[unused] == dict.fromkeys(names)
    assert set(told[script]) == names
    assert len(set(told[script].values())) == 1
    chain.statuses_of([script])
    assert trio[1].asked.count("blockchain.scripthash.get_status") == 1  # not asked for again


def test_a_conflict_is_found_through_the_coin_that_both_spend(
    devchain: Devchain, trio: list[Proxy], connect: Connect
) -> None:
    chain = connect(*(each.server for each in trio))
    address = devchain.new_address()
    txid = devchain.pay(address, 5_000)
    raw = chain.raws_of([txid])[txid]
    assert chain.conflict_of(raw) is None

    second = devchain.ask("/api/double-spend", txid=txid, mine=True)["txid"]

    assert chain.conflict_of(raw) == second
    assert chain.offer(raw).keys() == {"Ann", "Bob", "Cleo"}
    assert "" not in chain.offer(raw).values()
    other = chain.raws_of([second])[second]
    assert set(chain.offer(other).values()) <= {""} or chain.conflict_of(other) is None


def test_an_offer_is_answered_by_each_operator_that_answers(
    devchain: Devchain, trio: list[Proxy], connect: Connect
) -> None:
    chain = connect(*(each.server for each in trio), call_seconds=0.5)
    txid = devchain.pay(devchain.new_address(), 5_000)
    raw = chain.raws_of([txid])[txid]
    assert chain.offer(raw) == {"Ann": "", "Bob": "", "Cleo": ""}

    trio[0].bend = _refusing("blockchain.transaction.broadcast")
    trio[1].bend = lambda method, line: None if method.endswith("broadcast") else line

    assert chain.offer(raw) == {"Ann": "no (1)", "Cleo": ""}


def _refusing(method: str, *, code: int = 1) -> Callable[[str, bytes], bytes | None]:
    def refuse(asked: str, line: bytes) -> bytes:
        if asked != method:
            return line
        error = {"code": code, "message": "no"}
        return json.dumps({"id": json.loads(line)["id"], "error": error}).encode() + b"\n"

    return refuse


def _with_raw(raw: bytes) -> Callable[[str, bytes], bytes | None]:
    def give(asked: str, line: bytes) -> bytes:
        if asked != "blockchain.transaction.get":
            return line
        return json.dumps({"id": json.loads(line)["id"], "result": raw.hex()}).encode() + b"\n"

    return give
