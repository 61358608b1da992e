"""An invoice for somebody who pays it for a buyer: how it stands, in words that name nobody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from payments.states import InvoiceState
from unlock import speech
from unlock.speech import mark
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


# What is said, its tone, and whether it may be paid.
_SEEN: Final = (mark("Payment seen. There is nothing more to do: do not pay again."), "", False)
_OVER: Final = (
    mark(
        "The price has run out. Do not pay now: whoever sent you this link can get a new price, and"
        " it appears here."
    ),
    "amber",
    False,
)
_SAID: Final = {
    InvoiceState.OPEN: (mark("Waiting for the payment."), "", True),
    InvoiceState.EXPIRED: _OVER,
    InvoiceState.PAID: (mark("Paid. Thank you, there is nothing more to do."), "", False),
    InvoiceState.REVERSED: (
        mark("The payment is no longer in the chain. Do not pay again: ask your friend."),
        "red",
        False,
    ),
}


def say(invoice: InvoiceView, *, now: datetime) -> FriendSaid:
    """What the person who pays for somebody else should know."""
    if invoice.is_withdrawn:
        return FriendSaid(says=speech.say("This order was called off. Do not pay."), tone="amber")
    if invoice.state is InvoiceState.PARTIAL and invoice.missing_sat > 0:
        says = speech.say(
            "{seen} of {due} BCH received. {missing} BCH are still missing.",
            seen=short(invoice.seen_sat),
            due=short(invoice.due_sat),
            missing=short(invoice.missing_sat),
        )
        return FriendSaid(says=says, tone="amber", is_payable=True)
    is_over = invoice.state is InvoiceState.OPEN and now > invoice.quote_until
    says, tone, is_payable = _OVER if is_over else _SAID.get(invoice.state, _SEEN)
    return FriendSaid(says=speech.say(says), tone=tone, is_payable=is_payable)
