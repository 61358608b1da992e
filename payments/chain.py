"""What the rest of the app may ask of the Bitcoin Cash chain, and the values it answers with.

``Chain`` is a Protocol: ``payments.electrum`` fulfils it with a pool of servers. Everything in a
``SeenOutput`` was read from raw bytes that hash to ``txid``, and ``spv_ok`` says that a merkle
proof led to a header of our own most-work chain. No server's word passes through here unchecked,
but for two: that a transaction is in a mempool, and that one is gone (``Sighting.agreed``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from payments.transactions import Outpoint


@dataclass(frozen=True, slots=True)
class Tip:
    """The last block of our own most-work header chain. ``block_hash`` is in header byte order
    (as the next header's prev-hash has it); ``time`` is its header's, aware UTC.
    """

    height: int
    block_hash: bytes
    time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownTx:
    """A transaction seen before, so that only new ones are fetched and only moved ones proved."""

    txid: str
    raw_tx: bytes
    height: int | None
    block_hash: str | None
    spv_ok: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenOutput:
    """One output paying exactly the script asked about.

    ``height``, ``block_hash`` (hex as people read it) and ``block_time`` are None in the mempool;
    ``spv_ok`` is False until the merkle proof holds. ``spends`` are the inputs of its transaction.
    ``operators`` are those whose servers show it (sorted, each once; a server without an operator
    counts by its host). ``branch`` and ``position`` are the merkle proof that was just checked (hex
    hashes, leaf up); empty when an older proof still stands.
    """

    txid: str
    vout: int
    value_sat: int
    script: bytes
    has_token: bool
    is_coinbase: bool
    height: int | None
    block_hash: str | None
    block_time: datetime | None
    spv_ok: bool
    unconfirmed_parents: bool
    raw_tx: bytes
    spends: tuple[Outpoint, ...]
    server: str
    operators: tuple[str, ...] = ()
    branch: tuple[str, ...] = ()
    position: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One look at one script: the union of what the live servers show.

    ``missing`` are known txids that no live server shows any more. ``agreed`` is True when every
    live server said the same (and at least two did, where more than one is configured): only then
    may a negative fact (gone, expired, unused) be believed. ``firm_height`` is the last of our
    blocks that no live server contradicts with a branch as long as ours: what lies above it, or as
    deep as that only by blocks above it, is not confirmed yet. It is the tip's nearly always.
    ``proved`` are those of ``missing`` that are proved to lie in a block of our chain all the same.
    """

    script: bytes
    outputs: tuple[SeenOutput, ...]
    missing: tuple[str, ...]
    agreed: bool
    tip: Tip
    firm_height: int
    swept_at: datetime
    proved: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerView:
    """How one configured server stands. ``name`` is host:port; ``operator`` who runs it, or the
    host. ``demoted`` is "" or one plain sentence why its word does not count towards agreement.
    ``behind_blocks`` counts from our own chain's tip; ``answered_ms`` is the median of late.
    """

    name: str
    operator: str
    is_live: bool
    tip_height: int | None
    behind_blocks: int
    demoted: str
    heard_at: datetime | None
    answered_ms: int | None


class Chain(Protocol):
    """The chain as seen through servers that may lag, lie or die. Errors: ``ChainUnavailable``
    when no server can be asked, ``BroadcastRefused`` when none takes a transaction.
    """

    def tip(self) -> Tip:
        """The tip of our own verified, most-work header chain."""
        ...

    def sight(self, script: bytes, known: Mapping[str, KnownTx]) -> Sighting:
        """Look at every payment that ``script`` ever received, spent or not."""
        ...

    def statuses_of(self, scripts: Sequence[bytes]) -> Mapping[bytes, Mapping[str, str | None]]:
        """Each script's status by server name: a hash that changes with its history (not with
        confirmations beyond the first), None where there is no history. Whoever cannot tell is
        left out.
        """
        ...

    def raws_of(self, txids: Iterable[str]) -> dict[str, bytes]:
        """The bytes that hash to these ids; the ids that no server gives truly are left out."""
        ...

    def is_used(self, script: bytes) -> bool:
        """Whether any server shows any history at all for ``script``. Raises ``ChainUnavailable``
        unless all live servers answer.
        """
        ...

    def conflict_of(self, raw: bytes) -> str | None:
        """The id of another transaction that spends an input of this one, as far as any server
        shows it. Its signatures are not checked: it may doubt a payment, never prove one.
        """
        ...

    def offer(self, raw: bytes) -> dict[str, str]:
        """Send a transaction to every live server: by operator, "" when one of its servers took
        or knew it, else the refusal. Who gave no answer is left out.
        """
        ...

    def servers(self) -> tuple[ServerView, ...]:
        """Every configured server as it stands now. Asks nothing."""
        ...

    def broadcast(self, raw: bytes) -> str:
        """Send a transaction to every server; its txid when one took it or already knew it."""
        ...

    def close(self) -> None:
        """Give up all connections."""
        ...
