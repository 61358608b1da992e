"""What the buyer's page loads of scripts before anything is bought, workers included, in gzip."""

from __future__ import annotations

import gzip
import re

from unlock import published

STATIC = published.ROOT
# The page's own, and what it starts to find out what this browser can do.
BEGINNINGS = (
    "js/pages/guard.js",
    "js/pages/offer.js",
    "js/pages/frame.js",
    "js/pages/language.js",
    "js/worker/open.js",
    "js/worker/service.js",
)
AIM_BYTES = 60_000
_IMPORT = re.compile(  # not import(): that comes later
    r"""^(?:import|export)\b[^;'"(]*['"](\.[^'"]+)['"]""", re.MULTILINE
)


def scripts() -> list[str]:
    """Everything that is imported at once, however far away; paths below ``static``."""
    found: set[str] = set()
    todo = list(BEGINNINGS)
    while todo:
        name = todo.pop()
        if name in found:
            continue
        found.add(name)
        targets = (
            (STATIC / name).parent / target for target in _IMPORT.findall(served(name).decode())
        )
        todo.extend(target.resolve().relative_to(STATIC).as_posix() for target in targets)
    return sorted(found)


def served(name: str) -> bytes:
    """What an instance sends, before compression."""
    return published.content((STATIC / name).read_bytes(), ".js")


def gzip_bytes(names: list[str]) -> int:
    """Each file by itself, as an instance compresses them."""
    return sum(len(gzip.compress(served(name), 9)) for name in names)


def main() -> None:
    names = scripts()
    raw = sum(len(served(name)) for name in names)
    print(
        f"before Buy: {len(names)} scripts, {raw / 1000:.1f} kB, {gzip_bytes(names) / 1000:.1f} kB"
        f" in gzip; aim {AIM_BYTES / 1000:.0f} kB"
    )
