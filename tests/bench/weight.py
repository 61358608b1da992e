"""What the buyer's page loads of scripts before anything is bought, workers included, in gzip."""

from __future__ import annotations

import gzip
import re

from kim.embedded import ROOT

STATIC = ROOT / "static"
# The page's own, and what it starts to find out what this browser can do.
BEGINNINGS = (
    "js/pages/guard.js",
    "js/pages/offer.js",
    "js/pages/frame.js",
    "js/worker/open.js",
    "js/worker/service.js",
)
AIM_BYTES = 60_000
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_IMPORT = re.compile(r"\b(?:import|export)\b[^;'(]*?'(\.[^']+)'")  # not import(): that comes later


def scripts() -> list[str]:
    """Everything that is imported at once, however far away; paths below ``static``."""
    found: set[str] = set()
    todo = list(BEGINNINGS)
    while todo:
        name = todo.pop()
        if name in found:
            continue
        found.add(name)
        path = STATIC / name
        code = _COMMENT.sub("", path.read_text(encoding="utf-8"))
        targets = ((path.parent / target).resolve() for target in _IMPORT.findall(code))
        todo.extend(target.relative_to(STATIC).as_posix() for target in targets)
    return sorted(found)


def gzip_bytes(names: list[str]) -> int:
    """Each file by itself, as a server compresses them."""
    return sum(len(gzip.compress((STATIC / name).read_bytes(), 9)) for name in names)


def main() -> None:
    names = scripts()
    raw = sum((STATIC / name).stat().st_size for name in names)
    print(
        f"before Buy: {len(names)} scripts, {raw / 1000:.1f} kB, {gzip_bytes(names) / 1000:.1f} kB"
        f" in gzip; aim {AIM_BYTES / 1000:.0f} kB"
    )
