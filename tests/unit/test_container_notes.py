"""Notes agree with the shared vectors, and open for their own seed and file alone."""

from __future__ import annotations

import json
from uuid import UUID

import pytest

from tests.vectors import notes
from unlock import container
from unlock.errors import WrongKey

VECTORS = json.loads(notes.PATH.read_text())
CASES = [
    pytest.param({name: value for name, value in case.items() if name != "n"}, id=str(case["n"]))
    for case in VECTORS["cases"]
]


def raw(case: dict[str, str]) -> tuple[bytes, bytes, bytes, bytes]:
    paid_file = UUID(case["paid_file"]).bytes
    seed, link, note = (bytes.fromhex(case[name]) for name in ("seed", "link", "note"))
    return seed, link, note, paid_file


def test_the_vectors_are_what_their_generator_writes() -> None:
    assert notes.PATH.read_text() == notes.text()


def test_seeds_and_claims_follow_from_the_root() -> None:
    for case in VECTORS["cases"]:
        seed = container.derive_seed(bytes.fromhex(VECTORS["root"]), case["n"])
        assert seed.hex() == case["seed"]
        assert container.derive_claim(seed).hex() == case["claim"]


@pytest.mark.parametrize("case", CASES)
def test_a_note_is_sealed_and_opened_as_written(case: dict[str, str]) -> None:
    seed, link, note, paid_file = raw(case)

    assert container.derive_note_key(seed).hex() == case["note_key"]
    assert container.seal_note(seed, link, paid_file=paid_file, gcm_iv=note[:12]) == note
    assert container.open_note(seed, note, paid_file=paid_file) == link


def test_no_flipped_bit_no_other_seed_and_no_other_file_opens() -> None:
    seed, _, note, paid_file = raw(VECTORS["cases"][0])
    for bit in range(len(note) * 8):
        bent = bytearray(note)
        bent[bit // 8] ^= 1 << bit % 8
        with pytest.raises(WrongKey):
            container.open_note(seed, bytes(bent), paid_file=paid_file)
    for other in (note[:-1], note + b"\0", b""):
        with pytest.raises(WrongKey):
            container.open_note(seed, other, paid_file=paid_file)
    with pytest.raises(WrongKey):
        container.open_note(bytes(32), note, paid_file=paid_file)
    with pytest.raises(WrongKey):
        container.open_note(seed, note, paid_file=bytes(16))
