"""Saving what was bought: folders whole and file by file, halves gone on with, failures told."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Request, Route, expect

from kim.stack import Stack
from tests.actors import Offer, Seller
from tests.e2e import people
from tests.e2e.people import Devchain, by

pytestmark = [pytest.mark.browser, pytest.mark.stack]

SEGMENT_BYTES = 2**18
# How much of a half-saved file this browser has written down; a page that goes now can be gone on with.
NOTED_SEGMENTS = """async () => {
  const known = await indexedDB.databases();
  if (!known.some(({ name }) => name === 'kim-saving')) return 0;
  const opening = indexedDB.open('kim-saving');
  const done = (asked) =>
    new Promise((resolve, reject) => {
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => reject(asked.error);
    });
  const database = await done(opening);
  const halves = await done(database.transaction('halves').objectStore('halves').getAll());
  database.close();
  return Math.max(0, ...halves.map(({ segments }) => segments));
}"""
ODD_NAMES = (
    "leer/nothing here.bin",
    "ünïcode/schöne Grüße.txt",
    "日本語/桜/写真 1.jpg",
    "עברית/קובץ.txt",
    "emoji 👩‍🚀🎬/take #1 100%.mov",
    "a/b/c/d/e/f/deep & 'quoted' \"name\".txt",
    f"long/{'n' * 240}.txt",
    "- dash.txt",
)


def tree_of(count: int) -> dict[str, bytes]:
    """Nested folders of files of all sizes, the first of them empty."""
    odd = {name: os.urandom(at * 1_000) for at, name in enumerate(ODD_NAMES)}
    plain = {
        f"reel {at % 10}/scene {at % 7}/clip {at}.bin": os.urandom(10_000 + 37 * (at % 50))
        for at in range(count - len(odd))
    }
    return {**odd, **plain}


def on_disk(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def maya(stack: Stack) -> Seller:
    seller = Seller(stack.layout.public_url, f"maya-{os.urandom(4).hex()}")
    seller.sign_up()
    return seller


@pytest.fixture
def publish(maya: Seller, chain: Devchain) -> Callable[[Any], Offer]:
    return lambda payload: maya.publish(payload, payout=chain.state()["address"])


def bought(page: Page, chain: Devchain, offer: Offer) -> str:
    """Buys and pays; the return link."""
    chain.pay(people.buy(page, offer.path))
    chain.mine()
    people.wait_state(page, "PAID")
    return page.url


def slowly(page: Page, bytes_per_second: int) -> Any:
    """The network of one page, so that something can happen in the middle."""
    session = page.context.new_cdp_session(page)
    limits = {"offline": False, "latency": 0, "uploadThroughput": -1}
    session.send("Network.enable")
    session.send(
        "Network.emulateNetworkConditions", {**limits, "downloadThroughput": bytes_per_second}
    )
    return session


def kept_files(page: Page) -> list[str]:
    """What lies in the private file system of the shop's origin."""
    return list(
        page.evaluate(
            """async () => {
              const names = [];
              for await (const name of (await navigator.storage.getDirectory()).keys())
                names.push(name);
              return names;
            }"""
        )
    )


