"""What people do in the stories: maya sells, noor buys, and the devchain wallet pays."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from playwright.sync_api import Download, Locator, Page, expect

T = TypeVar("T")
PASSWORD = "correct horse battery staple"


class Devchain:
    """The HTTP control of the development chain."""

    def __init__(self, port: int) -> None:
        self.port = port

    def call(self, path: str, **body: object) -> dict[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        method, data = ("POST", json.dumps(body)) if path != "/api/state" else ("GET", None)
        connection.request(method, path, data, {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer: dict[str, Any] = json.loads(response.read())
        connection.close()
        assert response.status == 200, answer
        return answer

    def pay(self, uri: str, **more: object) -> str:
        return str(self.call("/api/pay", uri=uri, **more)["txid"])

    def mine(self, blocks: int = 1) -> None:
        self.call("/api/mine", blocks=blocks)

    def state(self) -> dict[str, Any]:
        return self.call("/api/state")


def by(page: Page | Locator, testid: str) -> Any:
    return page.get_by_test_id(testid)


def sign_up(page: Page, username: str) -> None:
    page.goto("/signup/")
    by(page, "signup-username").fill(username)
    by(page, "signup-password").fill(PASSWORD)
    by(page, "signup-submit").click()
    expect(by(page, "drop-input")).to_be_attached(timeout=30_000)


def enter(page: Page, username: str, password: str = PASSWORD) -> None:
    """Wherever that leads."""
    page.goto("/login/")
    by(page, "login-username").fill(username)
    by(page, "login-password").fill(password)
    by(page, "login-submit").click()


def log_in(page: Page, username: str, password: str = PASSWORD) -> None:
    enter(page, username, password)
    expect(by(page, "drop-input")).to_be_attached(timeout=30_000)


def more(page: Page) -> None:
    """Opens what is wanted more rarely, of the first file on the dashboard."""
    by(page, "file-more").first.click()


def unfold(page: Page, part: str) -> None:
    """A section of the settings, once the page is at work: they are closed on a narrow screen."""
    if page.locator(f"details#{part}[open]").count() == 0:
        page.locator(f"details#{part} > summary").click()


def forget_key(page: Page) -> None:
    """What Safari does after seven days: the session stays, and what the browser kept is gone."""
    page.goto("/")  # no page that holds the database open
    page.evaluate(
        """() => new Promise((resolve, reject) => {
          const gone = indexedDB.deleteDatabase('kim-creator');
          gone.onsuccess = () => resolve(null);
          gone.onerror = () => reject(gone.error);
        })"""
    )
    page.goto("/sell/")


def sell(
    page: Page, file: Path, *, amount: str = "2.00", currency: str = "EUR", key_file: Path
) -> str:
    """Drops, prices, publishes; saves the key file; returns the share link."""
    downloads: list[Download] = []
    page.on("download", lambda download: downloads.append(download))  # noqa: PLW0108
    by(page, "drop-input").set_input_files(file)
    by(page, "price-amount").fill(amount)
    by(page, "price-currency").select_option(currency)
    by(page, "publish").click()
    try:
        expect(by(page, "share-link")).to_be_visible(timeout=120_000)
        wait_for(lambda: _after_events(page, downloads), seconds=20)
    except AssertionError as error:
        said = page.locator("main").inner_text()
        raise AssertionError(f"no link and key file; the page says:\n{said}") from error
    downloads[0].save_as(key_file)
    return shown(by(page, "share-link"))


def _after_events(page: Page, downloads: list[Download]) -> bool:
    """Playwright hands events over only while it is asked something."""
    page.wait_for_timeout(20)
    return bool(downloads)


def shown(locator: Any) -> str:
    """The value of a field, or the text of anything else."""
    text: str = locator.evaluate("e => ('value' in e && e.value) || e.textContent")
    return text.strip()


def copied(page: Page) -> str:
    """What lies in the clipboard, pasted as people do: no page of ours may read it by itself."""
    page.evaluate(
        """() => {
          const field = document.createElement('textarea');
          field.id = 'pasted';
          (document.querySelector('dialog[open]') ?? document.body).append(field);
          globalThis.heldBefore = document.activeElement;
          field.focus();
        }"""
    )
    page.keyboard.press("Control+v")
    text: str = page.evaluate(
        """() => {
          const field = document.querySelector('#pasted');
          const text = field.value;
          field.remove();
          globalThis.heldBefore?.focus();
          return text;
        }"""
    )
    return text


def buy(page: Page, link: str) -> str:
    """Opens the share link and presses Buy; returns the BIP-21 URI."""
    page.goto(link)
    button = by(page, "buy")
    expect(button).to_be_enabled(timeout=30_000)
    button.click()
    uri = by(page, "invoice-uri")
    expect(uri).to_be_visible(timeout=30_000)
    return str(uri.get_attribute("href"))


def wait_state(page: Page, *states: str, seconds: float = 30) -> None:
    status = by(page, "invoice-status")
    try:
        wait_for(lambda: status.get_attribute("data-state") in states, seconds=seconds)
    except AssertionError as error:
        shows = f"{status.get_attribute('data-state')}: {status.inner_text()}"
        raise AssertionError(f"not {states}; the page shows {shows}") from error


def save(page: Page, target: Path) -> Path:
    button = by(page, "save")
    expect(button).to_be_enabled(timeout=60_000)
    with page.expect_download(timeout=240_000) as download:
        button.click()
    download.value.save_as(target)
    return target


def wait_for(condition: Callable[[], T], *, seconds: float = 30, every: float = 0.05) -> T:
    """Waits until the condition holds; its value. The deadline is the only clock."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(every)
    return value


def path_of(link: str) -> str:
    return urlsplit(link).path
