"""A script that was altered on its way does not run, nor does what imports it (docs/adr/0017)."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Route

from kim.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.stack]

ALTERED = "js/crypto/bytes.js"


def test_an_altered_module_does_not_run_nor_what_imports_it(browser: Browser, stack: Stack) -> None:
    def alter(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text() + "\nglobalThis.stolen = true;\n")

    context = browser.new_context(base_url=stack.layout.public_url)  # errors are the point here
    page = context.new_page()
    refused: list[str] = []

    def hear(said: ConsoleMessage) -> None:
        if "valid digest" in said.text:
            refused.append(said.text)

    page.on("console", hear)
    page.route(f"**/{ALTERED}", alter)
    page.goto("/library/")
    page.wait_for_load_state("load")

    assert {ALTERED in each for each in refused} == {
        True
    }  # once, or again for each that imports it
    assert page.evaluate("globalThis.stolen") is None
    context.close()
