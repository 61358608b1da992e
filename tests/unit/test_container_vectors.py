"""Every committed vector, read by the Python side. The browser's side reads the same files."""

import hashlib
import json
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.vectors import generate, vault
from unlock import container, errors
from unlock.container import floe
from unlock.container.unpack import check_payload

VECTORS = Path(__file__).parents[1] / "vectors"
TEST_SIZES = frozenset({12, 18})


def load(name: str) -> dict[str, Any]:
    return dict(json.loads((VECTORS / name).read_text(encoding="utf-8")))


KEYS = load("keys.json")
CONTAINERS = {case["name"]: case for case in load("containers.json")["cases"]}
TAMPER = load("tamper.json")
WHOLE = [case for case in CONTAINERS.values() if "container_base64url" in case]


def x(text: str) -> bytes:
    return bytes.fromhex(text)


def by_name(case: dict[str, Any]) -> str:
    return str(case.get("name") or case.get("url") or case.get("n") or case.get("generation"))


def error_of(name: str) -> type[errors.ContainerError]:
    found: type[errors.ContainerError] = getattr(errors, name)
    assert issubclass(found, errors.ContainerError)
    return found


def test_the_generator_writes_exactly_the_committed_files() -> None:
    written: dict[str, object] = {}

    generate.main(written.__setitem__)

    assert sorted(written) == ["containers.json", "keys.json", "tamper.json"]
    for name, content in written.items():
        assert json.loads(json.dumps(content)) == load(name), name


# --- FLOE's published answers ---


@pytest.mark.parametrize("case", load("floe.json")["cases"], ids=by_name)
def test_floe_known_answers_open_and_seal_again(case: dict[str, Any]) -> None:
    stored, room = x(case["ciphertext"]), case["segment_bytes"]
    session = floe.Floe(x(case["key"]), stored[10:42], x(case["aad"]), room, case["rotation_mask"])
    assert stored[:10] == session.params
    assert stored[42:74] == session.header_tag()

    message_key, opened = session.message_key(), b""
    for number, at in enumerate(range(74, len(stored), room)):
        segment = stored[at : at + room]
        is_final = at + room >= len(stored)
        key = session.segment_key(message_key, number)
        plaintext = floe.open_segment(key, number, segment, is_final=is_final)
        assert plaintext is not None
        again = floe.seal_segment(key, number, plaintext, is_final=is_final, gcm_iv=segment[4:16])
        assert again == segment
        opened += plaintext

    assert opened == x(case["plaintext"])


# --- keys ---


@pytest.mark.parametrize("case", KEYS["creator"], ids=by_name)
def test_a_creator_root_leads_to_m_s_and_l(case: dict[str, Any]) -> None:
    made = container.derive_secrets(
        x(case["root"]), x(case["file_id"]), generation=case["generation"]
    )

    assert made.content_key == x(case["m"])
    assert made.release_secret == x(case["s"])
    assert made.link_secret == x(case["l"])
    assert container.hash_commitment(made.release_secret) == x(case["h_s"])


@pytest.mark.parametrize("case", KEYS["versions"], ids=lambda case: f"g {case['generation']}")
def test_a_version_has_its_own_m_and_s_under_the_files_link(case: dict[str, Any]) -> None:
    core = container.CoreHeader.parse(x(case["core"]))
    made = container.derive_version_secrets(
        x(case["root"]),
        core.file_id,
        link_file_id=x(case["link_file_id"]),
        link_generation=case["link_generation"],
        generation=case["generation"],
    )

    assert made.content_key == x(case["m"])
    assert made.release_secret == x(case["s"])
    assert made.link_secret == x(case["l"])
    assert container.hash_commitment(made.release_secret) == x(case["h_s"])
    opened = container.unwrap(
        core, x(case["w"]), release_secret=made.release_secret, link_secret=made.link_secret
    )
    assert opened == made.content_key


