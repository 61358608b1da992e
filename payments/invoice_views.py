"""Invoices as the rest of the app sees them: frozen values, read without the network."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db.models import Count, Sum

from payments import amounts
from payments.amounts import Price
from payments.errors import InvoiceMissing
from payments.models import Invoice
from payments.states import InvoiceFlag, InvoiceState, PayoutKind
from payments.tiers import UNSETTLED

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

STALE_AFTER: Final = timedelta(minutes=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceView:
    """An invoice as the rest of the app sees it.

    ``due_sat`` is the whole price now in force and ``missing_sat`` what is still to send of it;
    ``over_sat`` is what came beyond it, where that is worth a word. ``confirmations`` is the policy
    and ``depth`` how deep enough lies; ``evidence`` are the outpoints ("txid:vout") that settled
    it; ``stale`` says that nobody looked for a while. ``is_instant``: it may settle before a block,
    and ``instant_wait`` is the code of what that waits for ("": nothing, or it is off). ``owner``
    is whoever the money is for. ``tolerance_sat`` may be missing of the whole price. ``is_withdrawn``:
    unpaid, and opening nothing any more; what comes goes back, to ``refund_address`` ("": not said).
    """

    id: UUID
    owner: UUID
    state: InvoiceState
    flags: tuple[str, ...]
    address: str
    uri: str
    network: str
    price: Price
    due_sat: int
    seen_sat: int
    confirmed_sat: int
    missing_sat: int
    over_sat: int
    quote_until: datetime
    confirmations: int
    depth: int
    settled_at: datetime | None
    evidence: tuple[str, ...]
    stale: bool
    address_derivation: str
    is_instant: bool
    instant_wait: str
    tolerance_sat: int
    is_withdrawn: bool
    refund_address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """How many invoices are settled, and what came in on them."""

    settled: int
    settled_sat: int


def status_of(invoice_id: UUID, *, now: datetime) -> InvoiceView:
    """One invoice as it stands; no network. Raises ``InvoiceMissing``."""
    view = statuses_of([invoice_id], now=now).get(invoice_id)
    if view is None:
        raise InvoiceMissing("There is no such invoice.")
    return view


def statuses_of(invoice_ids: Iterable[UUID], *, now: datetime) -> dict[UUID, InvoiceView]:
    """Several invoices in a constant number of queries; unknown ids are left out."""
    rows = Invoice.objects.select_related("address", "payout").filter(pk__in=list(invoice_ids))
    return {row.id: view_of(row, now=now) for row in rows}


def totals(invoice_ids: Iterable[UUID]) -> Totals:
    """Settled count and satoshis over these invoices."""
    found = Invoice.objects.filter(pk__in=list(invoice_ids), settled_at__isnull=False).aggregate(
        count=Count("pk"), total=Sum("settled_sat")
    )
    return Totals(settled=found["count"], settled_sat=found["total"] or 0)


def price_of(row: Invoice) -> Price:
    """What the invoice's thing costs, in its own currency."""
    return amounts.parse_price(row.price_amount, row.price_currency)


def view_of(row: Invoice, *, now: datetime) -> InvoiceView:
    """The row as others see it, with its payout and its address."""
    limit = max(STALE_AFTER, timedelta(seconds=3 * settings.KIM_SWEEP_SECONDS))
    is_xpub = row.payout.kind == PayoutKind.XPUB
    return InvoiceView(
        id=row.id,
        owner=row.payout.owner,
        state=InvoiceState(row.state),
        flags=tuple(row.flags),
        address=row.address.shown,
        uri=amounts.payment_uri(row.address.shown, amount_sat=row.missing_sat or None),
        network=row.network,
        price=price_of(row),
        due_sat=row.due_sat,
        seen_sat=row.seen_sat,
        confirmed_sat=row.confirmed_sat,
        missing_sat=row.missing_sat,
        over_sat=row.seen_sat - row.due_sat if InvoiceFlag.OVER in row.flags else 0,
        quote_until=row.quote_until,
        confirmations=row.confirmations,
        depth=row.depth,
        settled_at=row.settled_at,
        evidence=tuple(row.evidence),
        stale=row.state in UNSETTLED and now - (row.swept_at or row.created_at) > limit,
        address_derivation=f"{'m/0/' if is_xpub else 'forwarder '}{row.address.index}",
        is_instant=row.instant_ceiling_sat > 0,
        instant_wait=row.instant_wait,
        tolerance_sat=row.due_sat - amounts.min_sat(row.due_sat, tolerance_bps=row.tolerance_bps),
        is_withdrawn=row.refund_due_at is not None and row.settled_at is None,
        refund_address=row.refund_address,
    )
