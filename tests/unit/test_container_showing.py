"""Keys of single segments: parsed, compared, opened; and what an audit draws."""

from __future__ import annotations

import dataclasses
import io
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vectors import audits
from unlock import container
from unlock.container import SegmentKey, cli
from unlock.errors import Damaged, Forged

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "audit.json").read_text())
ROOM = 2**18 - 32


@pytest.fixture(scope="module")
def sealed() -> tuple[container.Container, list[SegmentKey], bytes]:
    payload, file_id = os.urandom(2 * ROOM + 7), os.urandom(16)
    secrets = container.derive_secrets(os.urandom(32), file_id)
    out = io.BytesIO()
    source = container.Source("a.bin", len(payload), io.BytesIO(payload))
    container.pack(out, [source], container.Sealing(secrets, file_id, title="a"))
    opened = container.Container(out)
    floe = container.open_content(opened.core, secrets.content_key)
    message_key = floe.message_key()
    keys = [SegmentKey(at, floe.segment_key(message_key, at)) for at in range(3)]
    return opened, keys, payload


def test_the_vectors_are_what_their_generator_writes() -> None:
    path = Path(audits.__file__).with_name("audit.json")
    assert path.read_text(encoding="utf-8") == audits.text()


@pytest.mark.parametrize("case", VECTORS["draws"], ids=lambda case: str(case["segments"]))
def test_an_audit_draws_the_segments_of_the_vectors(case: dict[str, object]) -> None:
    drawn = container.audit_segments(
        bytes.fromhex(str(case["content_id"])),
        bytes.fromhex(str(case["nonce"])),
        segments=int(str(case["segments"])),
        count=int(str(case["count"])),
    )
    assert drawn == case["drawn"]


@pytest.mark.parametrize("case", VECTORS["counts"], ids=lambda case: str(case["segments"]))
def test_an_audit_opens_one_of_a_hundred_at_most_twenty_none_of_few(case: dict[str, int]) -> None:
    assert container.audit_count(case["segments"]) == case["count"]


def test_a_lower_threshold_is_an_argument() -> None:
    assert container.audit_count(3, least_segments=1) == 1
    assert container.audit_segments(b"c" * 32, b"n" * 32, segments=1, count=5) == [0]


@given(st.lists(st.tuples(st.integers(0, 2**64 - 1), st.binary(min_size=32, max_size=32))))
def test_entries_are_read_as_they_were_written(entries: list[tuple[int, bytes]]) -> None:
    shown = tuple(SegmentKey(*entry) for entry in entries)
    assert container.parse_entries(container.build_entries(shown)) == shown


def test_a_shown_segment_opens_and_no_other_does(
    sealed: tuple[container.Container, list[SegmentKey], bytes],
) -> None:
    opened, keys, payload = sealed
    core, index = opened.core, opened.index
    container.check_keys(core, index, keys)
    plain = [container.open_shown(core, index, key, opened.stored_segment(key[0])) for key in keys]
    assert b"".join(plain) == payload

    with pytest.raises(Forged):
        container.check_keys(core, index, [SegmentKey(1, keys[0].key)])
    with pytest.raises(Damaged):
        container.check_keys(core, index, [SegmentKey(3, keys[0].key)])
    with pytest.raises(Damaged):
        container.check_keys(core, index, [SegmentKey(2**64 - 1, keys[0].key)])
    altered = bytearray(opened.stored_segment(0))
    altered[40] ^= 1
    with pytest.raises(Damaged):
        container.open_shown(core, index, keys[0], bytes(altered))
    with pytest.raises(Damaged):
        container.parse_entries(b"\0" * 41)


def test_committed_bytes_that_the_committed_key_does_not_open_are_forged(
    sealed: tuple[container.Container, list[SegmentKey], bytes],
) -> None:
    opened, _, _ = sealed
    core = opened.core
    other = b"k" * 32
    row = opened.index.rows[:32] + container.key_commitment(core.file_id, 0, other)
    index = dataclasses.replace(opened.index, rows=row + opened.index.rows[64:])

    with pytest.raises(Forged):
        container.open_shown(core, index, SegmentKey(0, other), opened.stored_segment(0))


def test_the_unlocker_repeats_the_audit_of_an_offer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """200 segments: two are drawn. Altered keys, another file's offer and no JSON are refused."""
    payload, file_id = bytes(200 * ROOM), os.urandom(16)
    secrets = container.derive_secrets(os.urandom(32), file_id)
    path, offer = tmp_path / "film.kim", tmp_path / "offer.json"
    with path.open("w+b") as out:
        source = container.Source("a.bin", len(payload), io.BytesIO(payload))
        packed = container.pack(out, [source], container.Sealing(secrets, file_id, title="a"))
    nonce = os.urandom(32)
    drawn = container.audit_segments(packed.content_id, nonce, segments=200, count=2)
    floe = container.open_content(packed.core, secrets.content_key)
    keys = [SegmentKey(at, floe.segment_key(floe.message_key(), at)) for at in drawn]

    def verify(shown: list[SegmentKey], content_id: bytes = packed.content_id) -> int:
        entries = container.encode_b64url(container.build_entries(shown))
        audit = {"nonce": container.encode_b64url(nonce), "entries": entries}
        offer.write_text(json.dumps({"content_id": content_id.hex(), "audit": audit}))
        return cli.run(["verify", str(path), "--offer", str(offer)], lambda: 0.0)

    assert verify(keys) == 0
    assert "audit: 2 of 200 segments opened" in capsys.readouterr().out
    altered = keys[0]._replace(key=b"k" * 32)
    assert verify([altered, keys[1]]) == cli.EXIT_REFUSED
    assert "forged" in capsys.readouterr().err
    assert verify(keys[::-1]) == cli.EXIT_REFUSED
    assert verify(keys, content_id=b"c" * 32) == cli.EXIT_REFUSED
    offer.write_text("[]")
    assert cli.run(["verify", str(path), "--offer", str(offer)], lambda: 0.0) == cli.EXIT_REFUSED
    offer.write_text(json.dumps({"content_id": packed.content_id.hex(), "audit": None}))
    assert cli.run(["verify", str(path), "--offer", str(offer)], lambda: 0.0) == 0
