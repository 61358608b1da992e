"""Write keys.json, containers.json and tamper.json: `python -m tests.vectors.generate`.

Deterministic: every "random" byte comes from a SHA-256 counter stream, so a second run writes the
same files. floe.json is not made here; it holds published figures.
"""

import hashlib
import json
import struct
from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from tests.vectors import vault
from tests.vectors.mutations import tamper_cases
from unlock.container import keys, papers, sealing, writer
from unlock.container.layout import CoreHeader

HERE = Path(__file__).parent
TEST_SEG_LOG2 = 12

# BIP-39's published vectors of 256-bit entropy (https://github.com/trezor/python-mnemonic, MIT).
BIP39 = [
    ("00" * 32, "abandon " * 23 + "art"),
    (
        "7f" * 32,
        (
            "legal winner thank year wave sausage worth useful " * 2
            + "legal winner thank year wave sausage worth title"
        ),
    ),
    (
        "80" * 32,
        (
            "letter advice cage absurd amount doctor acoustic avoid " * 2
            + "letter advice cage absurd amount doctor acoustic bless"
        ),
    ),
    ("ff" * 32, "zoo " * 23 + "vote"),
    (
        "68a79eaca2324873eacc50cb9c6eca8cc68ea5d936f98787c60c7ebc74e6ce7c",
        (
            "hamster diagram private dutch cause delay private meat slide toddler razor book"
            " happy fancy gospel tennis maple dilemma loan word shrug inflict delay length"
        ),
    ),
    (
        "9f6a2878b2520799a44ef18bc7df394e7061a224d2c33cd015b157d746869863",
        (
            "panda eyebrow bullet gorilla call smoke muffin taste mesh discover soft ostrich"
            " alcohol speed nation flash devote level hobby quick inner drive ghost inside"
        ),
    ),
    (
        "066dca1a2bb7e8a1db2832148ce9933eea0f3ac9548d793112d9a95c9407efad",
        (
            "all hour make first leader extend hole alien behind guard gospel lava"
            " path output census museum junior mass reopen famous sing advance salt reform"
        ),
    ),
    (
        "f585c11aec520db57dd353c69554b21a89b20fb0650966fa0a9d6f74fd989d8f",
        (
            "void come effort suffer camp survey warrior heavy shoot primary clutch crush"
            " open amazing screen patrol group space point ten exist slush involve unfold"
        ),
    ),
]

PASSWORDS = ["correct horse battery staple", "Größe 七"]

PAID_FILE = UUID("11112222-3333-4444-8555-666677778888")
PURCHASE = UUID("9999aaaa-bbbb-4ccc-8ddd-eeeeffff0000")


def stream(label: str, size_bytes: int) -> bytes:
    """SHA-256(label || u64 k) for k = 0, 1, … one after another, cut to ``size_bytes``."""
    blocks = -(-size_bytes // 32)
    seed = label.encode()
    whole = b"".join(hashlib.sha256(seed + struct.pack(">Q", k)).digest() for k in range(blocks))
    return whole[:size_bytes]


class Draw:
    """Injected randomness that remembers what it gave."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.drawn: list[bytes] = []

    def __call__(self, size_bytes: int) -> bytes:
        self.drawn.append(stream(f"{self.label} draw {len(self.drawn)}", size_bytes))
        return self.drawn[-1]


def seal_hpke(public_key: bytes, plaintext: bytes, info: bytes, ephemeral_seed: bytes) -> bytes:
    """RFC 9180 base mode with a chosen ephemeral key, written apart from the product's library."""
    ephemeral = sealing.derive_key_pair(ephemeral_seed)
    private = ec.derive_private_key(int.from_bytes(ephemeral.private_key), ec.SECP256R1())
    peer = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public_key)
    kem, suite = b"KEM\x00\x10", b"HPKE\x00\x10\x00\x01\x00\x02"
    prk = _extract(b"", kem, b"eae_prk", private.exchange(ec.ECDH(), peer))
    shared = _expand(prk, kem, b"shared_secret", ephemeral.public_key + public_key, 32)
    context = b"\0" + _extract(b"", suite, b"psk_id_hash", b"")
    context += _extract(b"", suite, b"info_hash", info)
    secret = _extract(shared, suite, b"secret", b"")
    key = _expand(secret, suite, b"key", context, 32)
    nonce = _expand(secret, suite, b"base_nonce", context, 12)
    return ephemeral.public_key + AESGCM(key).encrypt(nonce, plaintext, b"")


