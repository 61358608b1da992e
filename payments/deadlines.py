"""A chain that can be asked for so long and no longer.

Celery's time limits do not bind in a pool of threads, so whoever holds one gives it up by himself:
after its time every question raises ``ChainUnavailable``, and the next sweep goes on.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, cast

from payments.errors import ChainUnavailable

if TYPE_CHECKING:
    from payments.electrum import ElectrumChain


def within(chain: ElectrumChain, seconds: float) -> ElectrumChain:
    """``chain``, for the next ``seconds``. A question that is under way still ends by itself."""
    return cast("ElectrumChain", _Bounded(chain, time.monotonic() + seconds))


class _Bounded:
    """Every attribute of the chain, until the time is over."""

    def __init__(self, chain: ElectrumChain, until_seconds: float) -> None:
        self._chain = chain
        self._until_seconds = until_seconds

    def __getattr__(self, name: str) -> Any:
        if time.monotonic() > self._until_seconds:
            raise ChainUnavailable("The Electrum servers took too long.")
        return getattr(self._chain, name)
