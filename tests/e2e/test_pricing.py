"""Sold in another way than for one price: the first three for nothing; less, or a gift, by a link."""

from __future__ import annotations

import http.client
import json
import os
import re
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

from kim.stack import Stack
from tests.e2e.people import by, copied, more, path_of, save, sign_up, wait_for
from tests.e2e.people import sell as publish
from tests.e2e.widths import at_both
from tests.unlock.sale import Buyer
from unlock import container


def take(stack: Stack, file_id: str) -> str:
    """An order of somebody who saw a free copy: the kind of grant, or the code of the refusal."""
    buyer = Buyer()
    body = {
        "buyer_key": container.encode_b64url(buyer.keys.public_key),
        "pays": {"amount": "0", "currency": "EUR"},
    }
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"Claim {container.encode_b64url(buyer.claim)}",
    }
    host = urlsplit(stack.layout.public_url).netloc
    connection = http.client.HTTPConnection(host, timeout=60)
    path = f"/api/v1/files/{file_id}/purchases/"
    connection.request("POST", path, json.dumps(body), headers)
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return str(answer["grant"] if "grant" in answer else answer["error"]["code"])


@at_both()
def test_the_first_three_get_it_for_nothing_and_the_next_are_asked_to_pay(
    person: Callable[..., Page], stack: Stack, tmp_path: Path, width: str
) -> None:
    maya, source = person(), tmp_path / "first.txt"
    source.write_bytes(os.urandom(3000))
    sign_up(maya, f"maya-first-three-{width}")
    by(maya, "ways").locator("summary").click()
    by(maya, "free-first").fill("3")
    by(maya, "price-amount").fill("2.00")
    beside = re.compile(r"3 more copies are free\. €\s?2\.00 then\.")
    expect(maya.locator("#preview [data-slot=beside]")).to_have_text(beside)
    link = publish(maya, source, key_file=tmp_path / "key.json")

    noor = person()
    noor.goto(link)
    expect(noor.locator("[data-slot=price]")).to_have_text("Free", timeout=30_000)
    expect(by(noor, "beside")).to_have_text(beside)
    by(noor, "buy").click()
    assert save(noor, tmp_path / "got.txt").read_bytes() == source.read_bytes()

    file_id = path_of(link).rsplit("/", 1)[-1]
    with ThreadPoolExecutor(10) as pool:
        got = Counter(pool.map(lambda _: take(stack, file_id), range(10)))
    assert got == {"first_n": 2, "offer_changed": 8}

    eve = person()
    eve.goto(link)
    expect(by(eve, "buy")).to_have_text("Buy", timeout=30_000)
    expect(eve.locator("[data-slot=price]")).to_have_text(re.compile(r"€\s?2\.00"))


def make_code(maya: Page, kind: str, **fields: str) -> str:
    """Makes a code in the open dialog; the link that its row copies."""
    by(maya, "code-kind").select_option(kind)
    for name, value in fields.items():
        by(maya, f"code-{name}").fill(value)
    rows = by(maya, "codes").locator("li")
    before = rows.count()
    by(maya, "code-make").click()
    expect(rows).to_have_count(before + 1)
    maya.evaluate("navigator.clipboard.writeText('')")
    by(maya, "code-copy").first.click()
    return str(wait_for(lambda: copied(maya)))


@at_both()
def test_a_link_with_a_code_costs_less_and_a_gift_costs_nothing(
    person: Callable[..., Page], tmp_path: Path, width: str
) -> None:
    maya, source = person(permissions=["clipboard-write"]), tmp_path / "less.txt"
    source.write_bytes(os.urandom(3000))
    sign_up(maya, f"maya-for-less-{width}")
    link = publish(maya, source, amount="8.00", key_file=tmp_path / "key.json")
    maya.goto("/files/")
    more(maya)
    by(maya, "codes-open").click()
    less = make_code(maya, "percent", off="25")
    gift = make_code(maya, "gift", many="1")
    assert less.startswith(f"{link}.")

    noor, asked = person(), list[str]()
    noor.on("request", lambda request: asked.append(request.url))
    noor.goto(less)
    expect(noor.locator("[data-slot=price]")).to_have_text(re.compile(r"€\s?6\.00"), timeout=30_000)
    expect(noor.locator("[data-slot=other]")).to_have_text(re.compile(r"instead of €\s?8\.00"))
    by(noor, "buy").click()
    expect(by(noor, "invoice-uri")).to_be_visible(timeout=30_000)
    expect(noor.get_by_text(re.compile(r"€\s?6\.00")).first).to_be_visible()
    assert not [url for url in asked if less.rsplit(".", 1)[-1] in url.partition("#")[0]]

    eve = person()
    eve.goto(gift)
    expect(eve.locator("[data-slot=price]")).to_have_text("Free", timeout=30_000)
    by(eve, "buy").click()
    assert save(eve, tmp_path / "got.txt").read_bytes() == source.read_bytes()
    eve.goto("about:blank")
    eve.goto(gift)
    expect(by(eve, "beside")).to_have_text("The discount of this link does not hold any more.")
    expect(eve.locator("[data-slot=price]")).to_have_text(re.compile(r"€\s?8\.00"))
