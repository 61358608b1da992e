"""The six main screens, at two widths and in both themes, compared with the committed pictures.

``LOOKS=write make test T=tests/e2e/test_looks.py`` renews them; look at every one before committing.
What differs from run to run (links, addresses, codes, clocks, dates) is masked.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageChops
from playwright.sync_api import Browser, Page, Playwright, expect

from kim.stack import Stack
from tests.e2e import people
from tests.e2e.conftest import CHROMIUM, FLAGS
from tests.e2e.people import Devchain
from tests.stacks import make_stack, running

pytestmark = [pytest.mark.browser, pytest.mark.stack]

HERE = Path(__file__).parent
PICTURES = HERE / "looks"
OUTPUT = HERE / "output"
SIZES = {"phone": (390, 664), "desktop": (1280, 800)}
THEMES = ("light", "dark")
VARYING = (
    "[data-testid=payout], [data-testid=share-link], [data-testid=return-link], [data-testid=invoice-address],"
    " [data-testid=invoice-amount], .qr, .countdown, [data-varies], .files .facts,"
    " .transfer p"
)
LEVEL = 48  # how far a channel may be off before a pixel counts as different
SHARE = 0.01  # of the pixels


@pytest.fixture(scope="module")
def stack(scratch: Path) -> Iterator[Stack]:
    with running(make_stack(scratch / "looks")) as started:
        yield started


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    environ: dict[str, str | float | bool] = {
        **os.environ,
        "FONTCONFIG_FILE": str(HERE / "fonts.conf"),
    }
    launched = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, env=environ)
    yield launched
    launched.close()


def picture(page: Page, size: tuple[int, int], theme: str) -> Image.Image:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
    page.evaluate("scrollTo(0, 0); document.activeElement?.blur()")
    taken = page.screenshot(mask=[page.locator(VARYING)], animations="disabled", caret="hide")
    return Image.open(io.BytesIO(taken)).convert("RGB")


def difference(one: Image.Image, other: Image.Image) -> float:
    """The share of pixels that differ visibly; 1.0 where the sizes differ."""
    if one.size != other.size:
        return 1.0
    bands = ImageChops.difference(one, other).split()
    worst = ImageChops.lighter(ImageChops.lighter(bands[0], bands[1]), bands[2])
    different = sum(worst.histogram()[LEVEL:])
    return different / (one.width * one.height)


def look_at(page: Page, name: str) -> dict[str, float]:
    """All four pictures of a screen; how far each is from the committed one."""
    found: dict[str, float] = {}
    before = page.viewport_size
    for width, size in SIZES.items():
        for theme in THEMES:
            title = f"{name}-{width}-{theme}.png"
            taken = picture(page, size, theme)
            if os.environ.get("LOOKS") == "write":
                PICTURES.mkdir(exist_ok=True)
                taken.quantize(64).save(PICTURES / title, optimize=True)
            OUTPUT.mkdir(exist_ok=True)
            taken.save(OUTPUT / title)
            kept = PICTURES / title
            far = difference(taken, Image.open(kept).convert("RGB")) if kept.exists() else 1.0
            if far > SHARE:
                found[title] = far
    if before:
        page.set_viewport_size(before)
    return found


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
    box = people.by(page, testid).bounding_box()
    return box is not None and box["y"] >= 0 and box["y"] + box["height"] <= 664


def test_the_six_screens_look_as_they_did(
    person: Callable[..., Page], stack: Stack, chain: Devchain, tmp_path: Path
) -> None:
    original = tmp_path / "nordlys-long.mp4"
    original.write_bytes(bytes(2_940_000))
    far: dict[str, float] = {}
    maya, noor = person(), person()

    maya.goto("/")
    far |= look_at(maya, "1-start")
    people.sign_up(maya, "maya-lind")
    maya.get_by_label("Title", exact=True).fill("Nordlys, the long cut")
    people.by(maya, "price-amount").fill("4.00")
    expect(people.by(maya, "publish")).to_be_enabled()
    far |= look_at(maya, "2-sell")
    link = people.sell(maya, original, amount="4.00", key_file=tmp_path / "key.json")
    far |= look_at(maya, "3-published")
    noor.goto(link)
    expect(people.by(noor, "buy")).to_be_visible()
    far |= look_at(noor, "4-offer")
    assert is_in_sight(noor, "buy")
    assert overflow(noor, 320) == 0
    uri = people.buy(noor, link)
    people.wait_state(noor, "OPEN")
    far |= look_at(noor, "5-pay")
    assert is_in_sight(noor, "invoice-uri")
    assert overflow(noor, 320) == 0
    chain.pay(uri)
    chain.mine()
    people.wait_state(noor, "PAID")
    expect(people.by(noor, "save")).to_be_enabled()
    expect(people.by(noor, "invoice-status")).not_to_contain_text("on its way")
    far |= look_at(noor, "6-open")
    assert is_in_sight(noor, "save")
    assert overflow(noor, 320) == 0

    assert far == {}
