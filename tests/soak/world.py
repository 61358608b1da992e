"""A small world for random stories: one true chain, two servers that may go bad, and its truth.

The chain is the devchain's node, in this process, so that a story can ask what is really so; the
app under test reaches it over TCP only, through servers that may be silent, hide, freeze or lie.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from django.apps import apps
from django.db.models import DateTimeField, F, QuerySet

from devchain.electrum import Server
from devchain.errors import DevchainError
from devchain.node import Node
from devchain.script import push
from devchain.store import MemoryStore, Record
from devchain.transaction import Output, Transaction
from kim.env import ElectrumServer
from payments import connection, covenants, seals
from payments.errors import NotForwardable
from payments.models import Invoice
from payments.states import PayoutKind
from payments.transactions import Outpoint
from tests.soak.moods import Mood, Moody

T = TypeVar("T")
SEED = "07" * 32  # of the wallet: stories should not differ by it
OP_RETURN = b"\x6a"


class _Seeded(MemoryStore):
    """Keeps nothing, and begins with the same wallet and the same funded chain every time."""

    def read(self) -> list[Record]:
        return list(_first_blocks())


class _Kept(MemoryStore):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[Record] = [("seed", SEED)]

    def read(self) -> list[Record]:
        return list(self.records)

    def append(self, records: Sequence[Record]) -> None:
        self.records += records


@functools.cache
def _first_blocks() -> tuple[Record, ...]:
    store = _Kept()
    Node(store)
    return tuple(store.records)


@dataclass
class World:
    """One node, two servers with an operator each, and one event loop that serves them."""

    node: Node = field(default_factory=lambda: Node(_Seeded()))
    servers: list[Server] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        for _ in range(2):
            server = Server(self.node.chain)
            server.questions = Moody(self.node.chain)
            server.questions.told = {}
            self._run(server.start())
            self.servers.append(server)

    @property
    def addresses(self) -> tuple[ElectrumServer, ...]:
        return tuple(
            ElectrumServer("127.0.0.1", server.port, tls=False, operator=f"operator {number}")
            for number, server in enumerate(self.servers)
        )

    @property
    def moods(self) -> list[Mood]:
        return [self._questions(number).mood for number in range(len(self.servers))]

    def set_mood(self, number: int, mood: Mood) -> None:
        """Whoever mined a last block of its own is believed where nobody contradicts
        (docs/payments.md, "Many servers"): then the other one is honest, and can be asked.
        """
        other = self._questions(1 - number).mood
        if mood is Mood.FORKED or (other is Mood.FORKED and mood is not Mood.HONEST):
            self._change(1 - number, Mood.HONEST)
        self._change(number, mood)
        if mood is Mood.FORKED and not all(each.is_live for each in connection.chain().servers()):
            connection.close()  # one that was distrusted would not be asked for a moment

    def _change(self, number: int, mood: Mood) -> None:
        self.servers[number].is_silent = mood is Mood.SILENT
        questions = self._questions(number)
        questions.mood, questions.frozen_height = mood, self.node.chain.ledger.height

    def pay(self, outputs: Sequence[tuple[bytes, int]]) -> Transaction:
        """One transaction of the wallet that pays all of these. Raises DevchainError."""
        with self.node.chain.lock:
            made = self.node._build([Output(sat, script) for script, sat in outputs])
            self.node.chain.submit(made.raw)
            return made

    def mint(self, script: bytes) -> tuple[Transaction, int]:
        """A block whose new coins go to ``script``, and what they are worth."""
        chain = self.node.chain
        chain.payout, kept = script, chain.payout
        chain.mine(1, with_mempool=False)
        chain.payout = kept
        first = chain.ledger.blocks[-1].transactions[0]
        return first, first.outputs[0].value_sat

    def sweep_away(self, invoice_id: UUID) -> None:
        """Forward every coin on an order's forwarder that can go on, as anybody may."""
        row = Invoice.objects.select_related("payout", "address").get(pk=invoice_id)
        if row.payout.kind != PayoutKind.FORWARDER:
            return
        own = seals.forwarder_of(row.payout, row.address.index)
        coins = self.node.chain.coins_of(Output(0, own.script).scripthash)
        for (txid, vout), coin in coins.items():
            if coin.output.token is None and self.node.chain.is_mature(coin):
                held = covenants.Coin(Outpoint(txid, vout), coin.output.value_sat, own)
                with contextlib.suppress(NotForwardable, DevchainError):
                    self.node.chain.submit(covenants.forward([held]).serialize())

    def depth(self, txid: str) -> int:
        """0 in the mempool, or nowhere; 1 in the tip's block."""
        place = self.node.chain.ledger.places.get(txid)
        return 0 if place is None else self.node.chain.ledger.height - place.height + 1

    def is_waiting(self, txid: str) -> bool:
        return txid in self.node.chain.mempool.entries

    def is_there(self, txid: str) -> bool:
        return self.depth(txid) > 0 or self.is_waiting(txid)

    def last_blocks(self) -> list[tuple[int, str]]:
        blocks = self.node.chain.ledger.blocks
        return [(at, str(blocks[at].header.hash)) for at in range(len(blocks))[-4:]]

    def close(self) -> None:
        for server in self.servers:
            self._run(server.stop())
        self._run(asyncio.sleep(0.05))  # transports close in the loop's next rounds
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)
        self._loop.close()

    def _questions(self, number: int) -> Moody:
        questions = self.servers[number].questions
        assert isinstance(questions, Moody)
        return questions

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=10)


def wrapped(script: bytes) -> bytes:
    """Another script that holds ``script``: whoever searches instead of comparing finds it."""
    return OP_RETURN + push(script)


def age(by: timedelta) -> None:
    """Lets time pass by making everything that was written down older."""
    for app in ("payments", "unlock"):
        for model in apps.get_app_config(app).get_models():
            names = [each.name for each in model._meta.fields if isinstance(each, DateTimeField)]
            if names:
                QuerySet(model).update(**{name: F(name) - by for name in names})
