"""The questions we put to Electrum Cash servers, and how their answers are read.

Every answer is untrusted: a malformed one closes the connection (``quietly``), and what it says is
checked by whoever asked.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Coroutine, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

from payments import addresses, transactions
from payments.electrum_session import ServerSaidNo, SessionClosed
from payments.errors import BadTransaction

if TYPE_CHECKING:
    from payments.electrum_pool import Link

log = logging.getLogger(__name__)

HEADERS_PER_CALL: Final = 2016
MOST_HEIGHT: Final = 2**31 - 1  # what a column holds
STAGE_SECONDS: Final = 30.0
CACHED_BYTES: Final = 16_000_000
STATUS_CHARS: Final = 64
UNKNOWN_METHOD: Final = -32601
_ALREADY: Final = ("already in", "already-in", "already known", "already-known")

Result = TypeVar("Result")
Histories = Mapping[bytes, Mapping[str, Mapping[str, int]]]  # script → server → txid → height


async def histories_of(links: Sequence[Link], scripts: Sequence[bytes]) -> Histories:
    """What each server says about each script; scripts nobody could tell about are left out."""

    async def ask(link: Link, script: bytes) -> Mapping[str, int] | None:
        answer = await quietly(
            link, link.call("blockchain.scripthash.get_history", addresses.scripthash(script))
        )
        try:
            return None if answer is None else _history_of(answer)
        except ValueError as error:
            link.close(f"malformed history: {error}")
            return None

    pairs = [(link, script) for script in scripts for link in links]
    answers = await within(ask(link, script) for link, script in pairs)
    found: dict[bytes, dict[str, Mapping[str, int]]] = {}
    for (link, script), answer in zip(pairs, answers, strict=True):
        if answer is not None:
            found.setdefault(script, {})[link.name] = answer
    return found


def _history_of(answer: object) -> Mapping[str, int]:
    """Height (0 or -1 in the mempool) by txid. Raises ValueError for anything else."""
    if not isinstance(answer, list):
        raise ValueError("not a list")  # noqa: TRY004 - one error for a bad answer
    history = {}
    for row in answer:
        txid, height = (row.get("tx_hash"), row.get("height")) if isinstance(row, dict) else (0, 0)
        if not isinstance(txid, str) or type(height) is not int or not -1 <= height <= MOST_HEIGHT:
            raise ValueError("not a transaction and a height")
        if len(bytes.fromhex(txid)) != 32 or txid != txid.lower():
            raise ValueError("not a transaction id")
        history[txid] = height
    return history


def highest(histories: Histories) -> int:
    """The highest block that any server names; 0 without one."""
    heights = (h for said in histories.values() for seen in said.values() for h in seen.values())
    return max(heights, default=0)


async def headers_of(link: Link, start: int, count: int) -> bytes:
    answer = await link.call("blockchain.block.headers", start, min(count, HEADERS_PER_CALL))
    if isinstance(answer, dict) and isinstance(answer.get("headers"), list):
        return bytes.fromhex("".join(map(str, answer["headers"])))  # protocol 1.6
    if isinstance(answer, dict) and isinstance(answer.get("hex"), str):
        return bytes.fromhex(answer["hex"])
    raise ValueError("not headers")


async def raw_of(txid: str, links: Sequence[Link]) -> bytes | None:
    """The bytes that hash to ``txid``, from the first server that gives them truly."""
    for link in links:
        answer = await quietly(link, link.call("blockchain.transaction.get", txid))
        try:
            raw = bytes.fromhex(answer) if isinstance(answer, str) else b""
            transactions.parse(raw, txid=txid)
        except (ValueError, BadTransaction):
            if answer is not None:
                link.close("gave other bytes than the transaction asked for")
            continue
        return raw
    return None


async def branch_of(txid: str, link: Link, height: int) -> tuple[tuple[bytes, ...], int] | None:
    """The merkle branch (header byte order, from the bottom) and position that a server gives."""
    answer = await quietly(link, link.call("blockchain.transaction.get_merkle", txid, height))
    if not isinstance(answer, dict):
        return None
    try:
        branch = tuple(bytes.fromhex(node)[::-1] for node in answer["merkle"])
        return branch, int(answer["pos"])
    except (KeyError, TypeError, ValueError) as error:
        link.close(f"malformed merkle proof: {error}")
        return None


async def broadcast(links: Sequence[Link], raw: bytes) -> list[str | None]:
    """Each server's refusal, or None where it took the transaction or had it already."""

    async def send(link: Link) -> str | None:
        try:
            await link.call("blockchain.transaction.broadcast", raw.hex())
        except SessionClosed as error:
            return str(error)
        except ServerSaidNo as error:
            return None if any(word in str(error).lower() for word in _ALREADY) else str(error)
        return None

    return list(await asyncio.gather(*(send(link) for link in links)))


