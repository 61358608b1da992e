"""Forwarding by hand: the key file stays in the page, the money goes to its owner."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, expect

from payments import addresses, covenants
from payments.covenants import Forwarder
from payments.states import Network
from tests.e2e.people import Devchain, by
from tests.e2e.test_secrets import spellings

pytestmark = [pytest.mark.browser, pytest.mark.stack]


class Payout:
    """A creator's kit: from this site or any other."""

    def __init__(self, chain: Devchain) -> None:
        self.seed = secrets.token_bytes(32)
        self.address = str(chain.call("/api/address", ok=True)["address"])
        self.payee = addresses.parse(self.address, Network.REGTEST).script

    def forwarder(self, number: int) -> Forwarder:
        return covenants.forwarder(self.seed, number, payee_script=self.payee, max_fee_sat=600)

    def shown(self, number: int) -> str:
        return addresses.encode(self.forwarder(number).script, Network.REGTEST)

    @property
    def kit(self) -> dict[str, object]:
        seed = base64.urlsafe_b64encode(self.seed).decode().rstrip("=")
        return {"seed": seed, "payee": self.payee.hex(), "max_fee_sat": 600}


def key_file(directory: Path, root: bytes, *payouts: Payout) -> Path:
    path = directory / "kim-key-maya-000000.json"
    text = base64.urlsafe_b64encode(root).decode().rstrip("=")
    kits = [payout.kit for payout in payouts]
    whole = {"kim": "root", "v": 1, "role": "creator", "root": text, "payouts": kits}
    path.write_text(json.dumps(whole))
    return path


def wire(page: Page) -> list[bytes]:
    """Everything that leaves the page from now on."""
    sent: list[bytes] = []

    def note(request: Request) -> None:
        headers = json.dumps(request.headers).encode()
        sent.append(request.url.encode() + headers + (request.post_data_buffer or b""))

    page.on("request", note)
    return sent


def test_a_key_file_brings_every_payment_home_and_never_leaves_the_page(
    person: Callable[..., Page], chain: Devchain, tmp_path: Path
) -> None:
    first, second = Payout(chain), Payout(chain)
    paid = [(first, 0, 20_000), (first, 40, 30_000), (second, 1, 10_000), (second, 1, 600)]
    for payout, number, sat in paid:
        chain.pay(payout.shown(number), amount_sat=sat)
    chain.mine()
    root = secrets.token_bytes(32)
    page = person()
    sent = wire(page)

    page.goto("/recover/")
    by(page, "recover-file").set_input_files(key_file(tmp_path, root, first, second))
    expect(by(page, "recover-payees").locator("li")).to_have_text([first.address, second.address])
    by(page, "recover-look").click()
    expect(by(page, "recover-total")).to_have_text("0.00059584 BCH can go to you", timeout=60_000)
    expect(page.get_by_text("0.00000600 BCH is too small")).to_be_visible()
    expect(by(page, "recover-send")).to_have_text("Send 0.00059584 BCH")
    by(page, "recover-send").click()
    expect(by(page, "recover-done")).to_be_visible(timeout=30_000)

    mempool = {entry["txid"] for entry in chain.state()["mempool"]}
    shown = page.locator("#forwards li").evaluate_all("rows => rows.map(r => r.dataset.txid)")
    assert set(shown) <= mempool
    assert len(shown) == 2
    chain.mine()
    page.reload()
    by(page, "recover-file").set_input_files(key_file(tmp_path, root, first, second))
    by(page, "recover-look").click()
    expect(by(page, "recover-total")).to_have_text(
        "No payment waits on these addresses", timeout=60_000
    )
    everything = b"\n".join(sent)
    assert first.forwarder(40).script.hex().encode() in everything
    for secret in (root, first.seed, second.seed):
        assert not [each for each in spellings(secret) if each in everything]


def test_coins_looked_up_elsewhere_become_a_transaction_to_broadcast_anywhere(
    person: Callable[..., Page], chain: Devchain
) -> None:
    payout = Payout(chain)
    txid = chain.pay(payout.shown(7), amount_sat=20_000)
    page = person()
    page.goto("/recover/")
    asked = wire(page)
    page.get_by_text("Paste a recovery kit instead").click()
    page.locator("#kit").fill(json.dumps(payout.kit))
    page.get_by_role("button", name="Use this kit").click()
    page.get_by_text("Look them up somewhere else").click()

    by(page, "recover-coins").fill(f"{payout.address} {txid}:0:20000")
    page.get_by_role("button", name="Use these coins").click()
    expect(page.get_by_role("alert")).to_contain_text("not of this kit", timeout=60_000)

    # The wallet puts what it pays first; its change comes after.
    by(page, "recover-coins").fill(f"\n{payout.shown(7)} {txid}:0:20000\n")
    page.get_by_role("button", name="Use these coins").click()
    expect(by(page, "recover-total")).to_have_text("0.00019858 BCH can go to you")
    raw = by(page, "recover-raw").text_content() or ""

    assert not [each for each in asked if b"/api/" in each]
    sent = str(chain.call("/api/broadcast", raw=raw)["txid"])
    assert sent in {entry["txid"] for entry in chain.state()["mempool"]}


def test_what_is_no_key_file_is_refused_in_words(
    person: Callable[..., Page], tmp_path: Path
) -> None:
    wrong = tmp_path / "holiday.txt"
    wrong.write_text("no kit")
    page = person()
    page.goto("/recover/")

    by(page, "recover-file").set_input_files(wrong)

    expect(page.get_by_role("alert")).to_contain_text("neither a key file nor a kit")
    expect(by(page, "recover-look")).to_be_hidden()
