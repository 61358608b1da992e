"""Pages that a story's instance does not serve (any more), from their templates, at their address."""

from __future__ import annotations

import segno
from django.template.loader import render_to_string
from playwright.sync_api import Page, expect

from kim import pages
from kim.first_run import SetupForm
from unlock import one_time_codes
from unlock.one_time_codes import Offered

ERRORS = ("400", "403", "500")
STAFF = {"site_header": "kim", "site_title": "kim", "title": "Second step"}


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


def second_step(page: Page, *, is_new: bool) -> None:
    """What staff are asked after their password; a development instance asks for no code."""
    secret = one_time_codes.new_secret()
    offered = Offered(secret, f"otpauth://totp/rita?secret={secret}")
    qr = segno.make(offered.uri, error="m").svg_data_uri(border=2, omitsize=True)
    facts = {**STAFF, "offered": offered if is_new else None, "qr": qr}
    show(page, "/admin/second-step/", render_to_string("admin/second_step.html", facts))


def spare_codes(page: Page) -> None:
    facts = {**STAFF, "spare": one_time_codes.new_spares(), "onward": "/admin/"}
    show(page, "/admin/second-step/", render_to_string("admin/spare_codes.html", facts))


def error(page: Page, code: str) -> None:
    show(page, f"/error-{code}/", render_to_string(f"{code}.html", {"instance_name": "kim"}))
