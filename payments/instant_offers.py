"""Whether a price may be said to open within seconds: what the offer promises before it is paid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings

from payments import instant, terms
from payments.electrum_session import operator_of

if TYPE_CHECKING:
    from uuid import UUID


def is_possible() -> bool:
    """Whether servers of enough operators are configured; with fewer, a block is always waited for."""
    operators = {operator_of(server) for server in settings.KIM_ELECTRUM_SERVERS}
    return len(operators) >= instant.least_operators()


def covers(owner: UUID, due_sat: int) -> bool:
    """Whether a sale of ``due_sat`` lies within what its owner lets go before a block."""
    allowed = terms.of(owner)
    return is_possible() and due_sat <= min(allowed.instant_invoice_sat, allowed.instant_total_sat)
