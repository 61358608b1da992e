"""What holds for any payload and any damage: round trips, refusals, exact sizes."""

import hashlib
import os
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unlock import container, errors
from unlock.container import tlvs
from unlock.container.names import safe_name
from unlock.container.unpack import check_payload

SEG_LOG2 = 12
SIZES = frozenset({SEG_LOG2})
ROOM = (1 << SEG_LOG2) - 32
calmly = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def seal(files: dict[str, bytes], *, is_bundle: bool) -> tuple[bytes, container.Secrets]:
    file_id = os.urandom(16)
    secrets = container.derive_secrets(os.urandom(32), file_id)
    sealing = container.Sealing(secrets, file_id, is_bundle=is_bundle, seg_log2=SEG_LOG2)
    sources = [container.Source(path, len(data), BytesIO(data)) for path, data in files.items()]
    out = BytesIO()
    container.pack(out, sources, sealing)
    return out.getvalue(), secrets


def reader_of(raw: bytes, secrets: container.Secrets) -> container.Reader:
    opened = container.Container(BytesIO(raw), seg_log2s=SIZES)
    return container.Reader(opened, secrets.content_key)


sizes = st.one_of(
    st.integers(0, 3 * ROOM),
    st.builds(lambda n, d: max(0, n * ROOM + d), st.integers(0, 3), st.integers(-1, 1)),
)


@calmly
@given(size=sizes, offset=st.integers(0, 3 * ROOM), length=st.integers(0, 2 * ROOM))
def test_any_stretch_of_any_payload_comes_back(size: int, offset: int, length: int) -> None:
    data = os.urandom(size)

    raw, secrets = seal({"a": data}, is_bundle=False)
    reader = reader_of(raw, secrets)

    assert reader.read(0, size) == data
    assert reader.read(offset, length) == data[offset : offset + length]
    assert len(raw) == reader.core.total_bytes == reader.core.index_offset + reader.core.index_bytes
    assert sum(reader.core.segment_range(n).size_bytes for n in range(reader.core.segments)) == (
        size + 32 * reader.core.segments
    )


names = st.text(st.characters(codec="utf-8", exclude_characters="/\\\0"), min_size=1, max_size=20)


@calmly
@given(files=st.dictionaries(names, st.binary(max_size=6000), min_size=1, max_size=6))
def test_any_bundle_comes_back_or_its_paths_are_refused(files: dict[str, bytes]) -> None:
    try:
        container.check_paths(list(files))
    except errors.BadDirectory:
        with pytest.raises(errors.BadDirectory):
            seal(files, is_bundle=True)
        return

    raw, secrets = seal(files, is_bundle=True)
    reader = reader_of(raw, secrets)

    entries = reader.directory()
    assert [entry.path for entry in entries] == list(files)
    for entry in entries:
        assert reader.read(entry.offset, entry.size_bytes) == files[entry.path]
        assert entry.sha256 == hashlib.sha256(files[entry.path]).digest()


SEALED, SEALED_SECRETS = seal({"a": os.urandom(3 * ROOM + 7)}, is_bundle=False)


@calmly
@given(data=st.data())
def test_any_mutation_is_refused_unless_it_only_touched_the_label(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(SEALED) - 1))
    count = data.draw(st.integers(1, 40))
    raw = bytearray(SEALED)
    raw[at : at + count] = data.draw(st.binary(min_size=0, max_size=40))
    if bytes(raw) == SEALED:
        return
    is_label_only = (
        len(raw) == len(SEALED)
        and raw[: container.CORE_BYTES] == SEALED[: container.CORE_BYTES]
        and raw[1 << SEG_LOG2 :] == SEALED[1 << SEG_LOG2 :]
    )

    try:
        reader = reader_of(bytes(raw), SEALED_SECRETS)
        check_payload(reader, progress=lambda _: None)
    except errors.ContainerError:
        return

    assert is_label_only
    assert reader.read(0, 10**6) == reader_of(SEALED, SEALED_SECRETS).read(0, 10**6)


