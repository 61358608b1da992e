"""The error tree of money, and its root, which the rest of the app builds on.

Every refusal a person or a program can meet is one class with a stable ``code`` (programs branch
on it), a ``hint`` (what to do next) and the HTTP status it becomes. ``kim.api`` is the one place
that turns them into answers.
"""

from __future__ import annotations

from typing import ClassVar, Self

from payments.words import Value, Words


class ServiceError(Exception):
    """Root of every error we raise on purpose. ``message`` names the cause, never a secret.

    ``words`` and ``advice`` are what ``message`` and ``said_hint`` say, before they have a language:
    the English patterns are literals, and what differs stands in ``values``.
    """

    code: ClassVar[str] = "refused"
    hint: ClassVar[str] = ""
    http_status: ClassVar[int] = 400

    def __init__(self, message: str, **values: Value) -> None:
        """``hint`` among the values stands in for the hint of the class."""
        advice = str(values.pop("hint", self.hint))
        self.words, self.advice = Words(message, values), Words(advice, values)
        self.message = str(self.words)
        self.said_hint = str(self.advice)
        super().__init__(self.message)

    @classmethod
    def after(cls, error: ServiceError) -> Self:
        """The same cause as another refusal, which gives its own advice."""
        return cls(error.words.pattern, **error.words.values)


# --- addresses and xpubs: what a creator pastes ------------------------------------------------


class BadAddress(ServiceError):
    """Not an address we could pay: wrong characters, checksum, length or type."""

    code = "bad_address"
    hint = "Copy the address again from the wallet; it starts with bitcoincash: and q or p."


class WrongNetwork(ServiceError):
    """A good address or xpub, but of another chain."""

    code = "wrong_network"
    hint = "Use an address of the network this site runs on."


class BadXpub(ServiceError):
    """Not an extended public key we can derive addresses from."""

    code = "bad_xpub"
    hint = "Copy the account's extended public key again; it starts with xpub."


class SecretGiven(ServiceError):
    """A private key or seed words were pasted. They are not stored, logged or repeated."""

    code = "secret_given"
    hint = (
        "Never give these to any site. Treat them as seen, move the coins to a new wallet, "
        "and paste an address or an xpub instead."
    )


# --- amounts: prices and rates -----------------------------------------------------------------


class BadPrice(ServiceError):
    """A price that is no number, is negative, too precise for its currency, or absurdly large."""

    code = "bad_price"
    hint = "Write a price such as 2.50."


class UnknownCurrency(ServiceError):
    """A currency we have no name or rate for."""

    code = "unknown_currency"
    hint = "Choose one of the listed currencies, or BCH."


class PriceBelowFloor(ServiceError):
    """So little that the network would not carry it, or its fee would eat it."""

    code = "price_below_floor"
    hint = "Raise the price to the least amount shown."


class BadRate(ServiceError):
    """A price of 1 BCH that is no number, too precise, or outside what is thought possible."""

    code = "bad_rate"
    hint = "Write what one whole BCH costs, such as 412.50."


class RateUnavailable(ServiceError):
    """No exchange rate that can be trusted; we do not guess."""

    code = "rate_unavailable"
    hint = "Try again in a minute, or price in BCH."
    http_status = 503


# --- transactions, covenants, headers: bytes from servers --------------------------------------


class BadTransaction(ServiceError):
    """Bytes that are not the transaction they were said to be."""

    code = "bad_transaction"
    hint = "Ask another server."
    http_status = 502


class BadHeaders(ServiceError):
    """Block headers that break a rule of this network, so no chain of ours."""

    code = "bad_headers"
    hint = "Do not use this server."
    http_status = 502


class HeadersDetached(BadHeaders):
    """Headers that may be good, but follow none of ours: earlier ones are needed first."""

    code = "headers_detached"
    hint = "Ask for earlier headers."


class HeadersMoved(BadHeaders):
    """What a server gives does not end in the last block that it told of: a new one came, or it
    says one thing and gives another.
    """

    code = "headers_moved"
    hint = "Ask for its last block again."


class HeadersEarly(BadHeaders):
    """Headers that hold, but whose time is more than two hours ahead of this machine's clock.
    ``height`` is the first of them.
    """

    code = "headers_early"
    hint = "Check this machine's clock."

    def __init__(self, message: str, *, height: int) -> None:
        super().__init__(message, height=height)
        self.height = height


