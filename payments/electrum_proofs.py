"""Where transactions lie on our own header chain: proved by a merkle branch, or only said so."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from payments import electrum_calls, headers
from payments.electrum_calls import Histories, within
from payments.errors import BadProof

if TYPE_CHECKING:
    from collections.abc import Callable

    from payments.chain import KnownTx
    from payments.electrum_pool import Link
    from payments.headers import Header

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """``branch`` (hex, leaf up) and ``position`` are the proof just checked, if any was."""

    height: int | None
    header: Header | None
    spv_ok: bool
    unconfirmed_parents: bool
    server: str
    branch: tuple[str, ...] = ()
    position: int | None = None


Claims = Mapping[str, Sequence[tuple["Link", int, "Header"]]]


def places_of(
    links: Sequence[Link],
    histories: Histories,
    known: Mapping[str, KnownTx],
    header_at: Callable[[int], Header | None],
) -> tuple[dict[str, Place], Claims]:
    """Where each transaction of these histories lies as far as is known, and what ``prove`` should
    be asked about: what moved, by whom to ask, in the order of ``links``.
    """
    claims: dict[str, list[tuple[Link, int]]] = {}
    for link in links:
        for said in histories.values():
            for txid, height in said.get(link.name, {}).items():
                claims.setdefault(txid, []).append((link, height))
    places: dict[str, Place] = {}
    moved: dict[str, list[tuple[Link, int, Header]]] = {}
    for txid, said_by in claims.items():
        place = _remembered(known.get(txid), [height for _, height in said_by], header_at)
        places[txid] = place or _unproved(said_by)
        if place is None:
            moved[txid] = [
                (link, height, header)
                for link, height in said_by
                if height > 0 and (header := header_at(height)) is not None
            ]
    return places, moved


async def prove(moved: Claims) -> dict[str, Place]:
    """The places that a merkle proof holds for."""
    found = await within(_prove_one(txid, claims) for txid, claims in moved.items())
    return {txid: place for txid, place in zip(moved, found, strict=True) if place is not None}


def _remembered(
    known: KnownTx | None, heights: Sequence[int], header_at: Callable[[int], Header | None]
) -> Place | None:
    """The proof we have already, while the block it leads to is still ours."""
    if known is None or not known.spv_ok or known.height not in heights:
        return None
    header = header_at(known.height or 0)
    if header is None or header.hash_hex != known.block_hash:
        return None
    return Place(known.height, header, spv_ok=True, unconfirmed_parents=False, server="")


async def _prove_one(txid: str, claims: Sequence[tuple[Link, int, Header]]) -> Place | None:
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
        return Place(
            height,
            header,
            spv_ok=True,
            unconfirmed_parents=False,
            server=link.name,
            branch=tuple(node[::-1].hex() for node in proof[0]),
            position=proof[1],
        )
    return None


def stands(known: KnownTx, header_at: Callable[[int], Header | None]) -> bool:
    """Whether it is proved to lie in a block that is still ours, whatever servers do not show.

    A server whose history of an address grew too long shows none at all (Fulcrum's max_history),
    and every honest one does so at once.
    """
    if not known.spv_ok or known.height is None:
        return False
    header = header_at(known.height)
    return header is not None and header.hash_hex == known.block_hash


def _unproved(said_by: Sequence[tuple[Link, int]]) -> Place:
    link, height = max(said_by, key=lambda claim: claim[1])
    return Place(
        height=height if height > 0 else None,
        header=None,
        spv_ok=False,
        # One server that says so is enough: whoever sells before a block must know.
        unconfirmed_parents=any(each < 0 for _, each in said_by),
        server=link.name,
    )
