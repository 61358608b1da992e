"""A sealed file that somebody has: read on their device, led to its shop, opened with what they hold."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from kim.stack import Stack
from tests.actors import Offer, Seller
from tests.e2e import people
from tests.e2e.people import Devchain, by
from unlock import container
from unlock.container import tlvs

pytestmark = [pytest.mark.browser, pytest.mark.stack]

POEM = "Wer reitet so spät durch Nacht und Wind?\n"
FILES = {"poems/Erlkönig.txt": POEM.encode(), "clip.bin": os.urandom(700_000), "leer.txt": b""}


@pytest.fixture(scope="module")
def sold(stack: Stack) -> Callable[..., Offer]:
    seller = Seller(stack.layout.public_url, f"maya-opener-{os.urandom(3).hex()}")
    seller.sign_up()
    address = Devchain(stack.layout.devchain_port).state()["address"]
    return lambda payload: seller.publish(payload, amount="0.0003", payout=address)


@pytest.fixture(scope="module")
def album(sold: Callable[..., Offer]) -> Offer:
    return sold(FILES)


def drop(page: Page, folder: Path, **files: bytes) -> None:
    paths = []
    for name, data in files.items():
        path = folder / name.replace("_", ".")
        path.write_bytes(data)
        paths.append(path)
    by(page, "licence-open").set_input_files(paths)


def listen(page: Page) -> list[str]:
    """All that leaves the page from here on, but its own scripts and looks."""
    asked: list[str] = []
    page.on("request", lambda sent: asked.append(sent.url) if "/static/" not in sent.url else None)
    return asked


def test_a_found_file_leads_to_its_offer_and_opens_once_it_is_bought(
    person: Callable[..., Page],
    album: Offer,
    chain: Devchain,
    stack: Stack,
    tmp_path: Path,
) -> None:
    noor = person()
    noor.goto("/open/")
    asked = listen(noor)
    drop(noor, tmp_path, found_kim=album.stored)

    expect(by(noor, "open-sealed")).to_contain_text("found.kim")
    expect(by(noor, "open-sealed")).to_contain_text("A folder of files")
    expect(by(noor, "open-shop")).to_contain_text("This site sells it.")
    expect(by(noor, "open-shop")).to_contain_text("0.00030000 BCH")
    expect(by(noor, "open-need-link")).to_be_visible()
    assert by(noor, "open-buy").count() == 0
    lookup = f"{stack.layout.public_url}/api/v1/contents/{album.content_id.hex()}/"
    assert asked == [lookup]

    wrong = container.encode_b64url(os.urandom(16))
    by(noor, "open-paste").fill(f"{stack.layout.public_url}/f/{album.file_id}#1.{wrong}")
    expect(by(noor, "open-problem")).to_have_attribute("data-code", "wrong_key")
    by(noor, "open-paste").fill(f"{stack.layout.public_url}{album.path}")
    expect(by(noor, "open-buy")).to_have_text("Buy for 0.00030000 BCH")
    assert wrong not in "".join(asked)
    chain.pay(people.buy(noor, str(by(noor, "open-buy").get_attribute("href"))))
    noor.goto("/open/")
    drop(noor, tmp_path, found_kim=album.stored)
    expect(noor.get_by_role("link", name="Go to your order")).to_be_visible()
    chain.mine()
    noor.get_by_role("link", name="Go to your order").click()
    people.wait_state(noor, "PAID")
    with noor.expect_download() as saving:
        by(noor, "licence-save").click()
    licence = Path(saving.value.path()).read_bytes()

    noor.goto("/open/")  # the browser remembers the purchase
    drop(noor, tmp_path, found_kim=album.stored)
    expect(by(noor, "bundle-file")).to_have_count(3)
    assert_saves_all(noor, tmp_path)
    eve = person()  # nobody here knows of a purchase: the licence is enough, and nothing is asked
    eve.goto("/open/")
    asked = listen(eve)
    drop(eve, tmp_path, found_kim=album.stored, my_json=licence)
    expect(by(eve, "bundle-file")).to_have_count(3)
    poem = by(eve, "bundle-file").filter(has_text="Erlkönig.txt")
    poem.get_by_role("button", name="Read").click()
    expect(poem.get_by_test_id("preview")).to_have_text(POEM.strip())
    with eve.expect_download() as one:
        by(eve, "bundle-file").filter(has_text="clip.bin").get_by_test_id("bundle-save").click()
    assert Path(one.value.path()).read_bytes() == FILES["clip.bin"]
    assert [url for url in asked if "/x/" not in url and not url.startswith("blob:")] == []


def assert_saves_all(page: Page, folder: Path) -> None:
    with page.expect_download() as saving:
        by(page, "bundle-zip").click()
    saving.value.save_as(folder / "all.zip")
    with zipfile.ZipFile(folder / "all.zip") as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == FILES


def test_what_cannot_be_opened_is_named_and_no_foreign_shop_is_asked(
    person: Callable[..., Page], album: Offer, tmp_path: Path
) -> None:
    noor = person()
    noor.goto("/open/")
    asked = listen(noor)
    raw, problem = album.stored, by(noor, "open-problem")
    broken = bytearray(raw)
    broken[-200] ^= 1

    for data, code, said in (
        (b"PK\3\4 something else", "not_a_container", "does not begin like one"),
        (raw[:-1], "truncated", f"{len(raw) - 1} of {len(raw)} bytes"),
        (raw[:100], "truncated", "The header is cut"),
        (raw + b"\0", "damaged", ""),
        (bytes(broken), "damaged", ""),
        (raw[:8] + b"\7" + raw[9:], "unsupported_version", ""),
    ):
        drop(noor, tmp_path, found_kim=data)
        expect(problem).to_have_attribute("data-code", code)
        expect(problem).to_contain_text(said)
        expect(by(noor, "open-sealed")).to_be_hidden()
    assert asked == []

    drop(noor, tmp_path, found_kim=raw, my_json=b'{"kim":"release","v":1}')
    expect(problem).to_have_attribute("data-code", "release_file")
    drop(noor, tmp_path, found_kim=raw, my_json=licence_of(bytes(32), os.urandom(32)))
    expect(problem).to_have_attribute("data-code", "wrong_file")
    broken = bytearray(raw)
    broken[300_000] ^= 1
    drop(
        noor,
        tmp_path,
        found_kim=bytes(broken),
        my_json=licence_of(album.content_id, album.secrets.content_key),
    )
    by(noor, "bundle-file").filter(has_text="clip.bin").get_by_test_id("bundle-save").click()
    expect(noor.get_by_role("alert").filter(has_text="damaged")).to_be_visible()

    noor.goto("/open/")
    asked = listen(noor)
    drop(noor, tmp_path, found_kim=with_hint(raw, b'{"u":"https://shop.example/f/x"}'))
    elsewhere = by(noor, "open-elsewhere")
    expect(elsewhere).to_have_text("Go to shop.example")
    assert elsewhere.get_attribute("href") == "https://shop.example/f/x"
    assert elsewhere.get_attribute("rel") == "noopener noreferrer"
    assert asked == []
    noor.get_by_role("button", name="Ask this site instead").click()
    expect(by(noor, "open-shop")).to_contain_text("This site sells it.")
    for hint in (b'{"u":"javascript:alert(1)"}', b"no JSON"):
        drop(noor, tmp_path, found_kim=with_hint(raw, hint))
        expect(by(noor, "open-need-link")).to_be_visible()
        assert elsewhere.count() == 0


def licence_of(content_id: bytes, content_key: bytes) -> bytes:
    return container.build_licence(
        container.Licence(content_id, content_key, "Aurora", (), b"{}", bytes(64))
    )


def with_hint(raw: bytes, hint: bytes) -> bytes:
    """The same file with another word about its shop: its content id stays the same."""
    opened = container.Container(io.BytesIO(raw))
    others = [tlv for tlv in opened.tlvs if tlv.kind != tlvs.TYPE_HINT]
    area = container.build_tlvs([container.Tlv(tlvs.TYPE_HINT, hint), *others], seg_log2=18)
    return raw[: container.CORE_BYTES] + area + raw[container.CORE_BYTES + len(area) :]
