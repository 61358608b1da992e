"""A stored file that is not what was sold any more: whoever paid claims it without doing anything."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, Route, expect

from kim.env import StoreConfig
from kim.stack import Stack
from tests.actors import Seller
from tests.e2e import people
from tests.e2e.people import Devchain, by
from unlock.storage import S3Store

if TYPE_CHECKING:
    from tests.actors import Offer

pytestmark = [pytest.mark.browser, pytest.mark.stack]

LOST = "every copy of it is damaged or gone"


def store_of(stack: Stack) -> S3Store:
    """The stack's own store, as our server speaks to it."""
    endpoint = f"http://127.0.0.1:{stack.layout.s3_port}"
    return S3Store(
        StoreConfig(
            name="main",
            endpoint=endpoint,
            public_endpoint=endpoint,
            bucket="kim",
            region="us-east-1",
            access_key=stack.secrets["KIM_S3_ACCESS_KEY"],
            secret_key=stack.secrets["KIM_S3_SECRET_KEY"],
            is_path_style=True,
        )
    )


def alter(stack: Stack, offer: Offer) -> None:
    """One bit of the stored object, behind everybody's back."""
    with sqlite3.connect(stack.layout.data / "kim.sqlite3", timeout=20) as database:
        query = (
            "SELECT object_key, unlock_copy.size_bytes, etag FROM unlock_copy JOIN unlock_container"
            " ON unlock_container.id = container_id WHERE content_id = ?"
        )
        key, size_bytes, etag = database.execute(query, (offer.content_id.hex(),)).fetchone()
    store = store_of(stack)
    body = bytearray(store.read_range(key, offset=0, size_bytes=size_bytes, etag=etag))
    body[300_000] ^= 1
    store.put(key, bytes(body))


def test_a_copy_altered_in_the_store_is_claimed_by_the_page_of_whoever_paid(
    person: Callable[..., Page], stack: Stack, chain: Devchain
) -> None:
    maya = Seller(stack.layout.public_url, f"maya-{os.urandom(4).hex()}")
    maya.sign_up()
    offer = maya.publish(os.urandom(600_000), payout=chain.state()["address"])
    noor = person()
    chain.pay(people.buy(noor, offer.path))
    chain.mine()
    people.wait_state(noor, "PAID")
    expect(by(noor, "save")).to_be_enabled(timeout=60_000)
    link = noor.url
    alter(stack, offer)

    by(noor, "save").click()

    says = f"Opening the bytes failed: {LOST}."
    expect(by(noor, "failure")).to_contain_text(says, timeout=60_000)
    expect(by(noor, "failure")).to_contain_text("The creator has been told")
    [task] = [each for each in maya.api.call("GET", "tasks/")["tasks"] if each["kind"] == "failure"]
    assert says in task["says"]

    # With the return link alone, in a browser that cannot even read the index any more.
    other = person()
    other.goto(link)
    expect(by(other, "failure")).to_contain_text(LOST, timeout=60_000)
    # And a stranger is not asked to pay for it.
    stranger = person()
    stranger.goto(offer.path)
    expect(stranger.get_by_text("Every stored copy of this file is damaged")).to_be_visible(
        timeout=60_000
    )
    expect(by(stranger, "buy")).to_be_hidden()


def test_a_store_that_calls_parts_stored_and_loses_them_gets_them_again(
    person: Callable[..., Page], stack: Stack, scratch: Path
) -> None:
    film = scratch / "lied.bin"
    film.write_bytes(os.urandom(40 * 2**20))  # parts beyond the five answers
    answers = [403, 500, 503, 0, 200]
    error = "<?xml version='1.0'?><Error><Code>SlowDown</Code></Error>"
    cors = {
        "Access-Control-Allow-Origin": stack.layout.public_url,
        "Access-Control-Expose-Headers": "ETag",
        "ETag": '"d41d8cd98f00b204e9800998ecf8427e"',
    }

    def answer(route: Route) -> None:
        status = answers.pop(0) if route.request.method == "PUT" and answers else None
        if status is None:
            route.continue_()
        elif status == 0:
            route.abort()
        else:
            route.fulfill(status=status, body=error, headers=cors)

    maya = person()
    people.sign_up(maya, "maya-lied-to")
    completed: list[int] = []
    maya.on(
        "response",
        lambda answer: completed.append(answer.status) if "/completion/" in answer.url else None,
    )
    maya.route(re.compile(rf"^http://127\.0\.0\.1:{stack.layout.s3_port}/"), answer)

    by(maya, "drop-input").set_input_files(film)
    by(maya, "price-amount").fill("2.00")
    by(maya, "publish").click()

    expect(by(maya, "share-link")).to_be_visible(timeout=120_000)
    assert answers == []
    assert completed[0] == 409  # found missing before anything was put together
    assert completed[-1] == 202
    assert by(maya, "upload-progress").get_attribute("data-state") == "ready"
    maya.goto("/files/")
    expect(maya.get_by_role("heading", name="lied")).to_be_visible()
    expect(maya.locator("#unfinished")).to_be_hidden()
