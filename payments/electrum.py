"""The chain, asked through Electrum Cash servers that may lag, lie or die (``payments.chain``).

Histories (spent or not, so that swept money is seen too) are the union over all live servers;
transactions are fetched raw, hashed and read here and matched by whole script; a confirmation
counts only with a merkle proof into our own header chain. See docs/payments.md, 2.4 and 2.5.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from payments import electrum_calls, electrum_mempools, electrum_proofs, transactions, unspent
from payments.chain import KnownTx, SeenOutput, ServerView, Sighting, Tip
from payments.electrum_calls import Histories, RawCache, highest
from payments.electrum_headers import HeaderBook, HeaderFollower
from payments.electrum_pool import Link, LoopThread, Pool
from payments.electrum_proofs import Place
from payments.electrum_session import CALL_SECONDS, ServerAddress
from payments.errors import BroadcastRefused, ChainUnavailable

if TYPE_CHECKING:
    from payments.transactions import Outpoint
    from payments.unspent import Unspent

log = logging.getLogger(__name__)

NEW_PER_LOOK: Final = 200  # transactions fetched in one look; dust spam waits for the next
MOST_OF_ONE: Final = 60  # transactions of one script that ``unspent`` reads


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
        self._follower = HeaderFollower(book, self._loop)

    def tip(self) -> Tip:
        links = self._links()
        self._loop.run(electrum_calls.refresh_tips(links))
        self._loop.run(electrum_mempools.challenge(self._follower.follow(links)))
        return self._book.tip()

    def sight(self, script: bytes, known: Mapping[str, KnownTx]) -> Sighting:
        found = self.sight_many({script: known}).get(script)
        if found is None:
            raise ChainUnavailable("No server can tell the history of this address.")
        return found

    def sight_many(self, wanted: Mapping[bytes, Mapping[str, KnownTx]]) -> dict[bytes, Sighting]:
        """One look at many scripts at once. A script that no server can tell about is left out."""
        asked_at = datetime.now(UTC)
        links, counting, histories = self._histories_of(list(wanted))
        tip = self._book.tip()
        firm_height = self._follower.firm_height(links, tip)
        read = self._fetch_raws(links, histories, wanted)
        places = self._prove(links, _paying(histories, read), wanted)
        self._loop.run(electrum_mempools.compare(links, histories, read))
        self._loop.run(electrum_mempools.challenge(links))
        return {
            script: Sighting(
                script=script,
                outputs=tuple(_outputs(script, self._shown_by(said), read, places)),
                missing=(missing := tuple(sorted(set(wanted[script]) - union))),
                agreed=_is_unanimous([said.get(link.name) for link in counting]),
                tip=tip,
                firm_height=firm_height,
                swept_at=asked_at,
                proved=tuple(
                    txid
                    for txid in missing
                    if electrum_proofs.stands(wanted[script][txid], self._book.at)
                ),
            )
            for script, said in histories.items()
            for union in [frozenset(txid for seen in said.values() for txid in seen)]
        }

    def is_used(self, script: bytes) -> bool:
        return script in self.used([script])

    def used(self, scripts: Sequence[bytes]) -> frozenset[bytes]:
        """Which of ``scripts`` any server shows a history for. Raises ``ChainUnavailable`` unless
        every live server told about each; two of two operators, where so many are configured.
        """
        _, counting, histories = self._histories_of(list(scripts))
        if not counting or any(
            link.name not in histories.get(script, {}) for script in scripts for link in counting
        ):
            raise ChainUnavailable("Too few servers can tell whether an address is unused.")
        return frozenset(script for script, said in histories.items() if any(said.values()))

    def double_spent(self, txids: Sequence[str]) -> frozenset[str]:
        """Which of these unconfirmed transactions a double-spend proof is known for."""
        return frozenset(txid for txid, is_proved in self.proofs_of(txids).items() if is_proved)

    def proofs_of(self, txids: Sequence[str]) -> dict[str, bool]:
        """Whether a double-spend proof is known; those that no server could tell about left out."""
        if not txids:
            return {}
        return self._loop.run(electrum_calls.proofs_of(self._links(), txids))

    def spender_of(self, outpoint: Outpoint, script: bytes) -> tuple[str, int] | None:
        """Which transaction spent this coin of ``script``, and at what height of our own chain;
        None while no block is proved to hold one.
        """
        links, _, histories = self._histories_of([script])
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
        links = self._links()
        refusals = self._loop.run(electrum_calls.broadcast(links, raw))
        # One that is in a block, and spent on from there, is refused for its missing inputs.
        if None not in refusals and self._loop.run(electrum_calls.raw_of(txid, links)) is None:
            raise BroadcastRefused("No server took the transaction: {why}", why=str(refusals[0]))
        return txid

    def offer(self, raw: bytes) -> dict[str, str]:
        return self._loop.run(electrum_calls.offer(self._links(), raw))

    def raws_of(self, txids: Iterable[str]) -> dict[str, bytes]:
        links = self._links()
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
        links, _, histories = self._histories_of(sorted(scripts))
        wanted: dict[bytes, dict[str, KnownTx]] = {script: {} for script in scripts}
        for found, other in self._fetch_raws(links, histories, wanted).items():
            if found != txid and any(each.outpoint in spent for each in other.inputs):
                return found
        return None

    def unspent(self, scripts: Sequence[bytes]) -> tuple[tuple[Unspent, ...], frozenset[bytes]]:
        """The coins on these scripts, and the scripts that were ever used. One with an absurdly
        long history is used, and shows no coins. Raises ``ChainUnavailable``.
        """
        links, _, told = self._histories_of(list(scripts))
        if len(told) < len(set(scripts)):
            raise ChainUnavailable("No server can tell the history of an address.")
        short = {
            script: said
            for script, said in told.items()
            if max(map(len, said.values())) <= MOST_OF_ONE
        }
        read = self._fetch_raws(links, short, {script: {} for script in short})
        used = frozenset(script for script, said in told.items() if any(said.values()))
        return unspent.find(short, read), used

    def statuses_of(self, scripts: Sequence[bytes]) -> dict[bytes, dict[str, str | None]]:
        links = self._links()
        return self._loop.run(electrum_calls.statuses_of(links, scripts))

    def servers(self) -> tuple[ServerView, ...]:
        try:
            best_height = self._book.tip().height
        except ChainUnavailable:
            best_height = None
        return self._loop.run(self._pool.views(best_height))

    def close(self) -> None:
        self._loop.run(self._pool.close())
        self._loop.stop()

    def _links(self) -> tuple[Link, ...]:
        """Every server that can be asked and whose headers hold, demoted ones last. Raises
        ``ChainUnavailable`` when there is none.
        """
        links = self._loop.run(self._pool.live())
        if unchecked := [link for link in links if not link.is_sound]:
            self._follower.follow(unchecked)
        sound = tuple(link for link in links if link.is_sound)
        if not sound:
            raise ChainUnavailable("No Electrum server that can be reached is on our chain.")
        return sound

    def _histories_of(
        self, scripts: Sequence[bytes]
    ) -> tuple[tuple[Link, ...], tuple[Link, ...], Histories]:
        """The servers whose headers hold up to what they show; those of them that must agree on
        what is gone; and what every one shows. Who falls silent over it has not agreed.
        """
        asked = self._links()
        before = self._loop.run(self._pool.counting(asked))
        told = self._loop.run(electrum_calls.histories_of(asked, scripts))
        self._follower.follow(asked, reach=highest(told))
        links = tuple(link for link in asked if link.is_sound)
        names = {link.name for link in links}
        kept = {
            script: {name: seen for name, seen in said.items() if name in names}
            for script, said in told.items()
        }
        silent = tuple(link for link in before if link.is_sound and not link.is_live)
        after = self._loop.run(self._pool.counting(links))
        counting = (*after, *silent) if after else ()
        return links, counting, {script: said for script, said in kept.items() if said}

    def _shown_by(self, said: Mapping[str, Mapping[str, int]]) -> dict[str, tuple[str, ...]]:
        """Transaction → the operators that show it."""
        operator = {link.name: link.operator for link in self._pool.links}
        shown: dict[str, set[str]] = {}
        for server, seen in said.items():
            for txid in seen:
                shown.setdefault(txid, set()).add(operator[server])
        return {txid: tuple(sorted(names)) for txid, names in shown.items()}

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
    ) -> Mapping[str, Place]:
        """Where each transaction lies on our own chain; only what moved is proved again."""
        known = {txid: tx for script in histories for txid, tx in wanted[script].items()}
        places, moved = electrum_proofs.places_of(links, histories, known, self._book.at)
        return places | self._loop.run(electrum_proofs.prove(moved))


def _outputs(
    script: bytes,
    shown_by: Mapping[str, tuple[str, ...]],
    read: Mapping[str, transactions.Transaction],
    places: Mapping[str, Place],
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


def _is_unanimous(said: Sequence[Mapping[str, int] | None]) -> bool:
    """Whether there are any, all told, and all told the same."""
    views = {
        None if seen is None else frozenset((txid, max(height, 0)) for txid, height in seen.items())
        for seen in said
    }
    return len(views) == 1 and None not in views


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
