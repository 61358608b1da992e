"""The footer's switch: it keeps the key behind the #, and the choice holds on the next page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from kim.stack import Stack
from tests.e2e.people import by

pytestmark = [pytest.mark.browser, pytest.mark.stack]

SECRET = "1.bm9ib2R5IGVsc2UgcmVhZHMgdGhpcw"


def test_the_language_changes_and_the_key_in_the_link_stays_in_the_browser(
    person: Callable[..., Page], stack: Stack
) -> None:
    noor = person(locale="en-GB")
    asked: list[str] = []
    noor.on("request", lambda request: asked.append(request.url + (request.post_data or "")))
    noor.goto(f"/@nobody#{SECRET}")
    expect(noor.locator("html")).to_have_attribute("lang", "en")

    by(noor, "language").click()

    expect(noor.get_by_role("heading", name="Hier gibt es keinen Shop")).to_be_visible()
    assert noor.url == f"{stack.layout.public_url}/@nobody#{SECRET}"
    noor.goto("/login/")
    expect(noor.locator("html")).to_have_attribute("lang", "de")
    expect(by(noor, "language")).to_have_text("English")
    assert not any(SECRET in sent for sent in asked)
    assert [(each["name"], each["value"]) for each in noor.context.cookies()
            if each["name"] == "kim-language"] == [("kim-language", "de")]  # fmt: skip
