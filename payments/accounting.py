"""What was asked and what came, for books: invoices with every payment, rate and refund. Reads only.

A number of queries that does not grow with the invoices of a page. Order is by ``created_at``,
which never changes, so that nothing is told twice or left out while things move.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Exists, F, OuterRef, Q, TextField
from django.db.models.functions import Cast, Coalesce, Length

from payments import amounts
from payments.amounts import BCH, SAT_PER_BCH, Price
from payments.headers import HEADER_BYTES
from payments.models import HeaderPage, Invoice, Output, Quote, Refund
from payments.states import InvoiceFlag, InvoiceState, PayoutKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

BATCH: Final = 1_000
_COLUMNS: Final = (
    "network", "state", "flags", "price_amount", "price_currency", "confirmations", "created_at",
    "due_sat", "seen_sat", "missing_sat", "settled_at", "settled_sat", "settled_instantly",
    "evidence", "tip_height", "address__shown", "address__index",
)  # fmt: skip
_AMOUNT: Final = re.compile(
    r"(\d{1,8}[.,]\d{1,8}|\d{1,8}(?=\s*BCH))(?:\s*BCH)?", re.ASCII | re.IGNORECASE
)
_TXID: Final = re.compile(r"([0-9a-f]{8,64})(?::\d+)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which invoices. ``among``: a query of their ids, made by the caller. The period is of the
    settling, or of the order while it is not settled. ``text``: a transaction id or an address.
    """

    owner: UUID
    among: QuerySet[Any, Any]
    since: datetime | None = None
    until: datetime | None = None
    states: tuple[str, ...] = ()
    flag: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a page of invoices ended."""

    created_at: datetime
    id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """One output to an invoice's address. ``quoted`` and ``rate`` are prices of 1 BCH: of the quote
    in force when it was seen, and of that very moment. ``worth`` is in the invoice's currency, by
    ``rate`` or, where none was kept, by ``quoted``; None where there is neither.
    """

    txid: str
    vout: int
    value_sat: int
    seen: str
    has_token: bool
    has_settled: bool
    first_seen_at: datetime
    height: int | None
    block_hash: str
    block_time: datetime | None
    confirmations: int
    due_sat: int
    quoted: Decimal | None
    quoted_by: tuple[str, ...]
    rate: Decimal | None
    rate_by: tuple[str, ...]
    worth: Price | None
    worth_by: str
    forward_txid: str
    forward_fee_sat: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Repayment:
    """The latest refund of an invoice: asked for, and what was seen of it."""

    due_sat: int
    txid: str
    paid_sat: int
    is_closed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """One invoice with all that happened to it. ``quoted`` is the last quote's rate."""

    id: UUID
    network: str
    state: InvoiceState
    flags: tuple[str, ...]
    price: Price
    confirmations: int
    address: str
    derivation: str
    created_at: datetime
    due_sat: int
    seen_sat: int
    missing_sat: int
    settled_at: datetime | None
    settled_sat: int
    is_instant: bool
    over_sat: int
    quoted: Decimal | None
    quoted_by: tuple[str, ...]
    payments: tuple[Payment, ...]
    refund: Repayment | None

    @property
    def place(self) -> Place:
        return Place(created_at=self.created_at, id=self.id)

    @property
    def is_income(self) -> bool:
        """Settled, and still there."""
        return self.settled_at is not None and self.state is not InvoiceState.REVERSED

    @property
    def worth(self) -> Price | None:
        """What settled it, in its currency at the time; None where no rate is known."""
        found = [each.worth for each in self.payments if each.has_settled]
        known = [each.amount for each in found if each is not None]
        if not known or len(known) < len(found):
            return None
        return Price(sum(known[1:], known[0]), self.price.currency)


def page(wanted: Wanted, *, limit: int, after: Place | None = None) -> tuple[Bill, ...]:
    """Up to ``limit`` invoices, newest first."""
    rows = _rows(wanted).order_by("-created_at", "-pk")
    if after is not None:
        is_older = Q(created_at__lt=after.created_at)
        rows = rows.filter(is_older | Q(created_at=after.created_at, pk__lt=after.id))
    return _bills(rows[:limit], tip_height=_tip_height())


