"""Invoices by what people have in hand: an address or a transaction's id. Each asks an index once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from payments import addresses
from payments.errors import ServiceError
from payments.models import Address, Output, Refund
from payments.states import Network

if TYPE_CHECKING:
    from django.db.models import QuerySet

_TXID: Final = re.compile(r"[0-9a-f]{64}")


def script_of(text: str) -> str:
    """The locking script, hex, of an address of any network; "" for anything else."""
    for network in Network:
        try:
            return addresses.parse(text, network).script.hex()
        except ServiceError:
            continue
    return ""


def named(text: str) -> QuerySet[Any, Any] | None:
    """A query of the ids of invoices that this address or transaction paid; None where it is neither,
    or no transaction of ours.
    """
    script, low = script_of(text), text.lower()
    if script:
        return Address.objects.filter(script=script).values("invoice")
    if not _TXID.fullmatch(low):
        return None
    paid = Output.objects.filter(transaction=low)
    return paid.values("invoice") if paid.exists() else None


def owing() -> QuerySet[Any, Any]:
    """A query of the ids of invoices with an open refund."""
    return Refund.objects.filter(closed_at=None).values("invoice")
