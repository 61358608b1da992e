"""The error tree, continued: why something cannot be bought at that price, or at all, just now."""

from __future__ import annotations

from payments.errors import ServiceError


class SoldOut(ServiceError):
    """As many are sold or reserved as its creator sells."""

    code = "sold_out"
    hint = "All copies are sold. Nothing was ordered, and do not pay."
    http_status = 409


class NotOnSaleYet(ServiceError):
    code = "not_on_sale_yet"
    hint = "Come back then; nothing was ordered."
    http_status = 409


class NoLongerOnSale(ServiceError):
    code = "no_longer_on_sale"
    hint = "Ask the creator; nothing was ordered, and do not pay."
    http_status = 409


class OfferChanged(ServiceError):
    """It costs more now than the buyer agreed to."""

    code = "offer_changed"
    hint = "Load the page again to see what it costs now. Nothing was ordered."
    http_status = 409


class AmountTooLow(ServiceError):
    """Less than its creator takes."""

    code = "amount_too_low"
    hint = "Offer at least the least amount."


class TipRefused(ServiceError):
    """A tip where none is taken, or beside something that is free."""

    code = "tip_refused"
    hint = "Buy without a tip."


class CodeInvalid(ServiceError):
    """No such code of this file, or it is over: said alike for both."""

    code = "code_invalid"
    hint = "Ask whoever gave you the link for another one, or buy without the code."
    http_status = 409


class PricingInvalid(ServiceError):
    """Terms of a price, or of a code, that make no sense together."""

    code = "pricing_invalid"
    hint = "Check the price and what goes with it."


class CodeMissing(ServiceError):
    code = "code_missing"
    hint = "Load the page again."
    http_status = 404
