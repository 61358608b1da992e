"""One stack for all browsers, and each browser once."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.browsers.drivers import Browser
from tests.browsers.firefox import Firefox
from tests.browsers.webkit import WebKit
from tests.e2e.conftest import chain

__all__ = ["chain"]

KINDS: dict[str, Callable[[], Browser]] = {
    "firefox": Firefox,
    "firefox-private": lambda: Firefox(is_private=True),
    "webkit": WebKit,
}


@pytest.fixture(scope="session", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def browser(kind: str) -> Iterator[Browser]:
    with KINDS[kind]() as started:
        print(f"{kind}: {started.version()}")
        yield started
        if isinstance(started, Firefox):
            assert started.errors == []
