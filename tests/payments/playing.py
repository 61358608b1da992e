"""The rows of docs/payments.md's table, played on stored invoices: sightings for looks, and verbs.

Sightings are made by hand, because a chain that shows every one of them would take minutes each; the
chain's own part is tested in test_edge_cases.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from payments import (
    addresses,
    amounts,
    covenants,
    evictions,
    invoices,
    refunds,
    transactions,
)
from payments.chain import SeenOutput, Sighting, Tip
from payments.facts import OutputFacts
from payments.models import Address, Invoice, Output, Refund
from payments.states import Network, OutputChain, RefundReason
from payments.transactions import Outpoint, Transaction, TxInput, TxOutput
from tests.tills import payout_to
from tests.unit.payments.facts import DUE, NOON, TIP
from tests.unit.payments.table import STATES, Row, World

T = TypeVar("T")
PRESENT = {OutputChain.MEMPOOL, OutputChain.BLOCK}
SOON = timedelta(seconds=1)


def address_of(byte: int) -> str:
    return addresses.encode(b"\x76\xa9\x14" + bytes([byte] * 20) + b"\x88\xac", Network.REGTEST)


class Refusing:
    """Servers that take nothing, and name what stands in the payment's place."""

    def offer(self, raw: bytes) -> dict[str, str]:
        del raw
        return {"one": "txn-mempool-conflict"}

    def conflict_of(self, raw: bytes) -> str | None:
        del raw
        return "cc" * 32


