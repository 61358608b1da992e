"""Who lives in the town: creators who upload and publish, buyers who pay in every way, a miner.

They speak HTTP as the pages do, and repeat what may be repeated; what they were told is kept.
"""

from __future__ import annotations

import itertools
import os
import random
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.actors import Buyer, Offer, Refused, Seller, Unreached, patiently, until
from tests.chaos.wallet import Wallet

BLOCK_SECONDS = 2.0
REST_SECONDS = 0.3
LARGEST_BYTES = 400_000
REHASH_SECONDS = 240.0  # leases run out in between
INSTANT = {"instant_invoice_sat": 1_000_000, "instant_total_sat": 1_000_000_000}


class Way(StrEnum):
    EXACT = "exact"
    SPLIT = "in two parts"
    OVER = "too much"
    PARTIAL = "half, and no more"
    INSTANT = "before a block"
    NOTHING = "nothing"


# In turn: a short run has some of each.
WAYS = (Way.EXACT, Way.PARTIAL, Way.SPLIT, Way.NOTHING, Way.OVER, Way.INSTANT)


@dataclass
class Sale:
    offer: Offer
    buyer: Buyer
    way: Way
    address: str
    due_sat: int


@dataclass
class Book:
    """What people were told, and what went wrong. Appended to from many threads."""

    uploads: dict[str, Offer | None] = field(default_factory=dict)  # acknowledged; and what came
    sales: list[Sale] = field(default_factory=list)
    opened: int = 0
    gave_up: int = 0  # under faults; what was acknowledged until then is looked at all the same
    troubles: list[str] = field(default_factory=list)


class Maya(Seller):
    """A seller whose answers get lost now and then."""

    def __init__(self, base_url: str, username: str, book: Book) -> None:
        super().__init__(base_url, username, patience_seconds=REHASH_SECONDS)
        self._book = book
        self._acknowledged = ""

    def sign_up(self) -> None:
        try:
            super().sign_up()
        except Refused as error:
            if error.code != "username_taken":
                raise
            self.username += "x"  # the answer was lost; a page would let her log in
            super().sign_up()

    def sell(self, payload: bytes, payout: str) -> Offer:
        offer = self.publish(payload, payout=payout)
        self._book.uploads[self._acknowledged] = offer
        return offer

    def _call(self, method: str, path: str, body: object, *, claim: bytes = b"") -> Any:
        if path == "files/" and isinstance(body, dict):
            body = body | {"is_instant": True}
        try:
            answer = super()._call(method, path, body, claim=claim)
        except Refused as error:
            if (path, error.code) != ("files/", "container_taken"):
                raise
            answer = self._own_draft()
        if path.endswith("/completion/"):
            self._acknowledged = path.split("/")[1]
            self._book.uploads[self._acknowledged] = None
        return answer

    def _own_draft(self) -> Any:
        """The file was made, and the answer was lost: she works on one at a time."""
        listed = patiently(lambda: self.api.call("GET", "files/"))
        return next(row for row in listed["files"] if row["state"] == "draft")


class Cast:
    """Everybody, as threads. ``stop`` lets each finish what they are at."""

    def __init__(self, base_url: str, wallet: Wallet, *, seed: int, people: int) -> None:
        self.book = Book()
        self._base_url, self._wallet = base_url, wallet
        self._over = threading.Event()
        self._is_mining = True
        self._offers: list[Offer] = []
        self._ways = itertools.cycle(WAYS)
        acts: list[Callable[[random.Random], None]] = []
        for number in range(people):
            acts += [self._create] if number % 3 == 0 else [self._buy]
        self._threads = [
            threading.Thread(target=self._play, args=(act, random.Random(seed * 1000 + number)))
            for number, act in enumerate(acts)
        ]
        self._miner = threading.Thread(target=self._mine, daemon=True)

    def start(self) -> None:
        """Everybody begins; returns once there is something to buy."""
        for thread in (*self._threads, self._miner):
            thread.start()
        until(lambda: self._offers)

    def stop(self) -> None:
        self._over.set()

    def wait(self, *, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                self.book.troubles.append(f"{thread.name} did not come to an end")

    def end(self) -> None:
        """No more blocks."""
        self._is_mining = False
        self._miner.join()

    def _play(self, act: Callable[[random.Random], None], chance: random.Random) -> None:
        try:
            act(chance)
        except Exception:  # noqa: BLE001 - a thread's end is told at the end
            self.book.troubles.append(traceback.format_exc(limit=-4))

    def _create(self, chance: random.Random) -> None:
        maya = Maya(self._base_url, f"maya-{os.urandom(4).hex()}", self.book)
        maya.sign_up()
        patiently(lambda: maya.api.call("PATCH", "terms/", INSTANT))
        payout = patiently(self._wallet.address)
        while not self._over.is_set():
            payload = chance.randbytes(chance.randrange(1, LARGEST_BYTES))
            with self._patience():
                self._offers.append(maya.sell(payload, payout))
            self._over.wait(REST_SECONDS)

    def _buy(self, chance: random.Random) -> None:
        while not self._over.is_set():
            if self._offers:
                with self._patience():
                    self._buy_one(chance.choice(self._offers), next(self._ways))
            self._over.wait(REST_SECONDS)

    @contextmanager
    def _patience(self) -> Iterator[None]:
        """While things break, people may lose patience and begin anew; once all is mended, never."""
        try:
            yield
        except (Unreached, AssertionError) as error:
            is_impatience = isinstance(error, Unreached) or "waited in vain" in str(error)
            if self._over.is_set() or not is_impatience:
                raise
            self.book.gave_up += 1

    def _buy_one(self, offer: Offer, way: Way) -> None:
        buyer = Buyer(self._base_url, link_secret=offer.secrets.link_secret)
        uri = urlsplit(buyer.order(offer))
        due_sat = int(Decimal(parse_qs(uri.query)["amount"][0]) * 10**8)
        sale = Sale(offer, buyer, way, f"{uri.scheme}:{uri.path}", due_sat)
        self.book.sales.append(sale)
        for share in _shares(way):
            self._wallet.top_up(sale.address, int(due_sat * share))
        if way not in (Way.PARTIAL, Way.NOTHING):
            opens(sale)
            self.book.opened += 1

    def _mine(self) -> None:
        while self._is_mining:
            time.sleep(BLOCK_SECONDS)
            try:
                self._wallet.mine()
            except (Unreached, AssertionError):
                continue


def opens(sale: Sale, *, seconds: float = 150.0) -> None:
    """The whole way to the file: the key, the bytes, and what is in them."""
    secret = sale.buyer.release(seconds=seconds)
    assert secret == sale.offer.secrets.release_secret, "another key"
    assert sale.buyer.download() == sale.offer.stored, "other bytes"


def _shares(way: Way) -> tuple[float, ...]:
    match way:
        case Way.NOTHING:
            return ()
        case Way.PARTIAL:
            return (0.5,)
        case Way.SPLIT:
            return (0.4, 1.0)
        case Way.OVER:
            return (1.5,)
        case _:
            return (1.0,)
