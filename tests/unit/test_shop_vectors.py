"""The keys of a shop agree with the shared vectors, which the browser's code reads, too."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import UUID

import pytest

from tests.vectors import shop as vectors
from unlock.container import shop
from unlock.errors import WrongKey

PATH = Path(vectors.__file__).with_suffix(".json")
CASES = json.loads(PATH.read_text())["cases"]


def test_the_vectors_are_what_their_generator_writes() -> None:
    assert PATH.read_text() == vectors.text()


@pytest.mark.parametrize("case", CASES)
def test_key_proof_and_entries_are_the_vectors(case: dict[str, object]) -> None:
    root, generation = bytes.fromhex(str(case["root"])), int(str(case["generation"]))
    key = shop.derive_shop_key(root, generation=generation)

    assert key.hex() == case["key"]
    assert shop.derive_shop_proof(key).hex() == case["proof"]
    assert shop.hash_shop_proof(key) == case["access_hash"]
    entries = case["entries"]
    assert isinstance(entries, list)
    for entry in entries:
        sealed, link = bytes.fromhex(entry["entry"]), bytes.fromhex(entry["link"])
        file = UUID(entry["file"])
        assert shop.open_entry(key, sealed, paid_file=file, generation=generation) == link
        again = shop.seal_entry(
            key, link, paid_file=file, generation=generation, gcm_iv=sealed[:12]
        )
        assert again == sealed


def test_an_entry_opens_at_its_own_file_generation_and_key_only() -> None:
    first, later = CASES[0], CASES[1]
    key = bytes.fromhex(first["key"])
    one, other = first["entries"]
    sealed = bytes.fromhex(one["entry"])

    for wrong_key, file, generation, changed in (
        (key, other["file"], 0, sealed),
        (key, one["file"], 1, sealed),
        (bytes.fromhex(later["key"]), one["file"], 0, sealed),
        (key, one["file"], 0, sealed[:-1] + bytes([sealed[-1] ^ 1])),
        (key, one["file"], 0, sealed[:20]),
        (key, one["file"], 0, b""),
    ):
        with pytest.raises(WrongKey):
            shop.open_entry(wrong_key, changed, paid_file=UUID(file), generation=generation)