def whole(wanted: Wanted) -> Iterator[tuple[Bill, ...]]:
    """All of them, oldest first, ``BATCH`` at a time."""
    rows, tip_height = _rows(wanted).order_by("created_at", "pk"), _tip_height()
    batch = _bills(rows[:BATCH], tip_height=tip_height)
    while batch:
        yield batch
        last = batch[-1].place
        is_newer = Q(created_at__gt=last.created_at) | Q(created_at=last.created_at, pk__gt=last.id)
        batch = _bills(rows.filter(is_newer)[:BATCH], tip_height=tip_height)


def _rows(wanted: Wanted) -> QuerySet[Invoice]:
    rows = Invoice.objects.filter(payout__owner=wanted.owner, pk__in=wanted.among)
    if wanted.since is not None or wanted.until is not None:
        rows = rows.annotate(sold_at=Coalesce("settled_at", "created_at"))
    if wanted.since is not None:
        rows = rows.filter(Q(sold_at__gte=wanted.since))
    if wanted.until is not None:
        rows = rows.filter(Q(sold_at__lt=wanted.until))
    if wanted.states:
        rows = rows.filter(state__in=wanted.states)
    if wanted.flag:
        # As text: not every database can look into a list.
        rows = rows.annotate(flags_text=Cast("flags", TextField()))
        rows = rows.filter(flags_text__contains=f'"{wanted.flag}"')
    if wanted.text:
        rows = rows.filter(_named(wanted.text))
    return rows.select_related("address").annotate(payout_kind=F("payout__kind")).only(*_COLUMNS)


def _named(text: str) -> Q | Exists:
    """Address or transaction: whole, or how it begins. An amount in BCH: exactly."""
    if sum_sat := _sat_of(text):
        return Q(due_sat=sum_sat) | Q(seen_sat=sum_sat) | Q(settled_sat=sum_sat)
    txid = _TXID.fullmatch(text.strip())
    if txid is None:
        body = text.strip().lower().rpartition(":")[2]
        return Q(address__shown__contains=f":{body}")
    start = txid[1].lower()
    paid = Output.objects.filter(invoice=OuterRef("pk"))
    return (
        Q(Exists(paid.filter(transaction__txid__startswith=start)))
        | Q(Exists(paid.filter(forward__txid__startswith=start)))
        | Q(Exists(Refund.objects.filter(invoice=OuterRef("pk"), txid__startswith=start)))
    )


def _sat_of(text: str) -> int:
    """Satoshis of an amount as people write it: "0.00912300", "0,009123 BCH"; 0 for other texts."""
    amount = _AMOUNT.fullmatch(text.strip())
    return 0 if amount is None else int(Decimal(amount[1].replace(",", ".")) * SAT_PER_BCH)


def _bills(rows: Iterable[Invoice], *, tip_height: int) -> tuple[Bill, ...]:
    invoices = list(rows)
    ids = [row.id for row in invoices]
    quotes, outputs = _by_invoice(_quotes(ids)), _by_invoice(_outputs(ids))
    refunds = {row.invoice_id: row for row in Refund.objects.filter(invoice__in=ids).order_by("pk")}
    return tuple(
        _bill(
            row,
            quotes[row.id],
            tuple(_payment(each, row, quotes[row.id], tip_height) for each in outputs[row.id]),
            refunds.get(row.id),
        )
        for row in invoices
    )


# Bare tuples: ten thousand invoices are an ordinary year, and models cost twice the time.
def _quotes(ids: list[UUID]) -> Iterable[Any]:
    rows = Quote.objects.filter(invoice__in=ids).order_by("quoted_at", "pk")
    return rows.values_list("invoice_id", "due_sat", "rate", "sources", "quoted_at", named=True)


def _outputs(ids: list[UUID]) -> Iterable[Any]:
    """With ``is_first`` of its forward: one transaction's fee is told once."""
    before = Output.objects.filter(forward=OuterRef("forward"), pk__lt=OuterRef("pk"))
    rows = Output.objects.filter(invoice__in=ids).order_by("first_seen_at", "pk")
    return rows.annotate(is_first=~Exists(before)).values_list(
        "invoice_id", "transaction_id", "vout", "value_sat", "has_token", "chain", "height",
        "block_hash", "block_time", "first_seen_at", "rate", "rate_sources", "forward__txid",
        "forward__fee_sat", "is_first", named=True,
    )  # fmt: skip


