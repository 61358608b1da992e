"""What to think about before a payout is saved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from payments.words import mark


@dataclass(frozen=True, slots=True)
class PayoutWarning:
    """Something to think about before saving; ``code`` is stable, ``text`` is for people."""

    code: str
    text: str


WARNINGS: Final = {
    warning.code: warning
    for warning in (
        PayoutWarning(
            "exchange_address",
            mark(
                "Do not use an exchange's deposit address: many exchanges do not credit payments that "
                "come from a forwarding address, and may change the address."
            ),
        ),
        PayoutWarning(
            "legacy_address",
            mark(
                "That is the old address format, which Bitcoin (BTC) uses too. Make sure that it comes "
                "from a Bitcoin Cash wallet."
            ),
        ),
        PayoutWarning(
            "compare_addresses",
            mark(
                "Compare these addresses with the first receiving addresses in your wallet. If they "
                "differ, payments would not show up there."
            ),
        ),
        PayoutWarning(
            "dedicated_account",
            mark(
                "Use an account of its own for this site, which nothing else receives payments on."
            ),
        ),
    )
}
