"""A sealed file on its way to another instance: the same bytes, under a link that opens there."""

from __future__ import annotations

import io
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from kimcli import carrying, exports, moving, sealing, selection, sources
from kimcli.accounts import Account
from kimcli.carrying import Carrier, Load
from kimcli.errors import CommandFailed, FilesWrong, Refused, Unreachable
from kimcli.exports import Held
from kimcli.keyfiles import KeyFile
from kimcli.selection import Payload
from kimcli.sources import Ciphertext
from kimcli.wire import Api
from unlock import container
from unlock.container import Container, CoreHeader, encode_b64url

ROOT = bytes(range(32))
PART = 4 * 2**18
DATA = os.urandom(2 * PART + 17)


def account(tmp_path: Path, root: bytes = ROOT) -> Account:
    api = Api("http://127.0.0.1:1", lambda _seconds: None)
    return Account(api, "maya", KeyFile(tmp_path / "maya.json", "creator", root))


def sealed(tmp_path: Path) -> bytes:
    (tmp_path / "song.mp3").write_bytes(DATA)
    picked = selection.gather(tmp_path / "song.mp3")
    payload = Payload(picked)
    meta = selection.describe(picked)
    head = sealing.begin(ROOT, payload, meta, server="https://old.example", is_bundle=False)
    key = container.derive_content_key(ROOT, head.core.file_id)
    sealer = sealing.Sealer(head, key, payload, PART)
    return b"".join(sealer.seal(n).raw for n in range(1, sealer.part_count + 1))


def exported(raw: bytes, *, first: bytes = b"", link: int = 0, generation: int = 0) -> Any:
    """A row of an export; ``first``: the file id of the first content, where that was replaced."""
    found = Container(io.BytesIO(raw))
    first = first or found.core.file_id
    secret = container.derive_release_secret(ROOT, first, generation=generation)
    return {
        "id": str(uuid4()), "state": "published", "title": "Song", "description": "",
        "price": {"amount": "2.00", "currency": "EUR"}, "confirmations": 1,
        "is_instant": False, "stream_only": False, "codes": [], "sample": None, "cover": None,
        "pricing": {"kind": "fixed", "stock": 10, "left": 4, "free_first": 5, "free_left": 0},
        "showcase": {"is_adult": True, "shows_contents": False, "has_card": False},
        "generation": generation, "link_generation": link, "link_file_id": first.hex(),
        "h_s": container.hash_commitment(secret).hex(), "wrapped_key": encode_b64url(bytes(60)),
        "meta_link": "",
        "container": {
            "content_id": found.content_id.hex(), "core_header": encode_b64url(found.core.raw),
            "copies": [{"store": "main", "object": "x"}, {"url": "https://host.example/x"}],
        },
    }  # fmt: skip


def held_of(tmp_path: Path, *rows: Any) -> exports.Past:
    path = tmp_path / "account.json"
    whole = {"format": "kim-account-1", "instance": "https://old.example", "files": rows}
    path.write_text(json.dumps(whole))
    return exports.read(path, None)


def load_of(held: Held, *places: Path) -> Load:
    ciphertext = Ciphertext(held.core, held.content_id, lambda: places, lambda _seconds: None)
    generation = moving.generation_of(held)
    secrets = container.derive_secrets(ROOT, held.core.file_id, generation=generation)
    return Load(held, ciphertext, secrets, generation)


def carried(tmp_path: Path, load: Load) -> tuple[bytes, bool]:
    """All parts as they would be sent, and whether the header is the one that it had."""
    head, is_as_it_was = carrying.head_of(account(tmp_path), load)
    raw_header = load.ciphertext.header() if is_as_it_was else head.raw
    carrier = Carrier(load.ciphertext, raw_header, PART)
    parts = [carrier.seal(n) for n in reversed(range(1, carrier.part_count + 1))]
    load.ciphertext.close()
    assert [len(p.raw) for p in parts] == [carrier.size_of(p.number) for p in parts]
    secrets = load.secrets
    opened = container.unwrap(
        load.core, head.wrapped_key,
        release_secret=secrets.release_secret, link_secret=secrets.link_secret,
    )  # fmt: skip
    assert opened == secrets.content_key
    return b"".join(part.raw for part in reversed(parts)), is_as_it_was


def opened(raw: bytes, load: Load) -> bytes:
    found = Container(io.BytesIO(raw))
    meta = container.open_meta(found.core, found.tlvs, load.secrets.link_secret)
    assert meta.name == "song.mp3"
    return container.Reader(found, load.secrets.content_key).read(0, len(DATA))


def test_what_never_changed_is_sent_byte_for_byte(tmp_path: Path) -> None:
    raw = sealed(tmp_path)
    (tmp_path / "any name").write_bytes(raw)
    [held] = held_of(tmp_path, exported(raw)).files
    places = sources.in_folder(tmp_path, [held.core])
    load = load_of(held, *places.values())

    assert places == {held.core.raw: tmp_path / "any name"}
    assert carried(tmp_path, load) == (raw, True)
    assert opened(raw, load) == DATA


