"""What may be seen before paying, through the real pages: samples, covers, the spot check."""

from __future__ import annotations

import base64
import json
import os
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, Route, expect

from kim.stack import Stack
from tests.e2e import people
from tests.e2e.people import by

pytestmark = [pytest.mark.browser, pytest.mark.stack]

SEGMENT = 2**18
ROOM = SEGMENT - 32
CHECKED = "This is a piece of the very file on sale: checked."


@pytest.fixture(scope="module")
def tale(scratch: Path) -> Path:
    """A text of three segments; every line says where it stands."""
    lines = "".join(f"line {at:06} of the long tale of nordlys\n" for at in range(20_000))
    path = scratch / "tale.txt"
    path.write_text(lines[: 2 * ROOM + 1000])
    return path


@pytest.fixture(scope="module")
def picture(scratch: Path) -> Path:
    """A PNG that no compressor makes small: more than ten segments, so one is under a tenth."""
    path = scratch / "aurora.png"
    path.write_bytes(_png(1200, 900))
    return path


def _png(width: int, height: int) -> bytes:
    rows = b"".join(b"\0" + os.urandom(3 * width) for _ in range(height))

    def chunk(kind: bytes, body: bytes) -> bytes:
        crc = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc)

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 0)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def sell(page: Page, file: Path, *, piece: int, cover: bool = False) -> str:
    """Drops, chooses what may be seen, publishes; the share link."""
    by(page, "drop-input").set_input_files(file)
    by(page, "showing").locator("summary").click()
    choice = by(page, "sample-choice")
    if piece:
        expect(choice).to_be_enabled()
        choice.select_option(index=piece)
        if by(page, "sample-sure").is_visible():
            by(page, "publish").click()
            expect(page.get_by_role("alert").filter(has_text="Say that so much")).to_be_visible()
            by(page, "sample-sure").check()
    if cover:
        by(page, "cover-use").click()
        expect(page.locator("#preview .cover")).to_be_visible()
    by(page, "price-amount").fill("2.00")
    by(page, "publish").click()
    link = by(page, "share-link")
    expect(link).to_be_visible(timeout=120_000)
    return people.shown(link)


def of_store(stack: Stack, page: Page) -> list[Request]:
    """What the page asks the store for, from now on."""
    asked: list[Request] = []
    port = f":{stack.layout.s3_port}/"
    page.on("request", lambda request: asked.append(request) if port in request.url else None)
    return asked


def bytes_of(asked: list[Request]) -> list[int]:
    """How many bytes each request names in its range; whole objects are none of a visitor's."""
    sizes = []
    for request in asked:
        if request.method == "OPTIONS":
            continue
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("range", ""))
        assert found, f"a request without a range: {request.url}"
        sizes.append(int(found[2]) + 1 - int(found[1]))
    return sorted(sizes)


def wait_asked(page: Page, asked: list[Request], expected: list[int]) -> None:
    """Until the page has asked for exactly that; Playwright tells only while it is asked."""

    def there() -> bool:
        page.wait_for_timeout(20)
        return bytes_of(asked) == expected

    people.wait_for(there, seconds=30)


def test_a_text_is_read_before_paying_and_a_visitor_gets_no_other_byte(
    person: Callable[..., Page], stack: Stack, tale: Path
) -> None:
    maya, noor = person(), person()
    people.sign_up(maya, "maya-text")
    link = sell(maya, tale, piece=1)
    asked = of_store(stack, noor)

    noor.goto(link)
    expect(by(noor, "buy")).to_be_enabled()
    index_bytes = 80 + 64 * 3
    wait_asked(noor, asked, [index_bytes, SEGMENT])
    by(noor, "sample").click()

    expect(noor.get_by_text(CHECKED)).to_be_visible()
    shown = noor.locator("[data-slot=sample-showing] pre").inner_text()
    assert shown.startswith("line 000000 of the long tale")
    assert tale.read_text().startswith(shown.rstrip())
    assert abs(len(shown) - ROOM) < 100
    assert bytes_of(asked) == [index_bytes, SEGMENT, SEGMENT]
    by(noor, "sample").click()
    expect(noor.locator("[data-slot=sample-showing]")).to_be_hidden()
    expect(by(noor, "audit")).to_contain_text("less than 50 MB")


def test_a_picture_is_seen_in_part_and_its_cover_is_approved_and_shown(
    person: Callable[..., Page], picture: Path
) -> None:
    maya, noor = person(), person()
    people.sign_up(maya, "maya-picture")
    link = sell(maya, picture, piece=1, cover=True)

    noor.goto(link)
    cover = by(noor, "cover")
    expect(cover).to_be_visible()
    assert cover.evaluate("e => e.decode().then(() => e.naturalWidth)") <= 640
    assert noor.locator("meta[property='og:image']").count() == 0  # nobody said that it may be
    by(noor, "sample").click()

    expect(noor.get_by_text(CHECKED)).to_be_visible()
    piece = noor.locator("[data-slot=sample-showing] img")
    assert piece.evaluate("e => [e.naturalWidth, e.naturalHeight]") == [1200, 900]


