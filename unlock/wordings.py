"""How a purchase stands, in plain words for its buyer: one table for the page, the page without
scripts, live events and the API. Pure; ``now`` tells whether a quote still holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from payments import amounts
from payments.states import InvoiceFlag, InvoiceState, RefundReason
from unlock.states import ReleaseState

if TYPE_CHECKING:
    from datetime import datetime

    from payments.invoices import InvoiceView
    from payments.refunds import RefundView
    from unlock.keys import Standing

AMBER: Final = "amber"
RED: Final = "red"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """``says`` is one plain line, ``notes`` what is odd beside it; ``tone`` is "", "amber" or "red".
    ``is_payable``: an amount is asked for, and sending it now does what the buyer expects.
    """

    title: str
    says: str
    tone: str = ""
    notes: tuple[str, ...] = ()
    is_payable: bool = False


_GRANTED = Said(title="Yours", says="This file was given to you. Your return link opens it.")
_ASKED = Said(
    title="Waiting for the creator",
    says=(
        "You asked for this file again. Send the request below to its creator; as soon as they say"
        " yes, it opens here."
    ),
)

_TITLES: Final = {
    InvoiceState.OPEN: ("Waiting for your payment", ""),
    InvoiceState.PARTIAL: ("Something is missing", AMBER),
    InvoiceState.SEEN: ("Payment seen", ""),
    InvoiceState.SUSPECT: ("Waiting for a block", AMBER),
    InvoiceState.PAID: ("Paid", ""),
    InvoiceState.EXPIRED: ("The quote has run out", AMBER),
    InvoiceState.REVERSED: ("The payment was undone", RED),
}
_LIVES: Final = {
    InvoiceState.OPEN: (
        "Waiting for your payment. You may close this page: your return link brings you back."
    ),
    InvoiceState.SUSPECT: (
        "Your payment was seen, but a second one contradicts it, or a server misses it. The next"
        " block decides which one counts. Do not pay again."
    ),
    InvoiceState.EXPIRED: (
        "Paid already? It is still detected: do nothing. Otherwise get a new quote for the same"
        " address."
    ),
}
_PAYABLE: Final = frozenset({InvoiceState.OPEN, InvoiceState.PARTIAL})
_WAITING: Final = frozenset(set(InvoiceState) - {InvoiceState.PAID, InvoiceState.REVERSED})

_NOTES: Final = {
    InvoiceFlag.TOKEN_IGNORED: (
        "Coins that came together with a token do not count: send plain BCH. The creator knows of"
        " them."
    ),
    InvoiceFlag.COINBASE_WAIT: (
        "The payment comes straight from mining and counts after 100 blocks, about 17 hours."
    ),
    InvoiceFlag.DUST: (
        "A payment was too small to count: each must be at least 0.000015 BCH. Send what is missing"
        " in one piece."
    ),
    InvoiceFlag.EVICTED: (
        "A payment was seen and has vanished from the network. We go on sending it; as soon as it"
        " is back, it counts."
    ),
    InvoiceFlag.SPV_PENDING: "It is in a block; the proof is being checked.",
    InvoiceFlag.OVERSOLD: "More were sold than planned. Yours counts all the same.",
}
_STALE: Final = (
    "We cannot see new payments right now. Yours is not lost: it is seen as soon as we can look"
    " again. Do not pay twice."
)

# What a payment that may open its file before a block still waits for.
SECONDS: Final = {
    "": "Checking it.",
    "second_server": "Checking with a second server.",
    "rebroadcast": "Checking that every server takes it.",
    "coins": "Checking the coins it spends.",
    "stale": "Waiting until the chain can be looked at again.",
    "proof_server": "Asking whether anybody saw a contradiction.",
    "8_seconds": "8 seconds without a contradiction, then the file opens.",
}
BLOCK: Final = {
    "ceiling": "the price is above what the creator sells at once",
    "total_ceiling": "several others have just bought from this creator",
    "one_operator": "this site can ask one server only",
    "doubt": "a server contradicted the payment",
    "refused": "a server refused the payment",
    "raw": "the payment could not be read",
    "parents": "the payment spends coins that wait for a block themselves",
    "size": "the payment is a very large transaction",
    "many_inputs": "the payment is made of very many coins",
    "input_kind": "the payment comes from a special kind of address",
    "signature_kind": "the payment is signed in an unusual way",
    "fee": "the payment carries a low fee",
}


def say(standing: Standing, refund: RefundView | None, *, now: datetime) -> Said:
    """How it stands. ``refund`` is the latest of its invoice, if there is one."""
    invoice = standing.invoice
    is_given = standing.grant is not None and standing.release_state is ReleaseState.READY
    if invoice is None and standing.grant is None:
        return _ASKED
    if invoice is None or is_given:
        return _GRANTED
    notes = _notes(invoice, refund)
    if invoice.is_withdrawn:
        says = _withdrawn(invoice, refund)
        title = "Your money goes back" if invoice.seen_sat else "Do not pay"
        return Said(title=title, says=says, tone=AMBER, notes=notes)
    title, tone = _TITLES[invoice.state]
    return Said(
        title=title,
        says=_sentence(standing, invoice, now),
        tone=tone,
        notes=notes,
        is_payable=invoice.state in _PAYABLE and invoice.missing_sat > 0,
    )


def exchange_hint(invoice: InvoiceView) -> str:
    """Before the code: what a payment from an exchange may lack."""
    if invoice.tolerance_sat == 0:
        return "From an exchange? Send its fee on top: the whole amount must arrive."
    return f"From an exchange? Its fee may be up to {short(invoice.tolerance_sat)} BCH."


def short(sat: int) -> str:
    """Like "0.005": exact, without the zeros at the end."""
    return amounts.format_bch(sat).rstrip("0").rstrip(".")


def _sentence(standing: Standing, invoice: InvoiceView, now: datetime) -> str:
    match invoice.state:
        case InvoiceState.PARTIAL:
            return _partial(invoice, now)
        case InvoiceState.SEEN:
            return _seen(invoice)
        case InvoiceState.EXPIRED:
            is_void = InvoiceFlag.VOID in invoice.flags
            start = "This order was called off." if is_void else "The quote has run out."
            return f"{start} {_LIVES[invoice.state]}"
        case InvoiceState.PAID | InvoiceState.REVERSED:
            return _settled(invoice, is_ready=standing.release_state is ReleaseState.READY)
    return _LIVES[invoice.state]


def _settled(invoice: InvoiceView, *, is_ready: bool) -> str:
    if invoice.state is InvoiceState.PAID:
        start = "Paid." if invoice.is_instant and not invoice.depth else "Paid and confirmed."
        return start if is_ready else f"{start} The key is on its way…"
    gone = "Your payment is no longer in the chain"
    if is_ready:
        return f"{gone}. What you were given stays yours."
    return f"{gone}: it was undone or paid elsewhere. If it comes back, the file opens by itself."


def _partial(invoice: InvoiceView, now: datetime) -> str:
    seen, due, missing = (
        short(sat) for sat in (invoice.seen_sat, invoice.due_sat, invoice.missing_sat)
    )
    more = f"Send {missing} BCH more to the same address."
    accept = "The creator may also accept what came."
    if InvoiceFlag.LATE in invoice.flags:
        late = f"{seen} BCH arrived after the quote had run out"
        if invoice.missing_sat == 0 or InvoiceFlag.RATE_DRIFT not in invoice.flags:
            return (
                f"{late}, and there is no exchange rate now that says what is missing. Do nothing:"
                " this page goes on as soon as there is one, or the creator accepts what came."
            )
        return f"{late}, and the rate has changed: today it costs {due} BCH. {more} {accept}"
    if now <= invoice.quote_until:
        return f"{seen} of {due} BCH received. {more}"
    return f"{seen} BCH received; today it costs {due} BCH. {more} {accept}"


def _seen(invoice: InvoiceView) -> str:
    start = f"Payment seen: {short(invoice.seen_sat)} BCH."
    if invoice.is_instant and invoice.depth == 0:
        return f"{start} {wait_words(invoice.instant_wait)}"
    if invoice.confirmations == 1:
        return f"{start} Waiting for the next block, about ten minutes. You may close this page."
    return (
        f"{start} {invoice.depth} of {invoice.confirmations} confirmations, about ten minutes"
        " each. You may close this page."
    )


def wait_words(code: str) -> str:
    """What a payment that may open its file before a block waits for."""
    if code in BLOCK:
        because = f"Waiting for a block, about ten minutes, because {BLOCK[code]}."
        return f"{because} You may close this page."
    return SECONDS.get(code, SECONDS[""])


def _withdrawn(invoice: InvoiceView, refund: RefundView | None) -> str:
    if invoice.seen_sat == 0:
        return "This order no longer opens anything: do not pay. Nothing of yours has arrived."
    is_removed = refund is None or refund.reason is RefundReason.REMOVED
    why = (
        "This file was removed before your payment was confirmed"
        if is_removed
        else "The creator does not take this payment"
    )
    return f"{why}. All {short(invoice.seen_sat)} BCH go back to you. Do not send more."


def _notes(invoice: InvoiceView, refund: RefundView | None) -> tuple[str, ...]:
    flags = set(invoice.flags)
    found = [_NOTES[flag] for flag in InvoiceFlag if flag in flags and flag in _NOTES]
    if InvoiceFlag.LATE in flags and invoice.state is not InvoiceState.PARTIAL:
        found.append("It arrived after the quote had run out, and counts all the same.")
    if InvoiceFlag.DOUBLE_SPEND_SEEN in flags and invoice.state is not InvoiceState.SUSPECT:
        found.append(
            "Somebody tried to spend the same coins twice; only what is in a block counts."
        )
    if refund is not None:
        found.append(_refund(refund))
    elif invoice.over_sat:
        found.append(_over(invoice))
    if invoice.stale and invoice.state in _WAITING:
        found.append(_STALE)
    return tuple(found)


def _over(invoice: InvoiceView) -> str:
    start = f"You sent {short(invoice.over_sat)} BCH more than was asked."
    if amounts.is_refund_worthy(invoice.over_sat, invoice.due_sat):
        return f"{start} It goes back to you once it is confirmed."
    return f"{start} So little is not sent back by itself; the creator may still do it."


def _refund(refund: RefundView) -> str:
    due, paid = short(refund.due_sat), short(refund.paid_sat)
    if refund.closed_at is not None and not refund.txid:
        return f"The creator has settled the {due} BCH that were owed to you in another way."
    if refund.closed_at is not None:
        return f"{paid} BCH went back to you: it is in a block."
    if refund.txid:
        return f"{paid} of {due} BCH are on their way back to you, and wait for a block."
    if refund.address:
        return f"{due} BCH go back to you. The creator has been told where to."
    return (
        f"{due} BCH go back to you. Say where to: on your purchase's page, give an address of your"
        " own wallet."
    )
