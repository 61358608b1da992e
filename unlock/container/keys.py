"""The key hierarchy: from the creator's root to M, S and L; from M to segments; from B to claims.

Every key is ``bytes``; lengths are fixed and stated. Labels are ASCII and appear once, here.
"""

import hashlib
import json
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from unlock.container.floe import Floe
from unlock.container.layout import CoreHeader
from unlock.container.tlvs import META_STEP_BYTES, TYPE_META_LINK, TYPE_WRAP, Tlv
from unlock.errors import Damaged, UnsupportedVersion, WrongKey

LINK_SECRET_BYTES = 16
META_FILES_MAX = 50
RandomBytes = Callable[[int], bytes]


@dataclass(frozen=True, repr=False)
class Secrets:
    """M (32 bytes), S (32) and L (16) of one container in one generation."""

    content_key: bytes
    release_secret: bytes
    link_secret: bytes


def derive_secrets(root: bytes, file_id: bytes, *, generation: int = 0) -> Secrets:
    """Return M, S and L of creator root R (32 bytes)."""
    return Secrets(
        derive_content_key(root, file_id),
        derive_release_secret(root, file_id, generation=generation),
        derive_link_secret(root, file_id, generation=generation),
    )


def derive_version_secrets(
    root: bytes, file_id: bytes, *, link_file_id: bytes, link_generation: int, generation: int
) -> Secrets:
    """M of this content; S and L of a file whose first content was ``link_file_id``."""
    return Secrets(
        derive_content_key(root, file_id),
        derive_release_secret(root, link_file_id, generation=generation),
        derive_link_secret(root, link_file_id, generation=link_generation),
    )


def derive_content_key(root: bytes, file_id: bytes) -> bytes:
    """M, the same in every generation."""
    return hkdf_sha256(root, salt=file_id, info=b"KIM1 M")


def derive_release_secret(root: bytes, file_id: bytes, *, generation: int = 0) -> bytes:
    """S; its commitment on the server is ``hash_commitment(S)``."""
    return hkdf_sha256(root, salt=file_id, info=b"KIM1 S" + struct.pack(">I", generation))


def derive_link_secret(root: bytes, file_id: bytes, *, generation: int = 0) -> bytes:
    """L, 16 bytes, what the link carries behind its ``#``."""
    info = b"KIM1 L" + struct.pack(">I", generation)
    return hkdf_sha256(root, salt=file_id, info=info)[:LINK_SECRET_BYTES]


def hash_commitment(release_secret: bytes) -> bytes:
    """h_S: a plain SHA-256, so that S can be the preimage of a hash lock."""
    return hashlib.sha256(release_secret).digest()


def derive_seed(buyer_root: bytes, number: int) -> bytes:
    """seed_n of buyer root B (32 bytes): what a return link carries."""
    return hkdf_sha256(buyer_root, salt=b"", info=b"KIM1 buy" + struct.pack(">I", number))


def derive_claim(seed: bytes) -> bytes:
    """The claim secret that proves a purchase, sent as ``Authorization: Claim <base64url>``."""
    return hkdf_sha256(seed, salt=b"", info=b"KIM1 claim")


def derive_key_seed(seed: bytes) -> bytes:
    """Input of ``sealing.derive_key_pair`` for the purchase's P-256 key pair."""
    return hkdf_sha256(seed, salt=b"", info=b"KIM1 key")


def claim_hash(claim: bytes) -> bytes:
    """All that the server keeps of a claim."""
    return hashlib.sha256(claim).digest()


# --- from M to segments ---


def floe_of(core_prefix: bytes, content_key: bytes, *, floe_iv: bytes, file_id: bytes) -> Floe:
    """The FLOE session of a container; ``core_prefix`` is core[0:64]."""
    key = hkdf_sha256(content_key, salt=file_id, info=b"KIM1 content")
    return Floe(key, floe_iv, b"KIM1" + core_prefix[:64], 1 << core_prefix[10])


def open_content(core: CoreHeader, content_key: bytes) -> Floe:
    """Return the FLOE session after checking M against the header. Raises WrongKey."""
    session = floe_of(core.raw, content_key, floe_iv=core.floe_iv, file_id=core.file_id)
    if session.header_tag() != core.header_tag:
        raise WrongKey("The key does not belong to this file.")
    return session


def key_commitment(file_id: bytes, number: int, segment_key: bytes) -> bytes:
    """kc_i: GCM does not commit to its key, this does."""
    place = b"KIM1 kc" + file_id + struct.pack(">Q", number)
    return hashlib.sha256(place + segment_key).digest()


# --- what the link and the release open ---


