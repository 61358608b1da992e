"""Every page, at two widths and in both themes, compared with the committed pictures.

``LOOKS=write make test T=tests/e2e/test_looks.py`` renews them; look at every one before committing.
What differs from run to run (links, addresses, codes, clocks, dates) is masked.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect

from kim.stack import Stack
from tests.actors import Seller
from tests.e2e import people, rendered
from tests.e2e.conftest import CHROMIUM, FLAGS
from tests.e2e.eyes import HERE, Eyes, is_in_sight, overflow
from tests.e2e.people import Devchain, by
from tests.stacks import make_stack, running

pytestmark = [pytest.mark.browser, pytest.mark.stack]

FILM = HERE / "films" / "last.mp4"
WITHOUT = {
    "login": "/login/",
    "signup": "/signup/",
    "recover": "/recover/",
    "recover-account": "/recover-account/",
    "open-file": "/open/",
    "lost-page": "/nowhere/",
    "imprint": "/imprint",
    "terms": "/terms",
}
EMPTY = {
    "files-empty": "/files/",
    "sales-empty": "/sales/",
    "notices-empty": "/notices/",
    "decisions": "/decisions/",
}
#: As an operator fills it in, before the instance starts.
SAID = """INSERT INTO unlock_instance
  (id, name, contact, imprint, terms, code_hash, done_at, created_at) VALUES
  (1, '', 'maya@example.org', 'Maya Lind, 1 Long Street, Bergen', 'Sell what is yours.', '',
   '2026-01-01 00:00:00', '2026-01-01 00:00:00')"""
#: What happens to a creator, one after the other, by the picture of what they find then.
SUSPENDED = {
    "suspended": """UPDATE unlock_creator SET suspended_at = '2026-01-01 00:00:00' WHERE id = :id;
INSERT INTO unlock_suspension (id, creator_id, ground, reason, decided_by, created_at, appeal, answer,
  answered_by) VALUES (:id, :id, 'terms', 'Three of your files are not what their pages say.', 'rita',
  '2026-01-01 00:00:00', '', '', '')""",
    "suspended-appealed": """UPDATE unlock_suspension
  SET appeal = 'They are.', appealed_at = '2026-01-02 00:00:00' WHERE id = :id""",
    "suspended-upheld": """UPDATE unlock_suspension SET answer = 'We looked again: two of them are not.',
  answered_at = '2026-01-03 00:00:00', answered_by = 'ines' WHERE id = :id""",
    "suspended-lifted": """UPDATE unlock_creator SET suspended_at = NULL WHERE id = :id;
UPDATE unlock_suspension SET lifted_at = answered_at, answer = 'We looked again: they are.'
  WHERE id = :id""",
}


@pytest.fixture(scope="module")
def stack(scratch: Path) -> Iterator[Stack]:
    """Its own: a list of decisions, say, must not show what another story decided."""
    made = make_stack(scratch / "looks")
    with sqlite3.connect(made.layout.data / "kim.sqlite3") as database:
        database.execute(SAID)
    database.close()
    with running(made) as started:
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


def visit(eyes: Eyes, page: Page, pages: dict[str, str]) -> None:
    for name, path in pages.items():
        page.goto(path)
        page.wait_for_load_state("networkidle")
        eyes.look(page, name)


def of_a_stranger(eyes: Eyes, page: Page) -> None:
    """What anybody finds, also where something is wrong."""
    visit(eyes, page, WITHOUT)
    for code in rendered.ERRORS:
        rendered.error(page, code)
        eyes.look(page, f"error-{code}")
    rendered.set_up(page)
    eyes.look(page, "setup")
    page.goto("/library/")
    expect(by(page, "library-empty")).to_be_visible()
    eyes.look(page, "library-empty")


def of_a_sale(eyes: Eyes, maya: Page, noor: Page, tmp_path: Path) -> str:
    """From the drop to what a visitor sees; the link."""
    maya.get_by_label("Title", exact=True).fill("Nordlys, the long cut")
    by(maya, "price-amount").fill("4.00")
    expect(by(maya, "publish")).to_be_enabled()
    eyes.look(maya, "2-sell")
    link = people.sell(maya, FILM, amount="4.00", key_file=tmp_path / "key.json")
    eyes.look(maya, "3-published")
    noor.goto(link)
    expect(by(noor, "buy")).to_be_visible()
    eyes.look(noor, "4-offer")
    assert is_in_sight(noor, "buy")
    assert overflow(noor, 320) == 0
    return link


def of_a_purchase(eyes: Eyes, noor: Page, friend: Page, link: str, chain: Devchain) -> None:
    """The code to pay, on its way, open and shown; a friend's page; and what stays of it."""
    uri = people.buy(noor, link)
    people.wait_state(noor, "OPEN")
    eyes.look(noor, "5-pay")
    assert is_in_sight(noor, "invoice-uri")
    assert overflow(noor, 320) == 0
    by(noor, "friend").locator("summary").click()
    friend.goto(people.shown(by(noor, "friend-link")))
    expect(by(friend, "pay-said")).to_have_text("Waiting for the payment.")
    eyes.look(friend, "pay-for-me")
    chain.pay(uri)
    people.wait_state(noor, "SEEN")
    eyes.look(noor, "purchase-seen")
    chain.mine()
    people.wait_state(noor, "PAID")
    expect(by(noor, "save")).to_be_enabled()
    expect(by(noor, "invoice-status")).not_to_contain_text("on its way")
    eyes.look(noor, "6-open")
    assert is_in_sight(noor, "save")
    assert overflow(noor, 320) == 0
    by(noor, "show").click()
    expect(noor.frame_locator("iframe.player").get_by_test_id("player")).to_be_visible()
    eyes.look(noor, "play")
    paid = people.path_of(noor.url)
    visit(eyes, noor, {"receipt": f"{paid}/receipt", "status": f"{paid}/status"})
    visit(eyes, noor, {"library": "/library/", "report": f"{people.path_of(link)}/report"})


