"""Which coins still lie on some scripts, worked out from whole transactions. Pure.

``listunspent`` would be a server's word; here every transaction of a history was read by us.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from payments.transactions import Outpoint

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from payments.transactions import Transaction


@dataclass(frozen=True, slots=True)
class Unspent:
    """One coin on ``script``. One with a token must not be forwarded: the token would be lost."""

    outpoint: Outpoint
    script: bytes
    value_sat: int
    has_token: bool


def find(scripts: Collection[bytes], history: Mapping[str, Transaction]) -> tuple[Unspent, ...]:
    """The coins on ``scripts`` that no transaction of ``history`` spends, by txid and number."""
    wanted = frozenset(scripts)
    spent = {each.outpoint for tx in history.values() for each in tx.inputs}
    return tuple(
        Unspent(Outpoint(txid, vout), output.script, output.value_sat, output.has_token)
        for txid, tx in sorted(history.items())
        for vout, output in enumerate(tx.outputs)
        if output.script in wanted and Outpoint(txid, vout) not in spent
    )
