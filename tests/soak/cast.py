"""Who sells what, on which terms, what buyers send; and small helpers of the stories."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any, Final, TypeVar

from django.conf import settings
from django.db import transaction
from hypothesis import strategies as st

Thing = TypeVar("Thing")

MOST_INVOICES: Final = 6
# Seconds until a server counts as silent. On a machine that does much else, honest ones are slow.
PATIENCE: Final = float(os.environ.get("KIM_PATIENCE", "0.3"))
RATES: Final = (400, 370, 300, 800)  # euros for a coin: the second is honoured, the third is not
MONEY = st.sampled_from(
    ("exact", "exact", "exact", "half", "rest", "over", "one_less", "tolerated", "dust")
)
PRICES = st.sampled_from((2_000, 20_000, 20_000, 1_000_000, "EUR"))
CENTS: Final = 80  # 200,000 sat at the first rate
ONE_CEILING, ALL_CEILING = 30_000, 50_000
AT = st.integers(0, MOST_INVOICES - 1)
STALLS: Final[dict[str, dict[str, Any]]] = {  # one creator each, with terms of their own
    "forwarder": {},
    "xpub": {},
    "generous": {"honour_sats": True, "tolerance_bps": 500},
    "instant": {
        "tolerance_bps": 0,
        "instant_invoice_sat": ONE_CEILING,
        "instant_total_sat": ALL_CEILING,
    },
}


class Crash(Exception):
    """The process died here; what it had not committed is gone."""


def pick(things: list[Thing], at: int) -> list[Thing]:
    """One of them, where there is one. A rule without preconditions is drawn alike in every run,
    whatever the machine's speed did to the story.
    """
    return [things[at % len(things)]] if things else []


def rate_now() -> int:
    """Euros for a coin."""
    return int(settings.KIM_DEVELOPMENT_RATE)


@contextlib.contextmanager
def taken_back() -> Iterator[None]:
    """Everything that happens to the database inside is undone at the end."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
