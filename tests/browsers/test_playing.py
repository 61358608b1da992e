"""A film that was paid for, played in the other browsers from its sealed bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kim.stack import Stack
from tests.browsers import story
from tests.browsers.drivers import Browser
from tests.browsers.story import by
from tests.e2e.people import Devchain, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.stack]

FILM = Path(__file__).parent / "films" / "short.webm"
SECONDS = 24
VIDEO = """
const video = document.querySelector('iframe.player')?.contentDocument?.querySelector('video');
if (!video) return null;
"""
FACTS = """
const { readyState, currentTime, paused, seeking, duration, error } = video;
const size = [video.videoWidth, video.videoHeight];
return { readyState, currentTime, paused, seeking, duration, size, error: error?.message };
"""
PICTURE = """
const canvas = document.createElement('canvas');
Object.assign(canvas, { width: 64, height: 36 });
canvas.getContext('2d').drawImage(video, 0, 0, 64, 36);
return canvas.toDataURL();
"""


def film_of(noor: Browser) -> dict[str, Any]:
    found: dict[str, Any] = noor.run(VIDEO + FACTS) or {}
    assert not found.get("error"), found
    return found


def plays_on(noor: Browser, *, after: float) -> dict[str, Any]:
    """Once it shows pictures of a moment later than ``after``."""

    def there() -> dict[str, Any]:
        film = film_of(noor)
        is_there = film and film["readyState"] >= 2 and not film["seeking"]
        return film if is_there and film["currentTime"] > after else {}

    return wait_for(there, seconds=60, every=0.1)


def test_a_film_plays_and_jumps(browser: Browser, kind: str, stack: Stack, chain: Devchain) -> None:
    story.sign_up(browser, stack.layout.public_url, f"maya-films-{kind}")
    link = story.sell(browser, FILM)
    chain.pay(story.buy(browser, link))
    chain.mine()
    story.wait_state(browser, "PAID")

    browser.wait_to_see(by("show"))
    assert browser.text(by("show")) == "Play"
    browser.click(by("show"))

    wait_for(lambda: film_of(browser).get("readyState", 0) >= 2, seconds=60, every=0.1)
    if kind == "webkit":  # a film with sound begins there only when its own controls are pressed
        assert film_of(browser)["paused"]
        browser.click("iframe.player")
    film = plays_on(browser, after=0.2)
    assert film["size"] == [320, 180]
    assert round(film["duration"]) == SECONDS
    before = browser.run(VIDEO + PICTURE)
    browser.run(VIDEO + "video.currentTime = given;", SECONDS / 2)
    film = plays_on(browser, after=SECONDS / 2 + 0.1)
    assert film["currentTime"] < SECONDS
    assert browser.run(VIDEO + PICTURE) != before
