"""Finding mempools that stand still: blocks flow on, but new payments are never shown.

A server that lacks what another one shows is not frozen for that alone, or whoever makes up a
payment could speak for all honest ones. It is offered the transaction: frozen is who says that it
has it, and still does not show it.
"""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import TYPE_CHECKING, Final

from payments import electrum_calls

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from payments.electrum_calls import Histories
    from payments.electrum_pool import Link
    from payments.transactions import Transaction

PER_LOOK: Final = 5  # transactions, at one server


async def compare(
    links: Sequence[Link], histories: Histories, read: Mapping[str, Transaction]
) -> None:
    """Note who does not show what others do."""
    now = asyncio.get_running_loop().time()
    for script, said in histories.items():
        for link in links:
            if link.name not in said:
                continue
            shown = _shown(said[link.name], said)
            raws = {
                t: read[t].serialize()
                for t, is_shown in shown.items()
                if not is_shown and t in read
            }
            link.standing.note_mempool(shown, now, of=(script, raws))


async def challenge(links: Sequence[Link]) -> None:
    """Offer what is overdue; and see whether who said that it has it shows it by now."""
    clock = asyncio.get_running_loop().time
    for link in links:
        for txid, raw in islice(link.standing.overdue(clock()).items(), PER_LOOK):
            answer = await electrum_calls.offer([link], raw)
            if link.operator in answer:
                is_held = answer[link.operator] == ""
                link.standing.note_offer(txid, is_held=is_held, now=clock())
        held = dict(islice(link.standing.held(clock()).items(), PER_LOOK))
        if not held:
            continue
        histories = await electrum_calls.histories_of(links, sorted(set(held.values())))
        await compare(links, histories, {})
        for txid, script in held.items():
            if not any(txid in seen for seen in histories.get(script, {}).values()):
                link.standing.forget(txid)


def _shown(mine: Mapping[str, int], said: Mapping[str, Mapping[str, int]]) -> dict[str, bool]:
    """Whether this server shows what it should: all that it does, and what waits at others."""
    heights: dict[str, int] = {}
    for seen in said.values():
        for txid, height in seen.items():
            heights[txid] = max(height, heights.get(txid, height))
    waiting = {t: False for t, height in heights.items() if height <= 0 and t not in mine}
    return dict.fromkeys(mine, True) | waiting
