"""The chain, asked through Electrum Cash servers that may lag, lie or die (``payments.chain``).

Histories (spent or not, so that swept money is seen too) are the union over all live servers;
transactions are fetched raw, hashed and read here and matched by whole script; a confirmation
counts only with a merkle proof into our own header chain. See docs/payments.md, 2.4 and 2.5.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Protocol

from payments import electrum_calls, headers, transactions
from payments.chain import KnownTx, SeenOutput, ServerView, Sighting, Tip
from payments.electrum_calls import Histories, RawCache, highest, within
from payments.electrum_pool import Link, LoopThread, Pool
from payments.electrum_session import CALL_SECONDS, ServerAddress
from payments.errors import (
    BadHeaders,
    BadProof,
    BroadcastRefused,
    ChainUnavailable,
)

if TYPE_CHECKING:
    from payments.headers import Header
    from payments.transactions import Outpoint

log = logging.getLogger(__name__)

CATCH_UP_SECONDS: Final = 20.0
NEW_PER_LOOK: Final = 200  # transactions fetched in one look; dust spam waits for the next


class HeaderBook(Protocol):
    """Our own header chain, as it is kept. ``catch_up`` raises ``BadHeaders``."""

    def tip(self) -> Tip: ...
    def at(self, height: int) -> Header | None: ...
    def catch_up(
        self, height: int, raw: bytes, fetch: Callable[[int, int], bytes], *, now: datetime
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a transaction lies: proved in our own chain, or only said so."""

    height: int | None
    header: Header | None
    spv_ok: bool
    unconfirmed_parents: bool
    server: str
    branch: tuple[str, ...] = ()
    position: int | None = None