@pytest.mark.parametrize("case", KEYS["vault"], ids=lambda case: case["password_text"])
def test_a_vault_opens_with_the_password_alone(case: dict[str, Any]) -> None:
    proof, key = vault.work(case["password_text"], x(case["salt"]))
    sealed, root = x(case["sealed_root"]), x(case["root"])
    opened = AESGCM(key).decrypt(
        sealed[:12], sealed[12:], b"KIM1 vault" + case["username_text"].encode()
    )

    assert (proof, key) == (x(case["proof"]), x(case["vault_key"]))
    assert (opened, len(sealed)) == (root, 60)
    assert vault.recovery_secret(root) == x(case["recovery"])
    assert hashlib.sha256(x(case["recovery"])).hexdigest() == case["recovery_hash"]


@pytest.mark.parametrize("case", KEYS["buyer"], ids=by_name)
def test_a_buyer_root_leads_to_claim_and_key_pair(case: dict[str, Any]) -> None:
    seed = container.derive_seed(x(case["buyer_root"]), case["n"])
    claim = container.derive_claim(seed)
    pair = container.buyer_key_pair(seed)

    assert seed == x(case["seed"])
    assert container.decode_b64url(case["claim_base64url"]) == claim == x(case["claim"])
    assert container.claim_hash(claim) == x(case["claim_hash"])
    assert (pair.private_key, pair.public_key) == (x(case["private_key"]), x(case["public_key"]))


def test_key_pairs_follow_rfc_9180() -> None:
    [case] = KEYS["hpke_derive_key_pair"]
    pair = container.derive_key_pair(x(case["ikm"]))
    assert (pair.private_key, pair.public_key) == (x(case["private_key"]), x(case["public_key"]))


def test_w_and_the_description_are_as_written() -> None:
    case = KEYS["wrap"]
    core = container.CoreHeader.parse(x(case["core"]))
    secrets = container.Secrets(x(case["m"]), x(case["s"]), x(case["l"]))

    assert container.wrap(core, secrets, gcm_iv=x(case["wrap_iv"])) == x(case["w"])
    opened = container.unwrap(
        core, x(case["w"]), release_secret=x(case["s"]), link_secret=x(case["l"])
    )
    assert opened == x(case["m"])
    tlv = container.Tlv(3, x(case["meta_link"]))
    meta = container.open_meta(core, [tlv], x(case["l"]))
    assert meta.title == "Lied"
    assert meta.files == (container.MetaFile("Lied für Noor.mp4", 1_000_000),)
    assert container.seal_meta(core, x(case["l"]), meta, gcm_iv=x(case["meta_iv"])) == tlv.value


def test_the_fixed_deposit_opens_with_the_instance_key_among_several() -> None:
    case = KEYS["deposit"]
    private_keys = [x(case["other_private_key"]), x(case["private_key"])]
    paid_file, content_id = UUID(case["paid_file"]), x(case["content_id"])
    assert container.deposit_info(paid_file, content_id) == x(case["info"])

    opened = container.open_deposit(
        private_keys, x(case["sealed"]), paid_file=paid_file, content_id=content_id
    )

    assert opened == x(case["s"])
    with pytest.raises(errors.WrongKey):
        container.open_deposit(
            private_keys[:1], x(case["sealed"]), paid_file=paid_file, content_id=content_id
        )


def test_the_fixed_release_opens_for_its_buyer_file_and_purchase_only() -> None:
    case = KEYS["release"]
    ids = {"paid_file": UUID(case["paid_file"]), "purchase": UUID(case["purchase"])}
    content_id, sealed = x(case["content_id"]), x(case["sealed"])
    assert container.release_info(**ids, content_id=content_id) == x(case["info"])

    opened = container.open_release(x(case["private_key"]), sealed, **ids, content_id=content_id)

    assert opened == x(case["s"])
    assert container.hash_commitment(opened) == x(case["h_s"])
    for wrong in ({"paid_file": ids["purchase"]}, {"purchase": ids["paid_file"]}):
        with pytest.raises(errors.WrongKey):
            container.open_release(
                x(case["private_key"]), sealed, **{**ids, **wrong}, content_id=content_id
            )
    with pytest.raises(errors.WrongKey):
        container.open_release(x(case["private_key"]), sealed, **ids, content_id=bytes(32))


