"""Middle and spread of a few runs."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence


def spread(values: Sequence[float], *, digits: int = 2) -> str:
    """``median (least-most)``."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


def p99(values: Sequence[float]) -> float:
    """The value that 99 % do not exceed (nearest rank): of a hundred or fewer, the greatest."""
    return sorted(values)[math.ceil(0.99 * len(values)) - 1]


def p95(values: Sequence[float]) -> float:
    """The value that 95 % do not exceed (nearest rank)."""
    return sorted(values)[math.ceil(0.95 * len(values)) - 1]
