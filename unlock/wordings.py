"""How a purchase stands, in plain words for its buyer: one table for the page, the page without
scripts, live events and the API, in the reader's language. ``now`` tells whether a quote still holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from payments import amounts
from payments.states import InvoiceFlag, InvoiceState, RefundReason
from payments.words import Words
from unlock import speech
from unlock.speech import mark
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


_GRANTED: Final = (mark("Yours"), mark("This file was given to you. Your return link opens it."))
_ASKED: Final = (
    mark("Waiting for the creator"),
    mark(
        "You asked for this file again. Send the request below to its creator; as soon as they say"
        " yes, it opens here."
    ),
)

_TITLES: Final = {
    InvoiceState.OPEN: (mark("Waiting for your payment"), ""),
    InvoiceState.PARTIAL: (mark("Something is missing"), AMBER),
    InvoiceState.SEEN: (mark("Payment seen"), ""),
    InvoiceState.SUSPECT: (mark("Waiting for a block"), AMBER),
    InvoiceState.PAID: (mark("Paid"), ""),
    InvoiceState.EXPIRED: (mark("The quote has run out"), AMBER),
    InvoiceState.REVERSED: (mark("The payment was undone"), RED),
}
_LIVES: Final = {
    InvoiceState.OPEN: mark(
        "Waiting for your payment. You may close this page: your return link brings you back."
    ),
    InvoiceState.SUSPECT: mark(
        "Your payment was seen, but a second one contradicts it, or a server misses it. The next"
        " block decides which one counts. Do not pay again."
    ),
    InvoiceState.EXPIRED: mark(
        "Paid already? It is still detected: do nothing. Otherwise get a new quote for the same"
        " address."
    ),
}
_PAYABLE: Final = frozenset({InvoiceState.OPEN, InvoiceState.PARTIAL})
_WAITING: Final = frozenset(set(InvoiceState) - {InvoiceState.PAID, InvoiceState.REVERSED})

_NOTES: Final = {
    InvoiceFlag.TOKEN_IGNORED: mark(
        "Coins that came together with a token do not count: send plain BCH. The creator knows of"
        " them."
    ),
    InvoiceFlag.COINBASE_WAIT: mark(
        "The payment comes straight from mining and counts after 100 blocks, about 17 hours."
    ),
    InvoiceFlag.DUST: mark(
        "A payment was too small to count: each must be at least 0.000015 BCH. Send what is missing"
        " in one piece."
    ),
    InvoiceFlag.EVICTED: mark(
        "A payment was seen and has vanished from the network. We go on sending it; as soon as it"
        " is back, it counts."
    ),
    InvoiceFlag.SPV_PENDING: mark("It is in a block; the proof is being checked."),
    InvoiceFlag.OVERSOLD: mark("More were sold than planned. Yours counts all the same."),
}
_STALE: Final = mark(
    "We cannot see new payments right now. Yours is not lost: it is seen as soon as we can look"
    " again. Do not pay twice."
)

_VOID: Final = mark("This order was called off.")
_RUN_OUT: Final = mark("The quote has run out.")

# What a payment that may open its file before a block still waits for.
SECONDS: Final = {
    "": mark("Checking it."),
    "second_server": mark("Checking with a second server."),
    "rebroadcast": mark("Checking that every server takes it."),
    "coins": mark("Checking the coins it spends."),
    "stale": mark("Waiting until the chain can be looked at again."),
    "proof_server": mark("Asking whether anybody saw a contradiction."),
    "8_seconds": mark("8 seconds without a contradiction, then the file opens."),
}
BLOCK: Final = {  # each goes on: "Waiting for a block, because …"
    "ceiling": mark("the price is above what the creator sells at once"),
    "total_ceiling": mark("several others have just bought from this creator"),
    "one_operator": mark("this site can ask one server only"),
    "doubt": mark("a server contradicted the payment"),
    "refused": mark("a server refused the payment"),
    "raw": mark("the payment could not be read"),
    "parents": mark("the payment spends coins that wait for a block themselves"),
    "size": mark("the payment is a very large transaction"),
    "many_inputs": mark("the payment is made of very many coins"),
    "input_kind": mark("the payment comes from a special kind of address"),
    "signature_kind": mark("the payment is signed in an unusual way"),
    "fee": mark("the payment carries a low fee"),
}


def say(standing: Standing, refund: RefundView | None, *, now: datetime) -> Said:
    """How it stands. ``refund`` is the latest of its invoice, if there is one."""
    invoice = standing.invoice
    is_given = standing.grant is not None and standing.release_state is ReleaseState.READY
    if invoice is None or is_given:
        is_asked = invoice is None and standing.grant is None
        title, says = map(speech.say, _ASKED if is_asked else _GRANTED)
        return Said(title=title, says=says)
    notes = _notes(invoice, refund)
    if invoice.is_withdrawn:
        says = _withdrawn(invoice, refund)
        sent = invoice.seen_sat > 0
        title = speech.say("Your money goes back") if sent else speech.say("Do not pay")
        return Said(title=title, says=says, tone=AMBER, notes=notes)
    title, tone = _TITLES[invoice.state]
    return Said(
        title=speech.say(title),
        says=_sentence(standing, invoice, now),
        tone=tone,
        notes=notes,
        is_payable=invoice.state in _PAYABLE and invoice.missing_sat > 0,
    )


def exchange_hint(invoice: InvoiceView) -> str:
    """Before the code: what a payment from an exchange may lack."""
    if invoice.tolerance_sat == 0:
        return speech.say("From an exchange? Send its fee on top: the whole amount must arrive.")
    return speech.say(
        "From an exchange? Its fee may be up to {most} BCH.", most=short(invoice.tolerance_sat)
    )


def short(sat: int) -> Decimal:
    """Like 0.005: exact, without the zeros at the end."""
    return Decimal(amounts.format_bch(sat).rstrip("0").rstrip("."))


def _sentence(standing: Standing, invoice: InvoiceView, now: datetime) -> str:
    match invoice.state:
        case InvoiceState.PARTIAL:
            return _partial(invoice, now)
        case InvoiceState.SEEN:
            return _seen(invoice)
        case InvoiceState.EXPIRED:
            is_void = InvoiceFlag.VOID in invoice.flags
            over = speech.say(_VOID) if is_void else speech.say(_RUN_OUT)
            return f"{over} {speech.say(_LIVES[invoice.state])}"
        case InvoiceState.PAID | InvoiceState.REVERSED:
            return _settled(invoice, is_ready=standing.release_state is ReleaseState.READY)
    return speech.say(_LIVES[invoice.state])


def _settled(invoice: InvoiceView, *, is_ready: bool) -> str:
    if invoice.state is InvoiceState.PAID:
        is_early = invoice.is_instant and not invoice.depth
        paid = speech.say("Paid.") if is_early else speech.say("Paid and confirmed.")
        return paid if is_ready else f"{paid} {speech.say('The key is on its way…')}"
    if is_ready:
        return speech.say(
            "Your payment is no longer in the chain. What you were given stays yours."
        )
    return speech.say(
        "Your payment is no longer in the chain: it was undone or paid elsewhere. If it comes back,"
        " the file opens by itself."
    )


def _partial(invoice: InvoiceView, now: datetime) -> str:
    seen, due = short(invoice.seen_sat), short(invoice.due_sat)
    more = speech.say(
        "Send {missing} BCH more to the same address.", missing=short(invoice.missing_sat)
    )
    accept = speech.say("The creator may also accept what came.")
    if InvoiceFlag.LATE in invoice.flags:
        if invoice.missing_sat == 0 or InvoiceFlag.RATE_DRIFT not in invoice.flags:
            return speech.say(
                "{seen} BCH arrived after the quote had run out, and there is no exchange rate now"
                " that says what is missing. Do nothing: this page goes on as soon as there is one,"
                " or the creator accepts what came.",
                seen=seen,
            )
        late = speech.say(
            "{seen} BCH arrived after the quote had run out, and the rate has changed: today it"
            " costs {due} BCH.",
            seen=seen,
            due=due,
        )
        return f"{late} {more} {accept}"
    if now <= invoice.quote_until:
        came = speech.say("{seen} of {due} BCH received.", seen=seen, due=due)
        return f"{came} {more}"
    came = speech.say("{seen} BCH received; today it costs {due} BCH.", seen=seen, due=due)
    return f"{came} {more} {accept}"


def _seen(invoice: InvoiceView) -> str:
    seen = speech.say("Payment seen: {seen} BCH.", seen=short(invoice.seen_sat))
    if invoice.is_instant and invoice.depth == 0:
        return f"{seen} {wait_words(invoice.instant_wait)}"
    if invoice.confirmations == 1:
        rest = speech.say("Waiting for the next block, about ten minutes.")
    else:
        rest = speech.say(
            "{depth} of {confirmations} confirmations, about ten minutes each.",
            depth=invoice.depth,
            confirmations=invoice.confirmations,
        )
    return f"{seen} {rest} {speech.say('You may close this page.')}"


def wait_words(code: str) -> str:
    """What a payment that may open its file before a block waits for."""
    if code in BLOCK:
        return speech.say(
            "Waiting for a block, about ten minutes, because {why}. You may close this page.",
            why=Words(BLOCK[code]),
        )
    return speech.say(SECONDS.get(code, SECONDS[""]))


def _withdrawn(invoice: InvoiceView, refund: RefundView | None) -> str:
    if invoice.seen_sat == 0:
        return speech.say(
            "This order no longer opens anything: do not pay. Nothing of yours has arrived."
        )
    if refund is None or refund.reason is RefundReason.REMOVED:
        why = speech.say("This file was removed before your payment was confirmed.")
    else:
        why = speech.say("The creator does not take this payment.")
    back = speech.say(
        "All {seen} BCH go back to you. Do not send more.", seen=short(invoice.seen_sat)
    )
    return f"{why} {back}"


def _notes(invoice: InvoiceView, refund: RefundView | None) -> tuple[str, ...]:
    flags = set(invoice.flags)
    found = [speech.say(_NOTES[flag]) for flag in InvoiceFlag if flag in flags and flag in _NOTES]
    if InvoiceFlag.LATE in flags and invoice.state is not InvoiceState.PARTIAL:
        found.append(speech.say("It arrived after the quote had run out, and counts all the same."))
    if InvoiceFlag.DOUBLE_SPEND_SEEN in flags and invoice.state is not InvoiceState.SUSPECT:
        found.append(
            speech.say(
                "Somebody tried to spend the same coins twice; only what is in a block counts."
            )
        )
    if refund is not None:
        found.append(_refund(refund))
    elif invoice.over_sat:
        found.append(_over(invoice))
    if invoice.stale and invoice.state in _WAITING:
        found.append(speech.say(_STALE))
    return tuple(found)


def _over(invoice: InvoiceView) -> str:
    over = speech.say("You sent {over} BCH more than was asked.", over=short(invoice.over_sat))
    if amounts.is_refund_worthy(invoice.over_sat, invoice.due_sat):
        rest = speech.say("It goes back to you once it is confirmed.")
    else:
        rest = speech.say("So little is not sent back by itself; the creator may still do it.")
    return f"{over} {rest}"


def _refund(refund: RefundView) -> str:
    due, paid = short(refund.due_sat), short(refund.paid_sat)
    if refund.closed_at is not None and not refund.txid:
        return speech.say(
            "The creator has settled the {due} BCH that were owed to you in another way.", due=due
        )
    if refund.closed_at is not None:
        return speech.say("{paid} BCH went back to you: it is in a block.", paid=paid)
    if refund.txid:
        return speech.say(
            "{paid} of {due} BCH are on their way back to you, and wait for a block.",
            paid=paid,
            due=due,
        )
    if refund.address:
        return speech.say("{due} BCH go back to you. The creator has been told where to.", due=due)
    return speech.say(
        "{due} BCH go back to you. Say where to: on your purchase's page, give an address of your"
        " own wallet.",
        due=due,
    )
