"""One connection: any doubt about the stream closes it, and no answer is ever taken for another."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from kim.env import ElectrumServer
from payments import electrum_calls, electrum_session
from payments.electrum_session import ServerSaidNo, Session, SessionClosed, connect

Reply = Callable[[dict[str, object]], list[bytes]]


def line(**message: object) -> bytes:
    return json.dumps(message).encode() + b"\n"


def honest(question: dict[str, object]) -> list[bytes]:
    result: object = ["a server", "1.6"] if question["method"] == "server.version" else "yes"
    return [line(jsonrpc="2.0", id=question["id"], result=result)]


def after_version(reply: Reply) -> Reply:
    return lambda q: honest(q) if q["method"] == "server.version" else reply(q)


def talk(
    reply: Reply,
    work: Callable[[Session], Awaitable[None]],
    tls: ssl.SSLContext | None = None,
    pin: str = "",
) -> list[str]:
    """Serve ``reply`` on a free port, run ``work`` with a session to it; the methods asked for."""
    asked: list[str] = []
    serving: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.append(task)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while raw := await reader.readline():
                question = json.loads(raw)
                asked.append(question["method"])
                for part in reply(question):
                    writer.write(part)
                    await writer.drain()
        with contextlib.suppress(OSError):
            writer.close()
            await writer.wait_closed()

    async def run() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
        port = server.sockets[0].getsockname()[1]
        try:
            session = await connect(ElectrumServer("127.0.0.1", port, tls=tls is not None, pin=pin))
            await work(session)
            session.close()
        finally:
            server.close()
            await asyncio.gather(*serving)

    asyncio.run(run())
    return asked


def test_the_version_is_the_first_question() -> None:
    async def work(session: Session) -> None:
        assert await session.call("server.ping") == "yes"

    assert talk(honest, work) == ["server.version", "server.ping"]


def test_a_server_of_another_protocol_is_refused() -> None:
    async def never(_: Session) -> None:
        raise AssertionError

    with pytest.raises(SessionClosed, match="another protocol"):
        talk(lambda q: [line(id=q["id"], result=["old", "1.4"])], never)


def test_answers_in_any_order_reach_their_own_questions() -> None:
    held: list[dict[str, object]] = []

    def reverse(question: dict[str, object]) -> list[bytes]:
        held.append(question)
        if len(held) < 3:
            return []
        return [line(id=q["id"], result=q["params"]) for q in reversed(held)]

    async def work(session: Session) -> None:
        answers = await asyncio.gather(*(session.call("x", n) for n in range(3)))
        assert answers == [[0], [1], [2]]

    talk(after_version(reverse), work)


def test_lines_split_and_merged_anyhow_are_read_the_same() -> None:
    def crumbs(question: dict[str, object]) -> list[bytes]:
        whole = line(method="note", params=[1]) + line(id=question["id"], result="ok")
        return [whole[:5], whole[5:20], whole[20:41], whole[41:]]

    async def work(session: Session) -> None:
        heard: list[list[object]] = []
        session.on_notice = lambda _, params: heard.append(params)
        assert await session.call("x") == "ok"
        assert heard == [[1]]

    talk(after_version(crumbs), work)


def test_an_error_answer_leaves_the_connection_open() -> None:
    def refuse(question: dict[str, object]) -> list[bytes]:
        return [line(id=question["id"], error={"code": 7, "message": "no such thing"})]

    async def work(session: Session) -> None:
        with pytest.raises(ServerSaidNo, match=r"no such thing \(7\)"):
            await session.call("x")
        assert not session.is_closed

    talk(after_version(refuse), work)


@pytest.mark.parametrize(
    "answer",
    [
        b"not json\n",
        b"\xff\xfe\n",
        b"[]\n",
        b'"text"\n',
        b"{}\n",
        line(id=999, result=1),
        line(id="2", result=1),
        line(id=True, result=1),
        line(id=None, error={"code": 1, "message": "parse error"}),
        line(id=2),
        line(method="note", params={"not": "a list"}),
    ],
)
def test_any_nonsense_closes_the_connection(answer: bytes) -> None:
    async def work(session: Session) -> None:
        with pytest.raises(SessionClosed):
            await session.call("x")
        assert session.is_closed
        with pytest.raises(SessionClosed):
            await session.call("server.ping")

    asked = talk(after_version(lambda _: [answer]), work)
    assert asked == ["server.version", "x"]


def test_a_line_without_end_closes_the_connection() -> None:
    async def work(session: Session) -> None:
        with pytest.raises(SessionClosed, match="MemoryError"):
            await session.call("x")

    talk(after_version(lambda _: [b"a" * (electrum_session.MAX_LINE_BYTES + 1)]), work)


def test_a_time_out_closes_so_that_a_late_answer_is_nobodys() -> None:
    async def work(session: Session) -> None:
        with pytest.raises(SessionClosed, match="no answer to x"):
            await session.call("x", deadline_seconds=0.05)
        assert session.is_closed

    talk(after_version(lambda _: []), work)


def test_all_open_questions_fail_when_one_times_out() -> None:
    async def work(session: Session) -> None:
        slow = asyncio.create_task(session.call("x"))
        await asyncio.sleep(0)
        with pytest.raises(SessionClosed):
            await session.call("y", deadline_seconds=0.05)
        with pytest.raises(SessionClosed):
            await slow

    talk(after_version(lambda _: []), work)


def test_a_question_given_up_by_its_asker_harms_nobody() -> None:
    held: list[dict[str, object]] = []

    def late(question: dict[str, object]) -> list[bytes]:
        held.append(question)
        return [line(id=q["id"], result="late") for q in held] if len(held) == 2 else []

    async def work(session: Session) -> None:
        asker = asyncio.create_task(session.call("x"))
        await asyncio.sleep(0)
        asker.cancel()
        assert await session.call("y") == "late"
        assert not session.is_closed

    talk(after_version(late), work)


def test_silence_is_broken_by_pings_and_a_dead_peer_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(electrum_session, "PING_EVERY_SECONDS", 0.02)
    monkeypatch.setattr(electrum_session, "PING_SECONDS", 0.05)
    pings = 0

    def answer_twice(question: dict[str, object]) -> list[bytes]:
        nonlocal pings
        pings += 1
        return honest(question) if pings < 3 else []

    async def work(session: Session) -> None:
        await asyncio.wait_for(session.closed.wait(), 5)

    asked = talk(after_version(answer_twice), work)
    assert asked == ["server.version", *["server.ping"] * 3]


def test_plain_tcp_goes_to_loopback_only() -> None:
    async def run() -> None:
        with pytest.raises(SessionClosed, match="loopback only"):
            await connect(ElectrumServer("192.0.2.1", 50001, tls=False))

    asyncio.run(run())


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[ssl.SSLContext, str]:
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    shown = subprocess.run(
        ["openssl", "x509", "-in", cert, "-noout", "-fingerprint", "-sha256"],
        check=True,
        capture_output=True,
        text=True,
    )
    return context, shown.stdout.split("=")[1].strip().replace(":", "").lower()


def test_a_pinned_certificate_is_taken_without_a_ca(
    certificate: tuple[ssl.SSLContext, str],
) -> None:
    async def work(session: Session) -> None:
        assert await session.call("server.ping") == "yes"

    context, pin = certificate
    talk(honest, work, tls=context, pin=pin)


@pytest.mark.parametrize("pin", ["00" * 32, ""])
def test_any_other_certificate_is_refused(
    certificate: tuple[ssl.SSLContext, str], pin: str
) -> None:
    async def never(_: Session) -> None:
        raise AssertionError

    with pytest.raises(SessionClosed):
        talk(honest, never, tls=certificate[0], pin=pin)


def test_what_is_not_there_in_time_holds_up_nothing() -> None:
    async def ask() -> tuple[list[int | None], bool]:
        given_up = asyncio.Event()

        async def quick() -> int:
            return 1

        async def never() -> int:
            try:
                await asyncio.Event().wait()
            finally:
                given_up.set()
            return 2

        answers = await electrum_calls.within([quick(), never(), quick()], seconds=0.05)
        await asyncio.sleep(0)
        return answers, given_up.is_set()

    assert asyncio.run(ask()) == ([1, None, 1], True)
    assert asyncio.run(electrum_calls.within([])) == []