class ElectrumChain:
    """``payments.chain.Chain`` over all configured servers; may be used from many threads."""

    def __init__(
        self,
        servers: Sequence[ServerAddress],
        book: HeaderBook,
        *,
        call_seconds: float = CALL_SECONDS,
    ) -> None:
        self._book = book
        self._pool = Pool(servers, call_seconds)
        self._loop = LoopThread()
        self._cache = RawCache()
        self._catching_up = threading.Lock()

    def tip(self) -> Tip:
        links = self._loop.run(self._pool.live())
        self._loop.run(_refresh_tips(links))
        self._catch_up(links)
        return self._book.tip()

    def sight(self, script: bytes, known: Mapping[str, KnownTx]) -> Sighting:
        found = self.sight_many({script: known}).get(script)
        if found is None:
            raise ChainUnavailable("No server can tell the history of this address.")
        return found

    def sight_many(self, wanted: Mapping[bytes, Mapping[str, KnownTx]]) -> dict[bytes, Sighting]:
        """One look at many scripts at once. A script that no server can tell about is left out."""
        asked_at = datetime.now(UTC)
        links = self._loop.run(self._pool.live())
        histories = self._loop.run(electrum_calls.histories_of(links, list(wanted)))
        self._catch_up(links, reach=highest(histories))
        tip = self._book.tip()
        raws = self._fetch_raws(links, histories, wanted)
        places = self._prove(links, _paying(histories, raws), wanted)
        agreed_by = min(2, len(self._pool.links))
        return {
            script: Sighting(
                script=script,
                outputs=tuple(_outputs(script, self._shown_by(said), raws, places)),
                missing=tuple(sorted(set(wanted[script]) - union)),
                agreed=len(said) >= agreed_by and _is_unanimous(said.values()),
                tip=tip,
                swept_at=asked_at,
            )
            for script, said in histories.items()
            for union in [frozenset(txid for seen in said.values() for txid in seen)]
        }

    def is_used(self, script: bytes) -> bool:
        return script in self.used([script])

    def used(self, scripts: Sequence[bytes]) -> frozenset[bytes]:
        """Which of ``scripts`` any server shows a history for. Raises ``ChainUnavailable`` unless
        every one of them was told about.
        """
        histories = self._loop.run(
            electrum_calls.histories_of(self._loop.run(self._pool.live()), scripts)
        )
        if len(histories) < len(set(scripts)):
            raise ChainUnavailable("No server can tell the history of an address.")
        return frozenset(script for script, said in histories.items() if any(said.values()))

    def double_spent(self, txids: Sequence[str]) -> frozenset[str]:
        """Which of these unconfirmed transactions a double-spend proof is known for."""
        if not txids:
            return frozenset()
        return self._loop.run(electrum_calls.double_spent(self._loop.run(self._pool.live()), txids))

    def spender_of(self, outpoint: Outpoint, script: bytes) -> tuple[str, int] | None:
        """Which transaction spent this coin of ``script``, and at what height of our own chain;
        None while no block is proved to hold one.
        """
        links = self._loop.run(self._pool.live())
        histories = self._loop.run(electrum_calls.histories_of(links, [script]))
        self._catch_up(links, reach=highest(histories))
        wanted: dict[bytes, dict[str, KnownTx]] = {script: {}}
        read = self._fetch_raws(links, histories, wanted)
        places = self._prove(links, histories, wanted)
        for txid, spending in read.items():
            place = places[txid]
            is_spent = any(each.outpoint == outpoint for each in spending.inputs)
            if is_spent and place.spv_ok and place.height is not None:
                return txid, place.height
        return None

    def broadcast(self, raw: bytes) -> str:
        txid = transactions.txid_of(raw)
        links = self._loop.run(self._pool.live())
        refusals = self._loop.run(electrum_calls.broadcast(links, raw))
        # One that is in a block, and spent on from there, is refused for its missing inputs.
        if None not in refusals and self._loop.run(electrum_calls.raw_of(txid, links)) is None:
            raise BroadcastRefused(f"No server took the transaction: {refusals[0]}")
        return txid

    def offer(self, raw: bytes) -> dict[str, str]:
        return self._loop.run(electrum_calls.offer(self._loop.run(self._pool.live()), raw))

    def raws_of(self, txids: Iterable[str]) -> dict[str, bytes]:
        links = self._loop.run(self._pool.live())
        return self._loop.run(self._cache.fetch(dict.fromkeys(txids, links)))

    def conflict_of(self, raw: bytes) -> str | None:
        txid = transactions.txid_of(raw)
        spent = {each.outpoint for each in transactions.parse(raw, txid=txid).inputs}
        parents = {
            each: transactions.parse(tx, txid=each)
            for each, tx in self.raws_of({outpoint.txid for outpoint in spent}).items()
        }
        scripts = {
            parents[coin.txid].outputs[coin.vout].script
            for coin in spent
            if coin.txid in parents and coin.vout < len(parents[coin.txid].outputs)
        }
        links = self._loop.run(self._pool.live())
        histories = self._loop.run(electrum_calls.histories_of(links, sorted(scripts)))
        wanted: dict[bytes, dict[str, KnownTx]] = {script: {} for script in scripts}
        for found, other in self._fetch_raws(links, histories, wanted).items():
            if found != txid and any(each.outpoint in spent for each in other.inputs):
                return found
        return None

    def statuses_of(self, scripts: Sequence[bytes]) -> dict[bytes, dict[str, str | None]]:
        links = self._loop.run(self._pool.live())
        return self._loop.run(electrum_calls.statuses_of(links, scripts))

    def servers(self) -> tuple[ServerView, ...]:
        return tuple(link.view() for link in self._pool.links)

    def close(self) -> None:
        self._loop.run(self._pool.close())
        self._loop.stop()

    def _shown_by(self, said: Mapping[str, Mapping[str, int]]) -> dict[str, tuple[str, ...]]:
        """Transaction → the operators that show it."""
        operator = {link.name: link.operator for link in self._pool.links}
        shown: dict[str, set[str]] = {}
        for server, seen in said.items():
            for txid in seen:
                shown.setdefault(txid, set()).add(operator[server])
        return {txid: tuple(sorted(names)) for txid, names in shown.items()}

    def _catch_up(self, links: Sequence[Link], reach: int = 0) -> None:
        """Bring our header chain up to what the servers have; a server with bad headers goes.

        One at a time; whoever would wait long for it goes on with the headers that we have.
        """
        if not self._catching_up.acquire(timeout=CATCH_UP_SECONDS):
            return
        try:
            for link in links:
                self._learn_headers(link, reach)
        finally:
            self._catching_up.release()

    def _learn_headers(self, link: Link, reach: int) -> None:
        try:
            if link.tip is not None and link.tip.height < reach:
                # It knows a block that it has not told us of yet.
                self._loop.run(electrum_calls.quietly(link, link.refresh_tip()))
            if link.tip is not None:
                self._book.catch_up(
                    link.tip.height,
                    link.tip.raw,
                    self._header_fetcher(link),
                    now=datetime.now(UTC),
                )
        except BadHeaders as error:
            self._loop.run(_drop(link, f"bad headers: {error.message}"))

    def _header_fetcher(self, link: Link) -> Callable[[int, int], bytes]:
        def fetch(start: int, count: int) -> bytes:
            """Up to ``count`` headers from ``start`` on. Raises ``BadHeaders`` if it cannot."""
            raw = self._loop.run(
                electrum_calls.quietly(link, electrum_calls.headers_of(link, start, count))
            )
            if raw is None:
                raise BadHeaders("The server does not give its headers.")
            return raw

        return fetch

    def _fetch_raws(
        self,
        links: Sequence[Link],
        histories: Histories,
        wanted: Mapping[bytes, Mapping[str, KnownTx]],
    ) -> Mapping[str, transactions.Transaction]:
        """Every transaction of these histories, read by us; new ones fetched, within limits."""
        raws = {
            txid: known.raw_tx for script in histories for txid, known in wanted[script].items()
        }
        lacking: dict[str, list[Link]] = {}
        by_name = {link.name: link for link in links}
        for said in histories.values():
            for server, seen in said.items():
                # Each server has its own share: one that makes ids up must not use up the others'.
                new = [txid for txid in seen if txid not in raws and txid not in self._cache]
                kept = [txid for txid in seen if txid not in raws and txid in self._cache]
                for txid in kept + new[:NEW_PER_LOOK]:
                    lacking.setdefault(txid, []).append(by_name[server])
        raws |= self._loop.run(self._cache.fetch(lacking))
        return {txid: transactions.parse(raw, txid=txid) for txid, raw in raws.items()}

    def _prove(
        self,
        links: Sequence[Link],
        histories: Histories,
        wanted: Mapping[bytes, Mapping[str, KnownTx]],
    ) -> Mapping[str, _Place]:
        """Where each transaction lies on our own chain; only what moved is proved again."""
        by_name = {link.name: link for link in links}
        known = {txid: tx for script in histories for txid, tx in wanted[script].items()}
        places: dict[str, _Place] = {}
        claims: dict[str, list[tuple[Link, int]]] = {}
        for said in histories.values():
            for server, seen in said.items():
                for txid, height in seen.items():
                    claims.setdefault(txid, []).append((by_name[server], height))
        moved: dict[str, list[tuple[Link, int, Header]]] = {}
        for txid, said_by in claims.items():
            place = self._remembered(known.get(txid), [height for _, height in said_by])
            places[txid] = place or _unproved(said_by)
            if place is None:
                moved[txid] = [
                    (link, height, header)
                    for link, height in said_by
                    if height > 0 and (header := self._book.at(height)) is not None
                ]
        return places | self._loop.run(_prove_all(moved))

    def _remembered(self, known: KnownTx | None, heights: Sequence[int]) -> _Place | None:
        """The proof we have already, while the block it leads to is still ours."""
        if known is None or not known.spv_ok or known.height not in heights:
            return None
        header = self._book.at(known.height or 0)
        if header is None or header.hash_hex != known.block_hash:
            return None
        return _Place(known.height, header, spv_ok=True, unconfirmed_parents=False, server="")