def save_whole_tree(page: Page, chain: Devchain, offer: Offer, scratch: Path) -> dict[str, bytes]:
    bought(page, chain, offer)
    zipped = by(page, "bundle-zip")
    expect(zipped).to_be_enabled(timeout=30_000)
    with page.expect_download(timeout=60_000) as download:
        zipped.click()
    assert download.value.suggested_filename.endswith(".zip")
    archive = scratch / "all.zip"
    download.value.save_as(archive)
    expect(page.get_by_text("every byte checked")).to_be_visible()
    done = subprocess.run(
        ["unzip", "-q", str(archive), "-d", str(scratch / "out")],
        check=False,
        capture_output=True,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    assert done.returncode == 0, done.stderr.decode()
    return on_disk(scratch / "out")


def test_a_folder_is_listed_saved_as_one_zip_and_file_by_file(
    person: Callable[..., Page],
    chain: Devchain,
    publish: Callable[[Any], Offer],
    tmp_path: Path,
) -> None:
    tree = tree_of(200)
    noor = person()
    noor.set_viewport_size({"width": 390, "height": 844})

    assert save_whole_tree(noor, chain, publish(tree), tmp_path) == tree

    path = "日本語/桜/写真 1.jpg"
    noor.get_by_text("日本語", exact=True).click()
    noor.get_by_text("桜", exact=True).click()
    row = noor.locator(f'[data-testid="bundle-file"][data-path="{path}"]')
    with noor.expect_download() as download:
        row.get_by_test_id("bundle-save").click()
    assert download.value.suggested_filename == "写真 1.jpg"
    download.value.save_as(tmp_path / "one")
    assert (tmp_path / "one").read_bytes() == tree[path]
    noor.get_by_text("leer", exact=True).click()
    empty = noor.locator('[data-testid="bundle-file"][data-path="leer/nothing here.bin"]')
    with noor.expect_download() as download:
        empty.get_by_test_id("bundle-save").click()
    download.value.save_as(tmp_path / "none")
    assert (tmp_path / "none").read_bytes() == b""


@pytest.mark.long
def test_a_folder_of_a_thousand_files_comes_out_equal(
    person: Callable[..., Page],
    chain: Devchain,
    publish: Callable[[Any], Offer],
    tmp_path: Path,
) -> None:
    tree = tree_of(1_000)

    assert save_whole_tree(person(), chain, publish(tree), tmp_path) == tree


def test_a_half_file_is_gone_on_with_after_a_reload(
    person: Callable[..., Page],
    chain: Devchain,
    publish: Callable[[Any], Offer],
    tmp_path: Path,
) -> None:
    payload = os.urandom(32 * 2**20)
    noor = person(service_workers="block")
    link = bought(noor, chain, publish(payload))
    expect(by(noor, "save")).to_be_enabled(timeout=30_000)
    slowly(noor, 12_000_000)
    by(noor, "save").click()
    third = len(payload) // 3 // SEGMENT_BYTES
    people.wait_for(lambda: noor.evaluate(NOTED_SEGMENTS) > third, seconds=60)

    again = noor.context.new_page()
    noor.close()
    starts: list[int] = []

    def note(request: Request) -> None:
        asked = re.match(r"bytes=(\d+)-(\d+)$", request.headers.get("range", ""))
        if asked and int(asked[2]) - int(asked[1]) > 2**20:
            starts.append(int(asked[1]))

    again.on("request", note)
    again.goto(link)
    expect(by(again, "half")).to_contain_text("are here already", timeout=30_000)
    expect(by(again, "save")).to_have_text("Go on saving")
    saved = people.save(again, tmp_path / "aurora.bin")

    assert saved.read_bytes() == payload
    assert len(starts) == 1
    assert starts[0] >= third * SEGMENT_BYTES
    again.reload()
    expect(by(again, "save")).to_have_text("Save", timeout=30_000)
    expect(by(again, "half")).to_be_hidden()


def test_a_full_disk_is_said_plainly_and_nothing_half_done_stays(
    person: Callable[..., Page], stack: Stack, chain: Devchain, publish: Callable[[Any], Offer]
) -> None:
    payload = os.urandom(12 * 2**20)
    noor = person(service_workers="block")
    bought(noor, chain, publish(payload))
    expect(by(noor, "save")).to_be_enabled(timeout=30_000)
    session = slowly(noor, 4_000_000)
    by(noor, "save").click()
    people.wait_for(lambda: noor.locator("progress").evaluate("e => e.value") > 200, seconds=60)
    origin = {"origin": stack.layout.public_url}
    session.send("Storage.overrideQuotaForOrigin", {**origin, "quotaSize": 1_000_000})

    expect(noor.get_by_text("The disk is full.")).to_be_visible(timeout=30_000)

    assert kept_files(noor) == []
    expect(by(noor, "save")).to_be_enabled()
    expect(by(noor, "failure")).to_be_hidden()


def test_without_private_files_and_worker_it_goes_through_indexeddb(
    person: Callable[..., Page],
    chain: Devchain,
    publish: Callable[[Any], Offer],
    tmp_path: Path,
) -> None:
    payload = os.urandom(9 * 2**20 + 5)
    noor = person(service_workers="block")
    noor.add_init_script("delete StorageManager.prototype.getDirectory;")
    bought(noor, chain, publish(payload))

    saved = people.save(noor, tmp_path / "aurora.bin")

    assert saved.read_bytes() == payload
    count = noor.evaluate(
        """() => new Promise((resolve) => {
          indexedDB.open('kim-spill').onsuccess = ({ target: { result: db } }) => {
            const asked = db.transaction('pieces').objectStore('pieces').count();
            asked.onsuccess = () => resolve(asked.result);
          };
        })"""
    )
    assert count == 2  # of 5 MiB and of the rest


def test_bytes_that_were_not_sold_are_refused_and_the_creator_is_told(
    person: Callable[..., Page],
    stack: Stack,
    chain: Devchain,
    maya: Seller,
    publish: Callable[[Any], Offer],
) -> None:
    noor = person()
    link = bought(noor, chain, publish(os.urandom(3 * 2**20)))
    expect(by(noor, "save")).to_be_enabled(timeout=30_000)
    lie(noor, stack, at=SEGMENT_BYTES * 9 + 1_000)
    downloads: list[object] = []
    noor.on("download", lambda download: downloads.append(download))  # noqa: PLW0108

    by(noor, "save").click()

    says = "Opening the bytes failed (at segment 8): the stored bytes are not those that were sold."
    expect(by(noor, "failure")).to_contain_text(says, timeout=60_000)
    expect(by(noor, "failure")).to_contain_text("The creator has been told")
    assert kept_files(noor) == []
    for download in downloads:
        assert download.failure() is not None  # type: ignore[attr-defined]
    tasks = maya.api.call("GET", "tasks/")["tasks"]
    [task] = [each for each in tasks if each["kind"] == "failure"]
    assert says in task["says"]
    noor.goto("about:blank")
    noor.goto(link)
    expect(by(noor, "failure")).to_contain_text(says, timeout=30_000)


def lie(page: Page, stack: Stack, *, at: int) -> None:
    """From now on the store answers with one bit turned, whichever range of the object is asked for."""

    def answer(route: Route) -> None:
        response = route.fetch()
        body = bytearray(response.body())
        asked = re.match(r"bytes=(\d+)-(\d+)$", route.request.headers.get("range", ""))
        if asked and int(asked[1]) <= at <= int(asked[2]):
            body[at - int(asked[1])] ^= 1
        route.fulfill(response=response, body=bytes(body))

    page.route(re.compile(rf"^http://127\.0\.0\.1:{stack.layout.s3_port}/"), answer)