@pytest.mark.parametrize(
    ("first", "link", "generation", "there"),
    [(b"", 2, 3, 2), (b"f" * 16, 0, 1, 0), (b"f" * 16, 1, 2, 0)],
)
def test_a_new_link_and_a_replaced_content_get_a_new_description_over_the_same_segments(
    tmp_path: Path, first: bytes, link: int, generation: int, there: int
) -> None:
    raw = sealed(tmp_path)
    row = exported(raw, first=first, link=link, generation=generation)
    if first:  # sealed under the link that the file had from its first content
        raw = _under(raw, container.derive_link_secret(ROOT, first))
    (tmp_path / "x.kim").write_bytes(raw)
    [held] = held_of(tmp_path, row).files
    load = load_of(held, tmp_path / "x.kim")

    sent, is_as_it_was = carried(tmp_path, load)

    before, after = Container(io.BytesIO(raw)), Container(io.BytesIO(sent))
    assert not is_as_it_was
    assert load.generation == there
    assert after.content_id == before.content_id == held.content_id
    assert sent[held.core.header_bytes :] == raw[held.core.header_bytes :]
    assert opened(sent, load) == DATA
    hints = [tlv.value for tlv in after.tlvs if tlv.kind == 1]
    assert hints == [b'{"u": "http://127.0.0.1:1/open/"}']


def _under(raw: bytes, link_secret: bytes) -> bytes:
    """The same container with its description under another link."""
    found = Container(io.BytesIO(raw))
    own = container.derive_link_secret(ROOT, found.core.file_id)
    meta = container.open_meta(found.core, found.tlvs, own)
    described = container.seal_meta(found.core, link_secret, meta, gcm_iv=os.urandom(12))
    tlvs = [replace(t, value=described) if t.kind == 3 else t for t in found.tlvs]
    head = found.core.raw + container.build_tlvs(tlvs, seg_log2=found.core.seg_log2)
    return head + raw[len(head) :]


def test_a_damaged_copy_is_passed_over_and_none_but_damaged_ones_are_refused(
    tmp_path: Path,
) -> None:
    raw = bytearray(sealed(tmp_path))
    (tmp_path / "good").write_bytes(raw)
    raw[5 * 2**18 + 99] ^= 1
    (tmp_path / "bad").write_bytes(raw)
    [held] = held_of(tmp_path, exported((tmp_path / "good").read_bytes())).files

    sent, _ = carried(tmp_path, load_of(held, tmp_path / "bad", tmp_path / "good"))

    assert sent == (tmp_path / "good").read_bytes()
    with pytest.raises(CommandFailed, match="No place gives") as refused:
        carried(tmp_path, load_of(held, tmp_path / "bad"))
    assert refused.value.code == "source_unreadable"
    with pytest.raises(CommandFailed) as refused:
        carried(tmp_path, load_of(held))
    assert refused.value.code == "source_missing"


def test_an_export_is_read_with_what_is_left_and_what_stays_behind(tmp_path: Path) -> None:
    raw = sealed(tmp_path)
    row = exported(raw) | {
        "codes": [{"ended_at": None}, {"ended_at": "2026-01-01T00:00:00Z"}],
        "sample": "audio",
        "cover": {"media_type": "image/webp", "picture": encode_b64url(b"webp")},
    }
    past = held_of(tmp_path, row, exported(raw) | {"state": "paused"})

    [held] = past.files
    assert past.others == 1
    assert held.fields["pricing"] == {"kind": "fixed", "stock": 4, "free_first": 0}
    assert past.picture(held) == ("image/webp", b"webp")
    assert past.addresses(held) == ["https://host.example/x"]
    assert [line.partition(":")[0] for line in held.left_behind] == [
        "1 discount or gift codes stay behind",
        "The sample is not shown here",
    ]


@pytest.mark.parametrize("text", ["", "[]", '{"format": "kim-account-2"}', '{"files": 1}'])
def test_what_is_no_whole_export_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "export.json").write_text(text)
    with pytest.raises(FilesWrong, match="no whole export"):
        exports.read(tmp_path / "export.json", None)


def test_a_file_of_another_key_is_not_taken(tmp_path: Path) -> None:
    [held] = held_of(tmp_path, exported(sealed(tmp_path))).files
    moving.check_root(account(tmp_path), held)
    with pytest.raises(CommandFailed) as refused:
        moving.check_root(account(tmp_path, b"x" * 32), held)
    assert refused.value.code == "key_of_another"


@pytest.mark.parametrize(
    ("error", "stops"),
    [
        (Unreachable("network", "", ""), True),
        (Unreachable("rate_unavailable", "", ""), False),
        (Refused("not_signed_in", "", "", status=401), True),
        (Refused("scope_missing", "", "", status=403), True),
        (Refused("price_below_floor", "", "", status=409), False),
        (FilesWrong("x", ""), False),
    ],
)
def test_what_ails_one_file_does_not_stop_the_others(error: Exception, *, stops: bool) -> None:
    assert moving.stops_all(error) is stops


def test_the_parts_of_a_container_end_where_it_ends(tmp_path: Path) -> None:
    core = CoreHeader.parse(sealed(tmp_path)[:128])
    parts = sealing.Parts(core, PART)
    index = bytes(core.index_bytes)
    held = [len(parts.index_in(n, index)) for n in range(1, parts.part_count + 1)]
    assert sum(held) == core.index_bytes
    assert [size > 0 for size in held] == [
        parts.holds_index(n) for n in range(1, parts.part_count + 1)
    ]