async def _prove_all(
    moved: Mapping[str, Sequence[tuple[Link, int, Header]]],
) -> dict[str, _Place]:
    """The places that a merkle proof holds for."""
    places = await within(_prove_one(txid, claims) for txid, claims in moved.items())
    return {txid: place for txid, place in zip(moved, places, strict=True) if place is not None}


async def _prove_one(txid: str, claims: Sequence[tuple[Link, int, Header]]) -> _Place | None:
    for link, height, header in claims:
        proof = await electrum_calls.branch_of(txid, link, height)
        if proof is None:
            continue
        try:
            headers.check_merkle(txid, proof[0], proof[1], header)
        except BadProof as error:
            # It may be a reorg in between; a liar gains nothing but a pause.
            log.warning("electrum %s: %s (%s)", link.name, error.message, txid)
            continue
        return _Place(
            height,
            header,
            spv_ok=True,
            unconfirmed_parents=False,
            server=link.name,
            branch=tuple(node[::-1].hex() for node in proof[0]),
            position=proof[1],
        )
    return None


def _unproved(said_by: Sequence[tuple[Link, int]]) -> _Place:
    link, height = max(said_by, key=lambda claim: claim[1])
    return _Place(
        height=height if height > 0 else None,
        header=None,
        spv_ok=False,
        unconfirmed_parents=height < 0,
        server=link.name,
    )


def _outputs(
    script: bytes,
    shown_by: Mapping[str, tuple[str, ...]],
    read: Mapping[str, transactions.Transaction],
    places: Mapping[str, _Place],
) -> Iterable[SeenOutput]:
    """The outputs that pay exactly ``script``."""
    for txid in sorted(shown_by.keys() & places.keys()):
        tx, place = read[txid], places[txid]
        for vout, output in enumerate(tx.outputs):
            if output.script != script:
                continue
            yield SeenOutput(
                txid=txid,
                vout=vout,
                value_sat=output.value_sat,
                script=script,
                has_token=output.has_token,
                is_coinbase=tx.is_coinbase,
                height=place.height,
                block_hash=place.header.hash_hex if place.header else None,
                block_time=place.header.time if place.header else None,
                spv_ok=place.spv_ok,
                unconfirmed_parents=place.unconfirmed_parents,
                raw_tx=tx.serialize(),
                spends=tuple(tx_input.outpoint for tx_input in tx.inputs),
                server=place.server,
                operators=shown_by[txid],
                branch=place.branch,
                position=place.position,
            )


async def _refresh_tips(links: Sequence[Link]) -> None:
    """Ask, rather than wait to be told: a notification may have been lost."""
    await asyncio.gather(*(electrum_calls.quietly(link, link.refresh_tip()) for link in links))


async def _drop(link: Link, why: str) -> None:
    link.close(why)


def _is_unanimous(said: Iterable[Mapping[str, int]]) -> bool:
    views = {frozenset((txid, max(height, 0)) for txid, height in seen.items()) for seen in said}
    return len(views) == 1


def _paying(histories: Histories, read: Mapping[str, transactions.Transaction]) -> Histories:
    """These histories without what only spends: nobody asks where that lies."""
    return {
        script: {
            server: {
                txid: height
                for txid, height in seen.items()
                if txid in read and any(out.script == script for out in read[txid].outputs)
            }
            for server, seen in said.items()
        }
        for script, said in histories.items()
    }
