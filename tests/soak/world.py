"""A small world for random stories: one true chain, two servers that may go bad, and its truth.

The chain is the devchain's node, in this process, so that a story can ask what is really so; the
app under test reaches it over TCP only, through servers that may be silent, hide, freeze or lie.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, TypeVar

from django.apps import apps
from django.db.models import DateTimeField, F

from devchain.electrum import Server
from devchain.node import Node
from devchain.questions import Questions
from devchain.store import MemoryStore, Record
from kim.env import ElectrumServer

T = TypeVar("T")
SEED = "07" * 32  # of the wallet: stories should not differ by it


class Mood(StrEnum):
    """How a server behaves."""

    HONEST = "honest"
    SILENT = "silent"  # reads, and never answers
    HIDING = "hiding"  # knows nothing of any payment
    FROZEN = "frozen"  # stands still: its mempool is empty
    LYING = "lying"  # calls everything confirmed, with proofs that it makes up


class Moody(Questions):
    """Answers by mood."""

    mood = Mood.HONEST

    def history(self, scripthash: Any, start: Any = 0, end: Any = -1) -> list[dict[str, Any]]:
        told = super().history(scripthash, start, end)
        if self.mood is Mood.HIDING:
            return []
        if self.mood is Mood.FROZEN:
            return [item for item in told if item["height"] > 0]
        if self.mood is Mood.LYING:
            tip = self.chain.ledger.height
            return [
                {**item, "height": item["height"] if item["height"] > 0 else tip} for item in told
            ]
        return told

    def merkle(self, txid: Any, *rest: Any) -> dict[str, Any]:
        if self.mood is Mood.LYING and txid not in self.chain.ledger.places:
            height = self.chain.ledger.height
            return {"merkle": [], "pos": 0, "block_height": height}
        return super().merkle(txid, *rest)

    def proof(self, txid: Any) -> Any:
        """A liar says nothing of proofs; a liar that made one up would only cost a block."""
        return None if self.mood in (Mood.LYING, Mood.HIDING) else super().proof(txid)


class _Seeded(MemoryStore):
    """Keeps nothing, and begins with the same wallet every time."""

    def read(self) -> list[Record]:
        return [("seed", SEED)]


@dataclass
class Payment:
    """One output the story paid to an invoice."""

    txid: str
    raw: bytes
    value_sat: int
    has_token: bool = False


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
            self._run(server.start())
            self.servers.append(server)

    @property
    def addresses(self) -> tuple[ElectrumServer, ...]:
        return tuple(
            ElectrumServer("127.0.0.1", server.port, tls=False, operator=f"operator {number}")
            for number, server in enumerate(self.servers)
        )

    def set_mood(self, number: int, mood: Mood) -> None:
        server = self.servers[number]
        server.is_silent = mood is Mood.SILENT
        questions = server.questions
        if isinstance(questions, Moody):
            questions.mood = mood

    def mood(self, number: int) -> Mood:
        server = self.servers[number]
        questions = server.questions
        if server.is_silent or not isinstance(questions, Moody):
            return Mood.SILENT
        return questions.mood

    def depth(self, txid: str) -> int:
        """0 in the mempool, or nowhere; 1 in the tip's block."""
        place = self.node.chain.ledger.places.get(txid)
        return 0 if place is None else self.node.chain.ledger.height - place.height + 1

    def is_waiting(self, txid: str) -> bool:
        return txid in self.node.chain.mempool.entries

    def close(self) -> None:
        for server in self.servers:
            self._run(server.stop())
        self._run(asyncio.sleep(0.05))  # transports close in the loop's next rounds
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=10)


def age(by: timedelta) -> None:
    """Lets time pass by making everything that was written down older."""
    for app in ("payments", "unlock"):
        for model in apps.get_app_config(app).get_models():
            names = [each.name for each in model._meta.fields if isinstance(each, DateTimeField)]
            if names:
                model._default_manager.update(**{name: F(name) - by for name in names})
