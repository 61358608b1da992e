"""The decision about an invoice: stored facts in, a frozen ``Decision`` out. No I/O, no clock.

Status is a pure function of what was observed on chain and what people decided; settling is a
one-way latch that the caller closes in the same database transaction (docs/payments.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from payments.facts import Decision, InvoiceFacts, OutputFacts, QuoteFacts, View
from payments.states import InvoiceFlag, InvoiceState, OutputChain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from payments.transactions import Outpoint

__all__ = ["Decision", "InvoiceFacts", "OutputFacts", "QuoteFacts", "View", "derive"]

GRACE: Final = timedelta(minutes=5)  # silent, after a quote's end
DOWN_GRACE: Final = timedelta(hours=2)  # for a block's own time, when we were not looking
LATE_WINDOW: Final = timedelta(days=30)  # how long an old quote can still be honoured
COVENANT_FLOOR_SAT: Final = 1_500  # below it, a forwarder's output cannot be forwarded
RELAY_FLOOR_SAT: Final = 546  # below it, no wallet can send to a plain address
COINBASE_DEPTH: Final = 100


def derive(
    invoice: InvoiceFacts,
    quotes: Sequence[QuoteFacts],
    outputs: Sequence[OutputFacts],
    view: View,
    now: datetime,
) -> Decision:
    """Decide. Order and repetition of ``quotes`` and ``outputs`` do not matter."""
    money = _Money.count(invoice, outputs, view)
    routes = _routes(invoice, quotes, money, view, now)
    if invoice.settled_at is not None:
        return _keep(invoice, money, routes, view)

    need_sat = min((route.need_sat for route in routes), default=None)
    suspect = _is_suspect(money)
    may_settle = need_sat is not None and _may_settle(invoice, view)
    confirmed = may_settle and need_sat is not None and money.confirmed_sat >= need_sat
    instantly = may_settle and not confirmed and view.instant_ok and not suspect

    if confirmed or instantly:
        status = InvoiceState.PAID
    elif routes:
        status = InvoiceState.SUSPECT if suspect else InvoiceState.SEEN
    else:
        status = _unpaid_status(invoice, quotes, money, view, now)

    due_sat = _due(quotes, routes, view, now)
    counted = money.good if instantly else money.deep
    return Decision(
        status=status,
        flags=_flags(invoice, money, routes, view) | _late_flags(quotes, money, routes, view, now),
        settle=confirmed or instantly,
        instantly=instantly,
        due_now_sat=due_sat,
        seen_sat=money.seen_sat,
        confirmed_sat=money.confirmed_sat,
        missing_sat=0 if routes or due_sat is None else to_send(due_sat, money.seen_sat, invoice),
        over_sat=_over(invoice, money, routes),
        confirmations=money.depth_of(need_sat),
        evidence=_outpoints(counted) if confirmed or instantly else (),
    )


def counted(
    invoice: InvoiceFacts, outputs: Iterable[OutputFacts], view: View
) -> tuple[OutputFacts, ...]:
    """The outputs that count towards this payment, each once."""
    return _Money.count(invoice, outputs, view).good


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


@dataclass(frozen=True, slots=True)
class _Money:
    """The outputs sorted out: ``good`` may count, ``deep`` are those of them proved and buried.

    ``depths`` pairs each proved good output's depth with its value, deepest first.
    """

    outputs: tuple[OutputFacts, ...]
    good: tuple[OutputFacts, ...]
    deep: tuple[OutputFacts, ...]
    depths: tuple[tuple[int, int], ...]
    tip_height: int

    @classmethod
    def count(cls, invoice: InvoiceFacts, outputs: Iterable[OutputFacts], view: View) -> _Money:
        ours = tuple({o.outpoint: o for o in outputs if not o.own_forward}.values())
        good = tuple(o for o in ours if _is_good(o, invoice, view))
        proved = [(_depth(o, view), o) for o in good if o.spv_ok and _depth(o, view) > 0]
        return cls(
            outputs=ours,
            good=good,
            deep=tuple(o for depth, o in proved if depth >= invoice.confirmations),
            depths=tuple(sorted(((d, o.value_sat) for d, o in proved), reverse=True)),
            tip_height=view.tip_height,
        )

    @property
    def seen_sat(self) -> int:
        return _total(self.good)

    @property
    def confirmed_sat(self) -> int:
        return _total(self.deep)

    def seen_by(self, moment: datetime) -> int:
        return _total(o for o in self.good if o.first_seen_at <= moment)

    def depth_of(self, need_sat: int | None) -> int:
        """The depth at which ``need_sat`` lies proved; 0 when it does not."""
        total_sat = 0
        for depth, value_sat in self.depths if need_sat is not None else ():
            total_sat += value_sat
            if total_sat >= (need_sat or 0):
                return depth
        return 0


def _keep(invoice: InvoiceFacts, money: _Money, routes: Sequence[_Route], view: View) -> Decision:
    """Settled is settled; what can still change is whether the money is there (1.1, REVERSED).

    Taking PAID away needs every server's word and a chain we trust; giving it back needs proofs.
    A buyer whose payment was lost and who paid again is paid: enough by any route counts too.
    """
    counted = {o.outpoint for o in _standing(invoice, money)}
    worth_sat = _total(o for o in money.outputs if o.outpoint in invoice.evidence)
    stands = counted.issuperset(invoice.evidence)
    paid_anew = any(money.confirmed_sat >= route.need_sat for route in routes)

    believable = not view.held and (invoice.is_reversed or view.agreed)
    is_paid = (stands or paid_anew) if believable else not invoice.is_reversed
    need_sat = min((route.need_sat for route in routes), default=worth_sat)
    return Decision(
        status=InvoiceState.PAID if is_paid else InvoiceState.REVERSED,
        flags=_flags(invoice, money, routes, view),
        settle=False,
        instantly=False,
        due_now_sat=min((route.due_sat for route in routes), default=worth_sat),
        seen_sat=money.seen_sat,
        confirmed_sat=money.confirmed_sat,
        missing_sat=0 if is_paid else to_send(need_sat, money.seen_sat, invoice),
        over_sat=_over(invoice, money, routes),
        confirmations=money.depth_of(need_sat),
        evidence=invoice.evidence,
    )


def _standing(invoice: InvoiceFacts, money: _Money) -> Iterable[OutputFacts]:
    """The outputs that still stand for a settled invoice.

    Where a server shows a block, but its proof is outstanding (a reorganisation moved it), nobody
    says that the money is gone. Once REVERSED, only what is proved and deep brings it back.
    """
    if invoice.is_reversed:
        return money.deep
    if invoice.settled_instantly:
        return money.good
    pending = (o for o in money.good if o.chain is OutputChain.BLOCK and not o.spv_ok)
    return (*money.deep, *pending)


def _is_good(output: OutputFacts, invoice: InvoiceFacts, view: View) -> bool:
    return (
        output.chain in {OutputChain.MEMPOOL, OutputChain.BLOCK}
        and not output.has_token
        and not _is_dust(output, invoice)
        and not _is_immature(output, view)
    )


def _is_dust(output: OutputFacts, invoice: InvoiceFacts) -> bool:
    return invoice.covenant and output.value_sat < COVENANT_FLOOR_SAT


def _is_immature(output: OutputFacts, view: View) -> bool:
    return output.is_coinbase and _depth(output, view) < COINBASE_DEPTH


def _depth(output: OutputFacts, view: View) -> int:
    """1 in the tip's block; 0 in the mempool, or in a block our chain has not reached."""
    if output.chain is not OutputChain.BLOCK or output.height is None:
        return 0
    return max(0, view.tip_height - output.height + 1)