@pytest.mark.parametrize("case", KEYS["links"], ids=by_name)
def test_links_are_read_or_refused(case: dict[str, Any]) -> None:
    if "expect" in case:
        with pytest.raises(error_of(case["expect"])):
            container.parse_link(case["url"])
        return

    link = container.parse_link(case["url"])

    assert (link.id, link.link_secret.hex()) == (case["id"], case["l"])
    assert link.seed == (x(case["seed"]) if case["seed"] else None)


def test_licence_receipt_ticket_and_release_file_are_as_written() -> None:
    case = KEYS["licence"]
    signing_key, public_key = x(case["signing_key"]), x(case["public_key"])
    licence = container.parse_licence(case["licence_text"].encode())
    release = container.parse_release(case["release_text"].encode())
    receipt, ticket = case["receipt_text"].encode(), case["ticket_text"].encode()

    assert licence.content_key == x(case["m"])
    assert licence.receipt == receipt
    assert container.build_licence(licence).decode() == case["licence_text"]
    assert container.build_release(release).decode() == case["release_text"]
    assert container.sign_receipt(signing_key, receipt) == x(case["receipt_signature"])
    read = container.verify_receipt(public_key, receipt, licence.signature)
    assert container.receipt_bytes(read) == receipt
    ticket_signature = x(case["ticket_signature"])
    assert container.sign_ticket(signing_key, ticket) == ticket_signature
    assert (
        container.ticket_bytes(container.verify_ticket(public_key, ticket, ticket_signature))
        == ticket
    )
    with pytest.raises(errors.SignatureInvalid):
        container.verify_receipt(public_key, receipt, ticket_signature)
    with pytest.raises(errors.SignatureInvalid):
        container.verify_receipt(public_key, receipt + b" ", licence.signature)


@pytest.mark.parametrize("case", KEYS["licence"]["malformed"], ids=lambda c: c["licence_text"])
def test_malformed_licences_are_refused(case: dict[str, Any]) -> None:
    with pytest.raises(error_of(case["expect"])):
        container.parse_licence(case["licence_text"].encode())


# --- containers ---


def open_vector(raw: bytes, case: dict[str, Any], **replaced: str) -> bytes:
    """Open as tamper.json tells; returns the whole payload."""
    opened = container.Container(BytesIO(raw), seg_log2s=TEST_SIZES)
    own = {**replaced, **{name: case[name] for name in ("s", "l") if replaced.get(name) == "own"}}
    if "meta_l" in own:
        link_secret = case["l"] if own["meta_l"] == "own" else own["meta_l"]
        container.open_meta(opened.core, opened.tlvs, x(link_secret))
    content_key = x(own.get("m", case["m"]))
    if "s" in own:
        wraps = container.wraps_of(opened.tlvs)
        content_key = container.unwrap_any(
            opened.core, wraps, release_secret=x(own["s"]), link_secret=x(own["l"])
        )
    reader = container.Reader(opened, content_key)
    if "content_id" in own:
        opened.check_content_id(x(own["content_id"]))
    payload = b"".join(reader.segment(number) for number in range(reader.core.segments))
    check_payload(reader, progress=lambda _: None)
    return payload


def verify_vector(raw: bytes) -> None:
    opened = container.Container(BytesIO(raw), seg_log2s=TEST_SIZES)
    verifier = container.SegmentVerifier(opened.core, opened.index)
    verifier.feed(raw)
    verifier.finish()


