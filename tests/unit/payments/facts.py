"""Facts for settlement tests: an invoice of 100,000 sat quoted at noon for twenty minutes."""

from datetime import UTC, datetime, timedelta
from typing import Any

from payments.facts import Decision, InvoiceFacts, OutputFacts, QuoteFacts, View
from payments.settlement import derive
from payments.states import OutputChain
from payments.transactions import Outpoint

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
UNTIL = NOON + timedelta(minutes=20)
TIP = 1_000
DUE = 100_000
LEAST = 99_000
QUOTE = QuoteFacts(due_sat=DUE, min_sat=LEAST, until=UNTIL)


def after(**later: float) -> datetime:
    """A moment so long after the quote's end."""
    return UNTIL + timedelta(**later)


def invoice(**facts: Any) -> InvoiceFacts:
    return InvoiceFacts(**{"confirmations": 1, "covenant": False, **facts})


def paid(value_sat: int = DUE, number: int = 0, **facts: Any) -> OutputFacts:
    """An output in the mempool, seen five minutes after noon."""
    return OutputFacts(
        **{
            "outpoint": Outpoint(f"{number:064x}", 0),
            "value_sat": value_sat,
            "chain": OutputChain.MEMPOOL,
            "first_seen_at": NOON + timedelta(minutes=5),
            **facts,
        }
    )


def mined(value_sat: int = DUE, number: int = 0, *, depth: int = 1, **facts: Any) -> OutputFacts:
    """The same output in a block, proved, ``depth`` deep."""
    placed = {
        "chain": OutputChain.BLOCK,
        "height": TIP - depth + 1,
        "block_time": NOON + timedelta(minutes=10),
        "spv_ok": True,
    }
    return paid(value_sat, number, **{**placed, **facts})


def late(value_sat: int = DUE, number: int = 0, **facts: Any) -> OutputFacts:
    """An output seen an hour after the quote's end, though we were looking all the time."""
    seen = {"first_seen_at": after(hours=1), "unseen_at": after(minutes=59), "due_then_sat": DUE}
    return paid(value_sat, number, **{**seen, **facts})


def decide(
    *outputs: OutputFacts,
    invoice: InvoiceFacts = invoice(),  # noqa: B008 - frozen
    quotes: tuple[QuoteFacts, ...] = (QUOTE,),
    now: datetime = NOON + timedelta(minutes=10),
    **view: Any,
) -> Decision:
    seen = {"tip_height": TIP, "swept_at": now, "agreed": True, "due_today_sat": DUE, **view}
    return derive(invoice, quotes, outputs, View(**seen), now)


def settled(*evidence: OutputFacts, **facts: Any) -> InvoiceFacts:
    """The invoice after these outputs settled it."""
    return invoice(settled_at=NOON, evidence=tuple(o.outpoint for o in evidence), **facts)
