"""The product's settings, plus one page under the same origin, the same policy and middleware.

Only the benchmark's own web process uses them (``tests.bench.instance``); the product never does.
"""

from __future__ import annotations

from kim.settings import *  # noqa: F403  (settings are one flat namespace)
from kim.settings import ROOT

ROOT_URLCONF = "tests.bench.urls"
# Mirrors the source tree below the static prefix, so that the page's imports mean the same file in
# the browser, in tsc and in an editor.
STATICFILES_DIRS = [
    ROOT / "static",
    # Another way to the same folder: Django keeps one prefix for each.
    ("static", ROOT / "tests" / ".." / "static"),  # type: ignore[list-item]  # Django takes pairs too
    ("tests/bench/page", ROOT / "tests" / "bench" / "page"),  # type: ignore[list-item]
]
