"""Every page, in both themes on a phone, under axe (WCAG 2.2 AA and its good practice); and no page that
scrolls sideways, from 320 to 1920 pixels.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Frame, Page, expect

from kim.stack import Stack
from tests.e2e import people, rendered, staff
from tests.e2e.people import Devchain, by

pytestmark = [pytest.mark.browser, pytest.mark.stack]

ROOT = Path(__file__).parents[2]
AXE = (ROOT / "node_modules/axe-core/axe.min.js").read_text()
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
FILM = ROOT / "tests/e2e/films/last.mp4"
PHONE = {"width": 390, "height": 844}
WIDTHS = (320, 390, 768, 1280, 1920)
WITHOUT = (
    "/",
    "/login/",
    "/signup/",
    "/recover-account/",
    "/recover/",
    "/open/",
    "/nowhere/",
    "/admin/login/",
)
WITHIN = ("/sell/", "/files/", "/sales/", "/notices/", "/decisions/", "/settings/")

RUN = (ROOT / "tests/e2e/axe.js").read_text().rpartition("*/")[2].strip().rstrip(";")


class Inspector:
    """Looks at one page after another, and keeps what is wrong by the page's name."""

    def __init__(self) -> None:
        self.found: dict[str, list[str]] = {}
        self.dialogs: dict[str, set[str]] = {"light": set(), "dark": set()}

    def look(self, page: Page, name: str, *, frame: Frame | None = None) -> None:
        """As it stands now, and its dialogs: whole in light; in dark what depends on the theme.
        ``frame``: what stands in there instead, where no heading or landmark of a page belongs.
        """
        inside = frame or page.main_frame
        inside.evaluate(AXE)
        page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        wrong: list[str] = []
        for theme, known in self.dialogs.items():
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
            asked = {
                "tags": TAGS[:-1] if frame else TAGS,
                "isWhole": theme == "light",
                "known": list(known),
            }
            said = inside.evaluate(RUN, asked)
            known |= set(said["shown"])
            wrong += [f"{theme} {each}" for each in said["found"]]
        wrong += [f"{width}: {over} px sideways" for width, over in self._sideways(page)]
        page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        if wrong:
            self.found[name] = wrong

    def _sideways(self, page: Page) -> list[tuple[int, int]]:
        found = []
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            over: int = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            if over > 0:
                found.append((width, over))
        return found


def test_the_inspector_finds_what_is_wrong(person: Callable[..., Page]) -> None:
    page, seen = person(), Inspector()
    page.goto("/login/")
    page.evaluate(
        """() => {
          const bad = document.createElement('div');
          bad.append(document.createElement('button'));
          bad.style.width = '3000px';
          document.querySelector('main').append(bad);
        }"""
    )

    seen.look(page, "login")

    found = "\n".join(seen.found["login"])
    assert "light button-name: " in found
    assert "390: " in found


def settle(page: Page) -> None:
    page.wait_for_load_state("networkidle")


def listed(maya: Page) -> str:
    """Her only file stands in her shop; the shop's link."""
    maya.goto("/files/")
    maya.locator("[data-action=edit]").click()
    by(maya, "edit-is-listed").check()
    maya.locator("dialog button[type=submit]").click()
    expect(by(maya, "shop-link")).to_have_value(re.compile("#1"))
    return people.shown(by(maya, "shop-link"))


def open_first(rita: Page, rows: str) -> None:
    rita.goto(rows)
    rita.goto(str(rita.locator("#result_list tbody th a").first.get_attribute("href")))


def report(noor: Page, sold: str) -> None:
    noor.goto(f"{sold}/report")
    by(noor, "report-text").fill("It is no film.")
    by(noor, "report-send").click()
    expect(noor.get_by_role("heading", name="Your report is with us")).to_be_visible()


def of_staff(rita: Page, seen: Inspector, sold: str) -> None:
    """The workplace, a list, pages that decide, one that only shows; and the creator is shut out. All
    others: tests/e2e/test_axe_admin.py.
    """
    rendered.second_step(rita, is_new=True)
    seen.look(rita, "/admin/second-step/")
    staff.enter(rita, "rita-axe")
    expect(rita.get_by_role("heading", name="What needs you now")).to_be_visible()
    seen.look(rita, "/admin/")
    rows = "/admin/unlock/{}/?q=" + sold.rpartition("/")[2]
    rita.goto(rows.format("report"))
    seen.look(rita, "/admin/, a list")
    open_first(rita, rows.format("report"))
    seen.look(rita, "/admin/, a report")
    rita.locator("input[name=act][value=pause]").check()
    rita.locator("input[name=suspend]").check()
    staff.decide(rita, "It is a list of random words and no film.")
    expect(rita.locator(".messagelist")).to_contain_text("Done")
    open_first(rita, "/admin/unlock/suspension/?q=maya-axe")
    seen.look(rita, "/admin/, a suspension")
    open_first(rita, rows.format("purchase"))
    seen.look(rita, "/admin/, a purchase")


def of_the_suspended(maya: Page, seen: Inspector) -> None:
    people.enter(maya, "maya-axe")
    expect(by(maya, "suspended")).to_be_visible(timeout=30_000)
    seen.look(maya, "/suspended/")


def test_no_page_has_a_barrier_and_none_scrolls_sideways(
    person: Callable[..., Page], stack: Stack, chain: Devchain, tmp_path: Path
) -> None:
    maya, noor, seen = person(), person(), Inspector()

    for path in WITHOUT:
        noor.goto(path)
        seen.look(noor, path)
    rendered.components(noor)
    seen.look(noor, "/components/")
    rendered.set_up(noor)
    seen.look(noor, "/setup/")
    people.sign_up(maya, "maya-axe")
    link = people.sell(maya, FILM, key_file=tmp_path / "key.json")
    seen.look(maya, "/sell/ once it is up")

    noor.goto(link)
    expect(by(noor, "buy")).to_be_enabled()
    seen.look(noor, "offer")
    uri = people.buy(noor, link)
    people.wait_state(noor, "OPEN")
    seen.look(noor, "purchase, open")
    friend = person()
    friend.goto(people.shown(by(noor, "friend-link")))
    expect(by(friend, "pay-said")).to_have_text("Waiting for the payment.")
    seen.look(friend, "/pay/")
    chain.pay(uri)
    chain.mine()
    people.wait_state(noor, "PAID")
    expect(by(noor, "save")).to_be_enabled()
    seen.look(noor, "purchase, paid")
    by(noor, "show").click()
    expect(noor.frame_locator("iframe.player").get_by_test_id("player")).to_be_visible()
    seen.look(noor, "purchase, shown")
    seen.look(noor, "the player", frame=noor.frame(url=re.compile("/x/play")))
    bought = noor.url
    paid, sold = people.path_of(bought), people.path_of(link)
    for path in (
        "/library/",
        f"{paid}/receipt",
        f"{paid}/status",
        sold,
        f"{sold}/report",
        "/@maya-axe",
    ):
        noor.goto(path)
        settle(noor)
        seen.look(noor, path)

    for path in WITHIN:
        maya.goto(path)
        settle(maya)
        seen.look(maya, path)
    friend.goto(listed(maya))
    expect(by(friend, "shop-tile")).to_be_visible()
    seen.look(friend, "an open shop")
    report(noor, sold)
    staff.hire(stack, "rita-axe", is_superuser=True)
    of_staff(person(), seen, sold)
    of_the_suspended(maya, seen)

    assert seen.found == {}
