"""The buyer's pages in a real browser: links good and bad, paying in pieces, coming back, saving."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Download, Page, Route, expect

from kim import embedded
from kim.stack import Stack
from tests.e2e import people
from tests.e2e.people import Devchain, by

pytestmark = [pytest.mark.browser, pytest.mark.stack]

SIZE_BYTES = 3 * 2**20 + 12_345  # 13 segments: four groups, the last one short
PICKER = """
  window.showSaveFilePicker = async ({ suggestedName }) => {
    window.asked = suggestedName;
    if (window.refuse) throw new DOMException('closed', 'AbortError');
    const root = await navigator.storage.getDirectory();
    return root.getFileHandle('chosen', { create: true });
  };
"""
HASH_CHOSEN = """async () => {
  const root = await navigator.storage.getDirectory();
  const file = await (await root.getFileHandle('chosen')).getFile();
  const digest = await crypto.subtle.digest('SHA-256', await file.arrayBuffer());
  return Array.from(new Uint8Array(digest), (b) => b.toString(16).padStart(2, '0')).join('');
}"""


COUNT_LEFT = """async () => {
  const root = await navigator.storage.getDirectory();
  let count = 0;
  for await (const name of root.keys()) count += name.startsWith('kim-save-') ? 1 : 0;
  return count;
}"""


@dataclass(frozen=True)
class Sale:
    """One published file, bought again and again."""

    link: str
    digest: str


@pytest.fixture(scope="module")
def sale(browser: Browser, stack: Stack, scratch: Path) -> Sale:
    original = scratch / "nordlys <cut>.bin"
    original.write_bytes(os.urandom(SIZE_BYTES))
    context = browser.new_context(base_url=stack.layout.public_url, accept_downloads=True)
    maya = context.new_page()
    people.sign_up(maya, "maya-pages")
    link = people.sell(maya, original, key_file=scratch / "pages-key.json")
    context.close()
    return Sale(link, hashlib.sha256(original.read_bytes()).hexdigest())


@pytest.fixture
def noor(person: Callable[..., Page]) -> Page:
    return person()


@pytest.fixture
def phone(browser: Browser, stack: Stack) -> Iterator[Page]:
    """A narrow one, whose console may say anything: for pages that are made to fail."""
    context = browser.new_context(
        base_url=stack.layout.public_url, viewport={"width": 390, "height": 664}
    )
    page = context.new_page()
    page.set_default_timeout(30_000)
    yield page
    context.close()


def pay(page: Page, chain: Devchain) -> None:
    chain.pay(str(by(page, "invoice-uri").get_attribute("href")))
    people.wait_state(page, "SEEN")
    chain.mine()
    people.wait_state(page, "PAID")
    expect(by(page, "save")).to_be_enabled(timeout=60_000)


def digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def bottom_of(page: Page, testid: str) -> float:
    box = by(page, testid).bounding_box()
    assert box is not None
    return float(box["y"] + box["height"])


# --- the offer -----------------------------------------------------------------------------------


def test_a_good_link_is_proven_before_there_is_anything_to_press(phone: Page, sale: Sale) -> None:
    phone.goto(sale.link)

    expect(by(phone, "buy")).to_be_visible()
    expect(phone.get_by_text("This link is complete and belongs to this file")).to_be_visible()
    expect(phone.get_by_text("nordlys _cut_.bin")).to_be_visible()
    assert bottom_of(phone, "buy") <= 664
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda link: link.partition("#")[0], "This link is not complete."),
        (lambda link: link[:-4], "This link is not complete."),
        (lambda link: link[:-8] + "AAAAAAAA", "This link does not belong to this file."),
    ],
    ids=["no fragment", "cut", "another file's"],
)
def test_a_bad_link_is_named_and_nothing_can_be_bought(
    noor: Page, sale: Sale, spoil: Callable[[str], str], said: str
) -> None:
    noor.goto(spoil(sale.link))

    expect(noor.get_by_role("alert").filter(has_text=said)).to_be_visible()
    expect(by(noor, "buy")).to_be_hidden()


def test_a_file_that_is_not_the_promised_one_cannot_be_bought(phone: Page, sale: Sale) -> None:
    def swap(route: Route) -> None:
        answer = route.fetch()
        offer = answer.json()
        offer["content_id"] = "0" * 64
        route.fulfill(response=answer, json=offer)

    phone.route(re.compile(r"/api/v1/files/[0-9a-f-]+/$"), swap)
    phone.goto(sale.link)

    expect(phone.get_by_role("alert").filter(has_text="not the one that was sold")).to_be_visible()
    expect(by(phone, "buy")).to_be_hidden()


def test_a_browser_without_encryption_is_told_before_buying(phone: Page, sale: Sale) -> None:
    phone.add_init_script("Object.defineProperty(Crypto.prototype, 'subtle', {value: undefined})")
    phone.goto(sale.link)

    expect(phone.get_by_text("Open this link in your own browser")).to_be_visible()
    expect(by(phone, "buy")).to_be_hidden()


def test_a_browser_that_cannot_save_so_much_is_told_before_buying(phone: Page, sale: Sale) -> None:
    """The file is small, so the limit is made smaller: in the module as it is served, on a page that
    no longer names its hash.
    """

    def unpin(route: Route) -> None:
        answer = route.fetch()
        loose = re.sub(r' integrity="[^"]*"', "", answer.text())
        route.fulfill(response=answer, body=loose)

    def shrink(route: Route) -> None:
        answer = route.fetch()
        small = answer.text().replace("MEMORY_BYTES = 500_000_000", "MEMORY_BYTES = 2_000_000")
        route.fulfill(response=answer, body=small)

    # Chromium takes a page that is answered here for one of the internet.
    phone.context.grant_permissions(["local-network-access"])
    phone.route(re.compile(r"/f/[0-9a-f-]+$"), unpin)
    phone.route("**/js/io/sinks.js", shrink)
    phone.add_init_script("delete window.showSaveFilePicker")
    phone.add_init_script("delete StorageManager.prototype.getDirectory")
    phone.add_init_script("ServiceWorkerContainer.prototype.register = () => Promise.reject()")
    phone.add_init_script("IDBFactory.prototype.open = () => { throw new DOMException('no') }")
    phone.goto(sale.link)

    expect(phone.get_by_text("can save files of up to 2.0 MB here")).to_be_visible()
    expect(by(phone, "buy")).to_be_visible()


def test_a_missing_rate_is_said_and_not_guessed(phone: Page, sale: Sale) -> None:
    def forget(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(
            response=answer,
            json={**answer.json(), "rate_missing": True, "price_sat_estimate": None},
        )

    phone.route(re.compile(r"/api/v1/files/[0-9a-f-]+/$"), forget)
    phone.goto(sale.link)

    expect(phone.get_by_text("There is no exchange rate at the moment")).to_be_visible()
    expect(by(phone, "buy")).to_be_hidden()


def test_two_quick_presses_make_one_order(noor: Page, sale: Sale) -> None:
    orders: list[str] = []
    noor.on("request", lambda sent: _note_order(orders, sent.method, sent.url))
    noor.goto(sale.link)
    by(noor, "buy").dblclick()
    expect(by(noor, "invoice-uri")).to_be_visible()

    assert len(orders) == 1


def _note_order(orders: list[str], method: str, url: str) -> None:
    if method == "POST" and url.endswith("/purchases/"):
        orders.append(url)


def test_somebody_who_ordered_already_is_led_to_that_order(noor: Page, sale: Sale) -> None:
    people.buy(noor, sale.link)
    back = people.shown(by(noor, "return-link"))

    noor.goto("about:blank")
    noor.goto(sale.link)
    noor.get_by_role("link", name="Go to your order").click()

    expect(by(noor, "invoice-uri")).to_be_visible()
    assert noor.url == back


# --- paying --------------------------------------------------------------------------------------


def test_the_address_bar_is_the_return_link_before_the_code_is_shown(
    phone: Page, sale: Sale
) -> None:
    people.buy(phone, sale.link)

    assert phone.url == people.shown(by(phone, "return-link"))
    assert re.search(r"/p/[0-9a-f-]{36}#1\.[\w-]{22}\.[\w-]{43}$", phone.url)
    assert bottom_of(phone, "invoice-uri") <= 664
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_jump_inside_the_page_does_not_lose_the_return_link(noor: Page, sale: Sale) -> None:
    people.buy(noor, sale.link)
    before = noor.url

    noor.get_by_text("Skip to the content").focus()
    noor.keyboard.press("Enter")

    assert noor.url == before


def test_a_part_of_the_amount_is_said_and_the_rest_goes_to_the_same_address(
    noor: Page, sale: Sale, chain: Devchain
) -> None:
    uri = people.buy(noor, sale.link)
    address = people.shown(by(noor, "invoice-address"))

    chain.pay(f"{uri.partition('?')[0]}?amount=0.003")
    people.wait_state(noor, "PARTIAL")
    expect(by(noor, "invoice-amount")).to_have_text("0.00200000")

    assert people.shown(by(noor, "invoice-address")) == address
    assert by(noor, "invoice-uri").get_attribute("href") == f"{uri.partition('?')[0]}?amount=0.002"
    pay(noor, chain)


def test_the_page_without_scripts_tells_the_states(
    person: Callable[..., Page], sale: Sale, chain: Devchain
) -> None:
    noor = person()
    uri = people.buy(noor, sale.link)
    path = people.path_of(noor.url)
    plain = person(java_script_enabled=False)

    plain.goto(f"{path}/status")
    assert by(plain, "invoice-status").get_attribute("data-state") == "OPEN"
    assert by(plain, "invoice-uri").get_attribute("href") == uri
    pay(noor, chain)
    plain.goto(f"{path}/status")

    assert by(plain, "invoice-status").get_attribute("data-state") == "PAID"


def test_without_live_events_the_page_asks_by_itself(
    phone: Page, sale: Sale, chain: Devchain
) -> None:
    phone.route("**/events/", lambda route: route.abort())
    people.buy(phone, sale.link)

    pay(phone, chain)

    expect(phone.get_by_text("Paid and confirmed.")).to_be_visible()


def test_another_purchases_link_opens_nothing(phone: Page, sale: Sale) -> None:
    people.buy(phone, sale.link)
    mine = phone.url

    phone.goto("about:blank")
    phone.goto(mine[:-8] + "AAAAAAAA")

    expect(phone.get_by_text("This return link does not belong to a purchase")).to_be_visible()
    expect(by(phone, "invoice-uri")).to_be_hidden()


def test_a_browser_that_keeps_nothing_is_told_and_can_still_buy(
    phone: Page, sale: Sale, chain: Devchain
) -> None:
    phone.add_init_script(
        "IDBFactory.prototype.open = () => { throw new DOMException('no', 'SecurityError') }"
    )
    people.buy(phone, sale.link)

    expect(phone.get_by_text("This browser keeps nothing.")).to_be_visible()
    pay(phone, chain)


# --- opening -------------------------------------------------------------------------------------


def test_a_bare_address_is_filled_in_from_what_the_browser_remembers(
    noor: Page, sale: Sale, chain: Devchain, tmp_path: Path
) -> None:
    people.buy(noor, sale.link)
    back = noor.url
    pay(noor, chain)

    noor.goto("about:blank")
    noor.goto(people.path_of(back))
    saved = people.save(noor, tmp_path / "saved.bin")

    assert noor.url == back
    assert digest_of(saved) == sale.digest


def test_a_file_goes_where_the_person_chose_and_a_closed_dialog_changes_nothing(
    noor: Page, sale: Sale, chain: Devchain
) -> None:
    noor.add_init_script(PICKER)
    people.buy(noor, sale.link)
    pay(noor, chain)

    noor.evaluate("window.refuse = true")
    noor.get_by_role("button", name="Save as…").click()
    noor.wait_for_function("window.asked")
    expect(by(noor, "save")).to_be_enabled()
    expect(by(noor, "unlock-progress")).to_be_hidden()
    expect(noor.get_by_role("alert").filter(has_text=re.compile("."))).to_have_count(0)
    noor.evaluate("window.refuse = false")
    noor.get_by_role("button", name="Save as…").click()
    expect(noor.get_by_text("Saved where you chose")).to_be_visible(timeout=60_000)

    assert noor.evaluate("window.asked") == "nordlys _cut_.bin"
    assert noor.evaluate(HASH_CHOSEN) == sale.digest


def test_a_transfer_that_is_called_off_leaves_nothing_and_may_begin_again(
    phone: Page, sale: Sale, chain: Devchain, stack: Stack, tmp_path: Path
) -> None:
    people.buy(phone, sale.link)
    pay(phone, chain)
    store = f"http://127.0.0.1:{stack.layout.s3_port}/**"

    phone.route(store, lambda route: None)  # an answer that never comes
    by(phone, "save").click()
    expect(by(phone, "unlock-progress")).to_be_visible()
    phone.get_by_role("button", name="Cancel").click()
    expect(by(phone, "save")).to_be_enabled()
    expect(phone.get_by_role("alert").filter(has_text=re.compile("."))).to_have_count(0)
    assert phone.evaluate(COUNT_LEFT) == 0
    phone.unroute(store)
    saved = people.save(phone, tmp_path / "saved.bin")

    assert digest_of(saved) == sale.digest


def test_a_stream_that_breaks_is_taken_up_where_it_broke(
    phone: Page, sale: Sale, chain: Devchain, stack: Stack, tmp_path: Path
) -> None:
    people.buy(phone, sale.link)
    pay(phone, chain)
    ranges: list[str] = []

    def cut(route: Route) -> None:
        ranges.append(route.request.headers["range"])
        if len(ranges) > 1:
            route.continue_()
            return
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.body()[: 2**20 + 99_999])

    phone.route(f"http://127.0.0.1:{stack.layout.s3_port}/**", cut)
    saved = people.save(phone, tmp_path / "saved.bin")

    assert digest_of(saved) == sale.digest
    assert len(ranges) == 2
    assert ranges[1] != ranges[0]


def test_a_damaged_copy_is_called_damaged_and_never_saved(
    phone: Page, sale: Sale, chain: Devchain, stack: Stack
) -> None:
    people.buy(phone, sale.link)
    pay(phone, chain)
    downloads: list[Download] = []
    phone.on("download", lambda begun: downloads.append(begun))  # noqa: PLW0108

    def spoil(route: Route) -> None:
        answer = route.fetch()
        body = bytearray(answer.body())
        body[700_000 % len(body)] ^= 1
        route.fulfill(response=answer, body=bytes(body))

    phone.route(f"http://127.0.0.1:{stack.layout.s3_port}/**", spoil)
    by(phone, "save").click()

    expect(phone.get_by_role("alert").filter(has_text="damaged")).to_be_visible(timeout=60_000)
    expect(by(phone, "save")).to_be_enabled()
    assert phone.evaluate(COUNT_LEFT) == 0
    assert all(begun.failure() for begun in downloads)  # a stream that had begun is broken off


def test_the_licence_opens_the_sealed_file_without_the_server(
    noor: Page, sale: Sale, chain: Devchain, stack: Stack, tmp_path: Path
) -> None:
    people.buy(noor, sale.link)
    pay(noor, chain)
    with noor.expect_download() as licence:
        by(noor, "licence-save").click()
    licence.value.save_as(tmp_path / "licence.json")
    with noor.expect_download() as sealed:
        noor.get_by_role("button", name="Save the sealed file").click()
    sealed.value.save_as(tmp_path / "sealed.kim")

    noor.goto("/open/")
    by(noor, "licence-open").set_input_files([tmp_path / "licence.json", tmp_path / "sealed.kim"])
    asked: list[str] = []
    noor.on("request", lambda sent: asked.append(sent.url) if "/api/" in sent.url else None)
    saved = people.save(noor, tmp_path / "saved.bin")

    assert digest_of(saved) == sale.digest
    assert asked == []
    assert digest_of(_unlock(tmp_path)) == sale.digest


def _unlock(directory: Path) -> Path:
    """The same with the Python unlocker."""
    target = directory / "unlocked.bin"
    command = [
        *(sys.executable, "-m", "unlock.container", "open", str(directory / "sealed.kim")),
        *("--licence", str(directory / "licence.json"), "--output", str(target)),
    ]
    subprocess.run(command, check=True, cwd=embedded.ROOT, capture_output=True, timeout=60)
    return target