def _by_invoice(rows: Iterable[Any]) -> defaultdict[UUID, list[Any]]:
    found = defaultdict(list)
    for row in rows:
        found[row.invoice_id].append(row)
    return found


def _bill(
    row: Any, quotes: Sequence[Any], payments: tuple[Payment, ...], refund: Refund | None
) -> Bill:
    is_xpub = row.payout_kind == PayoutKind.XPUB
    last = quotes[-1] if quotes else None
    return Bill(
        id=row.id,
        network=row.network,
        state=InvoiceState(row.state),
        flags=tuple(row.flags),
        price=amounts.parse_price(row.price_amount, row.price_currency),
        confirmations=row.confirmations,
        address=row.address.shown,
        derivation=f"{'m/0/' if is_xpub else 'forwarder '}{row.address.index}",
        created_at=row.created_at,
        due_sat=row.due_sat,
        seen_sat=row.seen_sat,
        missing_sat=row.missing_sat,
        settled_at=row.settled_at,
        settled_sat=row.settled_sat,
        is_instant=row.settled_instantly,
        over_sat=_over_sat(row, quotes),
        quoted=last.rate if last else None,
        quoted_by=tuple(last.sources) if last else (),
        payments=payments,
        refund=None if refund is None else _refund(refund),
    )


def _payment(row: Any, invoice: Invoice, quotes: Sequence[Any], tip_height: int) -> Payment:
    quote = next((q for q in reversed(quotes) if q.quoted_at <= row.first_seen_at), None)
    quote = quote or (quotes[0] if quotes else None)
    quoted = quote.rate if quote else None
    rate = row.rate if row.rate is not None else quoted
    worth = _worth(row.value_sat, rate, invoice.price_currency)
    tip_height = max(tip_height, invoice.tip_height)
    return Payment(
        txid=row.transaction_id,
        vout=row.vout,
        value_sat=row.value_sat,
        seen=row.chain,
        has_token=row.has_token,
        has_settled=f"{row.transaction_id}:{row.vout}" in invoice.evidence,
        first_seen_at=row.first_seen_at,
        height=row.height,
        block_hash=row.block_hash,
        block_time=row.block_time,
        confirmations=0 if row.height is None else max(0, tip_height - row.height + 1),
        due_sat=quote.due_sat if quote else invoice.due_sat,
        quoted=quoted,
        quoted_by=tuple(quote.sources) if quote else (),
        rate=row.rate,
        rate_by=tuple(row.rate_sources),
        worth=worth,
        worth_by="" if worth is None else "receipt" if row.rate is not None else "quote",
        forward_txid=row.forward__txid or "",
        forward_fee_sat=row.forward__fee_sat if row.forward__txid and row.is_first else 0,
    )


def _worth(value_sat: int, rate: Decimal | None, currency: str) -> Price | None:
    if rate is None or currency == BCH:
        return None
    return amounts.value_of(value_sat, rate, currency)


def _over_sat(row: Invoice, quotes: Sequence[Any]) -> int:
    """What came beyond the dearest quote that was met, where that is worth a word."""
    if InvoiceFlag.OVER not in row.flags:
        return 0
    met = [quote.due_sat for quote in quotes if quote.due_sat <= row.seen_sat]
    return row.seen_sat - max(met, default=row.due_sat)


def _refund(row: Refund) -> Repayment:
    return Repayment(
        due_sat=row.due_sat,
        txid=row.txid,
        paid_sat=row.paid_sat,
        is_closed=row.closed_at is not None,
    )


def _tip_height() -> int:
    """Of the headers that are stored; 0 while there are none."""
    pages = HeaderPage.objects.annotate(size_bytes=Length("raw")).order_by("-start_height")
    last = pages.values_list("start_height", "size_bytes").first()
    return 0 if last is None else last[0] + last[1] // HEADER_BYTES - 1
