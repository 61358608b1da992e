"""The service worker's stream: exact bytes, one-shot tokens, and a cut one called incomplete.

The page's own modules are driven on /open/, without a sale: what they are given is what must arrive.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.e2e import people

pytestmark = [pytest.mark.browser, pytest.mark.stack]

SIZE_BYTES = 9 * 2**20 + 4_321
NAME = "Nördlicht “ä” (1).bin"
MODULES = """
  const at = document.querySelector('script[type=module][src*="js/pages/open.js"]').src;
  const served = await import(new URL('../io/served.js', at).href);
  const { register } = await import(new URL('../ui/trusted.js', at).href);
  const piece = (from, size) => {
    const bytes = new Uint8Array(size);
    for (let i = 0; i < size; i += 1) bytes[i] = Math.imul(from + i, 2654435761) >>> 24;
    return { buffer: bytes.buffer, offset: 0, size };
  };
"""


def expected() -> str:
    numbers = (((at * 2654435761) & 0xFFFFFFFF) >> 24 for at in range(SIZE_BYTES))
    return hashlib.sha256(bytes(numbers)).hexdigest()


def run(page: Page, body: str, argument: object = None) -> Any:
    return page.evaluate(f"async (given) => {{ {MODULES} {body} }}", argument)


@pytest.fixture
def page(person: Callable[..., Page]) -> Page:
    noor = person()
    noor.goto("/open/")
    return noor


def test_a_saved_stream_has_every_byte_and_its_own_name(page: Page, tmp_path: Path) -> None:
    asked: list[str] = []
    page.on(
        "request", lambda request: asked.append(request.url) if "/x/d/" in request.url else None
    )
    assert run(page, "return served.canServe(register)")

    with page.expect_download() as coming:
        saved = run(
            page,
            """
            const sink = await served.serviceSink(given.name, given.size, register);
            for (let at = 0; at < given.size; at += 2 ** 20) {
              const buffer = await sink.write(piece(at, Math.min(2 ** 20, given.size - at)));
              if (buffer.byteLength === 0) throw new Error('no buffer came back');
            }
            await sink.finish(given.name);
            return true;
            """,
            {"name": NAME, "size": SIZE_BYTES},
        )
    coming.value.save_as(tmp_path / "saved.bin")

    assert saved
    assert coming.value.suggested_filename == NAME
    assert hashlib.sha256((tmp_path / "saved.bin").read_bytes()).hexdigest() == expected()
    assert len(set(asked)) == len(asked) == 2  # the trial and the download, each once


def test_a_token_is_good_for_one_download(page: Page) -> None:
    asked: list[str] = []
    page.on(
        "request", lambda request: asked.append(request.url) if "/x/d/" in request.url else None
    )
    run(page, "return served.canServe(register)")

    [token] = asked
    again = page.context.new_page()
    answer = again.goto(token)

    assert answer is not None
    assert answer.status == 404
    assert answer.text().startswith("incomplete")


def test_a_stream_that_is_given_up_is_no_finished_download(page: Page) -> None:
    run(page, "return served.canServe(register)")

    with page.expect_download() as coming:
        run(
            page,
            """
            const sink = await served.serviceSink('half.bin', given, register);
            for (let at = 0; at < given / 2; at += 2 ** 20) await sink.write(piece(at, 2 ** 20));
            await sink.discard();
            """,
            SIZE_BYTES,
        )

    assert coming.value.failure() is not None


def test_a_stream_that_lacks_a_byte_is_called_incomplete(page: Page) -> None:
    run(page, "return served.canServe(register)")

    with page.expect_download() as coming:
        said = run(
            page,
            """
            const sink = await served.serviceSink('short.bin', given, register);
            for (let at = 0; at < given - 2 ** 20; at += 2 ** 20) await sink.write(piece(at, 2 ** 20));
            const error = await sink.finish('short.bin').catch((reason) => reason);
            await sink.discard();
            return [error.code, error.message, error.hint];
            """,
            SIZE_BYTES,
        )

    assert said[0] == "incomplete"
    assert said[2].startswith("What lies in your downloads is incomplete: delete it.")
    assert coming.value.failure() is not None


def test_a_download_that_is_stopped_in_the_browser_is_told_to_the_page(page: Page) -> None:
    run(page, "return served.canServe(register)")

    with page.expect_download() as coming:
        page.evaluate(
            f"""async (given) => {{ {MODULES}
            const sink = await served.serviceSink('stopped.bin', given, register);
            globalThis.ended = (async () => {{
              for (let at = 0; at < given; at += 2 ** 16) await sink.write(piece(at, 2 ** 16));
              return 'whole';
            }})().catch((error) => error.code);
            }}""",
            2**40,
        )
    coming.value.cancel()

    assert page.evaluate("globalThis.ended") == "incomplete"


def test_where_workers_are_refused_the_page_says_so_and_goes_on(
    person: Callable[..., Page],
) -> None:
    noor = person(service_workers="block")
    noor.goto("/open/")
    asked = run(noor, "return [await served.canServe(register), await served.canServe(register)]")

    assert asked == [False, False]
    kind = people.wait_for(
        lambda: run(
            noor,
            """
            const { means } = await import(new URL('places.js', at).href);
            const sinks = await import(new URL('../io/sinks.js', at).href);
            const found = await means();
            return [found.service, sinks.choose({ ...found, picker: false }, 1000)];
            """,
        )
    )
    assert kind[0] is False
    assert kind[1] in ("disk", "spill", "memory")