def wrap(core: CoreHeader, secrets: Secrets, *, gcm_iv: bytes) -> bytes:
    """Return W, 60 bytes: M under S and L together. Public."""
    sealed = AESGCM(_wrapping_key(core, secrets.release_secret, secrets.link_secret)).encrypt(
        gcm_iv, secrets.content_key, b"KIM1 wrap" + core.raw
    )
    return gcm_iv + sealed


def unwrap(core: CoreHeader, wrapped: bytes, *, release_secret: bytes, link_secret: bytes) -> bytes:
    """Return M, checked against the header. Raises WrongKey."""
    key = _wrapping_key(core, release_secret, link_secret)
    try:
        content_key = AESGCM(key).decrypt(wrapped[:12], wrapped[12:], b"KIM1 wrap" + core.raw)
    except (InvalidTag, ValueError) as error:
        raise WrongKey("Link and release do not open this file together.") from error
    open_content(core, content_key)
    return content_key


def unwrap_any(
    core: CoreHeader, wraps: Sequence[bytes], *, release_secret: bytes, link_secret: bytes
) -> bytes:
    """Try each W in turn (the page's first, then the container's) and return M."""
    for wrapped in wraps:
        try:
            return unwrap(core, wrapped, release_secret=release_secret, link_secret=link_secret)
        except WrongKey:
            continue
    raise WrongKey("Link and release open no wrapped key of this file.")


def wraps_of(tlvs: Sequence[Tlv]) -> tuple[bytes, ...]:
    """Every W that the container itself carries."""
    return tuple(tlv.value for tlv in tlvs if tlv.kind == TYPE_WRAP)


@dataclass(frozen=True)
class MetaFile:
    path: str
    size_bytes: int


@dataclass(frozen=True)
class Meta:
    """What a link shows before payment. For display only: any holder of the link could forge it."""

    title: str
    name: str
    media_type: str
    files: tuple[MetaFile, ...]
    count: int


def seal_meta(core: CoreHeader, link_secret: bytes, meta: Meta, *, gcm_iv: bytes) -> bytes:
    """Return the value of META_LINK."""
    files = [{"path": file.path, "size": file.size_bytes} for file in meta.files[:META_FILES_MAX]]
    members = {"v": 1, "title": meta.title, "name": meta.name, "type": meta.media_type}
    text = json.dumps(
        {**members, "files": files, "count": meta.count}, ensure_ascii=False, separators=(",", ":")
    ).encode()
    padded = text.ljust(-(-len(text) // META_STEP_BYTES) * META_STEP_BYTES, b" ")
    return gcm_iv + AESGCM(_meta_key(core, link_secret)).encrypt(gcm_iv, padded, _meta_aad(core))


def open_meta(core: CoreHeader, tlvs: Sequence[Tlv], link_secret: bytes) -> Meta:
    """Open META_LINK. Raises WrongKey (cut link, other file), Damaged or UnsupportedVersion."""
    sealed = next((tlv.value for tlv in tlvs if tlv.kind == TYPE_META_LINK), None)
    if sealed is None:
        raise Damaged("The file carries no description.")
    key = _meta_key(core, link_secret)
    try:
        text = AESGCM(key).decrypt(sealed[:12], sealed[12:], _meta_aad(core))
    except InvalidTag as error:
        raise WrongKey("The link does not belong to this file, or is incomplete.") from error
    try:
        return _read_meta(json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Damaged("The file's description cannot be read.") from error


def hkdf_sha256(secret: bytes, *, salt: bytes, info: bytes) -> bytes:
    """HKDF-SHA-256 (RFC 5869), extract and expand, 32 bytes."""
    return HKDF(SHA256(), 32, salt, info).derive(secret)


def _read_meta(members: Any) -> Meta:
    if members["v"] != 1:
        raise UnsupportedVersion("The file's description is of a newer version.")
    files = tuple(MetaFile(str(file["path"]), int(file["size"])) for file in members["files"])
    title, name, media_type = (str(members[member]) for member in ("title", "name", "type"))
    return Meta(title, name, media_type, files, int(members["count"]))


def _wrapping_key(core: CoreHeader, release_secret: bytes, link_secret: bytes) -> bytes:
    info = b"KIM1 kek" + core.header_tag
    return hkdf_sha256(release_secret + link_secret, salt=core.file_id, info=info)


def _meta_key(core: CoreHeader, link_secret: bytes) -> bytes:
    return hkdf_sha256(link_secret, salt=core.file_id, info=b"KIM1 meta-link")


def _meta_aad(core: CoreHeader) -> bytes:
    return b"KIM1 meta" + bytes([TYPE_META_LINK]) + core.raw
