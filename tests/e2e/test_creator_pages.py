"""What can go wrong for a creator, and what the pages do about it; and how they look."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from kim.stack import Stack
from tests.e2e import people
from tests.e2e.people import Devchain, by

pytestmark = [pytest.mark.browser, pytest.mark.stack]

PART_BYTES = 8 * 2**20
LINK = "http://kim.example/f/ed3ec571-e086-4116-99d2-7894aebbed75#1.KNK_kGWdwgK4J-PXxt0Axg"
WIDTHS = (320, 390, 1280)


@pytest.fixture(scope="module")
def film(scratch: Path) -> Path:
    path = scratch / "nordlys_long.bin"
    path.write_bytes(os.urandom(3 * PART_BYTES + 12_345))
    return path


def state_of(page: Page) -> str | None:
    state: str | None = by(page, "upload-progress").get_attribute("data-state")
    return state


def drop(page: Page, film: Path) -> None:
    by(page, "drop-input").set_input_files(film)
    by(page, "price-amount").fill("2.00")


def expect_link(page: Page) -> str:
    link = by(page, "share-link")
    expect(link).to_be_visible(timeout=120_000)
    return people.shown(link)


def test_a_store_that_dies_mid_upload_only_makes_it_wait(
    person: Callable[..., Page], stack: Stack, film: Path
) -> None:
    maya = person()
    people.sign_up(maya, "maya-store-dies")
    seen: list[str] = []

    def die_once(route: Route) -> None:
        seen.append(route.request.url)
        if len(seen) == 2:
            stack.kill("s3")
        route.continue_()

    maya.route(f"**:{stack.layout.s3_port}/**", die_once)
    drop(maya, film)
    by(maya, "publish").click()
    people.wait_for(lambda: state_of(maya) == "waiting")
    expect(by(maya, "upload-progress")).to_contain_text("going on by itself")
    stack.spawn("s3")
    stack.wait_ready("s3")

    assert "#1." in expect_link(maya)


def test_a_tab_closed_after_the_upload_loses_nothing(
    person: Callable[..., Page], film: Path
) -> None:
    maya = person()
    people.sign_up(maya, "maya-closes")
    drop(maya, film)
    people.wait_for(lambda: state_of(maya) in ("finalising", "checking", "ready"))

    maya.goto("about:blank")
    maya.goto("/sell/")
    expect(by(maya, "upload-progress")).to_be_visible()
    by(maya, "price-amount").fill("2.00")
    by(maya, "publish").click()

    assert "#1." in expect_link(maya)
    expect(maya.locator("#preview")).to_contain_text("nordlys long")


def test_a_cancelled_upload_is_gone_and_another_file_may_be_dropped(
    person: Callable[..., Page], stack: Stack, film: Path
) -> None:
    maya = person()
    people.sign_up(maya, "maya-cancels")
    maya.route(f"**:{stack.layout.s3_port}/**", lambda route: route.abort())
    drop(maya, film)
    people.wait_for(lambda: state_of(maya) in ("uploading", "waiting"))

    by(maya, "upload-progress").get_by_role("button", name="Cancel").click()
    expect(by(maya, "upload-progress")).to_be_hidden()
    maya.reload()
    expect(by(maya, "upload-progress")).to_be_hidden()
    maya.unroute_all()
    drop(maya, film)
    by(maya, "publish").click()

    assert "#1." in expect_link(maya)


def test_a_pasted_link_is_cut_before_it_can_reach_the_server(person: Callable[..., Page]) -> None:
    maya = person()
    people.sign_up(maya, "maya-pastes")
    title = maya.get_by_label("Title", exact=True)

    title.fill(f"See {LINK}")

    expect(title).to_have_value("See http://kim.example/f/ed3ec571-e086-4116-99d2-7894aebbed75")
    expect(maya.get_by_text("must not reach the server")).to_be_visible()


def test_a_wrong_entry_is_told_under_its_field_and_nothing_is_lost(
    person: Callable[..., Page], stack: Stack, film: Path
) -> None:
    maya = person()
    people.sign_up(maya, "maya-wrong")
    expect(by(maya, "payout")).to_have_value(stack.suggested_payout)
    drop(maya, film)
    mainnet = "bitcoincash:qqyx49mu0kkn9ftfj6hje6g2wfer34yfnq5tahq3q6"
    wrong = [
        ("price-amount", "0", "A price like 4.00"),
        ("price-amount", "0.00001999", "0.00002000 BCH"),  # the floor by forwarder: 2,000 sat
        ("payout", mainnet, "network"),
        ("payout", "abandon " * 11 + "about", "private key or seed words"),
    ]
    by(maya, "price-currency").select_option("BCH")

    for field, typed, said in wrong:
        before = by(maya, field).input_value()
        by(maya, field).fill(typed)
        by(maya, "publish").click()
        expect(maya.locator(".wrong")).to_contain_text(said)
        expect(by(maya, field)).to_have_attribute("aria-invalid", "true")
        by(maya, field).fill(before)

    assert state_of(maya) in ("uploading", "finalising", "checking", "ready")
    expect(by(maya, "share-link")).to_have_count(0)
    by(maya, "publish").click()
    assert "#1." in expect_link(maya)


def shows_after_reload(page: Page, payout: str) -> bool:
    page.reload()
    expect(by(page, "payout")).not_to_have_value("")
    return bool(by(page, "payout").input_value() == payout)


def test_changing_the_payout_asks_for_the_password_and_waits(
    person: Callable[..., Page], stack: Stack, film: Path, tmp_path: Path
) -> None:
    maya = person()
    people.sign_up(maya, "maya-moves")
    people.sell(maya, film, key_file=tmp_path / "key.json")
    maya.goto("/settings/")
    other = "bchreg:qqg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zy8lyg7mcr"
    expect(by(maya, "payout")).to_have_value(stack.suggested_payout)

    by(maya, "payout").fill(other)
    maya.get_by_role("button", name="Save payout").click()
    expect(maya.get_by_text("needs your password")).to_be_visible()
    maya.locator("#payout-password").fill("not the password")
    maya.get_by_role("button", name="Save payout").click()
    expect(maya.locator("#payout-password-wrong")).to_be_visible(timeout=30_000)
    maya.locator("#payout-password").fill(people.PASSWORD)
    maya.get_by_role("button", name="Save payout").click()
    expect(by(maya, "payout-waiting")).to_contain_text(other, timeout=30_000)
    expect(by(maya, "payout")).to_have_value(stack.suggested_payout)
    people.wait_for(lambda: shows_after_reload(maya, other), seconds=90, every=1)

    with maya.expect_download() as download:
        maya.locator("#key-download").click()
    download.value.save_as(tmp_path / "renewed.json")
    before, after = (
        json.loads((tmp_path / name).read_text())["payouts"]
        for name in ("key.json", "renewed.json")
    )
    assert (len(before), len(after)) == (1, 2)
    assert after[1] == before[0]  # buyers may still pay to an address of the payout before


def test_a_new_password_opens_the_account_and_the_old_one_no_more(
    person: Callable[..., Page],
) -> None:
    maya = person()
    people.sign_up(maya, "maya-secret")
    maya.goto("/settings/")
    maya.locator("#password-old").fill(people.PASSWORD)
    maya.locator("#password-new").fill("another long password")
    maya.get_by_role("button", name="Change password").click()
    expect(maya.get_by_text("Password changed")).to_be_visible(timeout=60_000)

    elsewhere = person()
    elsewhere.goto("/login/")
    by(elsewhere, "login-username").fill("maya-secret")
    by(elsewhere, "login-password").fill(people.PASSWORD)
    by(elsewhere, "login-submit").click()
    expect(elsewhere.get_by_role("alert")).to_be_visible(timeout=30_000)
    people.log_in(elsewhere, "maya-secret", "another long password")


def test_a_paused_file_offers_no_buy_button_until_it_is_sold_again(
    person: Callable[..., Page], film: Path, tmp_path: Path
) -> None:
    maya = person()
    people.sign_up(maya, "maya-pauses")
    link = people.sell(maya, film, key_file=tmp_path / "key.json")
    maya.goto("/files/")
    people.more(maya)
    maya.get_by_role("button", name="Pause").click()
    expect(maya.get_by_text("Paused")).to_be_visible()

    noor = person()
    noor.goto(link)
    expect(noor.get_by_text("Not for sale")).to_be_visible()
    expect(by(noor, "buy")).to_be_hidden()
    maya.get_by_role("button", name="Sell again").click()
    expect(maya.get_by_text("On sale")).to_be_visible()
    noor.reload()

    expect(by(noor, "buy")).to_be_enabled(timeout=30_000)


def test_no_page_of_the_creator_scrolls_sideways(person: Callable[..., Page]) -> None:
    maya = person()
    people.sign_up(maya, "maya-looks")

    for width in WIDTHS:
        maya.set_viewport_size({"width": width, "height": 664})
        for path in ("/", "/sell/", "/files/", "/settings/"):
            maya.goto(path)
            wide = maya.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, (path, width)


def test_the_next_step_is_on_the_screen_of_a_phone(person: Callable[..., Page]) -> None:
    maya = person()
    maya.set_viewport_size({"width": 390, "height": 664})

    maya.goto("/signup/")
    expect(by(maya, "signup-submit")).to_be_in_viewport(ratio=1)
    maya.goto("/login/")
    expect(by(maya, "login-submit")).to_be_in_viewport(ratio=1)
    people.sign_up(maya, "maya-phone")

    expect(by(maya, "publish")).to_be_in_viewport(ratio=1)


def test_a_second_tab_leaves_the_upload_of_the_first_alone(
    person: Callable[..., Page], film: Path
) -> None:
    maya = person()
    people.sign_up(maya, "maya-two-tabs")
    drop(maya, film)
    people.wait_for(lambda: state_of(maya) == "ready", seconds=60)

    second = maya.context.new_page()
    second.goto("/sell/")
    expect(by(second, "publish")).to_be_enabled()
    expect(by(second, "upload-progress")).to_be_hidden()
    second.reload()
    maya.close()  # a tab gives back what it held some time after it is gone

    expect(by(second, "upload-progress")).to_be_visible()
    expect(second.get_by_label("Title", exact=True)).to_have_value("nordlys long")


def test_a_session_that_ends_mid_upload_is_mended_in_another_tab(
    person: Callable[..., Page], film: Path
) -> None:
    maya = person()
    people.sign_up(maya, "maya-logged-out")
    maya.context.route("**/parts/", lambda route: route.abort())
    drop(maya, film)
    people.wait_for(lambda: state_of(maya) == "waiting")
    maya.context.clear_cookies(name="kim-session")
    maya.context.unroute_all()
    expect(by(maya, "upload-progress")).to_contain_text("logged out", timeout=60_000)

    second = maya.context.new_page()
    people.log_in(second, "maya-logged-out")
    people.wait_for(lambda: state_of(maya) == "ready", seconds=90)
    by(maya, "publish").click()

    assert "#1." in expect_link(maya)


def test_a_removed_file_is_gone_for_strangers_and_stays_with_its_creator_until_confirmed(
    person: Callable[..., Page], film: Path, tmp_path: Path
) -> None:
    maya = person()
    people.sign_up(maya, "maya-removes")
    link = people.sell(maya, film, key_file=tmp_path / "key.json")
    maya.goto("/files/")
    people.more(maya)
    maya.get_by_role("button", name="Pause").click()
    maya.get_by_role("button", name="Remove…").click()
    maya.get_by_role("button", name="Keep it").click()
    expect(maya.get_by_text("Paused")).to_be_visible()
    maya.get_by_role("button", name="Remove…").click()
    maya.get_by_role("button", name="Remove it").click()
    expect(maya.get_by_text("Nothing here yet")).to_be_visible()

    noor = person()
    noor.goto(link)

    expect(noor.get_by_text("This file was removed")).to_be_visible()


def test_without_the_key_a_drop_asks_for_it_and_goes_on_with_the_file_of_the_first_publish(
    person: Callable[..., Page], film: Path, tmp_path: Path
) -> None:
    maya = person()
    people.sign_up(maya, "maya-elsewhere")
    people.sell(maya, film, key_file=tmp_path / "key.json")

    elsewhere = person()
    people.log_in(elsewhere, "maya-elsewhere")
    people.forget_key(elsewhere)
    drop(elsewhere, film)
    elsewhere.get_by_role("button", name="Not now").click()
    expect(by(elsewhere, "upload-progress")).to_contain_text("Without your key")
    by(elsewhere, "upload-progress").get_by_role("button", name="Try again").click()
    by(elsewhere, "key-file-input").set_input_files(tmp_path / "key.json")
    elsewhere.get_by_role("button", name="Use this key").click()
    by(elsewhere, "publish").click()

    assert "#1." in expect_link(elsewhere)


def test_buying_it_yourself_proves_the_address_and_is_no_sale(
    person: Callable[..., Page], chain: Devchain, film: Path, tmp_path: Path
) -> None:
    maya = person()
    people.sign_up(maya, "maya-buys-herself")
    people.sell(maya, film, amount="25.00", key_file=tmp_path / "key.json")
    buy = maya.get_by_role("button", name="Buy it yourself for 0.00002000 BCH")
    buy.click()
    uri = by(maya, "invoice-uri")
    expect(uri).to_be_visible()
    purchase = maya.url
    assert people.shown(by(maya, "invoice-amount")) == "0.00002000"

    maya.goto("/files/")
    expect(maya.get_by_text("address not proven yet")).to_be_visible()
    people.more(maya)
    buy.click()  # the one that waits is shown again
    expect(uri).to_be_visible()
    assert maya.url == purchase
    chain.pay(str(uri.get_attribute("href")))
    people.wait_state(maya, "SEEN")
    chain.mine()
    saved = people.save(maya, tmp_path / "saved.bin")

    assert hashlib.sha256(saved.read_bytes()).digest() == hashlib.sha256(film.read_bytes()).digest()
    maya.goto("/files/")
    expect(by(maya, "file").locator("[data-slot=sold]")).to_have_text("0")
    expect(maya.get_by_text("address not proven yet")).to_have_count(0)
    expect(buy).to_have_count(0)


def test_words_and_price_are_changed_in_place_and_an_open_order_keeps_its_price(
    person: Callable[..., Page], film: Path, tmp_path: Path
) -> None:
    maya, noor = person(), person()
    people.sign_up(maya, "maya-edits")
    link = people.sell(maya, film, amount="0.01", currency="BCH", key_file=tmp_path / "key.json")
    people.buy(noor, link)
    maya.goto("/files/")
    maya.get_by_role("button", name="Edit…").click()
    dialog = maya.get_by_role("dialog")
    title, price = dialog.get_by_label("Title", exact=True), dialog.get_by_label("Price")

    price.fill("0.00001999")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.locator(".wrong")).to_contain_text("2000 satoshis")
    price.fill("0.02")
    title.fill(f"Night drive {link}")
    expect(title).to_have_value(f"Night drive {link.partition('#')[0]}")
    title.fill("Night drive")
    dialog.get_by_label("Description", exact=True).fill("Nine hours of it.")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)

    expect(maya.get_by_role("heading", name="Night drive")).to_be_visible()
    expect(by(maya, "share-link")).to_have_value(link)
    noor.reload()
    expect(by(noor, "invoice-amount")).to_have_text("0.01000000")
    stranger = person()
    stranger.goto(link)
    expect(stranger.get_by_text("Nine hours of it.")).to_be_visible()
    expect(stranger.get_by_text("0.02000000 BCH").first).to_be_visible()
