"""Every page of the admin under axe, like all others; tests/e2e/test_axe.py looks at a few of them in CI."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from kim.stack import Stack
from tests.actors import Seller
from tests.e2e import people, rendered, staff
from tests.e2e.people import Devchain
from tests.e2e.test_axe import Inspector, open_first, report

pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.long]

#: Django's two-sided chooser, which its own script builds: a name on a span without a role.
CHOOSER = ".help-tooltip.search-label-icon"
LINKS = "#content-main .module th a, #content-main caption a, .panels a"


def doors(rita: Page, seen: Inspector) -> None:
    for is_new in (True, False):
        rendered.second_step(rita, is_new=is_new)
        seen.look(rita, f"second step, new: {is_new}")
    rendered.spare_codes(rita)
    seen.look(rita, "spare codes")
    rita.unroute_all()
    rita.goto("/admin/")
    rita.get_by_role("button", name="Log in").click()
    seen.look(rita, "login")


def decide(rita: Page, seen: Inspector) -> None:
    """An open report, and the same one decided; rows of measures and suspensions come from that."""
    open_first(rita, "/admin/unlock/report/?q=maya-admin")
    seen.look(rita, "an open report")
    rita.locator("input[name=act][value=remove]").check()
    rita.locator("input[name=suspend]").check()
    staff.decide(rita, "It is no film.")
    expect(rita.locator(".messagelist")).to_contain_text("Done")
    seen.look(rita, "a decided report")


def questions(rita: Page, seen: Inspector) -> None:
    """What an action asks before it acts."""
    open_first(rita, "/admin/unlock/creator/?q=maya-admin")
    page = rita.url
    for name in ("suspend", "reinstate", "set_quota"):
        rita.goto(page)
        with rita.expect_navigation():
            rita.locator(f".verbs button[value={name}]").click()
        seen.look(rita, f"the question of {name}")


def test_no_page_of_the_admin_has_a_barrier(
    person: Callable[..., Page], stack: Stack, chain: Devchain
) -> None:
    maya, noor, rita = Seller(stack.layout.public_url, "maya-admin"), person(), person()
    maya.sign_up()
    offer = maya.publish(b"An aurora.\n" * 900, payout=chain.state()["address"])
    chain.pay(people.buy(noor, offer.path))
    chain.mine()
    people.wait_state(noor, "PAID")
    report(noor, people.path_of(offer.path))
    staff.hire(stack, "rita-admin", is_superuser=True)
    seen = Inspector()

    doors(rita, seen)
    staff.enter(rita, "rita-admin")
    expect(rita.get_by_role("heading", name="What needs you now")).to_be_visible()
    decide(rita, seen)
    questions(rita, seen)
    rita.goto("/admin/")
    seen.look(rita, "/admin/")
    links = rita.locator(LINKS).evaluate_all("all => all.map(one => one.pathname)")
    rows: list[str] = []
    for path in sorted({*links, "/admin/password_change/"}):
        rita.goto(path)
        seen.look(rita, path)
        first = rita.locator("#result_list tbody th a")
        rows += [str(first.first.get_attribute("href"))] if first.count() else []
    assert len(rows) > 20
    for path in rows:
        rita.goto(path)
        seen.look(rita, path)

    found = {
        name: rest
        for name, wrong in seen.found.items()
        if (rest := [each for each in wrong if CHOOSER not in each])
    }
    assert found == {}
