"""Pages that a story's instance does not serve (any more), from their templates, at their address."""

from __future__ import annotations

from django.template.loader import render_to_string
from playwright.sync_api import Page, expect

from kim import pages
from kim.first_run import SetupForm

ERRORS = ("400", "403", "500")


def show(page: Page, path: str, body: str) -> None:
    page.route(f"**{path}", lambda route: route.fulfill(body=body, content_type="text/html"))
    page.goto(path)


def components(page: Page) -> None:
    """It is there while KIM_DEBUG is on."""
    show(
        page,
        "/components/",
        render_to_string("components.html", {"styles": pages.component_styles()}),
    )
    expect(page.locator("#c-qr svg")).to_be_visible()


def set_up(page: Page) -> None:
    """It is there while nobody is."""
    facts = {"page": "setup", "network": "regtest", "instance_name": "kim"}
    form = SetupForm(initial={"name": "kim"})
    show(page, "/setup/", render_to_string("unlock/setup.html", {**facts, "form": form}))


def error(page: Page, code: str) -> None:
    show(page, f"/error-{code}/", render_to_string(f"{code}.html", {"instance_name": "kim"}))
