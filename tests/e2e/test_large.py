"""The same sale with 200 MB, and with 4 GiB: too long for every commit, run by ``make long``."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.bench.people import weigh_sale
from tests.e2e import people
from tests.e2e.people import Devchain

pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.long]

SIZE_BYTES = 200_000_000
MOST_ABOVE_IDLE_BYTES = 600_000_000


def test_two_hundred_megabytes_go_the_whole_way(
    person: Callable[..., Page], chain: Devchain, tmp_path: Path
) -> None:
    original = tmp_path / "aurora.mov"
    digest = hashlib.sha256()
    with original.open("wb") as out:
        for _ in range(SIZE_BYTES // 1_000_000):
            piece = os.urandom(1_000_000)
            digest.update(piece)
            out.write(piece)
    maya, noor = person(), person()
    people.sign_up(maya, "maya-four-gib")

    began = time.monotonic()
    link = people.sell(maya, original, key_file=tmp_path / "key.json")
    sold = time.monotonic()
    chain.pay(people.buy(noor, link))
    chain.mine()
    people.wait_state(noor, "PAID")
    paid = time.monotonic()
    saved = people.save(noor, tmp_path / "saved.mov")
    done = time.monotonic()

    print(
        f"drop to link {sold - began:.1f} s, open to paid {paid - sold:.1f} s, save {done - paid:.1f} s"
    )
    with saved.open("rb") as file:
        assert hashlib.file_digest(file, "sha256").digest() == digest.digest()
    assert saved.stat().st_size == SIZE_BYTES


def test_four_gibibytes_go_both_ways_and_memory_stays_flat() -> None:
    """In the real pages, by a browser that nobody holds: see tests/bench/people.py."""
    upload, download = weigh_sale(4096)

    print(upload, download, sep="\n")
    assert upload.peak_bytes <= MOST_ABOVE_IDLE_BYTES
    assert download.peak_bytes <= MOST_ABOVE_IDLE_BYTES
