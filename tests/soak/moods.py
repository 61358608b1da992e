"""Servers that behave: well, badly, or as somebody who wants a file for nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum
from typing import Any

from devchain.block import REGTEST_BITS, Header
from devchain.questions import Questions, RpcError


class Mood(StrEnum):
    """How a server behaves."""

    HONEST = "honest"
    SILENT = "silent"  # reads, and never answers
    GONE = "gone"  # hangs up
    HIDING = "hiding"  # knows nothing of any payment
    FROZEN = "frozen"  # stands still: its mempool is empty
    STALE = "stale"  # knows none of the blocks since
    LYING = "lying"  # calls everything confirmed, with proofs that it makes up
    STUBBORN = "stubborn"  # says what was once in a block is still there
    BENDING = "bending"  # gives transactions with more money in them
    NO_WORK = "no work"  # these four show a block of their own with the newest payment in it:
    UNLINKED = "unlinked"  # without proof of work; after a block that does not follow;
    EASY = "easy"  # with less work than the network asks for;
    FORKED = "forked"  # in place of the last block, with no more work than that
    TWIN = "twin"  # another last block with the same in it: nobody lies, two were mined at once


FORGING = (Mood.NO_WORK, Mood.UNLINKED, Mood.EASY, Mood.FORKED)
PASSING = tuple(mood for mood in Mood if mood is not Mood.TWIN)  # a twin's block serves nobody yet
BLIND = (Mood.SILENT, Mood.GONE, Mood.HIDING, Mood.FROZEN, Mood.STALE)
DENYING = (Mood.HIDING, Mood.FROZEN, Mood.STALE)  # answer, and leave payments out
EASIER_BITS = 0x2100FFFF


class Moody(Questions):
    """Answers by mood."""

    mood = Mood.HONEST
    frozen_height = 0
    told: dict[str, int]  # where it last saw a transaction in a block

    def tip(self) -> dict[str, Any]:
        height = self.chain.ledger.height
        if self.mood is Mood.GONE:
            raise RpcError("Goodbye.", closes=True)
        if forged := self._forged():
            return {"height": max(forged), "hex": forged[max(forged)].raw.hex()}
        if self.mood is Mood.STALE and self.frozen_height < height:
            raw = self.chain.ledger.blocks[self.frozen_height].header.raw
            return {"height": self.frozen_height, "hex": raw.hex()}
        return super().tip()

    def block_headers(
        self, version: str, start: Any, count: Any, checkpoint: Any = 0
    ) -> dict[str, Any]:
        answer = super().block_headers(version, start, count, checkpoint)
        forged = self._forged()
        if not forged or "headers" not in answer:
            return answer
        known = {start + at: raw for at, raw in enumerate(answer["headers"])}
        known |= {height: header.raw.hex() for height, header in forged.items()}
        asked = [known[height] for height in range(start, start + count) if height in known]
        return {**answer, "count": len(asked), "headers": asked}

    def history(self, scripthash: Any, start: Any = 0, end: Any = -1) -> list[dict[str, Any]]:
        return list(self._shown(super().history(scripthash, start, end)))

    def merkle(self, txid: Any, *rest: Any) -> dict[str, Any]:
        forged = self._forged()
        if self.mood in FORGING and forged and txid == self._newest():
            return {"merkle": [], "pos": 0, "block_height": max(forged)}
        if self.mood is Mood.LYING and txid not in self.chain.ledger.places:
            height = self.chain.ledger.height
            return {"merkle": [], "pos": 0, "block_height": height}
        return super().merkle(txid, *rest)

    def transaction(self, txid: Any, verbose: Any = False) -> Any:
        found = self.chain.find(str(txid))
        if self.mood is not Mood.BENDING or found is None or verbose:
            return super().transaction(txid, verbose)
        first, *others = found.outputs
        richer = replace(first, value_sat=50 * first.value_sat)
        return replace(found, outputs=(richer, *others)).raw.hex()

    def proof(self, txid: Any) -> Any:
        """A liar says nothing of proofs; a liar that made one up would only cost a block."""
        return None if self.mood in {Mood.LYING, Mood.HIDING} else super().proof(txid)

    def _shown(self, items: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        tip, forged, newest = self.chain.ledger.height, self._forged(), self._newest()
        for item in items:
            txid, height = item["tx_hash"], item["height"]
            if height > 0:
                self.told[txid] = height
            if self.mood is Mood.HIDING or (self.mood is Mood.FROZEN and height <= 0):
                continue
            if self.mood is Mood.STALE and not 0 < height <= self.frozen_height:
                continue
            if height <= 0 and self.mood is Mood.LYING:
                yield {**item, "height": tip}
            elif height <= 0 and self.mood is Mood.STUBBORN and self.told.get(txid, tip + 1) <= tip:
                yield {**item, "height": self.told[txid]}
            elif height <= 0 and self.mood in FORGING and forged and txid == newest:
                yield {**item, "height": max(forged)}
            else:
                yield item

    def _newest(self) -> str | None:
        return next(reversed(self.chain.mempool.entries), None)

    def _forged(self) -> dict[int, Header]:
        """The headers that it made up, by height."""
        newest, ledger = self._newest(), self.chain.ledger
        if self.mood is Mood.TWIN:
            later = replace(ledger.tip, time=ledger.tip.time + 1)
            return {ledger.height: _ground(later, works=True)}
        if self.mood not in FORGING or newest is None:
            return {}
        tip, height = ledger.tip, ledger.height + 1
        root = bytes.fromhex(newest)[::-1]
        fake = Header(tip.version, tip.hash, root, tip.time + 1, REGTEST_BITS, 0)
        if self.mood is Mood.NO_WORK:
            return {height: _ground(fake, works=False)}
        if self.mood is Mood.EASY:
            return {height: _ground(replace(fake, bits=EASIER_BITS), works=False)}
        if self.mood is Mood.FORKED:
            before = ledger.blocks[-2].header
            return {height - 1: _ground(replace(fake, previous=before.hash), works=True)}
        real = _ground(replace(fake, merkle_root=b"\1" * 32), works=True)
        return {height: real, height + 1: _ground(replace(fake, time=tip.time + 2), works=True)}


def _ground(header: Header, *, works: bool) -> Header:
    while header.has_work is not works:
        header = replace(header, nonce=header.nonce + 1)
    return header
