"""A creator whose browser speaks German: no English is left on the pages, and the long words fit a phone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from playwright.sync_api import Page, expect

from tests.e2e import people
from tests.e2e.people import by

pytestmark = [pytest.mark.browser, pytest.mark.stack]

LOCALE = Path(__file__).parents[2] / "locale/de/LC_MESSAGES"
PAGES = ("/sell/", "/files/", "/sales/", "/notices/", "/settings/")
WIDTHS = (320, 390, 1280)
UNFOLD = "for (const part of document.querySelectorAll('main details')) part.open = true"
SAID = """() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) texts.push(walker.currentNode.data.trim().replace(/\\s+/g, ' '));
  for (const named of document.querySelectorAll('[aria-label]')) texts.push(named.ariaLabel);
  return texts;
}"""


def english() -> set[str]:
    """Every text that German says otherwise."""
    found: set[str] = set()
    for domain in ("django", "djangojs"):
        with (LOCALE / f"{domain}.po").open("rb") as file:
            for message in read_po(file, locale="de"):
                ids = [message.id] if isinstance(message.id, str) else message.id
                found |= {text for text in ids if " " in text and text != message.string}
    return found


def test_no_page_of_a_german_creator_speaks_english_or_scrolls_sideways(
    person: Callable[..., Page],
) -> None:
    maya, wide, left = person(locale="de-DE"), [], []
    people.sign_up(maya, "maya-german")
    known = english()

    for path in PAGES:
        maya.goto(path)
        expect(maya.locator("html")).to_have_attribute("lang", "de")
        maya.wait_for_load_state("networkidle")
        maya.evaluate(UNFOLD)
        left += [(path, text) for text in maya.evaluate(SAID) if text in known]
        for width in WIDTHS:
            maya.set_viewport_size({"width": width, "height": 800})
            if maya.evaluate("document.documentElement.scrollWidth > innerWidth"):
                wide.append((path, width))

    assert (left, wide) == ([], [])


def test_a_section_of_the_settings_is_opened_by_its_link_alone(
    person: Callable[..., Page],
) -> None:
    maya = person(locale="de-DE")
    maya.set_viewport_size({"width": 390, "height": 800})
    people.sign_up(maya, "maya-sections")

    maya.goto("/settings/#rates")
    expect(maya.locator("#rate")).to_be_visible()
    expect(by(maya, "payout")).to_be_hidden()
    expect(maya.locator("#rate-today")).to_contain_text("Der heutige Kurs ist")
    maya.locator("#rate").fill("4.500")  # four and a half to some, thousands to a German
    maya.get_by_role("button", name="Diesen Kurs behalten").click()
    expect(maya.get_by_text("ohne Zeichen zwischen den Tausendern")).to_be_visible()

    maya.set_viewport_size({"width": 1280, "height": 800})
    expect(by(maya, "payout")).to_be_visible()
    maya.get_by_role("link", name="Token für Programme").click()
    expect(maya.get_by_role("heading", name="Token für Programme")).to_be_in_viewport()
