"""Finding mempools that stand still: blocks flow on, but new payments are never shown.

A server that lacks what another one shows is not frozen for that alone, or whoever makes up a
payment could speak for all honest ones. It is offered the transaction: frozen is who says that it
has it, and still does not show it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from payments import electrum_calls

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from payments.electrum_calls import Histories
    from payments.electrum_pool import Link
    from payments.transactions import Transaction

OFFERS_PER_LOOK: Final = 5  # to one server


async def compare(
    links: Sequence[Link], histories: Histories, read: Mapping[str, Transaction]
) -> None:
    """Note who does not show what others do, and put the overdue ones to the test."""
    clock = asyncio.get_running_loop().time
    for link in links:
        link.standing.note_mempool(_shown(link, histories), clock())
    for link in links:
        for txid in link.standing.overdue(clock())[:OFFERS_PER_LOOK]:
            if txid not in read:
                continue
            answer = await electrum_calls.offer([link], read[txid].serialize())
            if link.operator in answer:
                is_held = answer[link.operator] == ""
                link.standing.note_offer(txid, is_held=is_held, now=clock())


def _shown(link: Link, histories: Histories) -> dict[str, bool]:
    """Whether this server shows what it should: all that it does, and what waits at others."""
    shown: dict[str, bool] = {}
    for said in histories.values():
        if link.name not in said:
            continue
        mine = said[link.name]
        shown |= dict.fromkeys(mine, True)
        heights: dict[str, int] = {}
        for seen in said.values():
            for txid, height in seen.items():
                heights[txid] = max(height, heights.get(txid, height))
        shown |= {t: False for t, height in heights.items() if height <= 0 and t not in mine}
    return shown
