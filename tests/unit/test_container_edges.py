"""Edges that no vector reaches: wrong types, short pieces, caller's mistakes."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.unit.test_container_vectors import CONTAINERS, KEYS, x
from unlock import container, errors
from unlock.container import floe, keys, papers, sealing
from unlock.container.bundle import directory_bytes

FIVE = CONTAINERS["five-segments"]
RAW = container.decode_b64url(FIVE["container_base64url"])
CORE = container.CoreHeader.parse(RAW, seg_log2s=frozenset({12}))
INDEX = container.parse_index(RAW[CORE.index_offset :], CORE)
SIGNING_KEY = x(KEYS["licence"]["signing_key"])
PUBLIC_KEY = x(KEYS["licence"]["public_key"])


def test_segments_outside_the_container_have_no_place() -> None:
    assert CORE.segment_range(4) == (4096 * 5, 132)
    for number in (-1, 5):
        with pytest.raises(IndexError):
            CORE.segment_range(number)


def test_an_index_must_be_whole_and_nothing_more() -> None:
    with pytest.raises(errors.Truncated):
        container.parse_index(INDEX.raw[:-1], CORE)
    with pytest.raises(errors.Damaged):
        container.parse_index(INDEX.raw + b"\0", CORE)


def test_a_short_tlv_area_is_cut() -> None:
    with pytest.raises(errors.Truncated):
        container.parse_tlvs(RAW[128:4095], CORE)


def test_a_stored_segment_shorter_than_its_frame_does_not_open() -> None:
    assert floe.open_segment(bytes(32), 0, bytes(31), is_final=True) is None


def test_the_verifier_notices_another_header_and_a_missing_end() -> None:
    other = container.SegmentVerifier(CORE, INDEX)
    with pytest.raises(errors.Damaged):
        other.feed(RAW[:100] + b"\xff")
    cut = container.SegmentVerifier(CORE, INDEX)
    cut.feed(RAW[:-1])
    with pytest.raises(errors.Truncated):
        cut.finish()


@pytest.mark.parametrize("mark", [b"", bytes(7), b"\xff" * 8, (93).to_bytes(8)])
def test_impossible_lengths_of_a_directory_are_refused(mark: bytes) -> None:
    with pytest.raises(errors.BadDirectory):
        directory_bytes(mark, 100)


@pytest.mark.parametrize(
    "spoiled", [{"path": 1}, {"type": None}, {"sha256": 5}, {"size": True}, {"size": None}]
)
def test_directories_with_wrong_types_are_refused(spoiled: dict[str, Any]) -> None:
    file = {"path": "a", "size": 1, "type": "", "sha256": "ab" * 32, **spoiled}
    raw = json.dumps({"v": 1, "files": [file]}).encode()
    with pytest.raises(errors.BadDirectory):
        container.parse_directory(raw, len(raw) + 9)


def sealed_text(text: bytes) -> container.Tlv:
    link_secret = x(FIVE["l"])
    key = keys._meta_key(CORE, link_secret)
    sealed = AESGCM(key).encrypt(bytes(12), text.ljust(256), keys._meta_aad(CORE))
    return container.Tlv(3, bytes(12) + sealed)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", errors.Damaged),
        (b"[]", errors.Damaged),
        (b'{"v":1}', errors.Damaged),
        (b"\xff", errors.Damaged),
        (b'{"v":2}', errors.UnsupportedVersion),
    ],
)
def test_descriptions_that_open_but_cannot_be_read(
    text: bytes, expected: type[errors.ContainerError]
) -> None:
    with pytest.raises(expected):
        container.open_meta(CORE, [sealed_text(text)], x(FIVE["l"]))


def test_a_container_without_a_description_says_so() -> None:
    with pytest.raises(errors.Damaged):
        container.open_meta(CORE, [], x(FIVE["l"]))


@pytest.mark.parametrize(
    "url",
    ["", "kim", "https://h/x/1#1.a", "javascript:/f/1#1.a", "https://[/f/1", "ftp://h/f/1#1.a"],
)
def test_what_is_no_link_is_called_so(url: str) -> None:
    with pytest.raises(errors.LinkMalformed):
        container.parse_link(url)


def test_a_share_link_may_end_in_a_discount_code_and_a_return_link_may_not() -> None:
    share, code = f"https://h/f/1#1.{'A' * 22}", "ABCDEFGHIJKLMN27"

    assert container.parse_link(share).code == ""
    assert container.parse_link(f"{share}.{code}).").code == code
    assert container.parse_link(f"{share}.{code}").link_secret == bytes(16)
    for bad in (f"{share}.ABC", f"{share}.{code}.{code}", f"https://h/p/1#1.{'A' * 22}.{code}"):
        with pytest.raises(errors.LinkMalformed):
            container.parse_link(bad)


@pytest.mark.parametrize(
    "raw", [b"", b"\xff", b'{"kim":"licence","v":1}', b'{"kim":"release","v":1}']
)
def test_what_is_no_release_file_is_called_so(raw: bytes) -> None:
    with pytest.raises(errors.LicenceMalformed):
        container.parse_release(raw)


@pytest.mark.parametrize("member", ["content_id", "m", "name", "copies", "receipt", "signature"])
def test_a_licence_with_a_member_of_the_wrong_type_is_refused(member: str) -> None:
    members = json.loads(KEYS["licence"]["licence_text"])
    members[member] = 5
    with pytest.raises(errors.LicenceMalformed):
        container.parse_licence(json.dumps(members).encode())


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b"", b"\xff", b'{"instance":5}', b'{"paid_file":5}']
)
def test_signed_bytes_that_are_something_else_are_refused(body: bytes) -> None:
    with pytest.raises(errors.SignatureInvalid):
        container.verify_receipt(PUBLIC_KEY, body, container.sign_receipt(SIGNING_KEY, body))
    with pytest.raises(errors.SignatureInvalid):
        container.verify_ticket(PUBLIC_KEY, body, container.sign_ticket(SIGNING_KEY, body))


def test_a_signature_under_no_key_at_all_is_refused() -> None:
    with pytest.raises(errors.SignatureInvalid):
        container.verify_receipt(b"short", b"{}", bytes(64))


def test_receipts_tell_whole_seconds_in_utc() -> None:
    at = datetime.fromisoformat("2026-11-22T15:00:05.678+01:00")
    body = container.receipt_bytes(container.Receipt("https://k", "f", "p", bytes(32), 0, (), at))

    read = container.verify_receipt(PUBLIC_KEY, body, container.sign_receipt(SIGNING_KEY, body))

    assert b'"settled_at":"2026-11-22T14:00:05Z"' in body
    assert read.settled_at == datetime(2026, 11, 22, 14, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize("text", ["A", "AB=", "A+", "AB", "Ä", "AAAA\n"])
def test_base64url_is_strict(text: str) -> None:
    with pytest.raises(ValueError, match="base64"):
        papers.decode_b64url(text, 1)


def test_no_secret_stands_in_a_repr() -> None:
    secret = bytes(range(32))
    shown = [
        repr(container.Secrets(secret, secret, secret)),
        repr(container.Link("x", secret, secret)),
        repr(container.Licence(secret, secret, "", (), b"", b"")),
        repr(container.ReleaseFile(secret, secret)),
        repr(container.KeyPair(secret, b"public")),
    ]
    for text in shown:
        assert secret.hex() not in text
        assert repr(secret) not in text


@pytest.mark.parametrize("key", [b"", bytes(32), b"\xff" * 32, bytes(33)])
def test_private_keys_outside_the_curve_are_refused(key: bytes) -> None:
    with pytest.raises(errors.WrongKey):
        container.public_key_of(key)


def test_a_sealed_secret_of_another_length_is_refused() -> None:
    pair = container.new_key_pair()
    case = KEYS["release"]
    with pytest.raises(errors.WrongKey):
        container.open_deposit(
            [pair.private_key],
            bytes(112),
            paid_file=UUID(case["paid_file"]),
            content_id=bytes(32),
        )


def test_key_pairs_skip_candidates_outside_the_curve(monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 9180 tries again about once in 2^32 seeds; a smaller order makes it happen."""
    first = container.derive_key_pair(bytes(32)).private_key
    monkeypatch.setattr(sealing, "_P256_ORDER", int.from_bytes(first))
    second = container.derive_key_pair(bytes(32)).private_key
    assert int.from_bytes(second) < int.from_bytes(first)

    monkeypatch.setattr(sealing, "_P256_ORDER", 1)
    with pytest.raises(errors.WrongKey):
        container.derive_key_pair(bytes(32))


def test_a_point_of_the_curve_passes_unchanged() -> None:
    public_key = container.new_key_pair().public_key
    assert container.check_public_key(public_key) == public_key


def test_a_content_id_in_capitals_is_not_ours() -> None:
    members = json.loads(KEYS["licence"]["licence_text"])
    members["content_id"] = members["content_id"].upper()
    with pytest.raises(errors.LicenceMalformed):
        container.parse_licence(json.dumps(members).encode())
