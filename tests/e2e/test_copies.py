"""Two stores: the one that is read from is killed in the middle, and the buyer notices a sentence."""

from __future__ import annotations

import os
import sqlite3
import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from kim.stack import Stack
from tests.e2e.people import Devchain, buy, by, save, sell, sign_up, wait_for, wait_state
from tests.stacks import make_stack, running
from tests.stores import Seaweed
from unlock.storage import S3Store

pytestmark = [pytest.mark.stack]

BYTES_PER_SECOND = 1_500_000  # slow enough for a death in the middle
FILM = Path(__file__).parent / "films" / "last.mp4"
GAP_BYTES = 22 * 2**20


@pytest.fixture(scope="module")
def second(scratch: Path) -> Iterator[Seaweed]:
    server = Seaweed(scratch / "second")
    yield server
    server.kill()


@pytest.fixture(scope="module")
def stack(scratch: Path, second: Seaweed) -> Iterator[Stack]:
    made = make_stack(scratch / "copies")
    config = second.config
    made.given |= {
        "KIM_STORES": "main,second",
        "KIM_COPIES": "2",
        "KIM_STORE_SECOND_ENDPOINT": config.endpoint,
        "KIM_STORE_SECOND_BUCKET": config.bucket,
        "KIM_STORE_SECOND_ACCESS_KEY": config.access_key,
        "KIM_STORE_SECOND_SECRET_KEY": config.secret_key,
    }
    second.origin = made.layout.public_url
    second.start()
    with running(made):
        yield made


def copies_of(stack: Stack, where: str) -> int:
    with sqlite3.connect(stack.layout.data / "kim.sqlite3", timeout=20) as database:
        query = f"SELECT count(*) FROM unlock_copy WHERE {where}"
        count: int = database.execute(query).fetchone()[0]
    return count


def object_of(stack: Stack, name: str) -> tuple[str, int, str]:
    with sqlite3.connect(stack.layout.data / "kim.sqlite3", timeout=20) as database:
        query = "SELECT object_key, size_bytes, etag FROM unlock_copy WHERE store = ?"
        key, size_bytes, etag = database.execute(query, (name,)).fetchone()
    return key, size_bytes, etag