def _extract(salt: bytes, suite: bytes, label: bytes, secret: bytes) -> bytes:
    import hmac

    return hmac.digest(salt, b"HPKE-v1" + suite + label + secret, "sha256")


def _expand(prk: bytes, suite: bytes, label: bytes, info: bytes, size_bytes: int) -> bytes:
    labelled = struct.pack(">H", size_bytes) + b"HPKE-v1" + suite + label + info
    return HKDFExpand(SHA256(), size_bytes, labelled).derive(prk)


# --- keys.json ---


def keys_json() -> dict[str, object]:
    return {
        "about": "Hex unless a name says base64url or text. docs/protocol.md, Keys.",
        "words": [{"entropy": entropy, "words": words} for entropy, words in BIP39],
        "creator": [creator_case(n) for n in range(3)],
        "versions": [version_case(n) for n in range(3)],
        "vault": [vault_case(n, password) for n, password in enumerate(PASSWORDS)],
        "buyer": [buyer_case(n) for n in (0, 1, 2, 4294967295)],
        "hpke_derive_key_pair": [
            {
                "source": "RFC 9180, A.3.1 (ikmE, skEm, pkEm)",
                "ikm": "4270e54ffd08d79d5928020af4686d8f6b7d35dbe470265f1f5aa22816ce860e",
                "private_key": "4995788ef4b9d6132b249ce59a77281493eb39af373d236a1fe415cb0c2d7beb",
                "public_key": "04a92719c6195d5085104f469a8b9814d5838ff72b60501e2c4466e5e67b325ac98536d7b61a1af4b78e5b7f951c0900be863c403ce65c9bfcb9382657222d18c4",
            }
        ],
        "wrap": wrap_case(),
        "deposit": deposit_case(),
        "release": release_case(),
        "links": link_cases(),
        "licence": licence_case(),
    }


def creator_case(number: int) -> dict[str, object]:
    root = stream("root R", 32)
    file_id = stream(f"file_id {number // 2}", 16)
    generation = number % 2
    made = keys.derive_secrets(root, file_id, generation=generation)
    return {
        "root": root.hex(),
        "file_id": file_id.hex(),
        "generation": generation,
        "m": made.content_key.hex(),
        "s": made.release_secret.hex(),
        "l": made.link_secret.hex(),
        "h_s": keys.hash_commitment(made.release_secret).hex(),
    }


