"""An invoice for somebody who pays it for a buyer: how it stands, in words that name nobody. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from payments.states import InvoiceState
from unlock.wordings import short

if TYPE_CHECKING:
    from datetime import datetime

    from payments.invoices import InvoiceView


@dataclass(frozen=True, slots=True, kw_only=True)
class FriendSaid:
    """``tone`` as in ``wordings``. ``is_payable``: what is missing may be sent now."""

    says: str
    tone: str = ""
    is_payable: bool = False


_SEEN = FriendSaid(says="Payment seen. There is nothing more to do: do not pay again.")
_OVER = FriendSaid(
    says=(
        "The price has run out. Do not pay now: whoever sent you this link can get a new price, and"
        " it appears here."
    ),
    tone="amber",
)
_SAID = {
    InvoiceState.OPEN: FriendSaid(says="Waiting for the payment.", is_payable=True),
    InvoiceState.EXPIRED: _OVER,
    InvoiceState.PAID: FriendSaid(says="Paid. Thank you, there is nothing more to do."),
    InvoiceState.REVERSED: FriendSaid(
        says="The payment is no longer in the chain. Do not pay again: ask your friend.", tone="red"
    ),
}


def say(invoice: InvoiceView, *, now: datetime) -> FriendSaid:
    """What the person who pays for somebody else should know."""
    if invoice.is_withdrawn:
        return FriendSaid(says="This order was called off. Do not pay.", tone="amber")
    if invoice.state is InvoiceState.OPEN and now > invoice.quote_until:
        return _OVER
    if invoice.state is InvoiceState.PARTIAL and invoice.missing_sat > 0:
        seen, due = short(invoice.seen_sat), short(invoice.due_sat)
        missing = short(invoice.missing_sat)
        says = f"{seen} of {due} BCH received. {missing} BCH are still missing."
        return FriendSaid(says=says, tone="amber", is_payable=True)
    return _SAID.get(invoice.state, _SEEN)