def test_a_sample_that_was_tampered_with_is_never_shown(
    person: Callable[..., Page], stack: Stack, tale: Path
) -> None:
    maya, noor = person(), person()
    people.sign_up(maya, "maya-tampered")
    link = sell(maya, tale, piece=1)

    def other_key(route: Route) -> None:
        answer = route.fetch()
        said = answer.json()
        raw = bytearray(base64.urlsafe_b64decode(said["entries"] + "=="))
        raw[20] ^= 1
        said["entries"] = base64.urlsafe_b64encode(raw).decode().rstrip("=")
        route.fulfill(response=answer, body=json.dumps(said))

    def other_bytes(route: Route) -> None:
        if route.request.headers.get("range") != f"bytes={SEGMENT}-{2 * SEGMENT - 1}":
            return route.continue_()
        answer = route.fetch()
        raw = bytearray(answer.body())
        raw[100] ^= 1
        return route.fulfill(response=answer, body=bytes(raw))

    refused = noor.get_by_text("The sample does not belong to this file.")
    for address, tamper in (
        ("**/samples/", other_key),
        (f"**:{stack.layout.s3_port}/**", other_bytes),
    ):
        noor.route(address, tamper)
        noor.goto("about:blank")
        noor.goto(link)
        by(noor, "sample").click()
        expect(refused).to_be_visible()
        expect(noor.locator("[data-slot=sample-showing]")).to_be_hidden()
        assert noor.locator("[data-slot=sample-showing] *").count() == 0
        noor.unroute(address)

    by(noor, "sample").click()
    expect(noor.get_by_text(CHECKED)).to_be_visible()
    expect(refused).to_be_hidden()


@pytest.fixture(scope="module")
def film(scratch: Path) -> Path:
    """A film whose index stands at its end, five megabytes of nothing behind the last picture."""
    raw = (Path(__file__).parent / "films" / "last.mp4").read_bytes()
    at = raw.index(b"moov") - 4
    filler = 20 * SEGMENT
    path = scratch / "nordlys.mp4"
    path.write_bytes(raw[:at] + struct.pack(">I", filler) + b"free" + bytes(filler - 8) + raw[at:])
    return path


def test_a_film_plays_before_paying_and_stops_where_its_keys_stop(
    person: Callable[..., Page], film: Path
) -> None:
    maya, noor = person(), person()
    people.sign_up(maya, "maya-film")
    link = sell(maya, film, piece=1, cover=True)

    noor.goto(link)
    expect(by(noor, "cover")).to_be_visible()
    by(noor, "sample").click()

    video = noor.frame_locator("iframe.player").get_by_test_id("player")
    people.wait_for(lambda: video.evaluate("v => v.currentTime") > 0, every=0.2)
    expect(noor.get_by_text("The sample ends where its keys end.")).to_be_visible()
    seconds, shown = video.evaluate("v => [v.duration, v.buffered.end(v.buffered.length - 1)]")
    assert shown < seconds
    assert by(noor, "buy").is_enabled()


def test_nothing_is_shown_unless_it_was_chosen(person: Callable[..., Page], tale: Path) -> None:
    maya, noor = person(), person()
    people.sign_up(maya, "maya-shows-nothing")
    link = sell(maya, tale, piece=0)

    noor.goto(link)
    expect(by(noor, "buy")).to_be_enabled()

    expect(by(noor, "sample")).to_be_hidden()
    assert by(noor, "cover").count() == 0


def test_a_large_file_is_spot_checked_and_anybody_checks_again(
    person: Callable[..., Page], stack: Stack, scratch: Path
) -> None:
    large = scratch / "large.bin"
    large.write_bytes((os.urandom(2**20) * 50)[: 200 * ROOM])
    maya, noor = person(), person()
    people.sign_up(maya, "maya-large")
    link = sell(maya, large, piece=0)
    asked = of_store(stack, noor)

    noor.goto(link)
    expect(by(noor, "buy")).to_be_enabled()
    noor.get_by_text("How this works, and who can see what").click()
    audit = by(noor, "audit")
    expect(audit).to_contain_text("2 of 200 pieces, drawn by the server, were opened.")
    audit.get_by_role("button").click()

    expect(audit).to_contain_text("were opened again, here in your browser.", timeout=30_000)
    assert sum(bytes_of(asked)) == 80 + 64 * 200 + SEGMENT + 2 * SEGMENT
