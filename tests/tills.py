"""Selling something for satoshis and looking at the chain: the words of the payment tests."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol
from uuid import UUID, uuid4

from django.utils import timezone

from payments import addresses, amounts, invoices, payouts, watcher
from payments.payouts import PayoutView
from payments.states import Network


class Wallet(Protocol):
    """Whatever can name an address for the creator."""

    def new_address(self) -> str: ...


def payout_to(value: str, *, owner: UUID | None = None) -> PayoutView:
    return payouts.set_current(owner or uuid4(), value, now=timezone.now())


def sell(
    chain: Wallet,
    *,
    sat: int = 20_000,
    confirmations: int = 1,
    payout: PayoutView | None = None,
    ago: timedelta = timedelta(),
    instant: bool = False,
) -> invoices.InvoiceView:
    """An open invoice over ``sat``, opened ``ago`` before now."""
    where = payout or payout_to(chain.new_address())
    price = amounts.parse_price(amounts.format_bch(sat), "BCH")
    return invoices.open(
        payout_id=where.id,
        price=price,
        confirmations=confirmations,
        now=timezone.now() - ago,
        instant=instant,
    )


def look(invoice_id: UUID, *, after: timedelta = timedelta()) -> invoices.InvoiceView:
    """Look at the chain, as if it were ``after`` from now; how the invoice stands then."""
    now = timezone.now() + after
    watcher.look(invoice_id, now=now)
    return invoices.status_of(invoice_id, now=now)


def script_of(address: str) -> bytes:
    return addresses.parse(address, Network.REGTEST).script
