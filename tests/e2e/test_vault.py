"""The vault: a second device needs the password alone, and 24 words replace a lost password.

Everything the browsers send is written down, and nothing that opens a vault may be in it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, expect

from kim.stack import Stack
from tests.e2e import people
from tests.e2e.people import by
from tests.e2e.test_secrets import files_with, spellings, unb64
from tests.e2e.widths import at_both
from tests.vectors import vault

pytestmark = [pytest.mark.browser, pytest.mark.stack]

FIRST = "marker first password 5e1c"
SECOND = "marker second password 77d0"
FOREIGN = "legal winner thank year wave sausage worth useful " * 2
FOREIGN += "legal winner thank year wave sausage worth title"


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "diary.bin"
    path.write_bytes(os.urandom(100_000))
    return path


class Traffic:
    """What browsers sent, and the salts that were asked for."""

    def __init__(self) -> None:
        self.sent = b""
        self.salts: set[str] = set()

    def hear(self, page: Page) -> Page:
        page.on("request", self._note)
        return page

    def _note(self, request: Request) -> None:
        self.sent += request.url.encode() + (request.post_data_buffer or b"") + b"\n"
        try:
            body = request.post_data_json
        except Exception:  # noqa: BLE001 - parts are no JSON
            return
        for name in ("salt", "new_salt"):
            if isinstance(body, dict) and name in body:
                self.salts.add(body[name])


def sign_up(page: Page, username: str) -> None:
    page.goto("/signup/")
    by(page, "signup-username").fill(username)
    by(page, "signup-password").fill(FIRST)
    by(page, "signup-submit").click()
    expect(by(page, "drop-input")).to_be_attached(timeout=60_000)


def link_on_files_page(page: Page) -> str:
    page.goto("/files/")
    expect(by(page, "share-link").first).to_be_visible(timeout=30_000)
    return people.shown(by(page, "share-link").first)


def nothing_leaked(traffic: Traffic, key_file: Path, stack: Stack) -> None:
    """``traffic`` did carry what it should, so the search does find things."""
    kept = json.loads(key_file.read_text())
    root = unb64(kept["root"])
    secrets = {FIRST.encode(), SECOND.encode(), kept["words"].encode()} | spellings(root)
    assert traffic.salts
    for salt in traffic.salts:
        for password in (FIRST, SECOND):
            secrets |= spellings(vault.work(password, unb64(salt))[1])
    assert b"sealed_root" in traffic.sent

    assert [secret for secret in secrets if secret in traffic.sent] == []
    assert files_with(stack.layout.data, secrets) == set()


@at_both(late="desktop")
def test_a_second_device_needs_the_password_alone_and_a_new_password_takes_the_vault_along(
    person: Callable[..., Page], stack: Stack, film: Path, tmp_path: Path, width: str
) -> None:
    traffic = Traffic()
    maya, elsewhere, third = (traffic.hear(person()) for _ in range(3))
    sign_up(maya, name := f"maya-vault-{width}")
    expect(maya.locator("#reminder")).to_be_hidden()
    link = people.sell(maya, film, key_file=tmp_path / "key.json")

    people.log_in(elsewhere, name, FIRST)
    assert link_on_files_page(elsewhere) == link
    elsewhere.goto("/settings/")
    expect(by(elsewhere, "vault-state")).to_contain_text("holds the key of this browser")
    people.unfold(elsewhere, "password")
    elsewhere.locator("#password-old").fill(FIRST)
    elsewhere.locator("#password-new").fill(SECOND)
    elsewhere.get_by_role("button", name="Change password").click()
    expect(elsewhere.get_by_text("Password changed")).to_be_visible(timeout=60_000)

    maya.goto("/files/")
    expect(by(maya, "login-submit")).to_be_visible()
    people.log_in(third, name, SECOND)
    assert link_on_files_page(third) == link
    people.forget_key(third)
    third.goto("/files/")
    third.get_by_role("button", name="Copy link").first.click()
    by(third, "key-password").fill(SECOND)
    third.get_by_role("button", name="Use this key").click()
    expect(by(third, "share-link").first).to_have_value(link, timeout=60_000)
    nothing_leaked(traffic, tmp_path / "key.json", stack)


@at_both(late="desktop")
def test_a_lost_password_is_replaced_with_the_words_and_nothing_else_is_lost(
    person: Callable[..., Page], stack: Stack, film: Path, tmp_path: Path, width: str
) -> None:
    traffic = Traffic()
    maya, back = traffic.hear(person()), traffic.hear(person())
    sign_up(maya, name := f"maya-words-{width}")
    link = people.sell(maya, film, key_file=tmp_path / "key.json")
    words = json.loads((tmp_path / "key.json").read_text())["words"]

    back.goto("/login/")
    back.get_by_role("link", name="Come back with your 24 words").click()
    back.get_by_text("I have neither words nor key file").click()
    expect(back.get_by_text("Your published files go on selling")).to_be_visible()
    by(back, "recover-username").fill(name)
    by(back, "recover-words").fill(FOREIGN)
    by(back, "recover-password").fill(SECOND)
    by(back, "recover-submit").click()
    expect(back.get_by_role("alert")).to_contain_text("do not belong together", timeout=60_000)
    by(back, "recover-words").fill(words.upper())
    by(back, "recover-submit").click()
    expect(by(back, "drop-input")).to_be_attached(timeout=60_000)

    assert link_on_files_page(back) == link
    back.goto("/notices/")
    expect(back.get_by_text("Your password was replaced")).to_be_visible()
    maya.goto("/files/")
    expect(by(maya, "login-submit")).to_be_visible()
    people.log_in(maya, name, SECOND)
    assert link_on_files_page(maya) == link
    nothing_leaked(traffic, tmp_path / "key.json", stack)
