"""Pictures of pages, and how far they are from the committed ones."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image, ImageChops
from playwright.sync_api import Page

from tests.e2e.people import by

HERE = Path(__file__).parent
PICTURES = HERE / "looks"
OUTPUT = HERE / "output"
SIZES = {"phone": (390, 844), "desktop": (1280, 900)}
THEMES = ("light", "dark")
VARYING = (
    "[data-testid=payout], [data-testid=share-link], [data-testid=shop-link],"
    " [data-testid=return-link], [data-testid=friend-link], [data-testid=invoice-address],"
    " [data-testid=invoice-amount], [data-testid=pay-address], .qr, .countdown, [data-varies],"
    " .files .facts, .transfer p, .receipt dd, iframe"
)
FOLDED = "details:not([open]) > :not(summary), details:not([open]) > :not(summary) *"
LEVEL = 48  # how far a channel may be off before a pixel counts as different
SHARE = 0.01  # of the pixels


@dataclass
class Eyes:
    """Looks at one page after another. ``far``: by a picture's name, how far it is off."""

    far: dict[str, float] = field(default_factory=dict)

    def look(self, page: Page, name: str, *, afresh: bool = False) -> None:
        """``afresh``: loaded at each width, for a page that is another one there."""
        before = page.viewport_size
        for width, size in SIZES.items():
            if afresh:
                page.set_viewport_size({"width": size[0], "height": size[1]})
                page.reload(wait_until="networkidle")
            for theme in THEMES:
                self._compare(f"{name}-{width}-{theme}.png", _picture(page, size, theme))
        if before:
            page.set_viewport_size(before)

    def _compare(self, title: str, taken: Image.Image) -> None:
        kept = PICTURES / title
        if os.environ.get("LOOKS") == "write":
            PICTURES.mkdir(exist_ok=True)
            taken.quantize(64).save(kept, optimize=True)
        off = difference(taken, Image.open(kept).convert("RGB")) if kept.exists() else 1.0
        if off > SHARE:
            self.far[title] = off
            OUTPUT.mkdir(exist_ok=True)
            taken.save(OUTPUT / title)


def _picture(page: Page, size: tuple[int, int], theme: str) -> Image.Image:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
    page.evaluate("scrollTo(0, 0)")
    place = "dialog[open]" if page.locator("dialog[open]").count() else "body"
    if place == "body":
        page.evaluate("document.activeElement?.blur()")
    mask = page.locator(f"{place} :is({VARYING}):not({FOLDED})")
    taken = page.screenshot(mask=[mask], animations="disabled", caret="hide")
    return Image.open(io.BytesIO(taken)).convert("RGB")


def difference(one: Image.Image, other: Image.Image) -> float:
    """The share of pixels that differ visibly; 1.0 where the sizes differ."""
    if one.size != other.size:
        return 1.0
    bands = ImageChops.difference(one, other).split()
    worst = ImageChops.lighter(ImageChops.lighter(bands[0], bands[1]), bands[2])
    different = sum(worst.histogram()[LEVEL:])
    return different / (one.width * one.height)


def overflow(page: Page, width: int) -> int:
    """How many pixels a page can be scrolled sideways at this width: none, if all is well."""
    page.set_viewport_size({"width": width, "height": 664})
    sideways: int = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return sideways


def is_in_sight(page: Page, testid: str) -> bool:
    """Whether an element stands inside the window of a phone without scrolling."""
    page.set_viewport_size({"width": 390, "height": 664})
    page.evaluate("scrollTo(0, 0)")
    box = by(page, testid).bounding_box()
    return box is not None and box["y"] >= 0 and box["y"] + box["height"] <= 664
