"""The two widths at which the stories of docs/testing.md run, everybody in them alike."""

from __future__ import annotations

from typing import Any, Final

import pytest
from playwright.sync_api import Page

SHAPES: Final[dict[str, dict[str, Any]]] = {
    "desktop": {"viewport": {"width": 1280, "height": 800}},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True},
}


def at_both(*, late: str = "") -> pytest.MarkDecorator:
    """The story once at each width, by the fixture ``width``. ``late``: the one that is too much for
    CI, so that ``make long`` runs it.
    """
    given = [
        pytest.param(each, marks=pytest.mark.long) if each == late else each for each in SHAPES
    ]
    return pytest.mark.parametrize("width", given, indirect=True)


def fit(page: Page, width: str) -> None:
    """Somebody whom the stories of a file share, at the width of this one."""
    page.set_viewport_size(SHAPES[width]["viewport"])