@pytest.mark.parametrize("case", CONTAINERS.values(), ids=by_name)
def test_containers_are_sealed_byte_for_byte_as_written(case: dict[str, Any]) -> None:
    drawn = iter(
        [x(case[iv]) for iv in ("floe_iv", "wrap_iv", "meta_iv")] + [*map(x, case["gcm_ivs"])]
    )
    sealing_of = container.Sealing(
        container.derive_secrets(x(case["root"]), x(case["file_id"])),
        x(case["file_id"]),
        title=json.loads(case["meta_text"])["title"],
        hint=case["hint_text"].encode(),
        is_bundle=case["is_bundle"],
        random_bytes=lambda _: next(drawn),
        seg_log2=case["seg_log2"],
    )
    sources = [
        container.Source(f["path"], f["size"], BytesIO(data_of(f)), f["type"])
        for f in case["files"]
    ]
    out = BytesIO()

    packed = container.pack(out, sources, sealing_of)

    assert packed.content_id == x(case["content_id"])
    assert packed.index.root == x(case["root_hash"])
    assert packed.core.raw == x(case["core"])
    assert packed.core.total_bytes == case["total_bytes"] == len(out.getvalue())
    assert hashlib.sha256(out.getvalue()).hexdigest() == case["container_sha256"]


def data_of(file: dict[str, Any]) -> bytes:
    if "stream" in file:
        return generate.stream(file["stream"]["label"], file["stream"]["size"])
    return container.decode_b64url(file["data_base64url"])


@pytest.mark.parametrize("case", WHOLE, ids=by_name)
def test_containers_open_to_their_files(case: dict[str, Any]) -> None:
    raw = container.decode_b64url(case["container_base64url"])

    payload = open_vector(raw, case, s="own", l="own", meta_l="own", content_id=case["content_id"])

    whole = b"".join(data_of(file) for file in case["files"])
    assert payload[: len(whole)] == whole
    assert len(payload) == case["payload_bytes"]
    verify_vector(raw)


# --- tampering ---


def spoil(case: dict[str, Any]) -> bytes:
    raw = bytearray(container.decode_b64url(CONTAINERS[case["vector"]]["container_base64url"]))
    for op in case["ops"]:
        match op["op"]:
            case "truncate":
                del raw[op["size"] :]
            case "append":
                raw += x(op["bytes"])
            case "flip":
                raw[op["offset"]] ^= 1 << op["bit"]
            case "set":
                data = x(op["bytes"])
                raw[op["offset"] : op["offset"] + len(data)] = data
            case "remove":
                del raw[op["offset"] : op["offset"] + op["size"]]
    return bytes(raw)


def assert_refused(expect: str | None, act: Any, segment: int | None) -> None:
    if expect is None:
        act()
        return
    with pytest.raises(errors.ContainerError) as caught:
        act()
    assert type(caught.value) is error_of(expect)
    assert getattr(caught.value, "segment", None) == segment


@pytest.mark.parametrize("case", TAMPER["cases"], ids=by_name)
def test_tampered_containers_are_refused_by_name(case: dict[str, Any]) -> None:
    raw, vector = spoil(case), CONTAINERS[case["vector"]]
    segment = case.get("segment")

    assert_refused(case["open"], lambda: open_vector(raw, vector, **case.get("with", {})), segment)
    assert_refused(case["verify"], lambda: verify_vector(raw), segment)


@pytest.mark.parametrize("case", TAMPER["directories"], ids=by_name)
def test_directories_are_read_or_refused(case: dict[str, Any]) -> None:
    raw = case["text"].encode()
    assert_refused(
        case["expect"], lambda: container.parse_directory(raw, case["payload_bytes"]), None
    )


def test_every_flipped_bit_of_the_core_header_is_refused() -> None:
    case = CONTAINERS["five-segments"]
    good = container.decode_b64url(case["container_base64url"])
    refused: dict[str, int] = {}

    for position in range(1024):
        raw = bytearray(good)
        raw[position // 8] ^= 0x80 >> position % 8
        with pytest.raises(errors.ContainerError) as caught:
            open_vector(bytes(raw), case)
        name = type(caught.value).__name__
        refused[name] = refused.get(name, 0) + 1

    assert sum(refused.values()) == 1024
    assert refused["NotAContainer"] == 64
    assert refused["WrongKey"] == 1 + 512
