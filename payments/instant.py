"""Selling before a block: what the rule needs from the chain and from the database.

``gather`` asks the network, outside any transaction; ``judge`` decides under the invoice's row
lock, where the ceilings are counted. The rules themselves are pure: ``payments.instant_rules``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from payments.models import Invoice


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the chain said about one invoice's unconfirmed transactions at ``asked_at``."""

    asked_at: datetime


def judge(invoice: Invoice, evidence: Evidence | None, *, now: datetime) -> bool:
    """Whether the invoice may settle now, before a block. Writes what it waits for into the row
    (``instant_wait``, ``instant_check_at``), which the caller saves. Under the row lock.
    """
    del invoice, evidence, now
    return False