def _routes(
    invoice: InvoiceFacts,
    quotes: Sequence[QuoteFacts],
    money: _Money,
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
    money: _Money,
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


def _came_by(money: _Money, until: datetime, grace: timedelta) -> int:
    """How much came by ``until``, in satoshis.

    An output first seen later still counts when nobody was looking at the deadline: then the time
    of its block speaks for it, with two hours of slack, because miners' clocks have that much.
    """
    deadline = until + grace
    return _total(
        output
        for output in money.good
        if output.first_seen_at <= deadline
        or (
            (output.unseen_at is None or output.unseen_at < deadline)
            and output.block_time is not None
            and output.block_time <= until + DOWN_GRACE
        )
    )


def _is_suspect(money: _Money) -> bool:
    """A conflict is only a doubt while it is open: a block settles it one way or the other."""
    return any(o.chain is OutputChain.MISSING for o in money.outputs) or any(
        o.chain is OutputChain.MEMPOOL and (o.doubted or o.dsproof_at is not None)
        for o in money.good
    )


def _unpaid_status(
    invoice: InvoiceFacts,
    quotes: Sequence[QuoteFacts],
    money: _Money,
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
        return min(route.due_sat for route in routes)
    live = [quote.due_sat for quote in quotes if quote.until >= now]
    return min(live) if live else view.due_today_sat


def _over(invoice: InvoiceFacts, money: _Money, routes: Sequence[_Route]) -> int:
    """What came beyond every price that was met, so that paying a dearer quote is not "over".

    Less than could be asked for at all is not either: we may have asked for it (``to_send``).
    """
    if not routes:
        return 0
    over_sat = money.seen_sat - max(route.due_sat for route in routes)
    return over_sat if over_sat >= _least_sat(invoice) else 0


def _flags(
    invoice: InvoiceFacts, money: _Money, routes: Sequence[_Route], view: View
) -> frozenset[InvoiceFlag]:
    present = [o for o in money.outputs if o.chain in {OutputChain.MEMPOOL, OutputChain.BLOCK}]
    unproved = any(o.chain is OutputChain.BLOCK and not o.spv_ok for o in money.good)
    told = {
        InvoiceFlag.OVER: _over(invoice, money, routes) > 0,
        InvoiceFlag.LATE: bool(routes) and all(route.late for route in routes),
        InvoiceFlag.TOKEN_IGNORED: any(o.has_token for o in present),
        InvoiceFlag.COINBASE_WAIT: any(_is_immature(o, view) for o in present),
        InvoiceFlag.DUST: any(_is_dust(o, invoice) for o in present),
        InvoiceFlag.DOUBLE_SPEND_SEEN: any(
            o.dsproof_at is not None or o.chain is OutputChain.CONFLICTED for o in money.outputs
        ),
        InvoiceFlag.EVICTED: any(o.chain is OutputChain.MISSING for o in money.outputs),
        InvoiceFlag.VOID: invoice.void_at is not None,
        InvoiceFlag.REFUND_DUE: invoice.refund_due_at is not None and invoice.refund_txid is None,
        InvoiceFlag.REFUNDED: invoice.refund_txid is not None,
        InvoiceFlag.SPV_PENDING: unproved or (view.held and bool(money.good)),
        InvoiceFlag.OVERSOLD: invoice.oversold,
    }
    return frozenset(flag for flag, holds in told.items() if holds)


def _late_flags(
    quotes: Sequence[QuoteFacts],
    money: _Money,
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


def _total(outputs: Iterable[OutputFacts]) -> int:
    return sum(output.value_sat for output in outputs)