def line_of(page: Page) -> Callable[[int], None]:
    """A line whose speed can be set, in bytes a second; -1 is no limit."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")

    def limit(bytes_per_second: int) -> None:
        speeds = {"downloadThroughput": bytes_per_second, "uploadThroughput": -1}
        session.send("Network.emulateNetworkConditions", {"offline": False, "latency": 0, **speeds})

    return limit


def store_of(stack: Stack, second: Seaweed, name: str) -> S3Store:
    """The store as our server speaks to it."""
    if name == "second":
        return S3Store(second.config)
    endpoint = f"http://127.0.0.1:{stack.layout.s3_port}"
    return S3Store(
        replace(
            second.config,
            endpoint=endpoint,
            public_endpoint=endpoint,
            bucket="kim",
            access_key=stack.secrets["KIM_S3_ACCESS_KEY"],
            secret_key=stack.secrets["KIM_S3_SECRET_KEY"],
        )
    )


def film_of(path: Path) -> Path:
    """24 s of film with 22 MiB of nothing before its second half, which starts at 12 s."""
    whole = FILM.read_bytes()
    start, end = whole.index(b"mdat") - 4, whole.rindex(b"moov") - 4
    places = [at for at in range(end, len(whole)) if whole.startswith(b"stco", at)]
    index = bytearray(whole[end:])
    cut = 0
    for place in places:
        (count,) = struct.unpack_from(">I", whole, place + 8)
        offsets = struct.unpack_from(f">{count}I", whole, place + 12)
        cut = cut or offsets[count // 2]
        moved = [at + GAP_BYTES if at >= cut else at for at in offsets]
        struct.pack_into(f">{count}I", index, place + 12 - end, *moved)
    data = struct.pack(">I", end - start + GAP_BYTES) + whole[start + 4 : cut]
    path.write_bytes(whole[:start] + data + os.urandom(GAP_BYTES) + whole[cut:end] + bytes(index))
    return path


def test_stores_die_while_it_plays_and_while_it_is_saved(
    stack: Stack,
    second: Seaweed,
    chain: Devchain,
    person: Callable[..., Page],
    tmp_path: Path,
) -> None:
    film = film_of(tmp_path / "Night film.mp4")
    maya = person()
    sign_up(maya, "maya-copies")
    link = sell(maya, film, amount="0.01", currency="BCH", key_file=tmp_path / "key.json")
    wait_for(lambda: copies_of(stack, "verified_at IS NOT NULL") == 2, seconds=60)
    noor = person()
    read: list[str] = []
    noor.on("request", lambda request: _note(read, request.url, request.headers))
    chain.pay(buy(noor, link))
    chain.mine()
    wait_state(noor, "PAID")
    expect(by(noor, "save")).to_be_enabled(timeout=60_000)
    limit = line_of(noor)

    # It plays, its store dies, and it plays on through what was not read before.
    limit(BYTES_PER_SECOND)
    read.clear()
    button = by(noor, "show")
    expect(button).to_have_text("Play", timeout=20_000)
    button.click()
    video = noor.frame_locator("iframe.player").get_by_test_id("player")
    wait_for(lambda: video.evaluate("v => v.readyState >= 2 && v.currentTime > 0.2"), seconds=60)
    first = read[0]
    _kill(stack, second, first)
    assert video.evaluate("v => v.currentTime") < 11
    limit(-1)
    video.evaluate("v => { v.currentTime = 10.5 }")
    wait_for(lambda: video.evaluate("v => !v.seeking && v.currentTime > 13"), seconds=60)
    assert video.evaluate("v => [v.error, v.paused]") == [None, False]
    expect(by(noor, "copies-said")).to_contain_text(f"The copy at {first} does not answer")
    button.click()
    assert save(noor, tmp_path / "played.mp4").read_bytes() == film.read_bytes()
    _heal(stack, second, _name(stack, first))

    # The one it reads dies while it is saved: what was healed is good enough to go on with, or from.
    limit(BYTES_PER_SECOND)
    read.clear()
    with noor.expect_download(timeout=120_000) as download:
        by(noor, "save").click()
        progress = noor.locator("[data-testid=unlock-progress] progress").first
        expect(progress).to_be_visible()
        wait_for(lambda: 50 < float(progress.evaluate("bar => bar.value")) < 900, seconds=60)
        reading = read[-1]
        _kill(stack, second, reading)
        limit(-1)
    download.value.save_as(tmp_path / "saved.mp4")
    assert (tmp_path / "saved.mp4").read_bytes() == film.read_bytes()
    expect(by(noor, "copies-said")).to_contain_text(f"The copy at {reading} does not answer")


def _name(stack: Stack, host: str) -> str:
    return "main" if host.endswith(f":{stack.layout.s3_port}") else "second"


def _kill(stack: Stack, second: Seaweed, host: str) -> None:
    if _name(stack, host) == "main":
        stack.kill("s3")
    else:
        second.kill()


def _heal(stack: Stack, second: Seaweed, name: str) -> None:
    """The store comes back without the object; a look at the copies brings it back."""
    if name == "main":
        stack.spawn("s3")
        stack.wait_ready("s3")
    else:
        second.start()
    store = store_of(stack, second, name)
    key, size_bytes, _ = object_of(stack, name)
    wait_for(lambda: store.head(key).size_bytes == size_bytes, seconds=30)
    store.delete(key)
    stack.manage(
        "shell",
        "-c",
        "from django.utils import timezone; from unlock import copies; from unlock.models import Copy;"
        " from unlock.tasks.copies import plan_copies;"
        " list(copies.served(Copy.objects.first().container_id, now=timezone.now()));"
        " plan_copies()",
    )
    wait_for(
        lambda: copies_of(stack, "verified_at IS NOT NULL AND damaged_at IS NULL") == 2, seconds=60
    )

    healed, size_bytes, etag = object_of(stack, name)
    other = "second" if name == "main" else "main"
    twin, _, its_etag = object_of(stack, other)
    bytes_of = store.read_range(healed, offset=0, size_bytes=size_bytes, etag=etag)
    good = store_of(stack, second, other)
    assert bytes_of == good.read_range(twin, offset=0, size_bytes=size_bytes, etag=its_etag)


def _note(read: list[str], url: str, headers: dict[str, str]) -> None:
    if "range" in headers and "/x/" not in url:  # the player's own ranges go to the page
        read.append(urlsplit(url).netloc)
