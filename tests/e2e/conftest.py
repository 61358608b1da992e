"""The whole product for the browser stories: real processes, real Chromium, private ports."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

from kim import embedded
from kim.embedded import Layout
from kim.stack import Stack, running
from tests.e2e.people import Devchain

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


def free_base() -> int:
    """A base port whose whole span is free now; far from the usual services. Two workers of one
    run never choose the same."""
    low = 21_500 if os.environ.get("PYTEST_XDIST_WORKER") == "gw1" else 11_000
    while True:
        base = random.randrange(low, low + 10_500, embedded.PORT_SPAN)  # below the ephemeral ports
        if not any(embedded.listens(base + step) for step in range(embedded.PORT_SPAN)):
            return base


def make_stack(data: Path, *, environ: dict[str, str] | None = None) -> Stack:
    """A stack of its own in ``data``; sweeps are quick so that stories need not wait a minute."""
    quick = {
        "KIM_SWEEP_SECONDS": "2",
        "KIM_FORWARD_SECONDS": "2",
        "KIM_RATE_SECONDS": "5",
        "KIM_PAYOUT_WAIT_SECONDS": "3",
        "KIM_RATE_SIGNUP": "1000/hour",
        "KIM_RATE_LOGIN": "1000/minute",
        "KIM_RATE_PURCHASE": "1000/minute",
        "KIM_RATE_ANY": "100000/minute",
        "KIM_RATE_RECOVERY": "100000/minute",
        "KIM_PURCHASES_OPEN_PER_IP": "1000",
    }
    return Stack(Layout(data, free_base()), environ={**_bare(), **quick, **(environ or {})})


def _bare() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("KIM_")}


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    """A directory for the session's data, on memory where there is some: stores write a lot."""
    directory = Path(tempfile.mkdtemp(prefix="kim-e2e-"))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def stack(scratch: Path) -> Iterator[Stack]:
    with running(make_stack(scratch / "stack")) as started:
        yield started


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
def person(browser: Browser, stack: Stack) -> Iterator[Callable[..., Page]]:
    """A new browser profile each time it is called; console errors fail the test at its end."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def new(**options: object) -> Page:
        context = browser.new_context(
            base_url=stack.layout.public_url,
            accept_downloads=True,
            viewport={"width": 1280, "height": 800},
            **options,  # type: ignore[arg-type]
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
