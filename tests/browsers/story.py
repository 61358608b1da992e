"""The sale as maya and noor live it, in any browser: only what a person can see and press."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tests.browsers.drivers import Browser
from tests.e2e.people import PASSWORD, wait_for

OUT = "header [data-logout]"


def by(testid: str) -> str:
    return f'[data-testid="{testid}"]'


def sign_up(maya: Browser, shop: str, username: str) -> None:
    """A new creator, in a browser where another story may have left one signed in."""
    maya.open(f"{shop}/signup/")
    wait_for(lambda: maya.sees(by("signup-submit")) or maya.sees(OUT), every=0.1)
    if maya.sees(OUT):
        maya.click(OUT)
        wait_for(lambda: not maya.sees(OUT), every=0.1)
        maya.open(f"{shop}/signup/")
    maya.wait_to_see(by("signup-submit"))
    maya.write(by("signup-username"), username)
    maya.write(by("signup-password"), PASSWORD)
    maya.click(by("signup-submit"))
    # Loaded, so that the page's modules listen already: a file given before them is not heard.
    there = "return document.readyState === 'complete' && !!document.querySelector(given);"
    wait_for(lambda: maya.run(there, by("drop-input")), every=0.1)


def sell(maya: Browser, file: Path) -> str:
    """Drops, prices, publishes; the share link, once the key file lies in the downloads."""
    maya.give(by("drop-input"), file)
    maya.wait_to_see(by("price-amount"))
    maya.write(by("price-amount"), "2.00")
    maya.wait_to_see(f"{by('upload-progress')}[data-state=ready]", seconds=90)
    maya.click(by("publish"))
    maya.wait_to_see(by("share-link"), seconds=90)
    wait_for(lambda: list(maya.downloads.glob("*.json")), every=0.1)
    return maya.text(by("share-link"))


def buy(noor: Browser, link: str) -> str:
    """Opens the share link and presses Buy; the BIP-21 address."""
    noor.open(link)
    noor.wait_to_see(by("buy"))
    noor.click(by("buy"))
    noor.wait_to_see(by("invoice-uri"))
    wait_state(noor, "OPEN")
    return noor.attribute(by("invoice-uri"), "href") or ""


def wait_state(noor: Browser, state: str) -> None:
    css = by("invoice-status")
    wait_for(lambda: noor.attribute(css, "data-state") == state, seconds=60, every=0.1)


def save(noor: Browser, name: str, *, seconds: float = 120) -> Path:
    """Presses Save; back when the page calls it saved."""
    noor.wait_to_see(by("save"))
    noor.click(by("save"))
    noor.wait_to_see('.saving[data-state="saved"]', seconds=seconds)
    return noor.downloads / name


def wait_whole(path: Path, original: Path, *, seconds: float = 60) -> None:
    """Waits until the browser's copy is as long as the original; its bytes must be the same."""
    wanted = original.stat().st_size
    wait_for(lambda: path.exists() and path.stat().st_size == wanted, seconds=seconds, every=0.1)
    assert sha256(path) == sha256(original)
    # What Firefox puts beside a download until it is finished.
    wait_for(lambda: not list(path.parent.glob(f"{path.stem}.*.part")), seconds=seconds, every=0.1)


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
