"""Nothing that left a browser could have opened the file: markers are planted, and everything greps.

The whole directory of a stack is read: store, database with its journal, Redis' log, every process'
log, the chain. Secrets are looked for raw, as base64url and base64, and as hex.
"""

from __future__ import annotations

import base64
import json
import mmap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from kim.stack import Stack
from tests.e2e import people
from tests.e2e.people import Devchain
from tests.stacks import make_stack, running

pytestmark = [pytest.mark.browser, pytest.mark.stack]

MARKER = b"PLAINTEXT-MARKER-7f3a9c-do-not-find-me"


@pytest.fixture(scope="module")
def stack(scratch: Path) -> Iterator[Stack]:
    """A stack of its own, so that what is found belongs to this story."""
    with running(make_stack(scratch / "secrets", environ={"KIM_LOG_LEVEL": "DEBUG"})) as started:
        yield started


def spellings(secret: bytes) -> set[bytes]:
    url = base64.urlsafe_b64encode(secret).rstrip(b"=")
    plain = base64.b64encode(secret).rstrip(b"=")
    return {secret, url, plain, secret.hex().encode(), secret.hex().upper().encode()}


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def files_with(root: Path, needles: set[bytes]) -> set[str]:
    found = set()
    for path in root.rglob("*"):
        if not path.is_file() or path.stat().st_size == 0:
            continue
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
            if any(view.find(needle) >= 0 for needle in needles):
                found.add(str(path.relative_to(root)))
    return found


def test_no_secret_of_anybody_reaches_a_disk_of_the_server(
    person: Callable[..., Page], stack: Stack, chain: Devchain, tmp_path: Path
) -> None:
    original = tmp_path / "diary.txt"
    original.write_bytes((MARKER + b"\n") * 40_000)
    maya, noor = person(), person()
    people.sign_up(maya, "maya-secret")
    link = people.sell(maya, original, key_file=tmp_path / "key.json")
    uri = people.buy(noor, link)
    back = people.shown(people.by(noor, "return-link"))
    chain.pay(uri)
    chain.mine()
    people.wait_state(noor, "PAID")
    saved = people.save(noor, tmp_path / "saved.txt")
    with noor.expect_download() as download:
        people.by(noor, "licence-save").click()
    download.value.save_as(tmp_path / "licence.json")
    assert saved.read_bytes() == original.read_bytes()

    key_file = json.loads((tmp_path / "key.json").read_text())
    _, link_secret, seed = back.partition("#")[2].split(".")
    licence = json.loads((tmp_path / "licence.json").read_text())
    secrets = {
        "plaintext": {MARKER},
        "password": {people.PASSWORD.encode()},
        "R": spellings(unb64(key_file["root"])),
        "R in words": {" ".join(key_file["words"]).encode()}
        if isinstance(key_file["words"], list)
        else {key_file["words"].encode()},
        "L": spellings(unb64(link_secret)),
        "seed of B": spellings(unb64(seed)),
        "M": spellings(unb64(licence["m"])),
    }
    found = {name: files_with(stack.layout.data, needles) for name, needles in secrets.items()}

    assert found == {name: set() for name in secrets}
    assert files_with(stack.layout.data, {b"maya-secret"}) != set()  # the grep does find things
