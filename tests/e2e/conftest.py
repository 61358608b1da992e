"""The whole product for the browser stories: real processes, real Chromium, private ports."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

from kim.stack import Stack
from tests.e2e.people import Devchain
from tests.e2e.widths import SHAPES
from tests.stacks import free_base, make_stack

__all__ = ["free_base", "make_stack"]

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture
def chain(stack: Stack) -> Devchain:
    return Devchain(stack.layout.devchain_port)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    launched = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    yield launched
    launched.close()


@pytest.fixture
def width(request: pytest.FixtureRequest) -> str:
    """At which width people's browsers stand; ``widths.at_both`` gives a story the other one, too."""
    return str(getattr(request, "param", "desktop"))


@pytest.fixture
def person(browser: Browser, stack: Stack, width: str) -> Iterator[Callable[..., Page]]:
    """A new browser profile each time it is called; console errors fail the test at its end."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def new(**options: object) -> Page:
        context = browser.new_context(
            base_url=stack.layout.public_url,
            accept_downloads=True,
            **{**SHAPES[width], **options},
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: _note(errors, said.type, said.text))
        return page

    yield new
    for context in contexts:
        context.close()
    assert errors == []


def _note(errors: list[str], kind: str, text: str) -> None:
    # A refused request (4xx) is logged by Chromium itself; policy violations must fail the test.
    if kind == "error" and "Failed to load resource" not in text:
        errors.append(text)
