"""The same sale on PostgreSQL, by environment alone: the twin of tests/e2e/test_sale.py."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from kim.stack import Stack
from tests import postgres
from tests.e2e import people
from tests.e2e.people import Devchain
from tests.stacks import make_stack, running

pytestmark = [pytest.mark.browser, pytest.mark.stack]


@pytest.fixture(scope="module")
def stack(scratch: Path) -> Iterator[Stack]:
    with (
        postgres.cluster() as url,
        running(make_stack(scratch / "on-postgres", environ={"KIM_DATABASE_URL": url})) as started,
    ):
        yield started


def test_a_sale_on_postgresql_ends_byte_for_byte_the_same(
    person: Callable[..., Page], stack: Stack, chain: Devchain, tmp_path: Path
) -> None:
    original = tmp_path / "aurora.bin"
    original.write_bytes(os.urandom(9 * 2**20 + 1))
    maya, noor = person(), person()
    people.sign_up(maya, "maya-postgres")
    link = people.sell(maya, original, key_file=tmp_path / "key.json")

    uri = people.buy(noor, link)
    chain.pay(uri)
    chain.mine()
    people.wait_state(noor, "PAID")
    saved = people.save(noor, tmp_path / "saved.bin")

    assert (
        hashlib.sha256(saved.read_bytes()).digest()
        == hashlib.sha256(original.read_bytes()).digest()
    )
    assert not (stack.layout.data / "kim.sqlite3").exists()
