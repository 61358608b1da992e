"""Frames over a real socket, spoiled at random: an answer is to its own question, or there is none."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kim.env import ElectrumServer
from payments.electrum_session import (
    IN_FLIGHT,
    RAW_IN_FLIGHT,
    ServerSaidNo,
    Session,
    SessionClosed,
    connect,
)

QUESTIONS = 6
GARBAGE = (
    b"\n",
    b"{}\n",
    b"[]\n",
    b"null\n",
    b'{"id": null, "result": 1}\n',
    b'{"id": 3.0, "result": 1}\n',
    b'{"id": "3", "result": 1}\n',
    b'{"id": true, "result": 1}\n',
    b'{"id": 10000000000000000000000, "result": 1}\n',
    b'{"id": -3, "result": 1}\n',
    b'{"id": [3], "result": 1}\n',
    b'{"id": {"a": 3}, "result": 1}\n',
    b'{"method": 7, "params": []}\n',
    b'{"method": "note", "params": null}\n',
    b'[{"id": 3, "result": "batch"}]\n',
    b"[" * 100_000 + b"\n",
    b'{"id": 3, "result": ' + b"[" * 100_000 + b"\n",
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
    b"\x00\x01\x02\xff\n",
    b"NaN\n",
    b"9" * 5_000 + b"\n",
)
HARMLESS = (
    b'{"method": "blockchain.headers.subscribe", "params": [{"height": 1}]}\n',
    b'{"method": "blockchain.scripthash.subscribe", "params": ["aa", null]}\n',
)

fault = st.one_of(
    st.sampled_from(["as it is", "twice", "never", "next one first", "half", "hang up", "error"]),
    st.sampled_from(GARBAGE + HARMLESS),
)


def frames(answers: list[bytes], faults: Sequence[str | bytes]) -> tuple[list[bytes], bool]:
    """What goes over the wire instead of ``answers``; whether the server hangs up then."""
    wire: list[bytes] = []
    queue = list(answers)
    for each in faults:
        if not queue:
            break
        if isinstance(each, bytes):
            wire.append(each)
        elif each == "never":
            queue.pop(0)
        elif each == "next one first" and len(queue) > 1:
            wire.append(queue.pop(1))
        elif each == "half":
            wire.append(queue.pop(0)[:-7])
        elif each == "hang up":
            return wire, True
        elif each == "error":
            number = json.loads(queue.pop(0))["id"]
            wire.append(json.dumps({"id": number, "error": {"code": 1, "message": "no"}}).encode())
            wire.append(b"\n")
        else:
            wire.append(queue.pop(0) if each == "as it is" else queue[0] + queue.pop(0))
    return wire + queue, False


def cut(wire: bytes, cuts: Sequence[int]) -> list[bytes]:
    """The same bytes in other pieces."""
    edges = sorted({0, len(wire), *(at % (len(wire) + 1) for at in cuts)})
    return [wire[a:b] for a, b in pairwise(edges)]


async def conversation(
    faults: Sequence[str | bytes], cuts: Sequence[int]
) -> tuple[list[object], bool]:
    """Six questions at once, answered through ``faults``: what came back for each of them."""
    serving: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.append(task)
        with contextlib.suppress(OSError):
            hello = json.loads(await reader.readline())
            writer.write(json.dumps({"id": hello["id"], "result": ["x", "1.6"]}).encode() + b"\n")
            asked = [json.loads(await reader.readline()) for _ in range(QUESTIONS)]
            answers = [
                json.dumps({"id": q["id"], "result": q["params"]}).encode() + b"\n" for q in asked
            ]
            wire, hangs_up = frames(answers, faults)
            for part in cut(b"".join(wire), cuts):
                writer.write(part)
                await writer.drain()
            if not hangs_up:
                await reader.read()
        with contextlib.suppress(OSError):
            writer.close()
            await writer.wait_closed()

    async def ask(session: Session, number: int) -> object:
        try:
            return await session.call("x", number, deadline_seconds=0.2)
        except (SessionClosed, ServerSaidNo) as error:
            return error

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    session = await connect(ElectrumServer("127.0.0.1", port, tls=False))
    got = await asyncio.gather(*(ask(session, number) for number in range(QUESTIONS)))
    was_closed = session.is_closed
    session.close()
    server.close()
    await asyncio.gather(*serving)
    return list(got), was_closed


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    faults=st.lists(fault, max_size=8),
    cuts=st.lists(st.integers(0, 5_000), max_size=12),
)
def test_an_answer_is_to_its_own_question_or_there_is_none(
    faults: list[str | bytes], cuts: list[int]
) -> None:
    got, was_closed = asyncio.run(conversation(faults, cuts))

    for number, answer in enumerate(got):
        assert answer == [number] or isinstance(answer, SessionClosed | ServerSaidNo)
    # Whatever has gone unanswered has ended the connection: no late answer can come.
    assert was_closed or not any(isinstance(answer, SessionClosed) for answer in got)


def test_at_most_so_many_questions_are_open_at_once() -> None:
    """A hundred; twenty that a server must ask its node about."""
    most: dict[str, int] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hello = json.loads(await reader.readline())
        writer.write(json.dumps({"id": hello["id"], "result": ["x", "1.6"]}).encode() + b"\n")
        waiting: list[dict[str, object]] = []
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                try:
                    line = await asyncio.wait_for(reader.readline(), 0.05)
                except TimeoutError:
                    for question in waiting:
                        answer = {"id": question["id"], "result": "yes"}
                        writer.write(json.dumps(answer).encode() + b"\n")
                    waiting = []
                    continue
                if not line:
                    break
                question = json.loads(line)
                waiting.append(question)
                for method in {str(each["method"]) for each in waiting}:
                    count = sum(each["method"] == method for each in waiting)
                    most[method] = max(count, most.get(method, 0))
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    async def run() -> None:
        done = asyncio.Event()

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await serve(reader, writer)
            done.set()

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        session = await connect(
            ElectrumServer("127.0.0.1", server.sockets[0].getsockname()[1], tls=False)
        )
        for method in ("blockchain.scripthash.get_history", "blockchain.transaction.get"):
            await asyncio.gather(*(session.call(method, n) for n in range(250)))
        session.close()
        server.close()
        await done.wait()

    asyncio.run(run())
    assert most == {
        "blockchain.scripthash.get_history": IN_FLIGHT,
        "blockchain.transaction.get": RAW_IN_FLIGHT,
    }