async def offer(links: Sequence[Link], raw: bytes) -> dict[str, str]:
    """By operator: "" where one of its servers took or knew the transaction, else the refusal."""

    async def send(link: Link) -> str | None:
        try:
            await link.call("blockchain.transaction.broadcast", raw.hex())
        except SessionClosed as error:
            log.warning("electrum: %s", error)
            return None
        except ServerSaidNo as error:
            return "" if any(word in str(error).lower() for word in _ALREADY) else str(error)
        return ""

    said: dict[str, str] = {}
    for link, answer in zip(links, await within(send(link) for link in links), strict=True):
        if answer is not None and said.get(link.operator) != "":
            said[link.operator] = answer
    return said


async def statuses_of(
    links: Sequence[Link], scripts: Sequence[bytes]
) -> dict[bytes, dict[str, str | None]]:
    """Script → server → status. A server without ``get_status`` is asked for the history that the
    status is a hash of: no subscription is left behind.
    """

    async def ask(link: Link, script: bytes) -> tuple[str | None] | None:
        scripthash = addresses.scripthash(script)
        try:
            if link.has_status:
                answer = await link.call("blockchain.scripthash.get_status", scripthash)
                if answer is None or (isinstance(answer, str) and len(answer) == STATUS_CHARS):
                    return (answer,)
                raise ValueError("malformed status")
        except ServerSaidNo as error:
            if error.code != UNKNOWN_METHOD:
                log.info("electrum %s: %s", link.name, error)
                return None
            link.has_status = False
        history = await link.call("blockchain.scripthash.get_history", scripthash)
        return (_status_of(_history_of(history)),)

    pairs = [(link, script) for script in scripts for link in links]
    answers = await within(quietly(link, ask(link, script)) for link, script in pairs)
    found: dict[bytes, dict[str, str | None]] = {}
    for (link, script), answer in zip(pairs, answers, strict=True):
        if answer is not None:
            found.setdefault(script, {})[link.name] = answer[0]
    return found


def _status_of(history: Mapping[str, int]) -> str | None:
    """Electrum's status: SHA-256 over txid:height: of the whole history, as it is ordered."""
    if not history:
        return None
    rows = "".join(f"{txid}:{height}:" for txid, height in history.items())
    return hashlib.sha256(rows.encode()).hexdigest()


async def refresh_tips(links: Sequence[Link]) -> None:
    """Ask, rather than wait to be told: a notification may have been lost."""
    await asyncio.gather(*(quietly(link, link.refresh_tip()) for link in links))


async def quietly(link: Link, question: Awaitable[Result]) -> Result | None:
    """The answer, or None when this server has none. A malformed one ends the connection."""
    try:
        return await question
    except ServerSaidNo as error:
        log.info("electrum %s: %s", link.name, error)
    except SessionClosed as error:
        log.warning("electrum: %s", error)
    except ValueError as error:
        link.close(f"malformed answer: {error}")
    return None


async def proofs_of(links: Sequence[Link], txids: Sequence[str]) -> dict[str, bool]:
    """Whether any server holds a double-spend proof for each of these mempool transactions.

    Servers whose node knows no proofs refuse the question; a transaction that no server could tell
    about is left out. That there is no proof proves nothing by itself.
    """

    async def ask(link: Link, txid: str) -> bool | None:
        told = await quietly(link, _proof_of(link, txid))
        return None if told is None else told[0]

    pairs = [(link, txid) for txid in txids for link in links]
    answers = await within(ask(link, txid) for link, txid in pairs)
    found: dict[str, bool] = {}
    for (_, txid), answer in zip(pairs, answers, strict=True):
        if answer is not None:
            found[txid] = found.get(txid, False) or answer
    return found


async def _proof_of(link: Link, txid: str) -> tuple[bool]:
    """In a tuple, because "no" and "no answer" must not look alike."""
    return (bool(await link.call("blockchain.transaction.dsproof.get", txid)),)


async def within(
    works: Iterable[Coroutine[object, object, Result]], seconds: float = STAGE_SECONDS
) -> list[Result | None]:
    """What each returns, None where it is not there in time: nobody waits for the slowest server."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)
        return [task.result() if task.done() else None for task in tasks]
    finally:
        for task in tasks:
            task.cancel()


class RawCache:
    """Transactions by id, so that foreign ones are not fetched at every look. One loop only."""

    def __init__(self) -> None:
        self._raws: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0

    def __contains__(self, txid: object) -> bool:
        return txid in self._raws

    async def fetch(self, lacking: Mapping[str, Sequence[Link]]) -> dict[str, bytes]:
        """The raw bytes of every id that some server gives truly; the others are left out."""
        got = await within(self._one(txid, links) for txid, links in lacking.items())
        return {txid: raw for txid, raw in zip(lacking, got, strict=True) if raw is not None}

    async def _one(self, txid: str, links: Sequence[Link]) -> bytes | None:
        if txid in self._raws:
            self._raws.move_to_end(txid)
            return self._raws[txid]
        raw = await raw_of(txid, links)
        if raw is not None:
            self._keep(txid, raw)
        return raw

    def _keep(self, txid: str, raw: bytes) -> None:
        self._raws[txid] = raw
        self._bytes += len(raw)
        while self._bytes > CACHED_BYTES:
            self._bytes -= len(self._raws.popitem(last=False)[1])
