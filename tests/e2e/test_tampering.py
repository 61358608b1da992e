"""Every way of docs/protocol.md to spoil a container, given to the real page: none opens, none is saved.

Vectors try many more of them in both readers (tests/vectors/tamper.json); here it is the page itself,
its workers and its sinks that must refuse, by name.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.people import by, wait_for
from unlock import container
from unlock.container import keys, layout

pytestmark = [pytest.mark.browser, pytest.mark.stack]

PAYLOAD = os.urandom(700_000)  # three segments
FIELDS = {
    "magic": 0, "version": 8, "suite": 9, "segment size": 10, "flags": 11, "header length": 14,
    "payload length": 23, "segments": 31, "file id": 32, "zeros": 48, "iv": 64, "commitment": 96,
}  # fmt: skip
AT_ONCE = {
    "not_a_container", "unsupported_version", "damaged", "truncated", "wrong_file", "wrong_key",
}  # fmt: skip
SAID = """() => {
  const at = document.querySelector('#problem');
  const shown = [...document.querySelectorAll('#open [role=alert]')].find((e) => e.checkVisibility() && e.textContent.trim());
  return { code: at.checkVisibility() ? at.dataset.code : null, said: shown?.textContent.trim() ?? null };
}"""


@dataclass(frozen=True)
class Film:
    """A container with what its licence holds."""

    raw: bytes
    core: container.CoreHeader
    content_id: bytes
    content_key: bytes

    def segment(self, number: int) -> slice:
        offset, size_bytes = self.core.segment_range(number)
        return slice(offset, offset + size_bytes)

    def licence(self, *, content_id: bytes = b"", content_key: bytes = b"") -> bytes:
        held = (content_id or self.content_id, content_key or self.content_key)
        return container.build_licence(container.Licence(*held, "Aurora.bin", (), b"{}", bytes(64)))

    def reindexed(self, raw: bytes, *, forged: int | None = None) -> tuple[bytes, bytes]:
        """With an index that suits ``raw``, and the content_id that follows: a seller can do that."""
        rows = bytearray()
        message_key = keys.open_content(self.core, self.content_key)
        for number in range(self.core.segments):
            of = b"k" * 32 if number == forged else _key_of(message_key, number)
            rows += hashlib.sha256(raw[self.segment(number)]).digest()
            rows += keys.key_commitment(self.core.file_id, number, of)
        index = layout.build_index(self.core, bytes(rows))
        made = raw[: self.core.index_offset] + index.raw
        return made, layout.content_id(self.core, index.root)


def _key_of(floe: container.Floe, number: int) -> bytes:
    return floe.segment_key(floe.message_key(), number)


@pytest.fixture(scope="module")
def films() -> tuple[Film, Film]:
    """Two of the same name and key, as one file that was sealed twice."""
    file_id, root = os.urandom(16), os.urandom(32)
    made = container.derive_secrets(root, file_id)

    def seal(payload: bytes) -> Film:
        out = io.BytesIO()
        source = container.Source("Aurora.bin", len(payload), io.BytesIO(payload))
        sealing = container.Sealing(secrets=made, file_id=file_id, title="Aurora")
        packed = container.pack(out, [source], sealing)
        return Film(out.getvalue(), packed.core, packed.content_id, made.content_key)

    return seal(PAYLOAD), seal(os.urandom(len(PAYLOAD)))


def replaced(raw: bytes, at: slice, piece: bytes) -> bytes:
    return raw[: at.start] + piece + raw[at.stop :]


def flipped(raw: bytes, at: int) -> bytes:
    return replaced(raw, slice(at, at + 1), bytes([raw[at] ^ 1]))


@pytest.fixture
def opened(person: Callable[..., Page], tmp_path: Path) -> Callable[..., dict[str, str | None]]:
    """Drops a file and its licence, presses Save if there is one to press; what the page says."""
    noor = person()
    noor.goto("/open/")
    saved: list[str] = []
    noor.on("download", lambda each: saved.append(each.suggested_filename))

    def drop(raw: bytes, licence: bytes, *, goes: bool = False) -> dict[str, str | None]:
        noor.goto("/open/")
        (tmp_path / "found.kim").write_bytes(raw)
        (tmp_path / "my.json").write_bytes(licence)
        by(noor, "licence-open").set_input_files([tmp_path / "found.kim", tmp_path / "my.json"])
        save = noor.locator("#open").get_by_test_id("save")

        def answered() -> bool:
            return bool(noor.evaluate(SAID)["code"]) or save.is_visible()

        wait_for(answered)
        if save.is_visible():
            save.click()
            if goes:
                expect(noor.locator('.saving[data-state="saved"]')).to_be_visible(timeout=30_000)
            else:
                wait_for(lambda: noor.evaluate(SAID)["said"])
                assert noor.locator('.saving[data-state="saved"]').count() == 0
        said: dict[str, str | None] = noor.evaluate(SAID)
        return said

    return drop


def test_what_was_not_spoiled_is_saved(
    opened: Callable[..., dict[str, str | None]], films: tuple[Film, Film]
) -> None:
    film, _ = films

    assert opened(film.raw, film.licence(), goes=True) == {"code": None, "said": None}


def test_a_spoiled_header_index_or_length_is_refused_at_the_drop(
    opened: Callable[..., dict[str, str | None]], films: tuple[Film, Film]
) -> None:
    film, twin = films
    raw, index_at = film.raw, film.core.index_offset
    for name, at in FIELDS.items():
        assert opened(flipped(raw, at), film.licence())["code"] in AT_ONCE, name
    for name, spoiled, code in (
        ("cut at a segment's end", raw[: film.segment(1).stop], "truncated"),
        ("a byte more", raw + b"\0", "damaged"),
        ("a hash in the index", flipped(raw, index_at + 40), "damaged"),
        ("a commitment in the index", flipped(raw, index_at + 70), "damaged"),
        ("the root", flipped(raw, index_at + 32 + 3 * 64 + 1), "damaged"),
        ("the other's header", replaced(raw, slice(0, 128), twin.raw[:128]), "wrong_file"),
    ):
        assert opened(spoiled, film.licence())["code"] == code, name
    wrong = film.licence(content_key=os.urandom(32))
    assert opened(raw, wrong)["code"] == "wrong_key"
    assert opened(raw, twin.licence())["code"] == "wrong_file"


def test_spoiled_segments_are_never_called_saved(
    opened: Callable[..., dict[str, str | None]], films: tuple[Film, Film]
) -> None:
    film, twin = films
    raw, first, second = film.raw, film.segment(0), film.segment(1)
    swapped = replaced(replaced(raw, first, raw[second]), second, raw[first])
    for name, spoiled in (
        ("a bit", flipped(raw, second.start + 1000)),
        ("its iv", flipped(raw, second.start + 5)),
        ("its tag", flipped(raw, second.stop - 1)),
        ("reordered", swapped),
        ("duplicated", replaced(raw, second, raw[first])),
        ("spliced from its twin", replaced(raw, second, twin.raw[second])),
    ):
        assert "damaged" in (opened(spoiled, film.licence())["said"] or ""), name

    for name, (spoiled, content_id) in (
        ("reordered, and the index with it", film.reindexed(swapped)),
        ("another key committed to", film.reindexed(raw, forged=1)),
    ):
        said = opened(spoiled, film.licence(content_id=content_id))["said"]
        assert said, name
        print(f"{name}: {said}")