class Play:
    """One invoice, taken to a state; then a row is played on it."""

    def __init__(self, state: str) -> None:
        price = amounts.parse_price(amounts.format_bch(DUE), "BCH")
        payout = payout_to(address_of(1))
        self.id: UUID = invoices.open(
            payout_id=payout.id, price=price, confirmations=1, now=NOON
        ).id
        self.script = bytes.fromhex(Address.objects.get(invoice=self.id).script)
        self.state = state
        self.world = STATES[state]
        self._reach()
        assert self.row.state == state, f"{self.row.state} is not {state}"

    @property
    def row(self) -> Invoice:
        return Invoice.objects.get(pk=self.id)

    def play(self, row: Row) -> None:
        """Raises what the person is refused with."""
        then = row.change(self.world)
        if row.verb == "withdraw first":
            invoices.withdraw(self.id, now=self.world.now)
        elif row.verb:
            self._act(row.verb, then.now)
            return
        self._look(then.outputs, then)

    def _reach(self) -> None:
        outputs = self.world.outputs
        if self.state == "REVERSED":
            there = tuple(replace(each, chain=OutputChain.BLOCK) for each in outputs)
            self._show(there, at=NOON + timedelta(minutes=5))
        self._look(outputs, self.world)

    def _look(self, outputs: tuple[OutputFacts, ...], world: World) -> None:
        view = dict(world.view)
        at, agreed = world.swept_at, bool(view.get("agreed", True))
        held = bool(view.get("held", False))
        lost = any(each.chain not in PRESENT for each in outputs)
        self._show(outputs, at=at, now=world.now, agreed=agreed, held=held)
        if lost and self.row.outputs.exclude(chain=OutputChain.MISSING).exists():
            self._show(outputs, at=at + SOON, now=world.now + SOON, agreed=agreed, held=held)
        if any(each.chain is OutputChain.CONFLICTED for each in outputs):
            evictions.send_again(Refusing(), now=world.now + SOON)
            self._show(outputs, at=at + 2 * SOON, now=world.now + 2 * SOON)

    def _show(
        self,
        outputs: Iterable[OutputFacts],
        *,
        at: datetime,
        now: datetime | None = None,
        agreed: bool = True,
        held: bool = False,
    ) -> None:
        shown = [each for each in outputs if each.chain in PRESENT and not each.doubted]
        seen = tuple(self._seen(each) for each in shown)
        known = set(Output.objects.values_list("transaction", flat=True))
        sighting = Sighting(
            script=self.script,
            outputs=seen,
            missing=tuple(sorted(known - {each.txid for each in seen})),
            agreed=agreed,
            tip=Tip(TIP, bytes(32), NOON),
            firm_height=TIP,
            swept_at=at,
        )
        proofs = {self._seen(each).txid for each in outputs if each.dsproof_at is not None}
        invoices.reconcile(
            self.id, sighting, now=now or at, held=held, conflicted=frozenset(proofs)
        )

    def _seen(self, output: OutputFacts) -> SeenOutput:
        spent = Outpoint(output.outpoint.txid, 0)
        paying = TxOutput(output.value_sat, self.script)
        unlocking = self._forwarding() if output.own_forward else b""
        inputs = (TxInput(spent, unlocking, 0),)
        tx = Transaction(version=2, inputs=inputs, outputs=(paying,), locktime=0)
        raw = tx.serialize()
        return SeenOutput(
            txid=transactions.txid_of(raw),
            vout=0,
            value_sat=output.value_sat,
            script=self.script,
            has_token=output.has_token,
            is_coinbase=output.is_coinbase,
            height=output.height if output.chain is OutputChain.BLOCK else None,
            block_hash="bb" * 32 if output.spv_ok else None,
            block_time=output.block_time,
            spv_ok=output.spv_ok,
            unconfirmed_parents=False,
            raw_tx=raw,
            spends=(spent,),
            server="one",
        )

    def _forwarding(self) -> bytes:
        redeem = covenants.Forwarder(bytes(16), self.script, 600).redeem_script
        return bytes([len(redeem)]) + redeem

    def _act(self, verb: str, now: datetime) -> None:
        match verb:
            case "accept":
                invoices.accept(self.id, now=now)
            case "void":
                invoices.void(self.id, now=now)
            case "withdraw":
                invoices.withdraw(self.id, now=now)
            case "requote":
                invoices.requote(self.id, now=now)
            case "note_address":
                refunds.note_address(self.id, address_of(9), now=now)
            case "ask":
                self._ask(now)
            case "close":
                self._ask(now)
                refunds.close(self.id, note="by hand", now=now)
            case _:
                self._pay_back(now)

    def _ask(self, now: datetime) -> None:
        due_sat = max(self.row.confirmed_sat, 1)
        refunds.ask(self.id, reason=RefundReason.AGREED, due_sat=due_sat, now=now)

    def _pay_back(self, now: datetime) -> None:
        refunds.note_address(self.id, address_of(9), now=now)
        self._ask(now)
        due = Refund.objects.get(closed_at=None).due_sat
        raw = Transaction(
            version=2,
            inputs=(TxInput(Outpoint("dd" * 32, 0), b"", 0),),
            outputs=(TxOutput(due, bytes.fromhex(self.row.refund_script)),),
            locktime=0,
        ).serialize()
        assert refunds.look(chain=Paying(raw, now), now=now) == 1


class Paying:
    """A chain on which one transaction pays whatever is asked about."""

    def __init__(self, raw: bytes, now: datetime) -> None:
        self.raw, self.now = raw, now

    def sight_many(self, wanted: object) -> dict[bytes, Sighting]:
        del wanted
        txid = transactions.txid_of(self.raw)
        paying = transactions.parse(self.raw, txid=txid).outputs[0]
        seen = SeenOutput(
            txid=txid,
            vout=0,
            value_sat=paying.value_sat,
            script=paying.script,
            has_token=False,
            is_coinbase=False,
            height=TIP,
            block_hash="bb" * 32,
            block_time=self.now,
            spv_ok=True,
            unconfirmed_parents=False,
            raw_tx=self.raw,
            spends=(),
            server="one",
        )
        tip = Tip(TIP, bytes(32), self.now)
        sighting = Sighting(
            script=paying.script,
            outputs=(seen,),
            missing=(),
            agreed=True,
            tip=tip,
            firm_height=tip.height,
            swept_at=self.now,
        )
        return {paying.script: sighting}