def of_a_creator(eyes: Eyes, maya: Page, noor: Page) -> None:
    """The dashboard once something was sold, its dialogs, the settings, and the shop."""
    maya.goto("/files/")
    expect(by(maya, "file")).to_have_count(1)
    eyes.look(maya, "files")
    maya.locator("[data-action=edit]").click()
    by(maya, "edit-is-listed").check()
    eyes.look(maya, "edit-dialog")
    maya.locator("dialog button[type=submit]").click()
    expect(by(maya, "shop-link")).to_have_value(re.compile("#1"))
    shop = people.shown(by(maya, "shop-link"))
    people.more(maya)
    by(maya, "codes-open").click()
    expect(by(maya, "code-make")).to_be_visible()
    eyes.look(maya, "codes-dialog")
    visit(eyes, maya, {"sales": "/sales/"})
    maya.goto("/settings/")
    eyes.look(maya, "settings", afresh=True)
    noor.goto(shop)
    expect(by(noor, "shop-tile")).to_be_visible()
    eyes.look(noor, "shop")


def of_other_states(eyes: Eyes, noor: Page, oona: Seller, payout: str) -> None:
    """A page for adults, one that is sold out, one on pause, one that is gone."""
    changes: dict[str, list[dict[str, object]]] = {
        "offer-adult": [{"showcase": {"is_adult": True}}],
        "offer-sold-out": [{"pricing": {"stock": 0}}],
        "offer-paused": [{"state": "paused"}],
        "offer-removed": [{"state": "paused"}, {"state": "removed"}],
    }
    for name, steps in changes.items():
        offer = oona.publish(b"An aurora.\n" * 900, payout=payout)
        for body in steps:
            oona.api.call("PATCH", f"files/{offer.file_id}/", body)
        visit(eyes, noor, {name: offer.path})


def of_a_suspended(eyes: Eyes, maya: Page, stack: Stack) -> None:
    """Shut out, heard, refused, and back."""
    for name, events in SUSPENDED.items():
        with sqlite3.connect(stack.layout.data / "kim.sqlite3", timeout=20) as database:
            [key] = database.execute(
                "SELECT c.id FROM unlock_creator c JOIN auth_user u ON u.id = c.user_id"
                " WHERE u.username = 'maya-lind'"
            ).fetchone()
            for event in events.split(";"):
                database.execute(event, {"id": key})
        database.close()
        if name == "suspended":
            people.enter(maya, "maya-lind")
            expect(by(maya, "suspended")).to_be_visible(timeout=30_000)
        visit(eyes, maya, {name: "/suspended/"})


def test_every_page_looks_as_it_did(
    person: Callable[..., Page], stack: Stack, chain: Devchain, tmp_path: Path
) -> None:
    eyes, maya, noor, eve = Eyes(), person(), person(), person()
    oona = Seller(stack.layout.public_url, "oona")

    eve.goto("/")
    eyes.look(eve, "1-start")
    of_a_stranger(eyes, eve)
    people.sign_up(maya, "maya-lind")
    visit(eyes, maya, EMPTY)
    maya.goto("/sell/")
    link = of_a_sale(eyes, maya, noor, tmp_path)
    of_a_purchase(eyes, noor, eve, link, chain)
    of_a_creator(eyes, maya, noor)
    oona.sign_up()
    of_other_states(eyes, noor, oona, stack.suggested_payout)
    maya.context.clear_cookies()
    of_a_suspended(eyes, maya, stack)

    assert eyes.far == {}