def version_case(number: int) -> dict[str, object]:
    """The first content, another one under the same link, and that one under a new link."""
    root, first = stream("root R", 32), stream("version 0", 16)
    file_id = stream(f"version {min(number, 1)}", 16)
    place = {"link_generation": number // 2, "generation": number}
    made = keys.derive_version_secrets(root, file_id, link_file_id=first, **place)
    sealed = writer.Sealing(made, file_id, random_bytes=Draw(f"version {min(number, 1)}"))
    core, _ = writer.begin(sealed, 1_000_000)
    iv = stream(f"version iv {number}", 12)
    return {
        "root": root.hex(),
        "core": core.raw.hex(),
        "link_file_id": first.hex(),
        **place,
        "m": made.content_key.hex(),
        "s": made.release_secret.hex(),
        "l": made.link_secret.hex(),
        "h_s": keys.hash_commitment(made.release_secret).hex(),
        "wrap_iv": iv.hex(),
        "w": keys.wrap(core, made, gcm_iv=iv).hex(),
    }


def vault_case(number: int, password: str) -> dict[str, object]:
    salt, iv = stream(f"vault salt {number}", 16), stream(f"vault iv {number}", 12)
    return vault.case(password, "maya-7", salt=salt, root=stream("root R", 32), iv=iv)


def buyer_case(number: int) -> dict[str, object]:
    root = stream("root B", 32)
    seed = keys.derive_seed(root, number)
    claim = keys.derive_claim(seed)
    pair = sealing.buyer_key_pair(seed)
    return {
        "buyer_root": root.hex(),
        "n": number,
        "seed": seed.hex(),
        "claim": claim.hex(),
        "claim_base64url": papers.encode_b64url(claim),
        "claim_hash": keys.claim_hash(claim).hex(),
        "key_seed": keys.derive_key_seed(seed).hex(),
        "private_key": pair.private_key.hex(),
        "public_key": pair.public_key.hex(),
    }


def sample_core() -> tuple[CoreHeader, keys.Secrets]:
    file_id = stream("file_id 0", 16)
    secrets = keys.derive_secrets(stream("root R", 32), file_id)
    sealed = writer.Sealing(secrets, file_id, random_bytes=Draw("sample"))
    core, _ = writer.begin(sealed, 1_000_000)
    return core, secrets


def wrap_case() -> dict[str, object]:
    core, secrets = sample_core()
    wrap_iv, meta_iv = stream("wrap iv", 12), stream("meta iv", 12)
    files = (keys.MetaFile("Lied für Noor.mp4", 1_000_000),)
    meta = keys.Meta("Lied", "Lied für Noor.mp4", "video/mp4", files, 1)
    value = keys.seal_meta(core, secrets.link_secret, meta, gcm_iv=meta_iv)
    key = keys._meta_key(core, secrets.link_secret)
    padded = AESGCM(key).decrypt(meta_iv, value[12:], keys._meta_aad(core))
    return {
        "core": core.raw.hex(),
        "m": secrets.content_key.hex(),
        "s": secrets.release_secret.hex(),
        "l": secrets.link_secret.hex(),
        "kek": keys._wrapping_key(core, secrets.release_secret, secrets.link_secret).hex(),
        "wrap_iv": wrap_iv.hex(),
        "w": keys.wrap(core, secrets, gcm_iv=wrap_iv).hex(),
        "meta_key": key.hex(),
        "meta_iv": meta_iv.hex(),
        "meta_text": padded.decode().rstrip(" "),
        "meta_padded_bytes": len(padded),
        "meta_link": value.hex(),
    }


def deposit_case() -> dict[str, object]:
    instance = sealing.derive_key_pair(stream("instance key", 32))
    older = sealing.derive_key_pair(stream("older instance key", 32))
    content_id, secret = stream("content id", 32), stream("release secret", 32)
    info = sealing.deposit_info(PAID_FILE, content_id)
    ephemeral = stream("deposit ephemeral", 32)
    return {
        "private_key": instance.private_key.hex(),
        "public_key": instance.public_key.hex(),
        "other_private_key": older.private_key.hex(),
        "paid_file": str(PAID_FILE),
        "content_id": content_id.hex(),
        "info": info.hex(),
        "ephemeral_ikm": ephemeral.hex(),
        "s": secret.hex(),
        "sealed": seal_hpke(instance.public_key, secret, info, ephemeral).hex(),
    }


def release_case() -> dict[str, object]:
    pair = sealing.buyer_key_pair(keys.derive_seed(stream("root B", 32), 0))
    content_id, secret = stream("content id", 32), stream("release secret", 32)
    info = sealing.release_info(PAID_FILE, PURCHASE, content_id)
    ephemeral = stream("release ephemeral", 32)
    return {
        "private_key": pair.private_key.hex(),
        "public_key": pair.public_key.hex(),
        "paid_file": str(PAID_FILE),
        "purchase": str(PURCHASE),
        "content_id": content_id.hex(),
        "info": info.hex(),
        "ephemeral_ikm": ephemeral.hex(),
        "s": secret.hex(),
        "h_s": keys.hash_commitment(secret).hex(),
        "sealed": seal_hpke(pair.public_key, secret, info, ephemeral).hex(),
    }


def link_cases() -> list[dict[str, object]]:
    link_secret, seed = stream("link secret", 16), stream("seed", 32)
    l_text, seed_text = papers.encode_b64url(link_secret), papers.encode_b64url(seed)
    share = f"https://kim.example/f/{PAID_FILE}"
    back = f"https://kim.example/p/{PURCHASE}"
    good = {"l": link_secret.hex()}
    return [
        {"url": f"{share}#1.{l_text}", "id": str(PAID_FILE), **good, "seed": None},
        {"url": f"{back}#1.{l_text}.{seed_text}", "id": str(PURCHASE), **good, "seed": seed.hex()},
        {"url": f"{share}#1.{l_text}).", "id": str(PAID_FILE), **good, "seed": None},
        {"url": share, "expect": "LinkMalformed"},
        {"url": f"{share}#", "expect": "LinkMalformed"},
        {"url": f"{share}#{l_text}", "expect": "LinkMalformed"},
        {"url": f"{share}#1.{l_text[:-1]}", "expect": "LinkMalformed"},
        {"url": f"{share}#1.{l_text}A", "expect": "LinkMalformed"},
        {"url": f"{share}#1.{l_text[:-1]}B", "expect": "LinkMalformed"},
        {"url": f"{share}#1.{l_text[:-2]}+A", "expect": "LinkMalformed"},
        {"url": f"{share}#1.{l_text}.{seed_text}", "expect": "LinkMalformed"},
        {"url": f"{back}#1.{l_text}", "expect": "LinkMalformed"},
        {"url": f"{back}#1.{l_text}.{seed_text[:-1]}", "expect": "LinkMalformed"},
        {"url": f"{share}#2.{l_text}", "expect": "UnsupportedVersion"},
    ]


def licence_case() -> dict[str, object]:
    signing_key, content_id = stream("signing key", 32), stream("content id", 32)
    at = datetime(2026, 11, 22, 14, 0, 5, tzinfo=UTC)
    outputs = (stream("txid", 32).hex() + ":1",)
    receipt = papers.receipt_bytes(
        papers.Receipt(
            "https://kim.example", str(PAID_FILE), str(PURCHASE), content_id, 512_345, outputs, at
        )
    )
    buyer = sealing.buyer_key_pair(keys.derive_seed(stream("root B", 32), 0))
    claim = keys.derive_claim(keys.derive_seed(stream("root B", 32), 0))
    ticket = papers.ticket_bytes(
        papers.Ticket(
            str(PAID_FILE),
            str(PURCHASE),
            content_id,
            "bchtest:qpm2qsznhks23z7629mms6s4cwef74vcwvqcw003ap",
            "xpub/0/5",
            512_345,
            at,
            buyer.public_key,
            keys.claim_hash(claim),
        )
    )
    signature = papers.sign_receipt(signing_key, receipt)
    copies = ("https://store.example/a.kim",)
    content_key = stream("content key", 32)
    licence = papers.Licence(content_id, content_key, "Lied.mp4", copies, receipt, signature)
    release = papers.ReleaseFile(content_id, stream("release secret", 32))
    return {
        "signing_key": signing_key.hex(),
        "public_key": papers.signing_public_key(signing_key).hex(),
        "receipt_text": receipt.decode(),
        "receipt_signature": signature.hex(),
        "ticket_text": ticket.decode(),
        "ticket_signature": papers.sign_ticket(signing_key, ticket).hex(),
        "licence_text": papers.build_licence(licence).decode(),
        "release_text": papers.build_release(release).decode(),
        "m": content_key.hex(),
        "malformed": [
            {"licence_text": "", "expect": "LicenceMalformed"},
            {"licence_text": "[]", "expect": "LicenceMalformed"},
            {"licence_text": '{"kim":"release","v":1}', "expect": "LicenceMalformed"},
            {"licence_text": '{"kim":"licence","v":1}', "expect": "LicenceMalformed"},
            {"licence_text": '{"kim":"licence","v":2}', "expect": "UnsupportedVersion"},
        ],
    }


# --- containers.json ---

BUNDLE = [
    ("clips/a.mp4", "video/mp4", stream("clip a", 5000)),
    ("leer.txt", "text/plain", b""),
    ("notizen/größe.txt", "text/plain", "zwölf Boxkämpfer\n".encode()),
    ("notizen/z.bin", "application/octet-stream", stream("z", 3000)),
]


def containers_json(built: dict[str, dict[str, object]]) -> dict[str, object]:
    return {
        "about": (
            "Whole containers. Hex unless a name says base64url or text. seg_log2 12 is a test-only"
            " size. IVs: floe_iv (32), wrap_iv, meta_iv, gcm_ivs[i] (12 each). A payload given as"
            " {label, size} is SHA-256(label || u64 k) for k = 0, 1, ... one after another, cut."
        ),
        "cases": list(built.values()),
    }


def build_all() -> dict[str, dict[str, object]]:
    room = (1 << TEST_SEG_LOG2) - 32
    sizes = {"empty": 0, "one-byte": 1, "boundary-1": room - 1, "boundary": room}
    sizes |= {"boundary+1": room + 1, "five-segments": 4 * room + 100, "seven-full": 7 * room}
    cases = {name: single(name, size, TEST_SEG_LOG2) for name, size in sizes.items()}
    cases["twin"] = single("five-segments", 4 * room + 100, TEST_SEG_LOG2, twin="twin")
    cases["bundle"] = container_case("bundle", BUNDLE, is_bundle=True, seg_log2=TEST_SEG_LOG2)
    for name, size in {"v1-1": 262_111, "v1": 262_112, "v1+1": 262_113}.items():
        cases[name] = single(name, size, 18)
    return cases


def single(name: str, size: int, seg_log2: int, twin: str = "") -> dict[str, object]:
    files = [(f"{name}.bin", "application/octet-stream", stream(f"payload {name}", size))]
    return container_case(name, files, is_bundle=False, seg_log2=seg_log2, twin=twin)


def container_case(
    name: str,
    files: list[tuple[str, str, bytes]],
    *,
    is_bundle: bool,
    seg_log2: int,
    twin: str = "",
) -> dict[str, object]:
    """``twin`` seals the same payload under the same keys and file_id again, with fresh IVs."""
    root, file_id = stream("root R", 32), stream(f"file_id {name}", 16)
    secrets = keys.derive_secrets(root, file_id)
    draw = Draw(f"case {twin or name}")
    sealed = writer.Sealing(
        secrets,
        file_id,
        title=f"Case {name}",
        hint=b'{"u":"https://kim.example/f/x"}',
        is_bundle=is_bundle,
        random_bytes=draw,
        seg_log2=seg_log2,
    )
    out = BytesIO()
    sources = [writer.Source(p, len(data), BytesIO(data), kind) for p, kind, data in files]
    packed = writer.pack(out, sources, sealed)
    raw = out.getvalue()
    floe_iv, wrap_iv, meta_iv, *gcm_ivs = draw.drawn
    index = packed.index
    numbers = range(packed.core.segments)
    case: dict[str, object] = {
        "name": twin or name,
        "seg_log2": seg_log2,
        "is_bundle": is_bundle,
        "root": root.hex(),
        "file_id": file_id.hex(),
        "generation": 0,
        "m": secrets.content_key.hex(),
        "s": secrets.release_secret.hex(),
        "l": secrets.link_secret.hex(),
        "hint_text": '{"u":"https://kim.example/f/x"}',
        "meta_text": meta_text(packed.core, raw, secrets),
        "floe_iv": floe_iv.hex(),
        "wrap_iv": wrap_iv.hex(),
        "meta_iv": meta_iv.hex(),
        "gcm_ivs": [iv.hex() for iv in gcm_ivs],
        "payload_bytes": packed.core.payload_bytes,
        "segments": packed.core.segments,
        "total_bytes": packed.core.total_bytes,
        "core": packed.core.raw.hex(),
        "header_tag": packed.core.header_tag.hex(),
        "w": packed.wrapped_key.hex(),
        "segment_hashes": [index.segment_hash(n).hex() for n in numbers],
        "kcs": [index.key_commitment(n).hex() for n in numbers],
        "root_hash": index.root.hex(),
        "content_id": packed.content_id.hex(),
        "container_sha256": hashlib.sha256(raw).hexdigest(),
        "files": [file_case(name, *file, by_stream=seg_log2 == 18) for file in files],
    }
    if seg_log2 != 18:
        case["container_base64url"] = papers.encode_b64url(raw)
    return case


def file_case(
    name: str, path: str, media_type: str, data: bytes, *, by_stream: bool
) -> dict[str, object]:
    known = {"path": path, "type": media_type, "size": len(data)}
    known["sha256"] = hashlib.sha256(data).hexdigest()
    if by_stream:
        return {**known, "stream": {"label": f"payload {name}", "size": len(data)}}
    return {**known, "data_base64url": papers.encode_b64url(data)}


def meta_text(core: CoreHeader, raw: bytes, secrets: keys.Secrets) -> str:
    from unlock.container.tlvs import parse_tlvs

    found = parse_tlvs(raw[128 : core.header_bytes], core)
    value = next(tlv.value for tlv in found if tlv.kind == 3)
    key = keys._meta_key(core, secrets.link_secret)
    return AESGCM(key).decrypt(value[:12], value[12:], keys._meta_aad(core)).decode().rstrip(" ")


def main(write: Callable[[str, object], None]) -> None:
    built = build_all()
    write("keys.json", keys_json())
    write("containers.json", containers_json(built))
    write("tamper.json", tamper_cases(built))


def write_file(name: str, content: object) -> None:
    text = json.dumps(content, ensure_ascii=False, indent=1) + "\n"
    (HERE / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(write_file)
