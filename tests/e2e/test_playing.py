"""Playing and looking in the page: real films through range decryption, and what is never shown."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Response, expect

from tests.e2e import people
from tests.e2e.people import Devchain

pytestmark = [pytest.mark.browser, pytest.mark.stack]

FILMS = Path(__file__).parent / "films"
PADDING_BYTES = 24 * 2**20
SCRIPT = b"<html><body><script>parent.document.title = 'OWNED'; document.title = 'OWNED'</script>"
SVG = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">'
    b"<script>top.document.title = 'OWNED'</script></svg>"
)
PICTURE_OF_A_FRAME = """video => {
  const canvas = document.createElement('canvas');
  canvas.width = 64; canvas.height = 36;
  canvas.getContext('2d').drawImage(video, 0, 0, 64, 36);
  return canvas.toDataURL();
}"""


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 MiB of nothing between the pictures and the index: to play, both ends must be read."""
    whole = (FILMS / "last.mp4").read_bytes()
    at = whole.rindex(b"moov") - 4
    free = struct.pack(">I", PADDING_BYTES) + b"free" + bytes(PADDING_BYTES - 8)
    path = tmp_path_factory.mktemp("films") / "Night film.mp4"
    path.write_bytes(whole[:at] + free + whole[at:])
    return path


Bought = Callable[..., Page]


@pytest.fixture
def bought(person: Callable[..., Page], chain: Devchain, tmp_path: Path) -> Bought:
    """Sells a file, pays for it, and opens its purchase in a browser that knows nothing of it."""

    def buy(path: Path, *, stream_only: bool = False, **options: object) -> Page:
        maya = person()
        people.sign_up(maya, f"maya-{abs(hash(tmp_path)) % 10**9}")
        if stream_only:
            maya.locator("#more > summary").click()
            people.by(maya, "stream-only-choice").check()
        link = people.sell(maya, path, key_file=tmp_path / "key.json")
        noor = person(**options)
        uri = people.buy(noor, link)
        people.wait_state(noor, "OPEN")
        chain.pay(uri)
        chain.mine()
        people.wait_state(noor, "PAID")
        expect(noor.locator(".saving")).to_be_visible(timeout=30_000)
        return noor

    return buy


def player_of(page: Page) -> Locator:
    button = people.by(page, "show")
    expect(button).to_have_text("Play", timeout=20_000)
    expect(button).to_be_visible(timeout=20_000)
    button.click()
    return page.frame_locator("iframe.player").get_by_test_id("player")


def shows(video: Locator, condition: str) -> Any:
    return people.wait_for(lambda: video.evaluate(f"v => {condition}"), seconds=20)


def test_a_film_plays_from_its_sealed_bytes_and_jumps_to_the_middle(
    bought: Bought, film: Path
) -> None:
    noor = bought(film)
    answers: list[Response] = []
    noor.on("response", lambda said: answers.append(said) if "/x/v/" in said.url else None)

    video = player_of(noor)
    shows(video, "v.readyState >= 2 && v.currentTime > 0.2")
    before = video.evaluate(PICTURE_OF_A_FRAME)
    assert video.evaluate("v => [v.videoWidth, v.videoHeight, Math.round(v.duration)]") == [
        320, 180, 24,
    ]  # fmt: skip
    video.evaluate("v => { v.currentTime = 12 }")
    shows(video, "!v.seeking && v.currentTime > 12.2 && v.currentTime < 20")

    assert video.evaluate(PICTURE_OF_A_FRAME) != before
    size_bytes = film.stat().st_size
    assert answers
    for said in answers:
        assert_exact(said, size_bytes)


def assert_exact(said: Response, size_bytes: int) -> None:
    assert said.from_service_worker
    assert said.status == 206
    headers = said.headers
    unit, _, rest = headers["content-range"].partition(" ")
    stretch, _, total = rest.partition("/")
    first, _, last = stretch.partition("-")
    asked = said.request.headers["range"].removeprefix("bytes=").split("-")
    assert (unit, int(total)) == ("bytes", size_bytes)
    assert first == asked[0]
    assert last == (asked[1] or str(size_bytes - 1))
    assert int(headers["content-length"]) == int(last) - int(first) + 1
    assert headers["accept-ranges"] == "bytes"
    assert headers["content-type"] == "video/mp4"
    assert headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in headers["content-security-policy"]


def test_a_film_for_watching_only_is_not_offered_for_saving(bought: Bought, film: Path) -> None:
    noor = bought(film, stream_only=True)

    video = player_of(noor)
    shows(video, "v.readyState >= 2")

    expect(people.by(noor, "stream-only")).to_have_text(
        "The creator asks you to watch it here. What your browser can show, your computer can copy."
    )
    expect(people.by(noor, "save")).to_be_hidden()
    expect(noor.get_by_role("button", name="Save as…")).to_be_hidden()
    expect(people.by(noor, "licence-save")).to_be_visible()


def test_whoever_cannot_play_it_here_may_save_what_is_for_watching_only(
    bought: Bought, film: Path
) -> None:
    noor = bought(film, stream_only=True, service_workers="block")

    expect(people.by(noor, "save")).to_be_visible(timeout=30_000)
    expect(people.by(noor, "show")).to_be_hidden()
    expect(people.by(noor, "stream-only")).to_be_hidden()


def png() -> bytes:
    """Three by two pixels of red."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        whole = kind + body
        return struct.pack(">I", len(body)) + whole + struct.pack(">I", zlib.crc32(whole))

    head = struct.pack(">IIBBBBB", 3, 2, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\xff\0\0" * 3) * 2)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_a_picture_is_shown_and_the_return_link_is_there_for_a_camera(
    bought: Bought, tmp_path: Path
) -> None:
    picture = tmp_path / "red.png"
    picture.write_bytes(png())
    noor = bought(picture)

    show = people.by(noor, "show")
    expect(show).to_have_text("Show")
    show.click()
    image = people.by(noor, "preview")
    expect(image).to_be_visible()
    assert image.evaluate("i => [i.naturalWidth, i.naturalHeight]") == [3, 2]
    show.click()
    expect(image).to_have_count(0)

    noor.get_by_text("Go on with another device").click()
    expect(people.by(noor, "return-qr").locator("svg path")).to_be_visible()


@pytest.mark.parametrize(
    ("name", "content"),
    [("page.html", SCRIPT), ("notes.txt", SCRIPT), ("photo.png", SVG)],
)
def test_nothing_that_was_decrypted_runs(
    bought: Bought, tmp_path: Path, name: str, content: bytes
) -> None:
    """Types that could run are for saving; under a harmless name they are text, or no picture."""
    path = tmp_path / name
    path.write_bytes(content)
    noor = bought(path)
    expect(people.by(noor, "save")).to_be_visible()
    show = people.by(noor, "show")

    if name == "notes.txt":
        show.click()
        expect(people.by(noor, "preview")).to_have_text(content.decode())
    elif name == "photo.png":
        show.click()
        expect(noor.get_by_text("This browser cannot show what is in this file")).to_be_visible()
        expect(people.by(noor, "preview")).to_have_count(0)
    else:
        expect(show).to_be_hidden()
    assert "OWNED" not in noor.title()
    assert noor.locator("iframe:visible").count() == 0
