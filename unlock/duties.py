"""What needs a creator: refunds to pay, short payments to accept, and what they should know of.

Reads, and three decisions about a sale of the creator's own. A refund closes itself once its
transaction is in a block.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from payments import duties, invoices, refunds, tidings
from payments.amounts import bch_words
from payments.states import InvoiceFlag, InvoiceState, RefundReason
from unlock import failures, sales, speech
from unlock.creator_errors import NoteMissing
from unlock.errors import PurchaseUnknown
from unlock.models import Purchase
from unlock.speech import mark

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from payments.invoices import InvoiceView
    from payments.refunds import RefundView
    from unlock.models import Creator

MOST: Final = 100


class DutyKind(StrEnum):
    """Why something is on the list. Only the first three ask for a decision."""

    REFUND = "refund"
    FAILURE = "failure"
    SHORT = "short"
    CONFLICT = "conflict"
    REVERSED = "reversed"
    TOKEN = "token"  # noqa: S105 - a CashToken, not a secret
    FORWARD = "forward"


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """One thing, in words. ``purchase`` and ``invoice`` are None for a forward, which may be of
    several sales; ``txid`` is that forward's.
    """

    kind: DutyKind
    title: str
    says: str
    purchase: UUID | None = None
    invoice: InvoiceView | None = None
    refund: RefundView | None = None
    txid: str = ""


REASONS: Final = {
    RefundReason.OVER: mark("More came than was asked for."),
    RefundReason.REMOVED: mark("The file was removed before it was paid."),
    RefundReason.OVERSOLD: mark("It was sold out."),
    RefundReason.FAILED: mark("The buyer could not open the file."),
    RefundReason.AGREED: mark("You offered it."),
}
_CONFLICT: Final = mark(
    "The payment shows signs of a double spend. The file opens only once a block holds it; there is"
    " nothing to do."
)
_REVERSED: Final = mark(
    "The payment counted, and has gone from the chain. We go on looking and sending it; the key is"
    " withheld if the buyer did not fetch it before."
)
_BESIDE: Final = mark(
    "Coins came together with a token. They do not count as payment, and are never forwarded,"
    " because the token would be lost. The buyer is asked to send plain BCH."
)
_FAILED: Final = mark(
    "Open your own link to see it for yourself. If it is so, offer the money back."
)
_FORWARD: Final = mark(
    "A payment was not passed on to your address for six hours. It is safe and is tried again."
)


def of(creator: Creator, *, now: datetime) -> tuple[Duty, ...]:
    """Everything that needs this creator; what can be done comes first."""
    views = duties.waiting(creator.id, now=now, limit=MOST)
    owed = refunds.of(view.id for view in views)
    rows = Purchase.objects.select_related("paid_file").filter(
        invoice_id__in=[view.id for view in views], paid_file__creator=creator
    )
    bought = {row.invoice_id: row for row in rows}
    found = [
        _duty(kind, view, bought[view.id], owed.get(view.id))
        for view in views
        if view.id in bought
        for kind in _kinds(view, owed.get(view.id), now)
    ]
    found += _failures(creator, now=now)
    found += [
        Duty(
            kind=DutyKind.FORWARD,
            title=speech.say("A payment on its way to you"),
            says=speech.say(_FORWARD),
            txid=txid,
        )
        for owner, txid in tidings.stuck_forwards(now=now)
        if owner == creator.id
    ]
    order = list(DutyKind)
    return tuple(sorted(found, key=lambda duty: order.index(duty.kind)))


def accept(creator: Creator, purchase_id: UUID, *, now: datetime) -> InvoiceView:
    """Take what came for the price. Raises PurchaseUnknown, and what ``invoices.accept`` raises."""
    return invoices.accept(_invoice_of(creator, purchase_id), now=now)


def offer_back(creator: Creator, purchase_id: UUID, *, due_sat: int, now: datetime) -> RefundView:
    """Owe a buyer something by agreement, or because what they paid did not open.

    Raises PurchaseUnknown, and what ``refunds.ask`` raises.
    """
    invoice_id = _invoice_of(creator, purchase_id)
    has_failed = failures.is_open(sales.find(creator, purchase_id))
    reason = RefundReason.FAILED if has_failed else RefundReason.AGREED
    return refunds.ask(invoice_id, reason=reason, due_sat=due_sat, now=now)


def close(creator: Creator, purchase_id: UUID, *, note: str, now: datetime) -> RefundView:
    """Settled in another way, which the buyer reads. Raises PurchaseUnknown, NoteMissing,
    RefundMissing.
    """
    invoice_id = _invoice_of(creator, purchase_id)
    if not note.strip():
        raise NoteMissing("Say how it was settled: the buyer reads it.")
    return refunds.close(invoice_id, note=note, now=now)


def _invoice_of(creator: Creator, purchase_id: UUID) -> UUID:
    purchase = sales.find(creator, purchase_id)
    if purchase.invoice_id is None:
        raise PurchaseUnknown("There is no such sale.")
    return purchase.invoice_id


def _failures(creator: Creator, *, now: datetime) -> list[Duty]:
    told = {each.purchase_id: each for each in failures.open_of(creator.id)}
    rows = list(Purchase.objects.select_related("paid_file").filter(pk__in=told))
    bills = [row.invoice_id for row in rows if row.invoice_id is not None]
    views = invoices.statuses_of(bills, now=now) if bills else {}
    return [
        Duty(
            kind=DutyKind.FAILURE,
            title=row.paid_file.title,
            says=speech.say("A buyer paid and cannot open it. {why}", why=told[row.id].says)
            + f" {speech.say(_FAILED)}",
            purchase=row.id,
            invoice=None if row.invoice_id is None else views[row.invoice_id],
        )
        for row in rows
    ]


def _kinds(view: InvoiceView, refund: RefundView | None, now: datetime) -> list[DutyKind]:
    holds = {
        DutyKind.REFUND: refund is not None and refund.closed_at is None,
        DutyKind.SHORT: (
            view.state is InvoiceState.PARTIAL and not view.is_withdrawn and view.quote_until < now
        ),
        DutyKind.CONFLICT: view.state is InvoiceState.SUSPECT,
        DutyKind.REVERSED: view.state is InvoiceState.REVERSED,
        DutyKind.TOKEN: InvoiceFlag.TOKEN_IGNORED in view.flags and view.settled_at is None,
    }
    return [kind for kind in DutyKind if holds.get(kind)]


def _duty(kind: DutyKind, view: InvoiceView, row: Purchase, refund: RefundView | None) -> Duty:
    told = {
        DutyKind.CONFLICT: _CONFLICT,
        DutyKind.REVERSED: _REVERSED,
        DutyKind.TOKEN: _BESIDE,
    }
    if kind in told:
        says = speech.say(told[kind])
    else:
        is_refund = kind is DutyKind.REFUND and refund is not None
        says = _refund(refund) if is_refund and refund is not None else _short(view)
    return Duty(
        kind=kind,
        title=row.paid_file.title,
        says=says,
        purchase=row.id,
        invoice=view,
        refund=refund if kind is DutyKind.REFUND else None,
    )


def _refund(refund: RefundView) -> str:
    why, due = speech.say(REASONS[refund.reason]), bch_words(refund.due_sat)
    if refund.txid:
        rest = speech.say(
            "{paid} of {due} were seen on their way; it closes with their block.",
            paid=bch_words(refund.paid_sat),
            due=due,
        )
    elif not refund.address:
        rest = speech.say(
            "{due} are owed. The buyer has not said yet where to; their page asks them.", due=due
        )
    else:
        rest = speech.say(
            "Send {due} from your own wallet to the buyer's address. It is seen, and closes itself"
            " with its block.",
            due=due,
        )
    return f"{why} {rest}"


def _short(view: InvoiceView) -> str:
    seen, due = bch_words(view.seen_sat), bch_words(view.due_sat)
    if InvoiceFlag.LATE in view.flags:
        what = speech.say(
            "{seen} came after the quote had run out; today it costs {due}.", seen=seen, due=due
        )
    else:
        what = speech.say("{seen} of {due} came, and the time is over.", seen=seen, due=due)
    rest = speech.say(
        "The buyer can still send the rest. If you accept what came, the file opens once it is in a"
        " block, and that cannot be undone."
    )
    return f"{what} {rest}"
