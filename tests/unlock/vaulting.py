"""A creator with a vault, as their browser makes it; roots are letters, so that they read well."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from tests.unlock.creating import Browser, b64, derive

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

PASSWORD = "correct horse"
R, OTHER = b"R" * 32, b"O" * 32


def recovery(root: bytes) -> bytes:
    """Stands for the browser's HKDF, which the server neither knows nor checks."""
    return hashlib.sha256(b"recovery" + root).digest()


def sealed(root: bytes = R, *, password: str = PASSWORD) -> dict[str, str]:
    """60 bytes that differ by root and password, and the hash that names the root."""
    body = hashlib.sha512(root + password.encode()).digest()[:60]
    hashed = hashlib.sha256(recovery(root)).hexdigest()
    return {"sealed_root": b64(body), "recovery_hash": hashed}


def saving(root: bytes = R, *, password: str = PASSWORD, new: str = PASSWORD) -> dict[str, str]:
    return {**sealed(root), "derived": derive(password), "new_derived": derive(new)}


def with_vault(username: str = "maya", root: bytes = R) -> Browser:
    browser = Browser()
    body = {"username": username, "salt": b64(b"s" * 16), "derived": derive(PASSWORD)}
    answer = browser.post("creators/", {**body, "vault": sealed(root)})
    assert answer.status_code == 201, answer.content
    return browser


def log_in(username: str = "maya", password: str = PASSWORD) -> tuple[Browser, Response]:
    browser = Browser()
    return browser, browser.post("session/", {"username": username, "derived": derive(password)})


def kept(browser: Browser) -> dict[str, Any]:
    said: dict[str, Any] = browser.get("vault/").json()
    return {name: said[name] for name in ("sealed_root", "recovery_hash")}
