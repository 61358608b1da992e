"""The decision about an invoice: stored facts in, a frozen ``Decision`` out. No I/O, no clock.

Status is a pure function of what was observed on chain and what people decided; settling is a
one-way latch that the caller closes in the same database transaction (docs/payments.md).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from payments import amounts
from payments.counting import (
    COINBASE_DEPTH,
    COVENANT_FLOOR_SAT,
    RELAY_FLOOR_SAT,
    Money,
    is_dust,
    is_immature,
    total,
)
from payments.facts import Decision, InvoiceFacts, OutputFacts, QuoteFacts, View
from payments.states import InvoiceFlag, InvoiceState, OutputChain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from payments.transactions import Outpoint

__all__ = [
    "COINBASE_DEPTH",
    "COVENANT_FLOOR_SAT",
    "RELAY_FLOOR_SAT",
    "Decision",
    "InvoiceFacts",
    "OutputFacts",
    "QuoteFacts",
    "View",
    "counted",
    "derive",
    "to_send",
]

GRACE: Final = timedelta(minutes=5)  # silent, after a quote's end
DOWN_GRACE: Final = timedelta(hours=2)  # for a block's own time, when we were not looking
LATE_WINDOW: Final = timedelta(days=30)  # how long an old quote can still be honoured


def derive(
    invoice: InvoiceFacts,
    quotes: Sequence[QuoteFacts],
    outputs: Sequence[OutputFacts],
    view: View,
    now: datetime,
) -> Decision:
    """Decide. Order and repetition of ``quotes`` and ``outputs`` do not matter."""
    money = Money.count(invoice, outputs, view)
    routes = _routes(invoice, quotes, money, view, now)
    if invoice.settled_at is not None:
        at_tip = replace(view, tip_height=view.tip_height + view.contested_blocks)
        standing = _standing(invoice, money, Money.count(invoice, outputs, at_tip))
        paid_anew = _is_enough_alone(invoice, quotes, money, view, now)
        return _keep(invoice, money, standing, routes, view, paid_anew=paid_anew)

    need_sat = min((route.need_sat for route in routes), default=None)
    suspect = _is_suspect(money)
    may_settle = need_sat is not None and _may_settle(invoice, view)
    confirmed = may_settle and _is_enough_alone(invoice, quotes, money, view, now)
    instantly = may_settle and not confirmed and view.instant_ok and not suspect

    if confirmed or instantly:
        status = InvoiceState.PAID
    elif routes:
        status = InvoiceState.SUSPECT if suspect else InvoiceState.SEEN
    else:
        status = _unpaid_status(invoice, quotes, money, view, now)

    due_sat = _due(quotes, routes, view, now)
    over_sat, is_paid = _over(invoice, money, routes), confirmed or instantly
    owed_sat = _owed(invoice, money, over_sat, is_paid=is_paid)
    counting = money.good if instantly else money.deep
    return Decision(
        status=status,
        flags=_flags(invoice, money, routes, view, owed_sat)
        | _late_flags(quotes, money, routes, view, now),
        settle=is_paid,
        instantly=instantly,
        due_now_sat=due_sat,
        seen_sat=money.seen_sat,
        confirmed_sat=money.confirmed_sat,
        missing_sat=0 if routes or due_sat is None else to_send(due_sat, money.seen_sat, invoice),
        over_sat=over_sat,
        owed_sat=owed_sat,
        confirmations=money.depth_of(need_sat),
        evidence=_outpoints(counting) if is_paid else (),
    )


def _is_enough_alone(
    invoice: InvoiceFacts,
    quotes: Sequence[QuoteFacts],
    money: Money,
    view: View,
    now: datetime,
) -> bool:
    """Whether what is proved and deep opens a way by itself.

    What only waits keeps a price in force for as long as it is there. It may vanish, so it cannot
    let money that came long after, at an old price, settle.
    """
    return bool(_routes(invoice, quotes, replace(money, good=money.deep), view, now))


def counted(
    invoice: InvoiceFacts, outputs: Iterable[OutputFacts], view: View
) -> tuple[OutputFacts, ...]:
    """The outputs that count towards this payment, each once."""
    return Money.count(invoice, outputs, view).good


def _may_settle(invoice: InvoiceFacts, view: View) -> bool:
    return view.looked and not view.held and invoice.refund_due_at is None


def to_send(due_sat: int, seen_sat: int, invoice: InvoiceFacts) -> int:
    """What to ask for beside ``seen_sat``: nothing, or at least so much that it can be sent and
    counts. The few satoshis that this is beyond ``due_sat`` are not called too much afterwards.
    """
    return max(due_sat - seen_sat, _least_sat(invoice)) if due_sat > seen_sat else 0


def _least_sat(invoice: InvoiceFacts) -> int:
    return COVENANT_FLOOR_SAT if invoice.covenant else RELAY_FLOOR_SAT


@dataclass(frozen=True, slots=True)
class _Route:
    """One way in which what was seen is enough: it needs ``need_sat`` confirmed to settle."""

    need_sat: int
    due_sat: int
    late: bool


def _keep(
    invoice: InvoiceFacts,
    money: Money,
    standing: Iterable[OutputFacts],
    routes: Sequence[_Route],
    view: View,
    *,
    paid_anew: bool,
) -> Decision:
    """Settled is settled; what can still change is whether the money is there (1.1, REVERSED).

    Taking PAID away needs every server's word and a chain we trust; giving it back needs proofs.
    A buyer whose payment was lost and who paid again is paid: enough by any route counts too.
    """
    counted = {o.outpoint for o in standing}
    worth_sat = total(o for o in money.outputs if o.outpoint in invoice.evidence)
    stands = counted.issuperset(invoice.evidence)
    believable = not view.held and (invoice.is_reversed or view.agreed)
    is_paid = (stands or paid_anew) if believable else not invoice.is_reversed
    need_sat = min((route.need_sat for route in routes), default=worth_sat)
    over_sat = _over(invoice, money, routes)
    owed_sat = _owed(invoice, money, over_sat, is_paid=is_paid)
    return Decision(
        status=InvoiceState.PAID if is_paid else InvoiceState.REVERSED,
        flags=_flags(invoice, money, routes, view, owed_sat),
        settle=False,
        instantly=False,
        due_now_sat=max((route.due_sat for route in routes), default=worth_sat),
        seen_sat=money.seen_sat,
        confirmed_sat=money.confirmed_sat,
        missing_sat=0 if is_paid else to_send(need_sat, money.seen_sat, invoice),
        over_sat=over_sat,
        owed_sat=owed_sat,
        confirmations=money.depth_of(need_sat),
        evidence=invoice.evidence,
    )


def _standing(invoice: InvoiceFacts, money: Money, at_tip: Money) -> Iterable[OutputFacts]:
    """The outputs that still stand for a settled invoice. ``at_tip``: with contested blocks too; a
    branch that nobody gave way to yet takes nothing back.

    Where a server shows a block, but its proof is outstanding (a reorganisation moved it), nobody
    says that the money is gone. Once REVERSED, only what is proved and deep brings it back.
    """
    if invoice.is_reversed:
        return money.deep
    if invoice.settled_instantly:
        return at_tip.good
    pending = (o for o in at_tip.good if o.chain is OutputChain.BLOCK and not o.spv_ok)
    return (*at_tip.deep, *pending)


def _routes(
    invoice: InvoiceFacts,
    quotes: Sequence[QuoteFacts],
    money: Money,
    view: View,
    now: datetime,
) -> list[_Route]:
    """Every way in which the good outputs are enough: on time, late but honoured, accepted."""
    routes = [
        _Route(quote.min_sat, quote.due_sat, late=False)
        for quote in quotes
        if _came_by(money, quote.until, GRACE) >= quote.min_sat
    ]
    if quotes:
        routes += _late_routes(invoice, quotes, money, view, now)
    accepted_sat = invoice.accepted_sat or 0
    if 0 < accepted_sat <= money.seen_sat:
        routes.append(_Route(accepted_sat, accepted_sat, late=False))
    return routes


def _late_routes(
    invoice: InvoiceFacts,
    quotes: Sequence[QuoteFacts],
    money: Money,
    view: View,
    now: datetime,
) -> list[_Route]:
    """Digital goods cost nothing to hand out late, so be generous, but for no endless option.

    Within 30 days an old quote reached in full is honoured while the rate fell by at most a tenth
    (or at any rate, if the creator honours satoshis). At any time, what the file cost on the day
    the money came, or costs today, is enough. The rate is compared in satoshis due, as integers:
    rate_then >= 0.9 * rate_quote is due_quote >= 0.9 * due_then.
    """
    over_at = max(quote.until for quote in quotes)
    moments = [(o.first_seen_at, o.due_then_sat) for o in money.good] + [(now, view.due_today_sat)]
    prices = [(money.seen_by(at), due, at) for at, due in moments if due is not None]

    in_window_sat = _came_by(money, over_at + LATE_WINDOW, timedelta())
    honoured = [
        _Route(quote.due_sat, quote.due_sat, late=True)
        for quote in quotes
        if in_window_sat >= quote.due_sat
        and (
            invoice.honour_sats
            or any(sat >= quote.due_sat and 10 * quote.due_sat >= 9 * due for sat, due, _ in prices)
        )
    ]
    at_price = [
        _Route(due, due, late=True) for sat, due, at in prices if at > over_at and sat >= due > 0
    ]
    return honoured + at_price


def _came_by(money: Money, until: datetime, grace: timedelta) -> int:
    """How much came by ``until``, in satoshis.

    An output first seen later still counts when nobody was looking at the deadline: then the time
    of its block speaks for it, with two hours of slack, because miners' clocks have that much.
    """
    deadline = until + grace
    return total(
        output
        for output in money.good
        if output.first_seen_at <= deadline
        or (
            (output.unseen_at is None or output.unseen_at < deadline)
            and output.block_time is not None
            and output.block_time <= until + DOWN_GRACE
        )
    )


def _is_suspect(money: Money) -> bool:
    """A conflict is only a doubt while it is open: a block settles it one way or the other."""
    return any(o.chain is OutputChain.MISSING for o in money.outputs) or any(
        o.chain is OutputChain.MEMPOOL and (o.doubted or o.dsproof_at is not None)
        for o in money.good
    )


def _unpaid_status(
    invoice: InvoiceFacts,
    quotes: Sequence[QuoteFacts],
    money: Money,
    view: View,
    now: datetime,
) -> InvoiceState:
    """Expiry is announced only after a sweep newer than the quote: money may be on its way."""
    if money.seen_sat > 0:
        return InvoiceState.PARTIAL
    over_at = max((quote.until for quote in quotes), default=now)
    swept_since = view.swept_at is not None and view.swept_at > over_at
    if invoice.void_at is not None or (now > over_at and swept_since):
        return InvoiceState.EXPIRED
    return InvoiceState.OPEN


def _due(
    quotes: Sequence[QuoteFacts], routes: Sequence[_Route], view: View, now: datetime
) -> int | None:
    """The price in force: what was met, else the live quote's, else today's (None: no rate)."""
    if routes:
        return max(route.due_sat for route in routes)
    live = [quote.due_sat for quote in quotes if quote.until >= now]
    return min(live) if live else view.due_today_sat


def _over(invoice: InvoiceFacts, money: Money, routes: Sequence[_Route]) -> int:
    """What came beyond every price that was met, so that paying a dearer quote is not "over".

    Less than could be asked for at all is not either: we may have asked for it (``to_send``).
    """
    if not routes:
        return 0
    over_sat = money.seen_sat - max(route.due_sat for route in routes)
    return over_sat if over_sat >= _least_sat(invoice) else 0


def _owed(invoice: InvoiceFacts, money: Money, over_sat: int, *, is_paid: bool) -> int:
    """What must go back, beyond what earlier refunds dealt with; never money that may still vanish.

    Of a removed file's order everything, of a paid one what was too much, from an amount on that is
    worth two people's trouble.
    """
    if is_paid:
        unsure_sat = money.seen_sat - money.confirmed_sat
        back_sat = over_sat - unsure_sat - invoice.refunded_sat
        return back_sat if amounts.is_refund_worthy(back_sat, money.seen_sat - over_sat) else 0
    is_off = invoice.refund_due_at is not None and invoice.settled_at is None
    return max(0, money.confirmed_sat - invoice.refunded_sat) if is_off else 0


def _goes_back(invoice: InvoiceFacts, money: Money, owed_sat: int) -> bool:
    is_off = invoice.refund_due_at is not None and invoice.settled_at is None
    comes_back = is_off and money.seen_sat > invoice.refunded_sat
    return invoice.refund_open or owed_sat > 0 or comes_back


def _flags(
    invoice: InvoiceFacts, money: Money, routes: Sequence[_Route], view: View, owed_sat: int
) -> frozenset[InvoiceFlag]:
    present = [o for o in money.outputs if o.chain in {OutputChain.MEMPOOL, OutputChain.BLOCK}]
    unproved = any(o.chain is OutputChain.BLOCK and not o.spv_ok for o in money.good)
    goes_back = _goes_back(invoice, money, owed_sat)
    told = {
        InvoiceFlag.OVER: _over(invoice, money, routes) > 0,
        InvoiceFlag.LATE: bool(routes) and all(route.late for route in routes),
        InvoiceFlag.TOKEN_IGNORED: any(o.has_token for o in present),
        InvoiceFlag.COINBASE_WAIT: any(is_immature(o, view) for o in present),
        InvoiceFlag.DUST: any(is_dust(o, invoice) for o in present),
        InvoiceFlag.DOUBLE_SPEND_SEEN: any(
            o.dsproof_at is not None or o.chain is OutputChain.CONFLICTED for o in money.outputs
        ),
        InvoiceFlag.EVICTED: any(o.chain is OutputChain.MISSING for o in money.outputs),
        InvoiceFlag.VOID: invoice.void_at is not None,
        InvoiceFlag.REFUND_DUE: goes_back,
        InvoiceFlag.REFUNDED: invoice.refund_txid is not None and not goes_back,
        InvoiceFlag.SPV_PENDING: unproved or (view.held and bool(money.good)),
        InvoiceFlag.OVERSOLD: invoice.oversold,
    }
    return frozenset(flag for flag, holds in told.items() if holds)


def _late_flags(
    quotes: Sequence[QuoteFacts],
    money: Money,
    routes: Sequence[_Route],
    view: View,
    now: datetime,
) -> frozenset[InvoiceFlag]:
    """Of an unsettled invoice: an old price was reached after its time, but is not honoured."""
    reached = any(money.seen_sat >= quote.due_sat for quote in quotes)
    if routes or not reached or any(quote.until >= now for quote in quotes):
        return frozenset()
    drift = {InvoiceFlag.RATE_DRIFT} if view.due_today_sat is not None else set()
    return frozenset({InvoiceFlag.LATE} | drift)


def _outpoints(outputs: Iterable[OutputFacts]) -> tuple[Outpoint, ...]:
    return tuple(sorted(output.outpoint for output in outputs))