class BadProof(ServiceError):
    """A merkle proof that does not lead from the transaction to our own header."""

    code = "bad_proof"
    hint = "Ask another server."
    http_status = 502


class NotForwardable(ServiceError):
    """An output too small to pay its forwarding fee and still leave a payable amount."""

    code = "not_forwardable"
    hint = "It can be forwarded once more money has come to the same address."
    http_status = 409


class ChainUnavailable(ServiceError):
    """No server of the Bitcoin Cash network can be asked right now."""

    code = "chain_unavailable"
    hint = "Nothing is lost; try again in a minute."
    http_status = 503


class BroadcastRefused(ServiceError):
    """No server took the transaction."""

    code = "broadcast_refused"
    hint = "It will be tried again."
    http_status = 502


# --- payouts and invoices ----------------------------------------------------------------------


class PayoutMissing(ServiceError):
    """There is no such payout, or the creator has not said yet where the money goes."""

    code = "payout_missing"
    hint = "Say first where the money goes."
    http_status = 404


class InvoiceMissing(ServiceError):
    """There is no such invoice."""

    code = "invoice_missing"
    hint = "Check the link."
    http_status = 404


class QuoteStillOpen(ServiceError):
    """A new quote was asked for while the old one holds, or the invoice needs none."""

    code = "quote_still_open"
    hint = "Pay the amount shown; it holds until the timer ends."
    http_status = 409


# --- payouts, watcher: refusals of the I/O half -------------------------------------------------


class PayoutIsInvoice(ServiceError):
    """A payout address that was already given to a buyer: forwards would look like payments."""

    code = "payout_is_invoice"
    hint = "Take a new receiving address from the wallet."
    http_status = 409


class WatcherStale(ServiceError):
    """Nobody looked at the chain for too long: neither the daemon nor the sweep."""

    code = "watcher_stale"
    hint = "Check the worker, beat and watch_payments processes, and the Electrum servers."
    http_status = 503


# --- evidence: what a file of it does not prove -------------------------------------------------


class BadEvidence(ServiceError):
    """An evidence file that does not hold. ``fault`` says where (``evidence_format.Fault``)."""

    code = "bad_evidence"
    hint = "Take the file anew from the instance that made it."

    def __init__(self, fault: str, message: str, **values: Value) -> None:
        super().__init__(message, **values)
        self.fault = fault


# --- what people decide about invoices: terms, acceptance, refunds ------------------------------


class BadTerms(ServiceError):
    """Terms of sale that make no sense together, or give too much away."""

    code = "bad_terms"
    hint = "Check the amounts."


class AlreadySettled(ServiceError):
    """The invoice is paid, so there is nothing left to decide."""

    code = "already_settled"
    hint = "Nothing needs to be done."
    http_status = 409


class NothingToAccept(ServiceError):
    """No money came, or enough did: either way there is nothing to take for less."""

    code = "nothing_to_accept"
    hint = "Only an order that is paid in part can be accepted."
    http_status = 409


class InvoiceWithdrawn(ServiceError):
    """The file was taken away: what comes for it goes back."""

    code = "invoice_withdrawn"
    hint = "Do not pay. What was sent already will be sent back."
    http_status = 409


class RefundMissing(ServiceError):
    """Nothing is owed back on this invoice."""

    code = "refund_missing"
    hint = "Load the page again."
    http_status = 404


class RefundOpen(ServiceError):
    """A refund for another reason waits to be paid."""

    code = "refund_open"
    hint = "Send that one back first, or close it."
    http_status = 409


class RefundTooMuch(ServiceError):
    """More than came, or nothing at all."""

    code = "refund_too_much"
    hint = "Send back at most what came."


class RefundToInvoice(ServiceError):
    """A refund address that is a place where buyers pay, or where this site sends money on to."""

    code = "refund_to_invoice"
    hint = "Give an address of your own wallet."
    http_status = 409


class TicketMismatch(ServiceError):
    """An order ticket whose address none of the creator's payouts leads to."""

    code = "ticket_mismatch"
    hint = "The order cannot be restored from this page. Write to the creator."
    http_status = 409