@calmly
@given(raw=st.binary(max_size=600), head=st.integers(0, 128))
def test_garbage_never_raises_anything_else(raw: bytes, head: int) -> None:
    with pytest.raises(errors.ContainerError):
        container.Container(BytesIO(SEALED[:head] + raw), seg_log2s=SIZES)


@calmly
@given(area=st.binary(max_size=300))
def test_any_tlv_area_is_read_or_refused(area: bytes) -> None:
    core = container.CoreHeader.parse(SEALED, seg_log2s=SIZES)
    padded = area.ljust((1 << SEG_LOG2) - 128, b"\0")

    try:
        found = container.parse_tlvs(padded, core)
    except errors.Damaged:
        return

    assert container.build_tlvs(found, seg_log2=SEG_LOG2) == padded


@calmly
@given(pieces=st.lists(st.integers(1, 9000), min_size=1, max_size=30))
def test_the_verifier_takes_pieces_of_any_length(pieces: list[int]) -> None:
    opened = container.Container(BytesIO(SEALED), seg_log2s=SIZES)
    verifier = container.SegmentVerifier(opened.core, opened.index)
    at = 0

    for piece in [*pieces, len(SEALED)]:
        verifier.feed(SEALED[at : at + piece])
        at += piece
    verifier.finish()

    assert verifier.segments_done == 4
    with pytest.raises(errors.Damaged):
        verifier.feed(b"x")


@calmly
@given(name=st.text())
def test_names_from_strangers_become_plain_file_names(name: str) -> None:
    safe = safe_name(name)

    assert safe not in {"", ".", ".."}
    assert not set(safe) & set('/\\\0\n\r\x1b\u202e:*?"<>|')
    assert not safe.startswith(".")
    assert len(safe.encode()) <= 220


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Lied für Noor.mp4", "Lied für Noor.mp4"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\eve\\x.exe", "x.exe"),
        (".bashrc", "bashrc"),
        ("cod\u202egpj.exe", "codgpj.exe"),
        ("a\x1b[31m.txt", "a[31m.txt"),
        ("", "unlocked.bin"),
        ("x" * 300 + ".tar", "x" * 196 + ".tar"),
    ],
)
def test_names_keep_what_is_harmless(name: str, expected: str) -> None:
    assert safe_name(name) == expected


def test_deposits_and_releases_made_here_open_here() -> None:
    instance, buyer = container.new_key_pair(), container.new_key_pair()
    paid_file, purchase, content_id, secret = uuid4(), uuid4(), os.urandom(32), os.urandom(32)

    deposit = container.seal_deposit(
        instance.public_key, paid_file=paid_file, content_id=content_id, release_secret=secret
    )
    opened = container.open_deposit(
        [buyer.private_key, instance.private_key],
        deposit,
        paid_file=paid_file,
        content_id=content_id,
    )
    bound: dict[str, Any] = {"paid_file": paid_file, "purchase": purchase, "content_id": content_id}
    sealed = container.seal_release(buyer.public_key, **bound, release_secret=opened)

    assert len(deposit) == len(sealed) == container.SEALED_BYTES == 113
    assert container.open_release(buyer.private_key, sealed, **bound) == secret
    with pytest.raises(errors.WrongKey):
        container.open_release(instance.private_key, sealed, **bound)


@pytest.mark.parametrize("key", [b"", bytes(65), b"\x04" + bytes(64), b"\x02" + bytes(32)])
def test_public_keys_that_are_no_points_are_refused(key: bytes) -> None:
    with pytest.raises(errors.WrongKey):
        container.check_public_key(key)


def test_a_description_too_long_for_the_header_is_an_error_of_the_caller() -> None:
    with pytest.raises(ValueError, match="full"):
        container.build_tlvs([container.Tlv(tlvs.TYPE_HINT, bytes(4000))], seg_log2=SEG_LOG2)


def test_sources_must_be_as_long_as_they_say() -> None:
    file_id = bytes(16)
    sealing = container.Sealing(container.derive_secrets(bytes(32), file_id), file_id)
    for data in (b"ab", b"abcd"):
        with pytest.raises(ValueError, match=r"(short|long)er than it said"):
            container.pack(BytesIO(), [container.Source("a", 3, BytesIO(data))], sealing)
