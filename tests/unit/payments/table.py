"""The rows of the table of states in docs/payments.md, as things that happen to an invoice.

A ``World`` is an invoice with everything known of it; a row turns one world into the next. The unit
tests ask ``settlement.derive`` about them, and tests/payments plays the same rows on real rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from payments.facts import InvoiceFacts, OutputFacts, QuoteFacts
from payments.states import OutputChain
from tests.unit.payments.facts import DUE, LEAST, NOON, QUOTE, UNTIL, after, invoice, mined, paid

FIRST, NEW = 1, 5  # numbers of transactions
PART = 40_000
TEN_PAST = NOON + timedelta(minutes=10)
AN_HOUR_LATER = after(hours=1)


@dataclass(frozen=True)
class World:
    """``swept_at`` is the last look at the chain; ``view`` what is special about the next one."""

    invoice: InvoiceFacts
    outputs: tuple[OutputFacts, ...] = ()
    quotes: tuple[QuoteFacts, ...] = (QUOTE,)
    now: datetime = TEN_PAST
    swept_at: datetime = TEN_PAST
    view: tuple[tuple[str, Any], ...] = ()


COVENANT = invoice(covenant=True)
PAYMENT = mined(number=FIRST)
SETTLED = replace(COVENANT, settled_at=NOON, evidence=(PAYMENT.outpoint,))

STATES = {
    "OPEN": World(COVENANT),
    "PARTIAL": World(COVENANT, (mined(PART, FIRST),)),
    "SEEN": World(COVENANT, (paid(number=FIRST),)),
    "SUSPECT": World(COVENANT, (paid(number=FIRST, dsproof_at=NOON),)),
    "EXPIRED": World(COVENANT, now=AN_HOUR_LATER, swept_at=AN_HOUR_LATER),
    "PAID": World(SETTLED, (PAYMENT,)),
    "REVERSED": World(
        replace(SETTLED, is_reversed=True), (replace(PAYMENT, chain=OutputChain.MISSING),)
    ),
}


@dataclass(frozen=True)
class Row:
    """``change`` is what a look then finds; ``verb`` what a person does instead."""

    change: Callable[[World], World]
    verb: str = ""
    needs_payment: bool = False


def look(world: World, **view: Any) -> World:
    """The next look, a minute later."""
    now = world.now + timedelta(minutes=1)
    return replace(world, now=now, swept_at=now, view=tuple(view.items()))


def comes(output: OutputFacts, **view: Any) -> Row:
    """Something new, that the look before did not show."""

    def change(world: World) -> World:
        then = look(world, **view)
        came = replace(output, first_seen_at=then.now, unseen_at=world.now, due_then_sat=DUE)
        return replace(then, outputs=(*world.outputs, came))

    return Row(change)


def moves(*, agreed: bool = True, **facts: Any) -> Row:
    """What was seen lies somewhere else now."""

    def change(world: World) -> World:
        moved = tuple(replace(output, **facts) for output in world.outputs)
        return replace(look(world, agreed=agreed), outputs=moved)

    return Row(change, needs_payment=True)


def person(verb: str, *, at: datetime | None = None, **facts: Any) -> Row:
    def change(world: World) -> World:
        now = max(world.now, at or world.now)
        return replace(
            world, invoice=replace(world.invoice, **facts), now=now, view=(("looked", False),)
        )

    return Row(change, verb)


def _quoted(world: World) -> World:
    then = person("requote", at=AN_HOUR_LATER, void_at=None).change(world)
    newer = QuoteFacts(due_sat=DUE, min_sat=LEAST, until=then.now + timedelta(minutes=20))
    return replace(then, quotes=(*world.quotes, newer))


def _withdrawn_then_paid(world: World) -> World:
    facts: dict[str, Any] = {}
    if world.invoice.settled_at is None:
        facts = {"refund_due_at": NOON, "void_at": NOON}
    off = replace(world, invoice=replace(world.invoice, **facts))
    return comes(mined(number=NEW)).change(off)


GONE: dict[str, Any] = {"height": None, "block_time": None, "spv_ok": False}
IN_MEMPOOL: dict[str, Any] = {"chain": OutputChain.MEMPOOL, **GONE}
IN_BLOCK: dict[str, Any] = {
    "chain": OutputChain.BLOCK,
    "height": PAYMENT.height,
    "block_time": PAYMENT.block_time,
}

ROWS: dict[str, Row] = {
    "a look finds nothing new": Row(look),
    "the quotes run out, and a look finds nothing new": Row(
        lambda world: look(replace(world, now=max(world.now, AN_HOUR_LATER)))
    ),
    "the quotes run out, and nobody has looked since": Row(
        lambda world: replace(
            world,
            now=max(world.now, AN_HOUR_LATER),
            swept_at=max(world.swept_at, UNTIL),
        ),
    ),
    "the servers do not agree, and show nothing new": Row(lambda world: look(world, agreed=False)),
    "a part of the price comes": comes(mined(PART, NEW)),
    "the whole price comes, in the mempool": comes(paid(number=NEW)),
    "the same with a double-spend proof": comes(paid(number=NEW, dsproof_at=NOON)),
    "the same, and the instant rule holds": comes(paid(number=NEW), instant_ok=True),
    "the whole price comes, in a block, no proof yet": comes(mined(number=NEW, spv_ok=False)),
    "the whole price comes, at depth, proved": comes(mined(number=NEW)),
    "the same, but our chain is in doubt": comes(mined(number=NEW), held=True),
    "the same, on an output that carries tokens": comes(mined(number=NEW, has_token=True)),
    "the same, from our own forward": comes(mined(number=NEW, own_forward=True)),
    "the same, as newly mined coins": comes(mined(number=NEW, is_coinbase=True)),
    "too little to forward comes": comes(mined(1_499, NEW)),
    "the payment is mined and proved": moves(**IN_BLOCK, spv_ok=True),
    "the payment is in a block, its proof outstanding": moves(**IN_BLOCK, spv_ok=False),
    "the payment gets a double-spend proof": moves(dsproof_at=NOON),
    "the payment's block is undone, and all agree": moves(**IN_MEMPOOL),
    "the payment's block is undone, one server says": moves(agreed=False, **IN_MEMPOOL),
    "the payment is missed by one look": moves(agreed=False, doubted=True, **IN_MEMPOOL),
    "the payment is missing, and all agree": moves(chain=OutputChain.MISSING, **GONE),
    "another transaction took the payment's coins": moves(chain=OutputChain.CONFLICTED, **GONE),
    "the creator accepts what came": person("accept", accepted_sat=PART),
    "the order is called off": person("void", void_at=NOON),
    "the file is withdrawn": person("withdraw", refund_due_at=NOON, void_at=NOON),
    "the file was withdrawn, and the whole price comes": Row(
        _withdrawn_then_paid, "withdraw first"
    ),
    "a new quote is asked for, the old one being over": Row(_quoted, "requote"),
    "the buyer names a refund address": person("note_address"),
    "the creator offers money back": person("ask", refund_open=True),
    "a refund is paid": person("refund", refund_txid="ab" * 32),
    "a refund is closed by hand": person("close"),
}
