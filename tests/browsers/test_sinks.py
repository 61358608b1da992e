"""Where each browser puts decrypted bytes: what its trials find, and what then arrives.

The page's own modules are driven on /open/, without a sale: what they are given must arrive.
"""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from kim.stack import Stack
from tests.browsers.drivers import Browser
from tests.e2e.people import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.stack]

SIZE_BYTES = 5 * 2**20 + 4_321
MODULES = """
  const at = document.querySelector('script[type=module][src*="js/pages/open.js"]').src;
  const served = await import(new URL('../io/served.js', at).href);
  const sinks = await import(new URL('../io/sinks.js', at).href);
  const { means } = await import(new URL('places.js', at).href);
  const { register } = await import(new URL('../ui/trusted.js', at).href);
  const piece = (from, size) => {
    const bytes = new Uint8Array(size);
    for (let i = 0; i < size; i += 1) bytes[i] = Math.imul(from + i, 2654435761) >>> 24;
    return { buffer: bytes.buffer, offset: 0, size };
  };
"""
#: What the trials must find here, and what a small file is therefore saved by.
FOUND = {
    "firefox": {"picker": False, "service": True, "disk": True, "spill": True},
    "firefox-private": {"picker": False, "service": True, "disk": False, "spill": True},
    "webkit": {"picker": False, "service": True, "disk": False, "spill": False},
}
SINKS = {
    "service": "served.serviceSink(given.name, given.size, register)",
    "memory": "sinks.memorySink()",
}


def run(browser: Browser, body: str, given: object = None) -> Any:
    return browser.run(MODULES + body, given)


def expected() -> str:
    numbers = (((at * 2654435761) & 0xFFFFFFFF) >> 24 for at in range(SIZE_BYTES))
    return hashlib.sha256(bytes(numbers)).hexdigest()


@pytest.fixture
def at_open(browser: Browser, stack: Stack) -> Browser:
    browser.open(f"{stack.layout.public_url}/open/")
    return browser


def test_trials_find_the_sinks_that_the_table_names(at_open: Browser, kind: str) -> None:
    found = run(
        at_open,
        """
        const found = await means();
        const { picker, service, diskBytes, spillBytes } = found;
        const ladder = sinks.ladder(found, 10_000_000);
        return [{ picker, service, disk: diskBytes > 0, spill: spillBytes > 0 }, ladder];
        """,
    )

    assert found[0] == FOUND[kind]
    rest = [name for name in ("disk", "spill") if FOUND[kind][name]]
    assert found[1] == ["service", *rest, "memory"]


@pytest.mark.parametrize("sink", SINKS)
def test_every_byte_arrives_under_its_own_name(at_open: Browser, sink: str) -> None:
    name = f"Nördlicht “ä” ({sink}).bin"
    run(
        at_open,
        f"""
        await served.canServe(register);
        const sink = await {SINKS[sink]};
        for (let at = 0; at < given.size; at += 2 ** 20) {{
          await sink.write(piece(at, Math.min(2 ** 20, given.size - at)));
        }}
        await sink.finish(given.name);
        """,
        {"name": name, "size": SIZE_BYTES},
    )

    saved = at_open.downloads / name
    wait_for(lambda: saved.exists() and saved.stat().st_size == SIZE_BYTES, every=0.1)
    assert hashlib.sha256(saved.read_bytes()).hexdigest() == expected()


def test_a_stream_that_lacks_a_byte_is_called_incomplete(at_open: Browser) -> None:
    name = "short.bin"
    said = run(
        at_open,
        """
        await served.canServe(register);
        const sink = await served.serviceSink(given.name, given.size, register);
        for (let at = 0; at < given.size - 2 ** 20; at += 2 ** 20) {
          await sink.write(piece(at, 2 ** 20));
        }
        const error = await sink.finish(given.name).catch((reason) => reason);
        await sink.discard();
        return [error.code, error.hint];
        """,
        {"name": name, "size": SIZE_BYTES},
    )

    assert said[0] == "incomplete"
    assert said[1].startswith("What lies in your downloads is incomplete: delete it.")
    saved = at_open.downloads / name
    assert not saved.exists() or saved.stat().st_size < SIZE_BYTES
